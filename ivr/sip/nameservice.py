"""The name service for `locating`: dnspython, with the hosts file of the machine behind it."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from ivr.sip.locating import LocatingError, Naptr, Srv

LIFETIME_S: Final = 3.0
"""For one question, retries included: a caller is waiting."""

CACHE_SIZE: Final = 1_000
"""Answers kept, each for its own time to live."""

LOOPBACK: Final = ("127.0.0.1", "::1")


class DnsResolver:
    """Asks the name servers of /etc/resolv.conf, or those given."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53) -> None:
        """Make one; nothing is asked yet."""
        self._given = tuple(nameservers)
        self._port = port
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def naptr(self, name: str) -> Sequence[Naptr]:
        """Return the NAPTR records of a domain that end in SRV records."""
        return [
            Naptr(record.order, record.preference, record.service.decode("ascii", "replace"), str(record.replacement))
            for record in await self._ask(name, dns.rdatatype.NAPTR)
            if record.flags.lower() == b"s"
        ]

    async def srv(self, name: str) -> Sequence[Srv]:
        """Return the SRV records of a service."""
        return [
            Srv(record.priority, record.weight, record.port, str(record.target))
            for record in await self._ask(name, dns.rdatatype.SRV)
        ]

    async def addresses(self, name: str) -> Sequence[str]:
        """Return IPv4, then IPv6 addresses; a name the DNS does not know may stand in the machine's hosts file."""
        if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
            return LOOPBACK
        failure: LocatingError | None = None
        try:
            four, six = await asyncio.gather(self._ask(name, dns.rdatatype.A), self._ask(name, dns.rdatatype.AAAA))
        except LocatingError as error:
            failure, four, six = error, (), ()
        found = [str(record.address) for record in (*four, *six)] or await self._by_hosts_file(name)
        if failure is not None and not found:
            raise failure
        return found

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> Sequence[Any]:
        try:
            answer = await self._ready().resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.LabelTooLong, dns.name.EmptyLabel):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise LocatingError(f"{name}: the name service failed ({type(error).__name__})") from error
        return list(answer.rrset or ())

    async def _by_hosts_file(self, name: str) -> Sequence[str]:
        try:
            async with asyncio.timeout(LIFETIME_S):
                found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):  # TimeoutError is one
            return ()
        return list(dict.fromkeys(str(ip_address(str(entry[4][0]).partition("%")[0])) for entry in found))

    def _ready(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            resolver = dns.asyncresolver.Resolver(configure=not self._given)
            if self._given:
                resolver.nameservers = list(self._given)
                resolver.port = self._port
            resolver.lifetime = LIFETIME_S
            resolver.cache = dns.resolver.LRUCache(CACHE_SIZE)
            self._resolver = resolver
        return self._resolver
