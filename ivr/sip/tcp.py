"""SIP over TCP (RFC 3261 section 18): listeners, and connections kept open and used again in both directions.

A response goes back on the connection its request came by; a request of ours uses any open connection to its
destination before it opens one (the idea of RFC 5923). CRLF pings are answered (RFC 5626 section 3.5.1). One sweep
every few seconds closes what idles; there is no timer for each connection.
"""

import asyncio
import socket
from typing import Final, cast

import structlog

from ivr.sip.counters import Counters
from ivr.sip.errors import FramingError
from ivr.sip.framing import PONG, Frame, Framer, KeepAlive
from ivr.sip.hops import Address, Hop, Source, Transport, family
from ivr.sip.receiver import Receiver, Unreachable
from voicebox.ports import bind

CONNECTIONS_MAX: Final = 2_000
"""Of 20,000 open files; the rest is for media. A phone or a PBX needs one."""

CONNECTIONS_PER_HOST_MAX: Final = 200
"""Phones behind one NAT share an address."""

FIRST_MESSAGE_S: Final = 15.0
"""A connection that has brought no message by then is a port scan or holds the place of another."""

MESSAGE_S: Final = 30.0
"""A message begun must be whole by then: half a message is no way to hold memory."""

IDLE_S: Final = 900.0
"""Longer than the keep-alives of RFC 5626 (120 s) and the refreshes of common phones (600 s)."""

SWEEP_S: Final = 5.0

CONNECT_S: Final = 5.0
"""Three SYNs; then the next hop of RFC 3263 gets its chance."""

UNSENT_MAX_BYTES: Final = 256 * 1024
"""A peer that reads slower than this is not a SIP peer."""

BACKLOG: Final = 128

CLOSE_S: Final = 1.0
"""What is written has left by then, or its reader is dead."""

_log = structlog.get_logger("voicebox.sip.tcp")


class Connection(asyncio.Protocol):
    """One TCP connection, whoever opened it."""

    def __init__(self, owner: "TcpTransport", local: Address | None) -> None:
        self._owner = owner
        self._local = local
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self.source: Source | None = None
        self.opened_at = owner.now()
        self.touched_at = self.opened_at
        self.began_at: float | None = None
        """When the message that is half received began."""
        self.greeted = local is None
        """Whether it has brought a message, or is ours."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the owner's connections, or close at once when there are too many."""
        # A cast: uvloop's transports are no subclass of asyncio's.
        self._transport = stream = cast("asyncio.Transport", transport)
        peer = stream.get_extra_info("peername")
        if peer is None:  # gone before we could look
            stream.abort()
            return
        own = stream.get_extra_info("sockname")
        self.source = Source(Transport.TCP, peer[0], peer[1], self._local or Address(own[0], own[1]))
        if not self._owner.joined(self, self.source):
            self.source = None
            stream.abort()

    def data_received(self, data: bytes) -> None:
        """Cut what came into messages and hand them over."""
        source = self.source
        if source is None or self._transport is None:
            return
        now = self.touched_at = self._owner.now()
        for item in self._framer.feed(data):
            match item:
                case Frame():
                    self.greeted = True
                    self.began_at = None
                    self._owner.receiver.received(item.data, source)
                case KeepAlive.PING:
                    self._owner.counters.keepalives += 1
                    self._transport.write(PONG)
                case KeepAlive.PONG:
                    pass
                case FramingError():
                    self._owner.receiver.unframed(item, source)
                    self.drop("unframed")
        if self._framer.idle:
            self.began_at = None
        elif self.began_at is None:
            self.began_at = now

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended makes no difference
        """Leave the owner's connections."""
        if self.source is not None:
            self._owner.left(self, self.source)
        self._transport = None

    @property
    def open(self) -> bool:
        """Whether it can still be written to."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        """Write a message.

        Raises:
            Unreachable: it is closing, or the peer reads too slowly; then it is closed.
        """
        if self._transport is None or self._transport.is_closing():
            raise Unreachable(f"{self.source}: the connection is closed")
        if self._transport.get_write_buffer_size() + len(data) > UNSENT_MAX_BYTES:
            self.drop("slow_reader")
            self.abort()
            raise Unreachable(f"{self.source}: the peer does not read")
        self._transport.write(data)
        self.touched_at = self._owner.now()

    def overdue(self, now: float) -> str | None:
        """Return why the connection should be closed by now, or None."""
        if not self.greeted and now - self.opened_at > FIRST_MESSAGE_S:
            return "no_message"
        if self.began_at is not None and now - self.began_at > MESSAGE_S:
            return "half_message"
        if now - self.touched_at > IDLE_S:
            return "idle"
        return None

    def drop(self, why: str) -> None:
        """Close, after what was written has left."""
        self._owner.counters.connections_dropped += 1
        _log.info("tcp_connection_dropped", ip=self.source.host if self.source else None, reason=why)
        self.close()

    def close(self) -> None:
        """Close, after what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        if self._transport is not None:
            self._transport.abort()


