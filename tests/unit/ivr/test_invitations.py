"""What our INVITEs say for a call that goes on."""

import pytest

from ivr.branch import Place
from ivr.departure import Gateway
from ivr.invitations import SentOn, TooManyHops, forwards_left, to_outside, to_phone
from ivr.sip.hops import Destination
from ivr.sip.message import Request, parse
from tests.fakes.voicemail import ANNA
from voicebox.message import Caller, Reason

INVITE = """\
INVITE sip:1001@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1
{extra}From: "Caller" <sip:+4915112345@example.org>;tag=caller
To: <sip:1001@example.org>
Call-ID: c1@example
CSeq: 7 INVITE
Contact: <sip:caller@192.0.2.9:5062>
Content-Length: 0

"""
KNOWN = Caller("+4915112345", 'Ann <b> "C"')
WITHHELD = Caller(None, withheld=True)
CONTACT = "sip:1001@192.0.2.7:5062;transport=udp"
WAY = Gateway("trunk.example", Place(Destination("trunk.example")), show_caller=True)


def invite(extra: str = "Max-Forwards: 70\n") -> Request:
    message = parse(INVITE.format(extra=extra).replace("\n", "\r\n").encode())
    assert isinstance(message, Request)
    return message


def headers(pairs: tuple[tuple[str, str], ...], name: str) -> list[str]:
    return [value for each, value in pairs if each == name]


def test_a_phone_is_told_who_calls() -> None:
    said = to_phone(invite(), CONTACT, caller=KNOWN, called="1001", domain="vb.example")
    assert str(said.uri) == CONTACT
    assert said.sender.endswith("<sip:+4915112345@vb.example>")
    assert said.to == "<sip:1001@vb.example>"
    assert headers(said.headers, "P-Asserted-Identity") == ["<sip:+4915112345@vb.example>"]
    assert headers(said.headers, "Privacy") == []


@pytest.mark.parametrize("caller", [WITHHELD, Caller("+4915112345", "Ann", withheld=True)])
def test_who_wants_to_stay_withheld_does(caller: Caller) -> None:
    for said in (
        to_phone(invite(), CONTACT, caller=caller, called="1001", domain="vb.example"),
        to_outside(invite(), WAY, "+49301", caller=caller, payer=ANNA, domain="vb.example", sent_on=()),
    ):
        assert "15112345" not in said.sender + str(said.headers)
        assert "anonymous.invalid" in said.sender
        assert headers(said.headers, "Privacy") == ["id"]


def test_a_caller_without_a_number_is_unknown() -> None:
    said = to_phone(invite(), CONTACT, caller=Caller(None, "Ann"), called="1001", domain="vb.example")
    assert said.sender == "Ann <sip:unknown@vb.example>"
    assert headers(said.headers, "P-Asserted-Identity") == []


def test_outside_the_mailbox_that_pays_is_asserted() -> None:
    said = to_outside(invite(), WAY, "+49301", caller=KNOWN, payer=ANNA, domain="vb.example", sent_on=())
    assert (str(said.uri), said.to) == ("sip:+49301@trunk.example", "<sip:+49301@trunk.example>")
    assert "+4915112345" in said.sender
    assert headers(said.headers, "P-Asserted-Identity") == ["<sip:+492115551001@vb.example>"]
    hidden = Gateway(WAY.host, WAY.place, show_caller=False)
    said = to_outside(invite(), hidden, "+49301", caller=KNOWN, payer=ANNA, domain="vb.example", sent_on=())
    assert "+492115551001" in said.sender


def test_who_sent_the_call_on_stands_on_top_of_who_did_before() -> None:
    request = invite("Max-Forwards: 70\nDiversion: <sip:+4930@x>;reason=unconditional\n")
    sent_on = [SentOn("1001", Reason.BUSY), SentOn("1002", Reason.UNREACHABLE)]
    said = to_phone(request, CONTACT, caller=KNOWN, called="1003", domain="vb.example", sent_on=sent_on)
    assert headers(said.headers, "Diversion") == [
        "<sip:1002@vb.example>;reason=unavailable;counter=1",
        "<sip:1001@vb.example>;reason=user-busy;counter=1",
        "<sip:+4930@x>;reason=unconditional",
    ]


@pytest.mark.parametrize(("given", "left"), [("70", 69), ("1", 0), ("255", 69), (None, 69)])
def test_each_invite_of_ours_is_a_hop(given: str | None, left: int) -> None:
    assert forwards_left(invite(f"Max-Forwards: {given}\n" if given else "")) == left


def test_a_call_over_too_many_hops_goes_no_further() -> None:
    with pytest.raises(TooManyHops):
        to_phone(invite("Max-Forwards: 0\n"), CONTACT, caller=KNOWN, called="1001", domain="vb.example")


def test_of_what_an_end_supports_only_what_we_carry_is_passed_on() -> None:
    request = invite("Max-Forwards: 70\nSupported: timer, replaces, 100rel\nSession-Expires: 1800;refresher=uac\n")
    said = to_phone(request, CONTACT, caller=KNOWN, called="1001", domain="vb.example")
    assert headers(said.headers, "Supported") == ["timer"]
    assert headers(said.headers, "Session-Expires") == ["1800;refresher=uac"]
