"""Addresses as administrators write them."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebox.addresses import (
    Endpoint,
    ListenAddress,
    PeerAddress,
    SettingError,
    parse_endpoint,
    parse_host,
    parse_ip,
    parse_listen,
    parse_network,
    parse_peer_address,
)


@pytest.mark.parametrize(
    ("text", "network", "port"),
    [
        ("127.0.0.1", "127.0.0.1/32", None),
        (" 10.0.0.0/8 ", "10.0.0.0/8", None),
        ("127.0.0.1:5080", "127.0.0.1/32", 5080),
        ("2001:db8::1", "2001:db8::1/128", None),
        ("[2001:db8::1]", "2001:db8::1/128", None),
        ("[2001:db8::1]:5080", "2001:db8::1/128", 5080),
        ("2001:db8::/32", "2001:db8::/32", None),
    ],
)
def test_peer_address_is_an_address_a_network_or_address_and_port(text: str, network: str, port: int | None) -> None:
    assert parse_peer_address(text) == PeerAddress(ip_network(network), port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pbx.example", "names are not looked up"),
        ("", "is not an address"),
        ("10.0.0.1/8", 'Write "10.0.0.0/8"'),
        ("10.0.0.0/8:5060", "gives a network a port"),
        ("10.0.0.1:99999", "is not a port"),
        ("10.0.0.1:", "is not a port"),
        ("10.0.0.1:0", "port 0"),
        ("[2001:db8::1]5060", "is not an address"),
        ("[2001:db8::1", "is not an address"),
        ("10.0.0.1:٣", "is not a port"),
        ("10.0.0.0/99", "is not a network"),
        (7, "must be text"),
    ],
)
def test_refused_peer_address_says_why(text: object, words: str) -> None:
    with pytest.raises(SettingError, match=r".") as caught:
        parse_peer_address(text)
    assert words in str(caught.value)


def test_mapped_ipv4_sender_is_its_ipv4_peer() -> None:
    assert parse_peer_address("10.0.0.1").contains(ip_address("::ffff:10.0.0.1"), 5060)


def test_port_of_a_peer_counts_only_where_given() -> None:
    sender = ip_address("10.0.0.1")
    assert parse_peer_address("10.0.0.1").contains(sender, 9)
    assert parse_peer_address("10.0.0.1:9").contains(sender, 9)
    assert not parse_peer_address("10.0.0.1:9").contains(sender, 10)
    assert not parse_peer_address("10.0.0.2").contains(sender, 9)
    assert not parse_peer_address("2001:db8::/32").contains(sender, 9)


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.0/8", "127.0.0.1:5080", "2001:db8::1", "[2001:db8::1]:5080"])
def test_peer_address_round_trips(text: str) -> None:
    assert str(parse_peer_address(text)) == text
    assert parse_peer_address(parse_peer_address(text)) == parse_peer_address(text)


def test_single_address_of_a_peer() -> None:
    assert parse_peer_address("10.0.0.1").host == ip_address("10.0.0.1")
    assert parse_peer_address("10.0.0.0/8").host is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp:127.0.0.1:5060", ListenAddress("udp", "127.0.0.1", 5060)),
        ("TCP:[::]:5060", ListenAddress("tcp", "::", 5060)),
        ("tcp:127.0.0.1:5061", ListenAddress("tcp", "127.0.0.1", 5061)),
        ("udp:127.0.0.1:0", ListenAddress("udp", "127.0.0.1", 0)),
    ],
)
def test_listen_address_is_transport_host_and_port(text: str, address: ListenAddress) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "udp", "udp:", "udp:127.0.0.1", "ws:1.2.3.4:5060", "udp:::1:5060", "udp:a:b"])
def test_refused_listen_address(text: str) -> None:
    with pytest.raises(SettingError):
        parse_listen(text)


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:8080", "host_1.example:0"])
def test_endpoint_round_trips(text: str) -> None:
    assert str(parse_endpoint(text)) == text
    assert parse_endpoint(Endpoint("a", 1)) == Endpoint("a", 1)


@pytest.mark.parametrize("text", ["a b", "", "-a", "300.1.2.3", "a..b", "a\r\nb", "http://a", "x" * 254])
def test_refused_host(text: str) -> None:
    with pytest.raises(SettingError):
        parse_host(text)


def test_host_loses_the_brackets_of_ipv6() -> None:
    assert parse_host("[2001:db8::1]") == "2001:db8::1"
    assert parse_ip("[::1]") == ip_address("::1")
    assert parse_ip(ip_address("::1")) == ip_address("::1")
    assert parse_network(ip_network("::/0")) == ip_network("::/0")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_peer_address, parse_listen, parse_host, parse_endpoint, parse_ip, parse_network):
        with suppress(SettingError):
            parse(text)


@given(st.ip_addresses(), st.none() | st.integers(1, 65535))
def test_every_peer_address_round_trips(ip: object, port: int | None) -> None:
    address = PeerAddress(ip_network(str(ip)), port)
    assert parse_peer_address(str(address)) == address
