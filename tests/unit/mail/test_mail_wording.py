"""Who, when and how long, in both languages."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail import wording
from tests.fakes.smtp_letters import MESSAGE
from voicebox.i18n import Language
from voicebox.message import Caller, Reason

DE, EN = Language.DE, Language.EN
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("samples", "text"),
    [(42 * 8000, "0:42"), (42 * 8000 + 7999, "0:42"), (16000, "0:02"), (60 * 8000, "1:00"), (600 * 8000, "10:00")],
)
def test_length_is_whole_seconds_passed(samples: int, text: str) -> None:
    assert wording.length(replace(MESSAGE, samples=samples)) == text


@pytest.mark.parametrize(
    ("at", "german", "english"),
    [
        (
            datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
            "Sonntag, 22. November 2026, 10:30 Uhr",
            "Sunday, 22 November 2026, 10:30",
        ),
        (datetime(2026, 3, 1, 23, 5, tzinfo=UTC), "Montag, 2. März 2026, 00:05 Uhr", "Monday, 2 March 2026, 00:05"),
        # The night summer time ends: one moment before and one after, both half past two.
        (
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            "Sonntag, 25. Oktober 2026, 02:30 Uhr",
            "Sunday, 25 October 2026, 02:30",
        ),
        (
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            "Sonntag, 25. Oktober 2026, 02:30 Uhr",
            "Sunday, 25 October 2026, 02:30",
        ),
    ],
)
def test_moment_is_written_out_in_the_readers_zone(at: datetime, german: str, english: str) -> None:
    assert wording.moment(at, BERLIN, DE) == german
    assert wording.moment(at, BERLIN, EN) == english


@pytest.mark.parametrize(
    ("caller", "german", "english", "number"),
    [
        (Caller("+492115551111", "Max Muster"), "Max Muster", "Max Muster", "+49 211 5551111"),
        (Caller("+492115551111"), "+49 211 5551111", "+49 211 5551111", "+49 211 5551111"),
        (Caller("1002"), "1002", "1002", "1002"),
        (Caller("+1", ""), "+1", "+1", "+1"),
        (Caller(None), "unbekannte Nummer", "unknown number", ""),
        (Caller(None, " \u202e\x00 "), "unbekannte Nummer", "unknown number", ""),
        (Caller(None, withheld=True), "unterdrückte Nummer", "withheld number", ""),
        # RFC 3325: what was asserted is not shown, whatever the row holds.
        (Caller("+492115551111", "Max Muster", withheld=True), "unterdrückte Nummer", "withheld number", ""),
    ],
)
def test_caller_by_name_else_number_else_what_is_known(caller: Caller, german: str, english: str, number: str) -> None:
    assert wording.who(caller, DE) == german
    assert wording.who(caller, EN) == english
    assert wording.number(caller) == number


@pytest.mark.parametrize(
    ("caller", "german", "english"),
    [
        (
            Caller("+492115551111", "Max Muster"),
            "Neue Nachricht von Max Muster (0:42)",
            "New message from Max Muster (0:42)",
        ),
        (
            Caller("+492115551111"),
            "Neue Nachricht von +49 211 5551111 (0:42)",
            "New message from +49 211 5551111 (0:42)",
        ),
        (
            Caller(None),
            "Neue Nachricht von einer unbekannten Nummer (0:42)",
            "New message from an unknown number (0:42)",
        ),
        (
            Caller("+492115551111", "Max", withheld=True),
            "Neue Nachricht von einer unterdrückten Nummer (0:42)",
            "New message from a withheld number (0:42)",
        ),
    ],
)
def test_subject(caller: Caller, german: str, english: str) -> None:
    message = replace(MESSAGE, caller=caller)
    assert wording.subject(message, DE) == german
    assert wording.subject(message, EN) == english


def test_heading_begins_with_a_capital_but_a_name_stays_as_it_is() -> None:
    assert wording.heading(Caller(None, withheld=True), DE) == "Unterdrückte Nummer"
    assert wording.heading(Caller("+4921", "van Dyk"), DE) == "van Dyk"


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        (Caller("+492115551111", "../../etc"), "2026-11-22_1030_+492115551111.mp3"),
        (Caller("1002"), "2026-11-22_1030_1002.mp3"),
        (Caller("*21#"), "2026-11-22_1030_unbekannt.mp3"),
        (Caller(None), "2026-11-22_1030_unbekannt.mp3"),
        (Caller("+492115551111", withheld=True), "2026-11-22_1030_unterdrueckt.mp3"),
    ],
)
def test_file_name_is_date_time_and_number(caller: Caller, name: str) -> None:
    assert wording.file_name(replace(MESSAGE, caller=caller), BERLIN, DE) == name


def test_occasion_is_told_where_it_says_something() -> None:
    assert wording.occasion(Reason.BUSY, DE) == "Anschluss besetzt"
    assert wording.occasion(Reason.NO_ANSWER, EN) == "Call was not answered"
    assert wording.occasion(Reason.UNAVAILABLE, EN) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Max\r\nBcc: a@b", "Max Bcc: a@b"),
        ("a\u2028b\u00a0c\td", "a b c d"),
        ("\u202egnp.exe\u200b", "gnp.exe"),
        ("\ud800x\x00\x1b[2J", "x[2J"),
        ("x" * 100, "x" * 79 + "…"),
        ("=?utf-8?q?=0D=0ABcc:_x?=", "= ?utf-8?q?=0D=0ABcc:_x?="),
        ("  ", ""),
    ],
)
def test_plain_is_one_visible_line(text: str, shown: str) -> None:
    assert wording.plain(text) == shown


@given(st.text())
def test_plain_is_encodable_bounded_and_stable(text: str) -> None:
    shown = wording.plain(text)
    assert len(shown.encode("utf-8")) <= 4 * wording.TEXT_MAX
    assert len(shown) <= wording.TEXT_MAX
    assert shown == " ".join(shown.split())
    assert wording.plain(shown) == shown
