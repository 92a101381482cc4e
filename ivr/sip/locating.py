"""Where a request goes: RFC 3263, from a URI or a configured destination to a list of hops, best first.

A hop that failed is tried last for a minute, so that a dead trunk server does not cost every call its time-out.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from ivr.sip.errors import ParseError, SipError
from ivr.sip.hops import DEFAULT_PORT, Destination, Hop, Transport, is_ip
from ivr.sip.message import Request
from ivr.sip.uri import SIP_SCHEMES, NameAddr, Uri

HOPS_MAX: Final = 8
"""More targets than this would take longer than any caller waits."""

SHUNNED_S: Final = 60.0
SHUNNED_MAX: Final = 1_000

QUERIES_AT_ONCE: Final = 50
"""Names looked up at the same time; others wait. A dead name server must not pile up work."""

NAPTR_SERVICES: Final = {"SIP+D2U": Transport.UDP, "SIP+D2T": Transport.TCP}
"""RFC 3263 section 4.1; TLS joins with its transport."""


class LocatingError(SipError):
    """A destination that leads nowhere; the text says why, without numbers or users."""


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record that points to SRV records."""

    order: int
    preference: int
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class Resolver(Protocol):
    """The name service. An unknown name gives an empty answer; a service that fails raises `LocatingError`."""

    async def naptr(self, name: str) -> Sequence[Naptr]:
        """Return the NAPTR records of a domain."""
        ...

    async def srv(self, name: str) -> Sequence[Srv]:
        """Return the SRV records of a service, such as `_sip._udp.example.com`."""
        ...

    async def addresses(self, name: str) -> Sequence[str]:
        """Return the IP addresses of a host, in the order to try them."""
        ...


class Locator:
    """Finds hops, and remembers which failed lately."""

    def __init__(
        self, resolver: Resolver, supports: Callable[[Transport, str], bool], *, random: Random | None = None
    ) -> None:
        """Make one; `supports` says whether a transport can be used towards an IP address."""
        self._resolver = resolver
        self._supports = supports
        self._random = random or Random()  # noqa: S311 - spreads load, keeps no secret
        self._queries = asyncio.Semaphore(QUERIES_AT_ONCE)
        self._shunned: OrderedDict[Hop, float] = OrderedDict()

    async def locate(self, destination: Destination, now: float) -> list[Hop]:
        """Return the hops to try, in order; never an empty list.

        Raises:
            LocatingError: nothing usable was found.
        """
        host = destination.host.strip("[]").rstrip(".").lower()
        if is_ip(host):
            hops = self._at(host, destination.port, destination.transport or Transport.UDP)
        else:
            async with self._queries:
                hops = await self._named(host, destination)
        if not hops:
            raise LocatingError(f"{host}: no address that we can send to")
        return self._healthy_first(hops[:HOPS_MAX], now)

    def failed(self, hop: Hop, now: float) -> None:
        """Note that a hop did not answer: it is tried last for a while."""
        self._shunned[hop] = now + SHUNNED_S
        self._shunned.move_to_end(hop)
        if len(self._shunned) > SHUNNED_MAX:
            self._shunned.popitem(last=False)

    def answered(self, hop: Hop) -> None:
        """Note that a hop did answer."""
        self._shunned.pop(hop, None)

    def _healthy_first(self, hops: list[Hop], now: float) -> list[Hop]:
        return sorted(hops, key=lambda hop: self._shunned.get(hop, now) > now)

    async def _named(self, host: str, destination: Destination) -> list[Hop]:
        if destination.port is not None:
            # RFC 3263 section 4.2: an explicit port means an address lookup, section 4.1: and UDP if nothing else.
            return await self._addresses(host, destination.port, destination.transport or Transport.UDP)
        # A name server that fails here may be one that a machine with a hosts file does not need.
        with contextlib.suppress(LocatingError):
            for transport, name in await self._services(host, destination.transport):
                if found := await self._by_srv(name, transport):
                    return found
        return await self._addresses(host, DEFAULT_PORT, destination.transport or Transport.UDP)

    async def _services(self, host: str, transport: Transport | None) -> list[tuple[Transport, str]]:
        """Return which SRV names to ask, in order (RFC 3263 section 4.1)."""
        if transport is not None:
            return [(transport, f"_sip._{transport}.{host}")]
        records = sorted(await self._resolver.naptr(host), key=lambda each: (each.order, each.preference))
        known = [
            (NAPTR_SERVICES[each.service.upper()], each) for each in records if each.service.upper() in NAPTR_SERVICES
        ]
        if known:
            return [(found, each.replacement.rstrip(".")) for found, each in known]
        return [(each, f"_sip._{each}.{host}") for each in (Transport.UDP, Transport.TCP)]

    async def _by_srv(self, name: str, transport: Transport) -> list[Hop]:
        hops: list[Hop] = []
        for record in self._in_order(await self._resolver.srv(name)):
            target = record.target.rstrip(".").lower()
            if target and len(hops) < HOPS_MAX:  # "." means: not offered here (RFC 2782)
                hops += await self._addresses(target, record.port, transport)
        return hops

    async def _addresses(self, host: str, port: int, transport: Transport) -> list[Hop]:
        hops: list[Hop] = []
        for address in await self._resolver.addresses(host):
            hops += self._at(address, port, transport)
        return hops

    def _at(self, address: str, port: int | None, transport: Transport) -> list[Hop]:
        return [Hop(transport, address, port or DEFAULT_PORT)] if self._supports(transport, address) else []

    def _in_order(self, records: Sequence[Srv]) -> list[Srv]:
        """Sort by priority, and by lot according to weight within one (RFC 2782, page 3)."""
        ordered: list[Srv] = []
        for priority in sorted({each.priority for each in records}):
            left = sorted((each for each in records if each.priority == priority), key=lambda each: each.weight)
            while left:
                mark = self._random.uniform(0, sum(each.weight for each in left))
                for record in left:
                    mark -= record.weight
                    if mark <= 0:
                        break
                ordered.append(record)
                left.remove(record)
        return ordered


def destination_of(request: Request) -> Destination:
    """Return the next hop of a request of ours: its first loose route, else its Request-URI (RFC 3261 8.1.2).

    A strict first route stands in the Request-URI already.

    Raises:
        LocatingError: that URI names no host, such as a tel URI.
    """
    uri = request.uri
    routes = request.headers.all("Route")
    if routes:
        try:
            first = NameAddr.parse(routes[0]).uri
        except ParseError as error:
            raise LocatingError(f"Route: {error.detail}") from None
        if "lr" in first.params:
            uri = first
    return destination_of_uri(uri)


def destination_of_uri(uri: Uri) -> Destination:
    """Return where a URI points: `maddr` if it has one, its port and transport (RFC 3263 section 4).

    Raises:
        LocatingError: the URI names no host, or a transport that we do not have.
    """
    if uri.scheme not in SIP_SCHEMES or not uri.host:
        raise LocatingError(f"a {uri.scheme} URI names no host to send to")
    if uri.scheme == "sips":
        raise LocatingError("sips needs TLS, which is not available")
    named = uri.params.get("transport")
    transport: Transport | None = None
    if named:
        try:
            transport = Transport(named.lower())
        except ValueError:
            raise LocatingError("the URI asks for a transport that is not available") from None
    return Destination((uri.params.get("maddr") or uri.host).strip("[]"), uri.port, transport)
