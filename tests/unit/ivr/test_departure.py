"""What our INVITEs say of who calls, who pays and by what way; names and numbers are data, whatever they hold."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.branch import Invitation, Place
from ivr.departure import (
    Gateway,
    Origin,
    SentOn,
    TooManyHops,
    end_to_end,
    forwards_left,
    gateway,
    out_of_mailbox,
    referral,
    to_outside,
    to_phone,
)
from ivr.sip.headers import Headers
from ivr.sip.hops import Destination
from ivr.sip.locating import LocatingError
from ivr.sip.message import Request, parse
from ivr.sip.uri import NameAddr, Uri
from tests.fakes.voicemail import ANNA
from voicebox.arrival import DIVERSIONS_MAX
from voicebox.message import Caller, Reason
from voicebox.settings.outbound import Outbound
from voicebox.settings.sip import Sip

DOMAIN = "box.example"
WAY = Gateway("192.0.2.1", Place(Destination("192.0.2.1", None)), show_caller=True)
CALLER = Caller("+4930123456", "Kundin")


def came(*diversions: str, max_forwards: int | None = 70) -> Request:
    headers = Headers()
    if max_forwards is not None:
        headers.add("Max-Forwards", str(max_forwards))
    for each in diversions:
        headers.add("Diversion", each)
    return Request("INVITE", Uri.parse("sip:1001@192.0.2.9"), headers, b"")


def outside(caller: Caller | None = CALLER, invite: Request | None = None, way: Gateway = WAY) -> Invitation:
    return to_outside("+492115559999", way, out_of_mailbox(ANNA, caller, invite or came()), DOMAIN)


def to_colleague(caller: Caller) -> Invitation:
    return to_phone("sip:1002@192.0.2.7", "1002", out_of_mailbox(ANNA, caller, came()), "x.example")


def header(said: Invitation, name: str) -> list[str]:
    return [value for found, value in said.headers if found == name]


def test_the_mailbox_pays_the_caller_is_shown_and_the_way_is_named() -> None:
    said = outside()
    assert str(said.uri) == "sip:+492115559999@192.0.2.1"
    assert said.sender == "Kundin <sip:+4930123456@box.example>"
    assert header(said, "P-Asserted-Identity") == ["<sip:+492115551001@box.example>"]
    assert header(said, "Diversion") == ["<sip:+492115551001@box.example>;reason=deflection"]
    assert said.max_forwards == 69


def test_a_mailbox_without_a_full_number_is_named_by_its_extension() -> None:
    said = to_outside("1099", WAY, out_of_mailbox(replace(ANNA, phone=None), CALLER, came()), DOMAIN)
    assert header(said, "P-Asserted-Identity") == ["<sip:1001@box.example>"]


@pytest.mark.parametrize("caller", [Caller(None), Caller("+4930123456", "Kundin", withheld=True)])
def test_a_withheld_or_unknown_caller_is_anonymous(caller: Caller) -> None:
    for said in (outside(caller), to_colleague(caller)):
        assert said.sender == "Anonymous <sip:anonymous@anonymous.invalid>"
        assert "30123456" not in repr(said)


def test_a_peer_that_takes_no_others_numbers_sees_the_mailbox() -> None:
    said = outside(way=replace(WAY, show_caller=False))
    assert said.sender == "Anna Beispiel <sip:+492115551001@box.example>"
    assert "30123456" not in repr(said)


def test_a_subscribers_own_call_is_not_diverted() -> None:
    said = outside(None)
    assert said.sender == "Anna Beispiel <sip:+492115551001@box.example>"
    assert header(said, "P-Asserted-Identity") == [said.sender]
    assert header(said, "Diversion") == []


def test_security_row_25_hops_and_diversions_end_a_loop() -> None:
    with pytest.raises(TooManyHops):
        outside(invite=came(max_forwards=0))
    assert outside(invite=came(max_forwards=None)).max_forwards == 69
    assert outside(invite=came(max_forwards=255)).max_forwards == 69
    before = [f"<sip:100{n}@x>" for n in range(DIVERSIONS_MAX)]
    assert len(header(outside(invite=came(*before[:-1])), "Diversion")) == DIVERSIONS_MAX
    with pytest.raises(TooManyHops):
        outside(invite=came(*before))


def test_a_referral_names_the_number_at_the_peer_and_the_mailbox() -> None:
    assert referral("1099", Uri.parse("sip:pbx@192.0.2.1:5080;transport=tcp"), ANNA, "box.example") == (
        "<sip:1099@192.0.2.1:5080>",
        "<sip:+492115551001@box.example>",
    )


@given(st.text(max_size=80), st.text(min_size=1, max_size=30))
def test_security_row_8_no_name_or_number_adds_a_header_or_changes_an_address(name: str, number: str) -> None:
    caller = Caller(number, name)
    for said in (outside(caller), to_colleague(caller)):
        headers = Headers()
        headers.add("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1")
        headers.add("From", f"{said.sender};tag=1")
        headers.add("To", said.to)
        headers.add("Call-ID", "1")
        headers.add("CSeq", "1 INVITE")
        for found, value in said.headers:
            headers.add(found, value)
        sent = parse(Request("INVITE", said.uri, headers, b"").to_bytes())
        assert [found for found, _ in sent.headers] == [found for found, _ in headers]
        assert NameAddr.parse(said.sender).uri.host in {DOMAIN, "x.example"}
        assert sent.from_.tag == "1"


# --- calls to a mailbox's number, which its phones or a forwarding take


CONTACT = "sip:1001@192.0.2.7:5062;transport=udp"


def at_phone(caller: Caller = CALLER, invite: Request | None = None, *sent_on: SentOn) -> Invitation:
    return to_phone(CONTACT, "1001", Origin(ANNA, caller, invite or came(), sent_on), DOMAIN)


def forwarded(caller: Caller = CALLER, way: Gateway = WAY) -> Invitation:
    origin = Origin(ANNA, caller, came(), (SentOn("+492115551001", Reason.BUSY),))
    return to_outside("+49301", way, origin, DOMAIN)


def test_a_phone_is_told_who_calls() -> None:
    said = at_phone()
    assert str(said.uri) == CONTACT
    assert said.sender == "Kundin <sip:+4930123456@box.example>"
    assert said.to == "<sip:1001@box.example>"
    assert header(said, "P-Asserted-Identity") == ["<sip:+4930123456@box.example>"]
    assert header(said, "Privacy") == header(said, "Diversion") == []


def test_a_phone_behind_a_proxy_is_called_through_it() -> None:
    """RFC 3327."""
    path = ("<sip:edge.example;lr>", "<sip:core.example;lr>")
    origin = out_of_mailbox(ANNA, CALLER, came())
    assert to_phone(CONTACT, "1001", origin, DOMAIN, path).routes == path


@pytest.mark.parametrize("caller", [Caller(None, withheld=True), Caller("+4930123456", "Ann", withheld=True)])
def test_who_wants_to_stay_withheld_does(caller: Caller) -> None:
    for said in (at_phone(caller), forwarded(caller)):
        assert "30123456" not in repr(said)
        assert "anonymous.invalid" in said.sender
        assert header(said, "Privacy") == ["id"]


def test_a_caller_without_a_number_is_unknown() -> None:
    said = at_phone(Caller(None, "Ann"))
    assert said.sender == "Ann <sip:unknown@box.example>"
    assert header(said, "P-Asserted-Identity") == header(said, "Privacy") == []


def test_outside_the_mailbox_that_pays_is_asserted() -> None:
    said = forwarded()
    assert (str(said.uri), said.to) == ("sip:+49301@192.0.2.1", "<sip:+49301@192.0.2.1>")
    assert "+4930123456" in said.sender
    assert header(said, "P-Asserted-Identity") == ["<sip:+492115551001@box.example>"]
    assert "+492115551001" in forwarded(way=replace(WAY, show_caller=False)).sender


def test_who_sent_the_call_on_stands_on_top_of_who_did_before() -> None:
    sent_on = [SentOn("1001", Reason.BUSY), SentOn("1002", Reason.UNREACHABLE)]
    assert header(at_phone(CALLER, came("<sip:+4930@x>;reason=unconditional"), *sent_on), "Diversion") == [
        "<sip:1002@box.example>;reason=unavailable;counter=1",
        "<sip:1001@box.example>;reason=user-busy;counter=1",
        "<sip:+4930@x>;reason=unconditional",
    ]


@pytest.mark.parametrize(("given", "left"), [(70, 69), (1, 0), (255, 69), (None, 69)])
def test_each_invite_of_ours_is_a_hop(given: int | None, left: int) -> None:
    assert forwards_left(came(max_forwards=given)) == left


def test_a_call_over_too_many_hops_goes_no_further() -> None:
    with pytest.raises(TooManyHops):
        at_phone(CALLER, came(max_forwards=0))


def test_of_what_an_end_supports_only_what_we_carry_is_passed_on() -> None:
    invite = came()
    invite.headers.add("Supported", "timer, replaces, 100rel")
    invite.headers.add("Session-Expires", "1800;refresher=uac")
    said = end_to_end(at_phone(), replace(invite, body=b"v=0"))
    assert header(said, "Supported") == ["timer"]
    assert header(said, "Session-Expires") == ["1800;refresher=uac"]
    assert said.body == b"v=0"
    assert header(said, "P-Asserted-Identity") == ["<sip:+4930123456@box.example>"]


# --- the way out of the house


PEERS = Sip.model_validate(
    {
        "peer": [
            {"name": "pbx", "address": "192.0.2.1"},
            {"name": "exact", "address": "[2001:db8::1]:5080"},
            {"name": "net", "address": "192.0.2.0/24"},
        ],
        "trunk": [
            {"name": "trunk", "registrar": "sip:trunk.example:5070", "username": "box", "password": "secret"},
            {"name": "tls", "registrar": "sips:trunk.example", "username": "box", "password": "secret"},
        ],
    }
)


@pytest.mark.parametrize(
    ("peer", "host", "shown"),
    [("pbx", "192.0.2.1", True), ("exact", "[2001:db8::1]:5080", True), ("trunk", "trunk.example:5070", False)],
)
def test_a_peer_is_shown_the_caller_and_a_trunk_is_not_unless_it_is_said(peer: str, host: str, *, shown: bool) -> None:
    way = gateway(PEERS, Outbound(peer=peer))
    assert way is not None
    assert (way.host, way.show_caller) == (host, shown)
    for said in (True, False):
        told = gateway(PEERS, Outbound(peer=peer, show_caller=said))
        assert told is not None
        assert told.show_caller is said


def test_a_trunks_challenges_can_be_answered() -> None:
    way = gateway(PEERS, Outbound(peer="trunk"))
    assert way is not None
    assert way.place.login == ("box", "secret")


def test_there_is_no_way_out_by_a_network_or_without_a_peer() -> None:
    assert gateway(PEERS, Outbound(peer="net")) is None
    assert gateway(PEERS, Outbound()) is None
    with pytest.raises(LocatingError):
        gateway(PEERS, Outbound(peer="tls"))