class TcpTransport:
    """All TCP listeners and connections of an endpoint."""

    def __init__(
        self,
        receiver: Receiver,
        counters: Counters,
        *,
        connections_max: int = CONNECTIONS_MAX,
        per_host_max: int = CONNECTIONS_PER_HOST_MAX,
    ) -> None:
        self.receiver = receiver
        self.counters = counters
        self._connections_max = connections_max
        self._per_host_max = per_host_max
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[asyncio.Server] = []
        self._connections: dict[tuple[str, int], Connection] = {}
        self._all: set[Connection] = set()
        self._per_host: dict[str, int] = {}
        self._opening: dict[tuple[str, int], asyncio.Future[Unreachable | None]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._emptied = asyncio.Event()
        self.addresses: list[Address] = []

    def __len__(self) -> int:
        """Return how many connections are open."""
        return len(self._all)

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return self._loop.time() if self._loop is not None else 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let connections be opened and swept."""
        self._loop = loop
        self._sweep = loop.call_later(SWEEP_S, self._sweep_idle)

    async def listen(self, host: str, port: int) -> Address:
        """Accept connections on an address; return it with the port it got.

        Raises:
            PortTaken: another process holds the port.
            CannotListen: the address cannot be had for another reason.
        """
        assert self._loop is not None  # noqa: S101 - the endpoint starts us first
        sock = bind("tcp", host, port)
        name = sock.getsockname()
        address = Address(name[0], name[1])
        server = await self._loop.create_server(lambda: Connection(self, address), sock=sock, backlog=BACKLOG)
        self._servers.append(server)
        self.addresses.append(address)
        return address

    async def close(self) -> None:
        """Stop listening and close every connection after what was written has left. Closing twice does nothing."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for server in self._servers:
            server.close()
        for connection in list(self._all):
            connection.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._until_empty()
        except TimeoutError:
            for connection in list(self._all):
                connection.abort()
            await self._until_empty()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def _until_empty(self) -> None:
        while self._all:
            self._emptied.clear()
            await self._emptied.wait()

    def connected(self, hop: Hop) -> bool:
        """Tell whether a message to `hop` could leave at once."""
        connection = self._connections.get((hop.host, hop.port))
        return connection is not None and connection.open

    def send(self, data: bytes, hop: Hop) -> None:
        """Send on the open connection to `hop`.

        Raises:
            Unreachable: there is none; `connect` opens one.
        """
        connection = self._connections.get((hop.host, hop.port))
        if connection is None:
            raise Unreachable(f"{hop}: no connection")
        connection.send(data)

    async def connect(self, hop: Hop) -> None:
        """Open a connection to `hop` unless there is one; several callers share one attempt.

        Raises:
            Unreachable: refused, no answer within `CONNECT_S`, or too many connections.
        """
        key = (hop.host, hop.port)
        while not self.connected(hop):
            attempt = self._opening.get(key)
            if attempt is not None:
                failure = await asyncio.shield(attempt)
                if failure is not None:
                    raise failure
                continue
            if len(self._all) + len(self._opening) >= self._connections_max:
                raise Unreachable(f"{hop}: {self._connections_max} connections are open")
            await self._open(hop, key)

    async def _open(self, hop: Hop, key: tuple[str, int]) -> None:
        assert self._loop is not None  # noqa: S101 - the endpoint starts us first
        attempt = self._opening[key] = self._loop.create_future()
        failure: Unreachable | None = None
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._loop.create_connection(
                    lambda: Connection(self, None),
                    hop.host,
                    hop.port,
                    family=socket.AF_INET6 if family(hop.host) == 6 else socket.AF_INET,
                )
            self.counters.connections_opened += 1
        except OSError as error:  # TimeoutError is one
            failure = Unreachable(f"{hop}: {error.strerror or 'no answer'}")
            raise failure from error
        finally:
            # If this caller was cancelled, nobody failed: one of those who wait tries again.
            del self._opening[key]
            attempt.set_result(failure)

    def joined(self, connection: Connection, source: Source) -> bool:
        """Take a new connection in; False when a bound is reached and it must go."""
        accepted = not connection.greeted
        here = self._per_host.get(source.host, 0)
        if accepted and (len(self._all) >= self._connections_max or here >= self._per_host_max):
            self.counters.connections_refused += 1
            _log.warning("sip_refused", ip=source.host, port=source.port, transport="tcp", reason="connections")
            return False
        self.counters.connections_accepted += accepted
        self._all.add(connection)
        self._per_host[source.host] = here + 1
        self._connections[source.host, source.port] = connection
        return True

    def left(self, connection: Connection, source: Source) -> None:
        """Forget a connection that ended, and say so to what waits on it."""
        self._all.discard(connection)
        if not self._all:
            self._emptied.set()
        here = self._per_host[source.host] - 1
        if here:
            self._per_host[source.host] = here
        else:
            del self._per_host[source.host]
        if self._connections.get((source.host, source.port)) is connection:
            del self._connections[source.host, source.port]
            self.receiver.lost(source.hop)

    def _sweep_idle(self) -> None:
        assert self._loop is not None  # noqa: S101 - it is running us
        now = self._loop.time()
        for connection in list(self._all):
            why = connection.overdue(now)
            if why is not None:
                connection.drop(why)
        self._sweep = self._loop.call_later(SWEEP_S, self._sweep_idle)
