"""An INVITE of ours to a name of several servers: its dialog stays with who answered (RFC 3263 section 4)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from ivr import branch
from ivr.branch import Branch, Place
from ivr.dialogs import Dialogs
from ivr.ringing import Ringing
from ivr.sip.digest import Algorithm, Authenticator, StoredSecrets, Verdict, ha1
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Destination, Transport
from ivr.sip.message import Request, Response, parse, response_to
from ivr.sip.outgoing import is_made_up
from ivr.sip.transaction import ServerTransaction
from tests.fakes.exchange import Core, sdp
from tests.fakes.nameserver import name_server
from tests.unit.ivr.test_branch import SAID
from voicebox.coverage import Rung
from voicebox.tasks import Errands

Answer = Callable[[Request], Response | None]


class Server(Core):
    """One server of the trunk."""

    async def open(self, transport: Transport) -> int:
        self.endpoint = Endpoint(self, user_agent="trunk")
        await self.endpoint.listen([f"{transport}:127.0.0.1:0"])
        return self.endpoint.listening[0].port

    @property
    def methods(self) -> list[str]:
        return [each.method for each in self.requests] + ["ACK" for _ in self.acks]


@dataclass
class Trunk:
    """A name behind which two servers are, in this order, and our endpoint."""

    transport: Transport
    first: Server
    second: Server
    ours: Endpoint
    errands: Errands
    dialogs: Dialogs = field(default_factory=Dialogs)

    def branch(self, login: tuple[str, str] | None = None) -> Branch:
        place = Place(Destination("trunk.test", None, self.transport), login)
        return Branch(self.ours, SAID, place, user="1001", dialogs=self.dialogs, spawn=self.errands.spawn)

    def picks_up(self, request: Request, *, route: str = "") -> Response:
        """Answer as one of a cluster does: by its name, not by the server's address."""
        if request.method != "INVITE":
            return response_to(request, 200)
        response = response_to(request, 200, to_tag="phone")
        response.headers.set("Contact", f"<sip:phone@trunk.test;transport={self.transport}>")
        response.headers.set("Content-Type", "application/sdp")
        if route:
            response.headers.set("Record-Route", route)
        response.body = sdp(41_000)
        return response


def refuses(request: Request) -> Response:
    return response_to(request, 503)


@pytest.fixture(params=list(Transport))
async def trunk(request: pytest.FixtureRequest) -> AsyncIterator[Trunk]:
    transport: Transport = request.param
    first, second = Server(), Server()
    ports = [await each.open(transport) for each in (first, second)]
    zone = {
        (f"_sip._{transport}.trunk.test.", "SRV"): [
            f"{priority} 1 {port} s.trunk.test." for priority, port in zip((10, 20), ports, strict=True)
        ],
        ("s.trunk.test.", "A"): ["127.0.0.1"],
    }
    async with AsyncExitStack() as stack:
        names = await stack.enter_async_context(name_server(zone))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        core = Core()
        core.endpoint = ours = Endpoint(core, user_agent="voicebox", resolver=names.resolver)
        await ours.listen([f"{transport}:127.0.0.1:0"])
        for each in (ours, first.endpoint, second.endpoint):
            stack.push_async_callback(each.close)
        yield Trunk(transport, first, second, ours, Errands(group))


async def through_and_over(trunk: Trunk) -> None:
    """Call, hold, and hang up: all of it is to be the second server's."""
    branch = trunk.branch()
    assert (await branch.ring()).status == 200
    await branch.acknowledge()
    await trunk.second.until(lambda: trunk.second.acks)
    assert branch.side is not None
    hold = branch.side.invite.dialog.request("INVITE", body=sdp(), content_type="application/sdp")
    response = await branch.side.way.ask(hold)
    await branch.side.way.acknowledge(branch.side.invite.dialog.ack(response.cseq.number))
    await trunk.second.until(lambda: len(trunk.second.acks) == 2)
    branch.give_up()
    await trunk.second.request("BYE")
    assert trunk.second.methods == ["INVITE", "INVITE", "BYE", "ACK", "ACK"]


@pytest.mark.parametrize("route", ["", "<sip:trunk.test;transport={};lr>"])
async def test_after_a_503_the_dialog_is_the_next_servers(trunk: Trunk, route: str) -> None:
    trunk.first.answer = refuses
    trunk.second.answer = lambda request: trunk.picks_up(request, route=route.format(trunk.transport))
    await through_and_over(trunk)
    assert trunk.first.methods == ["INVITE"]


@pytest.mark.parametrize("trunk", [Transport.TCP], indirect=True)
async def test_after_a_refused_connection_the_dialog_is_the_next_servers(trunk: Trunk) -> None:
    await trunk.first.endpoint.close()
    trunk.second.answer = trunk.picks_up
    await through_and_over(trunk)


