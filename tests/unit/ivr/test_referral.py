"""What a peer tells of a referral: the final status counts once, whatever else comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.referral import Referral, status_in
from ivr.sip.headers import Headers
from ivr.sip.message import Request
from ivr.sip.uri import Uri


def notify(body: bytes, *, event: str = "refer", state: str = "active;expires=60") -> Request:
    headers = Headers()
    headers.add("Event", event)
    headers.add("Subscription-State", state)
    return Request("NOTIFY", Uri.parse("sip:box@127.0.0.1"), headers, body)


LINES = st.text(st.characters(exclude_characters="\r\n"), max_size=20)


def told(*requests: Request) -> list[int]:
    found: list[int] = []
    referral = Referral(found.append)
    for request in requests:
        referral.notified(request)
    return found


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"SIP/2.0 200 OK\r\n", 200),
        (b"SIP/2.0 100 Trying", 100),
        (b"SIP/2.0 603", 603),
        (b"sip/2.0 486 Busy\n", 486),
        (b"\r\nSIP/2.0 200 OK\r\nContact: <sip:a@b>\r\n", 200),
        (b"", None),
        (b"200 OK", None),
        (b"SIP/2.0 2000 OK", None),
        (b"SIP/2.0 999 Odd", None),
        (b"INVITE sip:a@b SIP/2.0", None),
    ],
)
def test_the_status_line_of_a_sipfrag(body: bytes, status: int | None) -> None:
    assert status_in(notify(body)) == status


def test_provisional_statuses_settle_nothing() -> None:
    assert told(notify(b"SIP/2.0 100 Trying"), notify(b"SIP/2.0 183 Progress")) == []


def test_the_first_final_status_counts() -> None:
    assert told(notify(b"SIP/2.0 100 Trying"), notify(b"SIP/2.0 486 Busy"), notify(b"SIP/2.0 200 OK")) == [486]


def test_a_final_status_may_come_with_the_end_of_the_subscription() -> None:
    assert told(notify(b"SIP/2.0 200 OK", state="Terminated;reason=noresource")) == [200]


@pytest.mark.parametrize("body", [b"", b"SIP/2.0 180 Ringing"])
def test_the_end_without_a_final_status_is_a_failure(body: bytes) -> None:
    assert told(notify(body, state="terminated;reason=timeout")) == [503]


def test_an_event_with_an_id_is_a_referral_too_and_others_are_not() -> None:
    assert Referral(lambda status: None).notified(notify(b"", event="Refer;id=93809824"))
    assert not Referral(lambda status: None).notified(notify(b"SIP/2.0 200 OK", event="message-summary"))


@given(st.binary(max_size=200), LINES, LINES)
def test_nothing_a_peer_says_raises(body: bytes, event: str, state: str) -> None:
    assert len(told(*(notify(body, event=event, state=state) for _ in range(3)))) <= 1
    assert len(told(*(notify(body, state=state) for _ in range(3)))) <= 1
