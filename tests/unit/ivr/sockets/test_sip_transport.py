"""UDP and TCP over real sockets on loopback, and the rules of connections by passed-in time."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ivr.sip import tcp
from ivr.sip.counters import Counters
from ivr.sip.errors import FramingError
from ivr.sip.hops import Address, Hop, ListenAddress, Source, Transport
from ivr.sip.receiver import Unreachable
from ivr.sip.tcp import FIRST_MESSAGE_S, IDLE_S, MESSAGE_S, Connection, TcpTransport
from ivr.sip.transport import Transports
from ivr.sip.udp import RECEIVE_BUFFER_BYTES, UdpSocket
from tests.ports import free_port

MESSAGE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"


class Sink:
    """Keeps what transports hand over."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Source]] = []
        self.errors: list[FramingError] = []
        self.gone: list[Hop] = []
        self.told = asyncio.Event()

    def received(self, data: bytes, source: Source) -> None:
        self.messages.append((data, source))
        self.told.set()

    def unframed(self, error: FramingError, source: Source) -> None:
        self.errors.append(error)
        self.told.set()

    def lost(self, hop: Hop) -> None:
        self.gone.append(hop)
        self.told.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.told.wait(), 20)
        self.told.clear()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
async def server(sink: Sink, counters: Counters) -> AsyncIterator[TcpTransport]:
    made = TcpTransport(sink, counters, connections_max=4, per_host_max=3)
    made.start(asyncio.get_running_loop())
    await made.listen("127.0.0.1", 0)
    yield made
    await made.close()


Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
async def dial(server: TcpTransport) -> AsyncIterator[Dial]:
    """Open a connection to the server; all are closed in the end."""
    writers: list[asyncio.StreamWriter] = []

    async def dialled() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writers.append(writer)
        return reader, writer

    yield dialled
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes the connection, in peace or by a reset, without another byte."""
    try:
        return await asyncio.wait_for(reader.read(), 20) == b""
    except ConnectionResetError:
        return True


async def test_a_message_in_pieces_and_two_in_one_come_out_whole(server: TcpTransport, dial: Dial, sink: Sink) -> None:
    _, writer = await dial()
    for at in range(0, len(MESSAGE), 7):
        writer.write(MESSAGE[at : at + 7])
        await writer.drain()
    writer.write(MESSAGE + MESSAGE)
    while len(sink.messages) < 3:
        await sink.wait()
    assert [data for data, _ in sink.messages] == [MESSAGE] * 3
    source = sink.messages[0][1]
    assert (source.transport, source.host, source.local) == (Transport.TCP, "127.0.0.1", server.addresses[0])
    writer.close()
    await sink.wait()
    assert sink.gone == [source.hop]
    assert len(server) == 0


async def test_a_ping_gets_a_pong(server: TcpTransport, dial: Dial, counters: Counters) -> None:
    reader, writer = await dial()
    writer.write(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readexactly(2), 20) == b"\r\n"
    assert counters.keepalives == 1


async def test_a_stream_that_cannot_be_framed_is_reported_and_closed(
    server: TcpTransport, dial: Dial, sink: Sink, counters: Counters
) -> None:
    reader, writer = await dial()
    writer.write(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: nine\r\n\r\n")
    assert await closed(reader)
    assert len(sink.errors) == 1
    assert counters.connections_dropped == 1


async def test_a_response_goes_back_on_the_connection_and_fails_when_that_is_gone(
    server: TcpTransport, dial: Dial, sink: Sink
) -> None:
    reader, writer = await dial()
    writer.write(MESSAGE)
    await sink.wait()
    hop = sink.messages[0][1].hop
    server.send(b"answer", hop)
    assert await asyncio.wait_for(reader.readexactly(6), 20) == b"answer"
    writer.close()
    await sink.wait()
    with pytest.raises(Unreachable, match="no connection"):
        server.send(b"late", hop)


async def test_one_host_cannot_take_every_connection(server: TcpTransport, dial: Dial, counters: Counters) -> None:
    for _ in range(3):
        await dial()
    reader, _ = await dial()
    assert await closed(reader)
    assert (len(server), counters.connections_accepted, counters.connections_refused) == (3, 3, 1)


async def test_several_callers_share_one_new_connection(server: TcpTransport, sink: Sink) -> None:
    counters = Counters()
    client = TcpTransport(Sink(), counters)
    client.start(asyncio.get_running_loop())
    hop = Hop(Transport.TCP, *server.addresses[0])
    await asyncio.gather(*(client.connect(hop) for _ in range(10)))
    assert (len(client), counters.connections_opened, client.connected(hop)) == (1, 1, True)
    client.send(MESSAGE, hop)
    await sink.wait()
    await client.close()
    await client.close()


async def test_a_refused_connection_fails_for_everybody_who_waits() -> None:
    with socket.socket() as deaf:  # bound, so that nobody else listens there
        deaf.bind(("127.0.0.1", 0))
        hop = Hop(Transport.TCP, "127.0.0.1", deaf.getsockname()[1])
        client = TcpTransport(Sink(), Counters())
        client.start(asyncio.get_running_loop())
        results = await asyncio.gather(*(client.connect(hop) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in results] == [Unreachable] * 3
        await client.close()


async def test_a_caller_who_gives_up_does_not_fail_the_others(server: TcpTransport) -> None:
    client = TcpTransport(Sink(), Counters())
    client.start(asyncio.get_running_loop())
    hop = Hop(Transport.TCP, *server.addresses[0])
    first = asyncio.ensure_future(client.connect(hop))
    second = asyncio.ensure_future(client.connect(hop))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait_for(second, 20)
    assert client.connected(hop)
    await client.close()


async def test_outgoing_connections_are_bounded(server: TcpTransport) -> None:
    client = TcpTransport(Sink(), Counters(), connections_max=0)
    client.start(asyncio.get_running_loop())
    with pytest.raises(Unreachable, match="0 connections are open"):
        await client.connect(Hop(Transport.TCP, *server.addresses[0]))
    await client.close()


async def test_a_peer_that_does_not_read_is_dropped(
    server: TcpTransport, dial: Dial, sink: Sink, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "UNSENT_MAX_BYTES", 64 * 1024)
    _, writer = await dial()
    writer.write(MESSAGE)
    await sink.wait()
    hop = sink.messages[0][1].hop

    def flood() -> None:
        for _ in range(2000):
            server.send(bytes(32 * 1024), hop)

    with pytest.raises(Unreachable, match="does not read"):
        flood()
    await sink.wait()
    assert (sink.gone, counters.connections_dropped) == ([hop], 1)


async def test_the_sweep_closes_what_is_overdue(
    server: TcpTransport, dial: Dial, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "FIRST_MESSAGE_S", -1.0)
    reader, writer = await dial()
    writer.write(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readexactly(2), 20) == b"\r\n"  # it is in
    server._sweep_idle()
    assert await closed(reader)
    assert counters.connections_dropped == 1


def test_a_connection_is_overdue_without_a_message_with_half_of_one_or_idle(sink: Sink, counters: Counters) -> None:
    owner = TcpTransport(sink, counters)
    accepted = Connection(owner, Address("127.0.0.1", 5060))
    assert accepted.overdue(FIRST_MESSAGE_S) is None
    assert accepted.overdue(FIRST_MESSAGE_S + 0.1) == "no_message"
    ours = Connection(owner, None)
    assert ours.overdue(IDLE_S) is None
    assert ours.overdue(IDLE_S + 0.1) == "idle"
    ours.began_at = 5.0
    assert ours.overdue(5.0 + MESSAGE_S) is None
    assert ours.overdue(5.1 + MESSAGE_S) == "half_message"


# UDP


@pytest.fixture
async def udp(sink: Sink, counters: Counters) -> AsyncIterator[UdpSocket]:
    made = UdpSocket("127.0.0.1", 0, sink, counters)
    made.start(asyncio.get_running_loop())
    yield made
    made.close()


async def test_a_burst_of_datagrams_is_taken_and_keepalives_are_counted(
    udp: UdpSocket, sink: Sink, counters: Counters
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        for keepalive in (b"\r\n\r\n", b"\0", b""):
            phone.sendto(keepalive, udp.address)
        for number in range(300):
            phone.sendto(b"message %d" % number, udp.address)
        while len(sink.messages) < 300:
            await sink.wait()
        assert sink.messages[-1][1] == Source(Transport.UDP, *Address(*phone.getsockname()), udp.address)
    assert [data for data, _ in sink.messages] == [b"message %d" % number for number in range(300)]
    assert counters.keepalives == 3


async def test_a_datagram_larger_than_the_mtu_arrives_and_one_that_cannot_is_unreachable(
    udp: UdpSocket, sink: Sink
) -> None:
    udp.send(b"x" * 20_000, Hop(Transport.UDP, *udp.address))
    await sink.wait()
    assert len(sink.messages[0][0]) == 20_000
    with pytest.raises(Unreachable, match="udp:127"):
        udp.send(b"x" * 70_000, Hop(Transport.UDP, *udp.address))


async def test_the_receive_buffer_is_as_large_as_the_system_grants(udp: UdpSocket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        before = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        granted = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert udp._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == granted >= before


async def test_closing_frees_the_port(sink: Sink, counters: Counters) -> None:
    first = UdpSocket("127.0.0.1", free_port("127.0.0.1"), sink, counters)
    first.start(asyncio.get_running_loop())
    first.close()
    first.close()
    UdpSocket("127.0.0.1", first.address.port, sink, counters).close()


# All of them together


async def test_a_hop_is_reached_from_the_address_that_leads_there(sink: Sink, counters: Counters) -> None:
    all_of_them = Transports(sink, counters, external="203.0.113.7")
    await all_of_them.listen(
        [ListenAddress.parse(each) for each in ("udp:0.0.0.0:0", "udp:127.0.0.1:0", "udp:[::1]:0", "tcp:[::1]:0")]
    )
    try:
        wildcard, four, six, tcp_six = all_of_them.listening
        assert all_of_them.sent_by(Hop(Transport.UDP, "127.0.0.1", 5)) == (four.host, four.port)
        assert all_of_them.sent_by(Hop(Transport.UDP, "198.51.100.1", 5)) == ("203.0.113.7", wildcard.port)
        assert all_of_them.sent_by(Hop(Transport.UDP, "::1", 5)) == (six.host, six.port)
        assert all_of_them.sent_by(Hop(Transport.TCP, "::1", 5)) == (tcp_six.host, tcp_six.port)
        assert all_of_them.supports(Transport.UDP, "2001:db8::1")
        all_of_them.send(b"hello there", Hop(Transport.UDP, four.host, four.port))
        await sink.wait()
        assert sink.messages[0][1].port == four.port
        named = Hop(Transport.UDP, four.host, four.port, Address("192.0.2.1", 1))
        with pytest.raises(Unreachable, match="no UDP socket"):
            all_of_them.send(b"hello there", named)
    finally:
        await all_of_them.close()


async def test_without_a_socket_of_the_family_nothing_is_sent(sink: Sink, counters: Counters) -> None:
    four_only = Transports(sink, counters)
    await four_only.listen([ListenAddress.parse("udp:127.0.0.1:0")])
    try:
        assert not four_only.supports(Transport.UDP, "::1")
        assert four_only.supports(Transport.TCP, "::1")
        assert four_only.sent_by(Hop(Transport.TCP, "::1", 5)) == ("::1", 5060)
        with pytest.raises(Unreachable, match="no UDP socket"):
            four_only.send(b"hello there", Hop(Transport.UDP, "::1", 5060))
        with pytest.raises(Unreachable, match="no connection"):
            four_only.send(b"hello there", Hop(Transport.TCP, "::1", 5060))
    finally:
        await four_only.close()
