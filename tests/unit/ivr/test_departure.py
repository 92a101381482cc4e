"""What our INVITEs say of who calls, who pays and by what way; names and numbers are data, whatever they hold."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.branch import Invitation, Place
from ivr.departure import Gateway, Origin, gateway, referral, to_outside, to_phone
from ivr.sip.headers import Headers
from ivr.sip.hops import Destination
from ivr.sip.locating import LocatingError
from ivr.sip.message import Request, parse
from ivr.sip.uri import NameAddr, Uri
from tests.fakes.voicemail import ANNA
from voicebox.arrival import DIVERSIONS_MAX
from voicebox.message import Caller
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
    said = to_outside("+492115559999", way, Origin(ANNA, caller, invite or came()), DOMAIN)
    assert said is not None
    return said


def header(said: Invitation, name: str) -> list[str]:
    return [value for found, value in said.headers if found == name]


def test_the_mailbox_pays_the_caller_is_shown_and_the_way_is_named() -> None:
    said = outside()
    assert str(said.uri) == "sip:+492115559999@192.0.2.1"
    assert said.sender == "Kundin <sip:+4930123456@box.example>"
    assert header(said, "P-Asserted-Identity") == ["Anna Beispiel <sip:+492115551001@box.example>"]
    assert header(said, "Diversion") == ["<sip:+492115551001@box.example>;reason=deflection"]
    assert said.max_forwards == 69


def test_a_mailbox_without_a_full_number_is_named_by_its_extension() -> None:
    said = to_outside("1099", WAY, Origin(replace(ANNA, phone=None), CALLER, came()), DOMAIN)
    assert said is not None
    assert header(said, "P-Asserted-Identity") == ["Anna Beispiel <sip:1001@box.example>"]


@pytest.mark.parametrize("caller", [Caller(None), Caller("+4930123456", "Kundin", withheld=True)])
def test_a_withheld_or_unknown_caller_is_anonymous(caller: Caller) -> None:
    for said in (outside(caller), to_phone("sip:1002@192.0.2.7", "1002", Origin(ANNA, caller, came()), "x.example")):
        assert said is not None
        assert said.sender == "Anonymous <sip:anonymous@anonymous.invalid>"
        assert "30123456" not in repr(said)


def test_a_peer_that_takes_no_others_numbers_sees_the_mailbox() -> None:
    said = outside(way=replace(WAY, show_caller=False))
    assert said.sender == "Anna Beispiel <sip:+492115551001@box.example>"
    assert "30123456" not in repr(said)


def test_a_subscribers_own_call_is_not_diverted() -> None:
    said = outside(None)
    assert said.sender == "Anna Beispiel <sip:+492115551001@box.example>"
    assert header(said, "Diversion") == []


def test_security_row_25_hops_and_diversions_end_a_loop() -> None:
    origin = Origin(ANNA, CALLER, came(max_forwards=1))
    assert to_outside("1099", WAY, origin, DOMAIN) is None
    assert outside(invite=came(max_forwards=None)).max_forwards == 69
    assert outside(invite=came(max_forwards=255)).max_forwards == 69
    before = [f"<sip:100{n}@x>" for n in range(DIVERSIONS_MAX)]
    assert len(header(outside(invite=came(*before[:-1])), "Diversion")) == DIVERSIONS_MAX
    assert to_outside("1099", WAY, Origin(ANNA, CALLER, came(*before)), DOMAIN) is None


def test_a_referral_names_the_number_at_the_peer_and_the_mailbox() -> None:
    assert referral("1099", Uri.parse("sip:pbx@192.0.2.1:5080;transport=tcp"), ANNA, "box.example") == (
        "<sip:1099@192.0.2.1:5080>",
        "<sip:+492115551001@box.example>",
    )


@given(st.text(max_size=80), st.text(min_size=1, max_size=30))
def test_security_row_8_no_name_or_number_adds_a_header_or_changes_an_address(name: str, number: str) -> None:
    caller = Caller(number, name)
    for said in (outside(caller), to_phone("sip:1002@192.0.2.7", "1002", Origin(ANNA, caller, came()), "x.example")):
        assert said is not None
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
