"""All listening addresses of an endpoint: picks the socket or connection a message leaves by, and our name in Via.

Responses go back to the address their request came from, whether or not it asked for that by `rport` (RFC 3581):
behind a NAT nothing else arrives, and a forged Via cannot direct our answers at a third party.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from ivr.sip.counters import Counters
from ivr.sip.hops import DEFAULT_PORT, Address, Hop, ListenAddress, Transport, family
from ivr.sip.receiver import Receiver, Unreachable
from ivr.sip.tcp import TcpTransport
from ivr.sip.udp import UdpSocket

DISCARD_PORT: Final = 9
"""Any port will do to ask the routing table; no packet is sent."""


class Transports:
    """The sockets of an endpoint."""

    def __init__(self, receiver: Receiver, counters: Counters, *, external: str | None = None) -> None:
        """Make one that listens nowhere yet; `external` is our address as peers see it when bound to a wildcard."""
        self._receiver = receiver
        self._counters = counters
        self._external = external
        self._udp: list[UdpSocket] = []
        self._tcp = TcpTransport(receiver, counters)

    @property
    def listening(self) -> list[ListenAddress]:
        """The addresses listened on, with the ports they got."""
        return [ListenAddress(Transport.UDP, *each.address) for each in self._udp] + [
            ListenAddress(Transport.TCP, *address) for address in self._tcp.addresses
        ]

    @property
    def connections(self) -> int:
        """How many TCP connections are open."""
        return len(self._tcp)

    async def listen(self, addresses: Sequence[ListenAddress]) -> None:
        """Listen on every address, or on none.

        Raises:
            PortTaken: another process holds one of the ports.
            CannotListen: an address cannot be had for another reason.
        """
        loop = asyncio.get_running_loop()
        self._tcp.start(loop)
        try:
            for address in addresses:
                match address.transport:
                    case Transport.UDP:
                        self._udp.append(UdpSocket(address.host, address.port, self._receiver, self._counters))
                    case Transport.TCP:
                        await self._tcp.listen(address.host, address.port)
        except BaseException:
            await self.close()
            raise
        for each in self._udp:
            each.start(loop)

    async def close(self) -> None:
        """Close everything. Closing twice does nothing."""
        for each in self._udp:
            each.close()
        self._udp.clear()
        await self._tcp.close()
        self._tcp.addresses.clear()

    def supports(self, transport: Transport, host: str) -> bool:
        """Tell whether a message could leave for an address: connections need no listener, datagrams a socket."""
        return transport is not Transport.UDP or any(family(each.address.host) == family(host) for each in self._udp)

    def ready(self, hop: Hop) -> bool:
        """Tell whether `send` needs no `connect` before it."""
        return hop.transport is Transport.UDP or self._tcp.connected(hop)

    async def connect(self, hop: Hop) -> None:
        """Open the connection that `send` will need, if it needs one and there is none.

        Raises:
            Unreachable: it cannot be opened.
        """
        if hop.transport is not Transport.UDP:
            await self._tcp.connect(hop)

    def send(self, data: bytes, hop: Hop) -> None:
        """Send a message.

        Raises:
            Unreachable: no socket or open connection leads there.
        """
        if hop.transport is Transport.UDP:
            self._socket_for(hop).send(data, hop)
        else:
            self._tcp.send(data, hop)

    def sent_by(self, hop: Hop) -> Address:
        """Return where peers at `hop` reach us: for Via (RFC 3261 section 18.1.1) and Contact.

        The listening address, unless that is a wildcard: then `external` if it is of the right family, else the
        address this machine would send from.
        """
        listener = hop.local or self._listener_for(hop)
        if listener is None:
            # A connection of ours without a listener of its transport: responses come back on it.
            return Address(_own_address(hop.host), DEFAULT_PORT)
        if not ip_address(listener.host.partition("%")[0]).is_unspecified:
            return listener
        if self._external is not None and family(self._external) == family(listener.host):
            return Address(self._external, listener.port)
        return Address(_own_address(hop.host), listener.port)

    def _socket_for(self, hop: Hop) -> UdpSocket:
        wanted = hop.local or self._listener_for(hop)
        for each in self._udp:
            if each.address == wanted:
                return each
        raise Unreachable(f"{hop}: no UDP socket of that family is listening")

    def _listener_for(self, hop: Hop) -> Address | None:
        """Choose the listening address that a hop is reached from: one on loopback leads nowhere else."""
        held = [each.address for each in self._udp] if hop.transport is Transport.UDP else self._tcp.addresses
        ours = [address for address in held if family(address.host) == family(hop.host)]
        loopback = _is_loopback(hop.host)
        fitting = [address for address in ours if _is_loopback(address.host) == loopback]
        wildcard = [address for address in ours if ip_address(address.host.partition("%")[0]).is_unspecified]
        return next(iter(fitting or wildcard or ours), None)


@lru_cache(maxsize=1024)
def _is_loopback(host: str) -> bool:
    return ip_address(host.partition("%")[0]).is_loopback


@lru_cache(maxsize=1024)
def _own_address(host: str) -> str:
    """Return the address of ours that the routing table pairs with a destination."""
    kind = socket.AF_INET6 if family(host) == 6 else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as probe:
        probe.connect((host, DISCARD_PORT))
        return str(probe.getsockname()[0])
    return "::1" if family(host) == 6 else "127.0.0.1"
