"""The message light's SIP side: bodies, refusals, NOTIFYs."""

import pytest

from ivr.sip.message import Request, parse
from ivr.sip.subscription import accept, refresh, refusal, summary, unsolicited
from voicebox.message import Counts


def subscribe(*, event: str = "message-summary", extra: str = "", contact: bool = True) -> Request:
    message = parse(
        f"SUBSCRIBE sip:1001@voicebox.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1\r\n"
        f"From: <sip:1001@voicebox.example>;tag=phone\r\nTo: <sip:1001@voicebox.example>\r\nCall-ID: s1\r\n"
        f"CSeq: 1 SUBSCRIBE\r\nEvent: {event}\r\n{'Contact: <sip:1001@192.0.2.9:5062>' if contact else 'X: y'}\r\n"
        f"{extra}Content-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def test_summary_is_rfc_3842s_body() -> None:
    body = summary(Counts(2, 3, 1, 0), "sip:8000@voicebox.example")
    assert body == (
        b"Messages-Waiting: yes\r\nMessage-Account: sip:8000@voicebox.example\r\nVoice-Message: 2/3 (1/0)\r\n"
    )


@pytest.mark.parametrize("saved", [0, 7])
def test_the_light_is_lit_exactly_when_there_is_a_new_message(saved: int) -> None:
    assert summary(Counts(0, saved, 0, 0), "sip:a@b").startswith(b"Messages-Waiting: no\r\n")
    assert summary(Counts(1, saved, 0, 0), "sip:a@b").startswith(b"Messages-Waiting: yes\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (subscribe(event="presence"), 489),
        (subscribe(event=""), 489),
        (subscribe(extra="Accept: application/pidf+xml\r\n"), 406),
        (subscribe(extra="Expires: 10\r\n"), 423),
        (subscribe(contact=False), 400),
    ],
)
def test_what_cannot_be_served_is_refused(request_: Request, status: int) -> None:
    response = refusal(request_)
    assert response is not None
    assert response.status == status


@pytest.mark.parametrize("extra", ["", "Accept: application/simple-message-summary\r\n", "Expires: 0\r\n"])
def test_what_phones_send_is_taken(extra: str) -> None:
    assert refusal(subscribe(extra=extra)) is None


def test_a_subscription_lives_in_one_dialog() -> None:
    subscription, response = accept(subscribe(extra="Expires: 300\r\n"), "<sip:box@192.0.2.1>", now=10.0)
    assert response.status == 200
    assert response.headers.get("Expires") == "300"
    assert response.to.tag == subscription.dialog.local_tag
    notify = subscription.notify(b"x", now=20.0)
    assert notify.headers.get("Subscription-State") == "active;expires=290"
    assert notify.headers.get("Event") == "message-summary"
    assert notify.from_.tag == response.to.tag
    assert str(notify.uri) == "sip:1001@192.0.2.9:5062"
    again = refresh(subscription, subscribe(extra="Expires: 0\r\n"), now=30.0)
    assert again.headers.get("Expires") == "0"
    last = subscription.notify(b"x", now=30.0, ended="timeout")
    assert last.headers.get("Subscription-State") == "terminated;reason=timeout"
    assert last.cseq.number == notify.cseq.number + 1


def test_an_unsolicited_notify_stands_alone() -> None:
    notify = unsolicited("sip:1001@192.0.2.7", "sip:8000@voicebox.example", "u1", b"body")
    read = parse(
        notify.to_bytes()
        .replace(b"NOTIFY sip", b"NOTIFY sip", 1)
        .replace(b"Max-Forwards", b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\nMax-Forwards", 1)
    )
    assert isinstance(read, Request)
    assert read.headers.get("Subscription-State") == "terminated"
    assert read.body == b"body"
    assert read.to.tag is None