async def test_cancel_follows_its_invite(trunk: Trunk) -> None:
    trunk.first.answer = refuses

    def rings(request: Request) -> None:
        return None

    trunk.second.answer = rings
    branch = trunk.branch()
    heard = asyncio.Event()
    branch.on_provisional = lambda response: heard.set()
    ringing = asyncio.create_task(branch.ring())
    async with asyncio.timeout(20):
        await heard.wait()
    cancelled: list[ServerTransaction] = []
    answer = trunk.second.on_cancel

    def note(tx: ServerTransaction) -> None:
        cancelled.append(tx)
        answer(tx)

    trunk.second.on_cancel = note  # type: ignore[method-assign] # the test's own
    branch.give_up()
    assert (await ringing).status == 487
    assert len(cancelled) == 1
    assert trunk.first.methods == ["INVITE"]


async def test_credentials_go_to_the_server_that_asked_for_them(trunk: Trunk) -> None:
    authenticator = Authenticator("trunk.test", b"0123456789abcdef")
    secrets = StoredSecrets(ha1_md5=ha1("user", "trunk.test", "word", Algorithm.MD5))
    verdicts: list[Verdict] = []
    trunk.first.answer = refuses

    def challenges(request: Request) -> Response:
        credentials = authenticator.credentials_of(request)
        if credentials is not None:
            verdicts.append(authenticator.verify(credentials, request, secrets, 0.0))
            return response_to(request, 486, to_tag="phone")
        response = response_to(request, 401, to_tag="phone")
        response.headers.add("WWW-Authenticate", authenticator.challenges(0.0, algorithms=[Algorithm.MD5])[0])
        return response

    trunk.second.answer = challenges
    assert (await trunk.branch(("user", "word")).ring()).status == 486
    assert verdicts == [Verdict.GOOD]
    assert trunk.first.methods == ["INVITE"]


async def test_a_server_that_says_nothing_is_passed_over_and_not_asked_first_again(
    trunk: Trunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert branch.SILENCE_S == 4.0
    monkeypatch.setattr(branch, "SILENCE_S", 1.5)  # enough for the second one on a busy machine
    came: list[bytes] = []
    monkeypatch.setattr(trunk.first.endpoint, "received", lambda data, source: came.append(data))
    trunk.second.answer = trunk.picks_up
    async with asyncio.timeout(20):
        await through_and_over(trunk)
        trunk.second.requests.clear()
        trunk.second.acks.clear()
        await through_and_over(trunk)
    assert len({parse(data).call_id for data in came}) == 1


async def test_where_all_servers_say_nothing_nobody_is_reached(trunk: Trunk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branch, "SILENCE_S", 0.1)
    for each in (trunk.first, trunk.second):
        monkeypatch.setattr(each.endpoint, "received", lambda data, source: None)
    assert await Ringing([trunk.branch()], spawn=trunk.errands.spawn).run(None) is Rung.UNREACHABLE


@pytest.mark.parametrize("trunk", [Transport.TCP], indirect=True)
async def test_a_server_that_rings_and_is_lost_keeps_the_call(trunk: Trunk) -> None:
    trunk.first.answer = lambda request: response_to(request, 180, to_tag="one")
    trunk.second.answer = trunk.picks_up
    called = trunk.branch()
    heard = asyncio.Event()
    called.on_provisional = lambda response: heard.set()
    ringing = asyncio.create_task(called.ring())
    async with asyncio.timeout(20):
        await heard.wait()
    await trunk.first.endpoint.close()
    response = await ringing
    assert (response.status, is_made_up(response)) == (503, True)
    assert trunk.second.methods == []


async def test_contact_is_where_the_server_that_gets_the_request_reaches_us() -> None:
    six, four, own = Server(), Server(), Core()
    six.endpoint, four.endpoint = Endpoint(six, user_agent="six"), Endpoint(four, user_agent="four")
    await six.endpoint.listen(["udp:[::1]:0"])
    await four.endpoint.listen(["udp:127.0.0.1:0"])
    six.answer = refuses
    four.answer = lambda request: response_to(request, 486, to_tag="phone")
    zone = {
        ("_sip._udp.trunk.test.", "SRV"): [
            f"10 1 {six.endpoint.listening[0].port} six.trunk.test.",
            f"20 1 {four.endpoint.listening[0].port} four.trunk.test.",
        ],
        ("six.trunk.test.", "AAAA"): ["::1"],
        ("four.trunk.test.", "A"): ["127.0.0.1"],
    }
    async with name_server(zone) as names, asyncio.TaskGroup() as group:
        own.endpoint = ours = Endpoint(own, user_agent="voicebox", resolver=names.resolver)
        await ours.listen(["udp:127.0.0.1:0", "udp:[::1]:0"])
        place = Place(Destination("trunk.test", None, Transport.UDP))
        called = Branch(ours, SAID, place, user="1001", dialogs=Dialogs(), spawn=Errands(group).spawn)
        assert (await called.ring()).status == 486
        hosts = [[each.contact[0].uri.host for each in server.requests] for server in (six, four)]
        for each in (ours, six.endpoint, four.endpoint):
            await each.close()
    assert hosts == [["[::1]"], ["127.0.0.1"]]
