"""The resolver against a small name server on loopback, which answers from a zone."""

import asyncio
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from ivr.sip.locating import LocatingError, Naptr, Srv
from ivr.sip.nameservice import DnsResolver

ZONE = {
    ("trunk.test.", "NAPTR"): ['10 1 "S" "SIP+D2U" "" _sip._udp.trunk.test.', '20 1 "U" "E2U+sip" "!.*!x!" .'],
    ("_sip._udp.trunk.test.", "SRV"): ["10 5 5061 a.trunk.test."],
    ("a.trunk.test.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.trunk.test.", "AAAA"): ["2001:db8::1"],
    ("four.test.", "A"): ["192.0.2.4"],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from the zone; `broken.test` gets SERVFAIL."""

    def __init__(self) -> None:
        self.asked = 0
        self.transport: asyncio.DatagramTransport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        if name == "broken.test.":
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif records := ZONE.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *records))
        # In the zone's order: by itself, dnspython shuffles the records of an answer.
        self.transport.sendto(response.to_wire(want_shuffle=False), addr)


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    protocol.transport = transport
    yield protocol
    transport.close()


@pytest.fixture
def resolver(server: NameServer) -> DnsResolver:
    return DnsResolver(["127.0.0.1"], server.transport.get_extra_info("sockname")[1])


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
