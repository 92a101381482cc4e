"""Listening addresses and hops as values."""

import pytest

from ivr.sip.hops import Address, Hop, ListenAddress, Source, Transport


@pytest.mark.parametrize(
    ("text", "transport", "host", "port"),
    [
        ("udp:127.0.0.1:5060", Transport.UDP, "127.0.0.1", 5060),
        ("tcp:[::1]:5060", Transport.TCP, "::1", 5060),
        (" UDP:0.0.0.0:0 ", Transport.UDP, "0.0.0.0", 0),
        ("udp:[2001:DB8:0::1]:65535", Transport.UDP, "2001:db8::1", 65535),
    ],
)
def test_an_address_is_read_and_written(text: str, transport: Transport, host: str, port: int) -> None:
    address = ListenAddress.parse(text)
    assert address == ListenAddress(transport, host, port)
    assert ListenAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("127.0.0.1:5060", "transport must be one of udp, tcp"),
        ("sctp:127.0.0.1:5060", "transport"),
        ("", "transport"),
        ("udp:127.0.0.1", "port is missing"),
        ("udp:", "port is missing"),
        ("udp:::1:5060", "brackets"),
        ("udp:[::1:5060", "brackets"),
        ("udp:localhost:5060", "'localhost' is not an IP address"),
        ("udp:127.0.0.1:70000", "0 to 65535"),
        ("udp:127.0.0.1:-1", "0 to 65535"),
        ("udp:127.0.0.1:", "0 to 65535"),
        ("udp:127.0.0.1:\u0665", "0 to 65535"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        ListenAddress.parse(text)


def test_a_wildcard_names_no_address() -> None:
    assert ListenAddress.parse("udp:0.0.0.0:5060").wildcard
    assert ListenAddress.parse("tcp:[::]:5060").wildcard
    assert not ListenAddress.parse("udp:127.0.0.1:5060").wildcard


def test_the_way_back_leaves_by_the_socket_the_message_came_to() -> None:
    here = Address("::1", 5060)
    source = Source(Transport.UDP, "2001:db8::1", 5070, here)
    assert source.hop == Hop(Transport.UDP, "2001:db8::1", 5070, here)
    assert str(source) == str(source.hop) == "udp:[2001:db8::1]:5070"
    assert str(here) == "[::1]:5060"
