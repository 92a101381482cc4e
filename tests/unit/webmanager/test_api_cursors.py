"""Cursors: opaque, bound to their list, and whatever is sent instead is refused."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from voicebox.message import Caller, Message, Reason
from webmanager.api import cursors

KEY = "0123456789abcdef" * 2


def a_message(at: datetime) -> Message:
    return Message(KEY, 1, 1, KEY, Caller(None), Reason.BUSY, at, 8000, 8000)


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants it naive
def test_a_messages_place_survives_to_the_microsecond(at: datetime) -> None:
    place = cursors.message_cursor(cursors.after_message(a_message(at)))
    assert (place.received_at, place.id) == (at, KEY)


def test_a_mailboxes_number_survives() -> None:
    assert cursors.mailbox_cursor(cursors.after_mailbox("1001")) == "1001"


def test_a_cursor_of_another_list_is_refused() -> None:
    text = cursors.after_message(a_message(datetime(2026, 1, 1, tzinfo=UTC)))
    for read in (cursors.call_cursor, cursors.mailbox_cursor):
        with pytest.raises(PydanticCustomError):
            read(text)


@pytest.mark.parametrize(
    "plain",
    [
        f"m:9999999999999999999-{KEY}",
        f"m:999999999999999999-{KEY}",
        f"m:-5-{KEY}",
        f"m:5-{KEY[:-1]}",
        f"m:5-{KEY}'",
        "m:",
        "m",
        "",
        f"m:5-{KEY}\n",
        "m:5-\x00",
    ],
)
def test_forged_places_are_refused(plain: str) -> None:
    with pytest.raises(PydanticCustomError):
        cursors.message_cursor(base64.urlsafe_b64encode(plain.encode()).decode().rstrip("="))


@given(st.one_of(st.text(max_size=300), st.none(), st.integers()))
def test_rubbish_is_refused(text: object) -> None:
    for read in (cursors.message_cursor, cursors.call_cursor, cursors.mailbox_cursor):
        with pytest.raises(PydanticCustomError):
            read(text)
