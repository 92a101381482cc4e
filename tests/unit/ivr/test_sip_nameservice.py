"""The resolver against a small name server on loopback, which answers from a zone."""

from collections.abc import AsyncIterator

import pytest

from ivr.sip.locating import LocatingError, Naptr, Srv
from ivr.sip.nameservice import DnsResolver
from tests.fakes.nameserver import NameServer, name_server

ZONE = {
    ("trunk.test.", "NAPTR"): ['10 1 "S" "SIP+D2U" "" _sip._udp.trunk.test.', '20 1 "U" "E2U+sip" "!.*!x!" .'],
    ("_sip._udp.trunk.test.", "SRV"): ["10 5 5061 a.trunk.test."],
    ("a.trunk.test.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.trunk.test.", "AAAA"): ["2001:db8::1"],
    ("four.test.", "A"): ["192.0.2.4"],
}


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server(ZONE) as opened:
        yield opened


@pytest.fixture
def resolver(server: NameServer) -> DnsResolver:
    return server.resolver


async def test_naptr_records_that_point_to_services_are_read(resolver: DnsResolver) -> None:
    assert await resolver.naptr("trunk.test") == [Naptr(10, 1, "SIP+D2U", "_sip._udp.trunk.test.")]


async def test_srv_records_are_read(resolver: DnsResolver) -> None:
    assert await resolver.srv("_sip._udp.trunk.test") == [Srv(10, 5, 5061, "a.trunk.test.")]


async def test_addresses_of_both_families_are_read(resolver: DnsResolver) -> None:
    assert list(await resolver.addresses("a.trunk.test")) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert list(await resolver.addresses("four.test")) == ["192.0.2.4"]


async def test_an_unknown_name_is_an_empty_answer(resolver: DnsResolver) -> None:
    assert list(await resolver.naptr("unknown.test")) == []
    assert list(await resolver.srv("four.test")) == []
    assert list(await resolver.srv("x" * 64 + ".test")) == []


async def test_answers_are_kept(resolver: DnsResolver, server: NameServer) -> None:
    for _ in range(3):
        await resolver.srv("_sip._udp.trunk.test")
    assert server.asked == 1


async def test_a_name_service_that_fails_is_an_error(resolver: DnsResolver) -> None:
    with pytest.raises(LocatingError, match=r"broken\.test: the name service failed"):
        await resolver.srv("broken.test")


async def test_localhost_is_not_asked_for(resolver: DnsResolver, server: NameServer) -> None:
    assert list(await resolver.addresses("localhost")) == ["127.0.0.1", "::1"]
    assert server.asked == 0
