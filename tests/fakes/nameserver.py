"""A name server on loopback, which answers from a zone."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from ivr.sip.nameservice import DnsResolver

Zone = Mapping[tuple[str, str], Sequence[str]]
"""Records by name, with its last dot, and kind."""


class NameServer(asyncio.DatagramProtocol):
    """Answers from the zone; `broken.test` gets SERVFAIL."""

    def __init__(self, zone: Zone) -> None:
        self.asked = 0
        self.transport: asyncio.DatagramTransport
        self._zone = zone

    @property
    def resolver(self) -> DnsResolver:
        """A new resolver that asks here, once, and waits for as long as a busy machine takes."""
        made = DnsResolver(["127.0.0.1"], self.transport.get_extra_info("sockname")[1])
        asking = made._ready()
        asking.lifetime = asking.timeout = 60.0
        return made

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        if name == "broken.test.":
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif records := self._zone.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *records))
        # In the zone's order: by itself, dnspython shuffles the records of an answer.
        self.transport.sendto(response.to_wire(want_shuffle=False), addr)


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[NameServer]:
    """Let one answer while it is needed."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone), local_addr=("127.0.0.1", 0)
    )
    protocol.transport = transport
    try:
        yield protocol
    finally:
        transport.close()
