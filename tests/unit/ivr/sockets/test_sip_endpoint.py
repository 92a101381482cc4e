"""The endpoint over real sockets on loopback: two of ours, or one of ours and a plain socket."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from ivr.sip.endpoint import Endpoint
from ivr.sip.headers import Headers
from ivr.sip.hops import Destination, Hop, ListenAddress, Source, Transport
from ivr.sip.limits import Limits
from ivr.sip.locating import Naptr, Srv
from ivr.sip.message import Request, Response, parse, response_to
from ivr.sip.outgoing import is_made_up
from ivr.sip.transaction import ServerTransaction
from ivr.sip.uri import Uri
from tests.ports import free_port

ADDRESSES = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "udp:[::1]:0", "tcp:[::1]:0"]


class Core:
    """A user agent core that answers by a script and remembers what it was told."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.sources: list[Source] = []
        self.acks: list[Request] = []
        self.cancelled: list[ServerTransaction] = []
        self.transactions: list[ServerTransaction] = []
        self.answer: Callable[[Endpoint, ServerTransaction], object] = lambda endpoint, tx: None
        self.endpoint: Endpoint
        self.told = asyncio.Event()

    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        self.requests.append(request)
        self.sources.append(source)
        self.transactions.append(tx)
        self.told.set()
        self.answer(self.endpoint, tx)

    def on_ack(self, request: Request, source: Source) -> None:
        self.acks.append(request)
        self.told.set()

    def on_cancel(self, tx: ServerTransaction) -> None:
        self.cancelled.append(tx)
        self.endpoint.respond(tx, response_to(tx.request, 487))

    async def until(self, ready: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not ready():
                self.told.clear()
                await self.told.wait()


class NoNames:
    async def naptr(self, name: str) -> list[Naptr]:
        return []

    async def srv(self, name: str) -> list[Srv]:
        return []

    async def addresses(self, name: str) -> list[str]:
        return []


@asynccontextmanager
async def endpoint(
    *addresses: str, limits: Limits | None = None, external: str | None = None
) -> AsyncIterator[tuple[Endpoint, Core]]:
    core = Core()
    made = Endpoint(core, user_agent="voicebox-test", limits=limits, resolver=NoNames(), external=external)
    core.endpoint = made
    await made.listen(addresses or ADDRESSES)
    try:
        yield made, core
    finally:
        await made.close()


def hop_to(target: Endpoint, transport: Transport, host: str = "127.0.0.1") -> Hop:
    for each in target.listening:
        if each.transport is transport and each.host == host:
            return Hop(transport, each.host, each.port)
    raise LookupError(transport)


def a_request(method: str = "OPTIONS", uri: str = "sip:100@127.0.0.1", call_id: str = "c1", cseq: int = 1) -> Request:
    headers = Headers()
    headers.add("Max-Forwards", "70")
    headers.add("From", "<sip:bob@127.0.0.1>;tag=bob")
    headers.add("To", f"<{uri}>")
    headers.add("Call-ID", call_id)
    headers.add("CSeq", f"{cseq} {method}")
    headers.add("Contact", "<sip:bob@127.0.0.1:5999>")
    return Request(method, Uri.parse(uri), headers)


def ok(made: Endpoint, tx: ServerTransaction) -> None:
    made.respond(tx, response_to(tx.request, 200))


def with_contact(made: Endpoint, tx: ServerTransaction) -> None:
    response = response_to(tx.request, 200)
    response.headers.add("Contact", made.contact(tx.source.hop, "100"))
    made.respond(tx, response)


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    """A phone without a stack: a plain UDP socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A TCP port where nobody listens: it is bound, so that nobody else begins to."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


async def heard(sock: socket.socket) -> Response | Request:
    async with asyncio.timeout(20):
        return parse(await asyncio.get_running_loop().sock_recv(sock, 65535))


def by_phone(sock: socket.socket, method: str, branch: str, *, cseq: int = 1, extra: str = "", to: str = "") -> bytes:
    port = sock.getsockname()[1]
    return (
        f"{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch={branch};rport\r\n"
        f"From: <sip:bob@127.0.0.1>;tag=bob\r\nTo: <sip:100@127.0.0.1>{to}\r\nCall-ID: phone-call\r\n"
        f"CSeq: {cseq} {method}\r\nContact: <sip:bob@127.0.0.1:{port}>\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def place(made: Endpoint) -> tuple[str, int]:
    hop = hop_to(made, Transport.UDP)
    return hop.host, hop.port


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_request_gets_its_response_over_every_transport_and_family(transport: Transport, host: str) -> None:
    async with endpoint() as (server, core), endpoint() as (client, _):
        core.answer = ok
        response = await client.request(a_request(), hop_to(server, transport, host))
        assert response.status == 200
        assert response.headers.get("Server") == "voicebox-test"
        assert core.requests[0].headers.get("User-Agent") == "voicebox-test"
        assert core.sources[0].host == host
        assert core.sources[0].transport is transport
        assert core.requests[0].via.transport == transport.upper()


@pytest.mark.parametrize("transport", list(Transport))
async def test_a_call_from_invite_to_bye(transport: Transport) -> None:
    async with endpoint() as (server, core), endpoint() as (client, _):
        core.answer = with_contact
        seen: list[int] = []
        hop = hop_to(server, transport)
        invite = a_request("INVITE")
        response = await client.request(invite, hop, on_provisional=lambda each: seen.append(each.status))
        assert (seen, response.status) == ([100], 200)
        ack = a_request("ACK", str(response.contact[0].uri))
        await client.send_ack(ack)
        await core.until(lambda: core.acks)
        assert server.invite_of(core.acks[0]) is core.transactions[0]
        assert core.acks[0].via.branch != core.requests[0].via.branch
        core.answer = ok
        assert (await client.request(a_request("BYE", cseq=2), hop)).status == 200


async def test_100_goes_out_at_once_and_before_a_2xx_but_not_before_a_refusal_given_at_once(
    phone: socket.socket,
) -> None:
    async with endpoint() as (server, core):
        phone.sendto(by_phone(phone, "INVITE", "z9hG4bKa"), place(server))
        assert (await heard(phone)).status == 100  # type: ignore[union-attr]
        core.answer = ok
        phone.sendto(by_phone(phone, "INVITE", "z9hG4bKb", cseq=2), place(server))
        assert [(await heard(phone)).status for _ in range(2)] == [100, 200]  # type: ignore[union-attr]
        core.answer = lambda made, tx: made.respond(tx, response_to(tx.request, 401))
        phone.sendto(by_phone(phone, "INVITE", "z9hG4bKc", cseq=3), place(server))
        assert (await heard(phone)).status == 401  # type: ignore[union-attr]


async def test_pyvoip_sends_the_same_branch_again_with_credentials_and_acks_with_a_random_to_tag(
    phone: socket.socket,
) -> None:
    async with endpoint() as (server, core):
        core.answer = lambda made, tx: made.respond(tx, response_to(tx.request, 401))
        phone.sendto(by_phone(phone, "INVITE", "z9hG4bKsame"), place(server))
        assert (await heard(phone)).status == 401  # type: ignore[union-attr]
        phone.sendto(by_phone(phone, "ACK", "z9hG4bKother", to=";tag=random"), place(server))
        core.answer = ok
        phone.sendto(by_phone(phone, "INVITE", "z9hG4bKsame", cseq=2), place(server))
        assert [(await heard(phone)).status for _ in range(2)] == [100, 200]  # type: ignore[union-attr]
        assert core.acks == []
        phone.sendto(by_phone(phone, "ACK", "z9hG4bKother", cseq=2, to=";tag=random"), place(server))
        await core.until(lambda: core.acks)
        assert server.invite_of(core.acks[0]) is core.transactions[1]


async def test_the_response_goes_to_the_source_whatever_via_says(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        core.answer = ok
        data = by_phone(phone, "OPTIONS", "z9hG4bKv").replace(b"127.0.0.1:%d;" % phone.getsockname()[1], b"192.0.2.1;")
        phone.sendto(data, place(server))
        response = await heard(phone)
        assert response.via.received == "127.0.0.1"
        assert response.via.rport == phone.getsockname()[1]


async def test_cancel_ends_an_invite_with_487() -> None:
    async with endpoint() as (server, core), endpoint() as (client, _):
        invite = a_request("INVITE")
        provisional = asyncio.Event()
        call = asyncio.ensure_future(
            client.request(invite, hop_to(server, Transport.UDP), on_provisional=lambda _: provisional.set())
        )
        await asyncio.wait_for(provisional.wait(), 20)
        assert client.cancel(invite)
        assert (await asyncio.wait_for(call, 20)).status == 487
        assert len(core.cancelled) == 1
        assert not client.cancel(invite) or client.transactions  # nothing left to cancel, and no error


async def test_an_answer_after_its_caller_has_left_is_acknowledged_and_hung_up() -> None:
    async with endpoint() as (server, core), endpoint() as (client, _):
        provisional = asyncio.Event()
        call = asyncio.ensure_future(
            client.request(
                a_request("INVITE"), hop_to(server, Transport.UDP), on_provisional=lambda _: provisional.set()
            )
        )
        await asyncio.wait_for(provisional.wait(), 20)
        with_contact(server, core.transactions[0])  # crosses the CANCEL
        call.cancel()
        await core.until(lambda: core.acks and len(core.requests) == 2)
        assert core.requests[1].method == "BYE"
        assert core.requests[1].to.tag == core.acks[0].to.tag
        assert not core.cancelled


async def test_an_answer_read_in_the_turn_in_which_its_time_runs_out_is_one() -> None:
    def held_up(made: Endpoint, tx: ServerTransaction) -> None:
        with_contact(made, tx)
        time.sleep(0.6)  # the loop then finds both at once: the answer in the socket, and the time over

    async with endpoint() as (server, core), endpoint() as (client, _):
        core.answer = held_up
        for method in ("OPTIONS", "INVITE"):
            response = await client.request(a_request(method), hop_to(server, Transport.UDP), timeout_s=0.5)
            assert (response.status, is_made_up(response)) == (200, False)


async def test_who_rang_before_a_process_was_held_up_was_not_silent() -> None:
    def held_up(made: Endpoint, tx: ServerTransaction) -> None:
        made.respond(tx, response_to(tx.request, 180))
        asyncio.get_running_loop().call_later(0.7, with_contact, made, tx)
        time.sleep(0.6)

    async with endpoint() as (server, core), endpoint() as (client, _):
        core.answer = held_up
        response = await client.request(a_request("INVITE"), hop_to(server, Transport.UDP), silence_s=0.5)
        assert (response.status, is_made_up(response)) == (200, False)


async def test_an_answer_read_in_the_turn_in_which_its_caller_leaves_is_hung_up() -> None:
    async with endpoint() as (server, core), endpoint() as (client, _):
        call: asyncio.Future[Response]

        def answered_and_left(made: Endpoint, tx: ServerTransaction) -> None:
            if tx.request.method == "INVITE":
                with_contact(made, tx)
                asyncio.get_running_loop().call_later(0, call.cancel)  # once the sockets of the next turn are read

        core.answer = answered_and_left
        call = asyncio.ensure_future(client.request(a_request("INVITE"), hop_to(server, Transport.UDP)))
        await core.until(lambda: core.acks and len(core.requests) == 2)
        assert call.cancelled()
        assert core.requests[1].method == "BYE"
        assert core.requests[1].to.tag == core.acks[0].to.tag
        assert not core.cancelled


async def test_a_repeated_2xx_is_acknowledged_again_with_the_same_ack() -> None:
    async with endpoint() as (server, core), endpoint() as (client, _):
        core.answer = with_contact
        response = await client.request(a_request("INVITE"), hop_to(server, Transport.UDP))
        again = response_to(core.requests[0], 200)
        server.send_2xx(core.transactions[0], again)  # before the session has acknowledged: nothing to repeat yet
        ack = a_request("ACK", str(response.contact[0].uri))
        ack.headers.set("To", response.headers.get("To") or "")
        await client.send_ack(ack, hop_to(server, Transport.UDP))
        await core.until(lambda: core.acks)
        before = len(core.acks)
        server.send_2xx(core.transactions[0], again)
        await core.until(lambda: len(core.acks) > before)
        assert {each.via.branch for each in core.acks} == {core.acks[0].via.branch}
        assert len(core.requests) == 1


async def test_a_handler_that_raises_is_answered_500_and_the_next_request_is_served(phone: socket.socket) -> None:
    def explode(made: Endpoint, tx: ServerTransaction) -> None:
        raise RuntimeError("bug")

    async with endpoint() as (server, core):
        core.answer = explode
        phone.sendto(by_phone(phone, "INVITE", "z9hG4bKx"), place(server))
        assert (await heard(phone)).status == 500  # type: ignore[union-attr]
        core.answer = ok
        phone.sendto(by_phone(phone, "OPTIONS", "z9hG4bKy"), place(server))
        assert (await heard(phone)).status == 200  # type: ignore[union-attr]
        assert server.counters.handler_errors == 1


async def test_a_fault_of_ours_below_the_handler_costs_one_message_only(phone: socket.socket) -> None:
    faults = [RuntimeError("bug")]

    def trusted(source: Source) -> bool:
        if faults:
            raise faults.pop()
        return True

    core = Core()
    core.answer = ok
    server = core.endpoint = Endpoint(core, user_agent="voicebox-test", trusted=trusted, resolver=NoNames())
    await server.listen(["udp:127.0.0.1:0"])
    try:
        phone.sendto(by_phone(phone, "OPTIONS", "z9hG4bK1"), place(server))
        phone.sendto(by_phone(phone, "OPTIONS", "z9hG4bK2", cseq=2), place(server))
        assert (await heard(phone)).cseq.number == 2
        assert server.counters.handler_errors == 1
    finally:
        await server.close()


async def test_while_draining_new_calls_get_503_and_dialogs_go_on(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        core.answer = ok
        server.draining = True
        for number, method in enumerate(("INVITE", "OPTIONS")):
            phone.sendto(by_phone(phone, method, f"z9hG4bKd{number}", cseq=number + 1), place(server))
            response = await heard(phone)
            assert response.status == 503  # type: ignore[union-attr]
            assert int(response.headers.get("Retry-After") or 0) > 0
        phone.sendto(by_phone(phone, "BYE", "z9hG4bKd9", to=";tag=x", cseq=9), place(server))
        assert (await heard(phone)).status == 200  # type: ignore[union-attr]
        assert (server.counters.draining, server.transactions) == (2, 1)


async def test_malformed_is_answered_400_when_it_can_be_addressed_and_else_counted(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        core.answer = ok
        phone.sendto(b"\x16\x03\x01 not sip at all", place(server))
        phone.sendto(b"\r\n\r\n", place(server))
        phone.sendto(by_phone(phone, "OPTIONS", "z9hG4bKm", extra="Max-Forwards: many\r\n"), place(server))
        response = await heard(phone)
        assert response.status == 400  # type: ignore[union-attr]
        assert response.via.rport == phone.getsockname()[1]
        assert (server.counters.malformed, server.counters.keepalives, server.counters.received) == (2, 1, 0)


async def test_a_flood_of_malformed_requests_is_answered_for_a_while_only(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        core.answer = ok
        bad = by_phone(phone, "OPTIONS", "z9hG4bKm", extra="Max-Forwards: many\r\n")
        for _ in range(40):
            phone.sendto(bad, place(server))
        phone.sendto(by_phone(phone, "OPTIONS", "z9hG4bKn"), place(server))
        statuses = []
        while 200 not in statuses:
            statuses.append((await heard(phone)).status)  # type: ignore[union-attr]
        assert 10 <= statuses.count(400) < 20
        assert server.counters.malformed == 40


async def test_half_open_invites_of_a_stranger_are_bounded_and_leave_nothing(phone: socket.socket) -> None:
    async with endpoint(limits=Limits(half_open_per_source=3)) as (server, _):
        for number in range(5):
            phone.sendto(by_phone(phone, "INVITE", f"z9hG4bKf{number}", cseq=number + 1), place(server))
        statuses = [(await heard(phone)).status for _ in range(5)]  # type: ignore[union-attr]
        assert statuses == [100, 100, 100, 503, 503]
        assert (server.half_open, server.transactions, server.counters.refused) == (3, 3, 2)


async def test_refuse_keeps_nothing(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        core.answer = lambda made, tx: made.refuse(tx, response_to(tx.request, 403))
        tags = set()
        for _ in range(2):
            phone.sendto(by_phone(phone, "INVITE", "z9hG4bKr"), place(server))
            response = await heard(phone)
            assert response.status == 403  # type: ignore[union-attr]
            tags.add(response.to.tag)
        assert len(tags) == 1
        assert (server.transactions, server.half_open) == (0, 0)


async def test_nobody_listening_on_tcp_is_a_made_up_503_and_the_next_hop_is_tried(deaf: socket.socket) -> None:
    class TwoHops(NoNames):
        def __init__(self, ports: list[int]) -> None:
            self.ports = ports

        async def srv(self, name: str) -> list[Srv]:
            return [Srv(priority, 0, port, "sip.test") for priority, port in enumerate(self.ports)]

        async def addresses(self, name: str) -> list[str]:
            return ["127.0.0.1"]

    async with endpoint() as (server, core):
        core.answer = ok
        names = TwoHops([deaf.getsockname()[1]])
        client = Endpoint(Core(), user_agent="voicebox-test", resolver=names)
        await client.listen(["udp:127.0.0.1:0"])
        try:
            to = Destination("trunk.test", transport=Transport.TCP)
            response = await client.request(a_request(), to)
            assert response.status == 503
            assert is_made_up(response)
            names.ports.append(hop_to(server, Transport.TCP).port)
            assert (await client.request(a_request(cseq=2), to)).status == 200
        finally:
            await client.close()


async def test_a_name_that_leads_nowhere_is_a_made_up_503() -> None:
    async with endpoint() as (client, _):
        response = await client.request(a_request(uri="sip:100@nowhere.test"))
        assert is_made_up(response)
        assert response.status == 503


async def test_silence_is_a_made_up_408(phone: socket.socket) -> None:
    async with endpoint() as (client, _):
        hop = Hop(Transport.UDP, *phone.getsockname())
        response = await client.request(a_request(), hop, timeout_s=0.05)
        assert is_made_up(response)
        assert response.status == 408


async def test_a_connection_that_broke_since_it_was_last_used_is_replaced() -> None:
    async with endpoint() as (client, _):
        address = f"tcp:127.0.0.1:{free_port('127.0.0.1', 'tcp')}"
        async with endpoint(address) as (server, core):
            core.answer = ok
            hop = hop_to(server, Transport.TCP)
            assert (await client.request(a_request(), hop)).status == 200
            assert client.connections == 1
        async with endpoint(address) as (server, core):
            core.answer = ok
            assert (await client.request(a_request(cseq=2), hop)).status == 200
            assert client.counters.connections_opened == 2


async def test_a_request_uses_the_connection_the_peer_opened() -> None:
    async with endpoint("tcp:127.0.0.1:0") as (server, core), endpoint("udp:127.0.0.1:0") as (client, other):
        core.answer = other.answer = ok
        assert (await client.request(a_request(), hop_to(server, Transport.TCP))).status == 200
        assert (await server.request(a_request("NOTIFY"), core.sources[0].hop)).status == 200
        assert server.counters.connections_opened == 0
        assert other.requests[0].method == "NOTIFY"


async def test_closing_gives_those_who_wait_a_made_up_503(phone: socket.socket) -> None:
    async with endpoint() as (client, _):
        waiting = asyncio.ensure_future(client.request(a_request(), Hop(Transport.UDP, *phone.getsockname())))
        await heard(phone)
        await client.close()
        response = await asyncio.wait_for(waiting, 20)
        assert (response.status, is_made_up(response)) == (503, True)
        await client.close()


async def test_contact_and_via_name_the_bound_address_or_external_on_a_wildcard() -> None:
    async with endpoint("udp:127.0.0.1:0", "tcp:127.0.0.1:0") as (made, _):
        udp, tcp = made.listening
        assert made.contact(Hop(Transport.UDP, "127.0.0.1", 5), "100") == f"<sip:100@127.0.0.1:{udp.port}>"
        assert made.contact(Hop(Transport.TCP, "127.0.0.1", 5)) == f"<sip:127.0.0.1:{tcp.port};transport=tcp>"
    async with endpoint("udp:0.0.0.0:0", "udp:[::]:0", external="203.0.113.7") as (made, _):
        assert made.sent_by(Hop(Transport.UDP, "198.51.100.1", 5060)).host == "203.0.113.7"
        assert made.sent_by(Hop(Transport.UDP, "::1", 5060)).host == "::1"
    async with endpoint("udp:0.0.0.0:0") as (made, _):
        assert made.sent_by(Hop(Transport.UDP, "127.0.0.1", 5060)).host == "127.0.0.1"


async def test_retransmissions_do_not_reach_the_handler(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        for _ in range(3):
            phone.sendto(by_phone(phone, "INVITE", "z9hG4bKt"), place(server))
            assert (await heard(phone)).status == 100  # type: ignore[union-attr]
        assert (len(core.requests), server.counters.absorbed, server.counters.retransmitted) == (1, 2, 2)


async def test_a_late_response_is_dropped_without_an_error(phone: socket.socket) -> None:
    async with endpoint() as (server, core):
        phone.sendto(by_phone(phone, "OPTIONS", "z9hG4bKl"), place(server))
        await core.until(lambda: core.transactions)
        tx = core.transactions[0]
        assert server.refuse(tx, response_to(tx.request, 403))
        assert not server.respond(tx, response_to(tx.request, 200))
        assert not server.refuse(tx, response_to(tx.request, 200))


async def test_listen_on_a_port_that_is_taken_names_it_and_us_and_leaves_nothing_open(phone: socket.socket) -> None:
    port = phone.getsockname()[1]
    made = Endpoint(Core(), user_agent="voicebox-test")
    with pytest.raises(OSError, match=rf"udp 127\.0\.0\.1:{port} is taken by process \d+ \(.+\)"):
        await made.listen(["tcp:127.0.0.1:0", ListenAddress(Transport.UDP, "127.0.0.1", port)])
    assert made.listening == []
