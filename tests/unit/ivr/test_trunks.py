"""Registering at trunks over loopback, with a registrar of ours on the other side."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from ivr.peers import Peers
from ivr.sip.digest import Algorithm, Authenticator, StoredSecrets, Verdict, ha1
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Source
from ivr.sip.locating import LocatingError, Naptr, Srv
from ivr.sip.message import Request, Response, response_to
from ivr.sip.transaction import ServerTransaction
from ivr.trunks import Trunks
from voicebox.settings.sip import Sip

REALM = "trunk.example"


class Names:
    """A name service that knows the trunk, until it is down."""

    def __init__(self) -> None:
        self.down = False
        self.port = 0

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return []

    async def srv(self, name: str) -> Sequence[Srv]:
        if self.down:
            raise LocatingError("down")
        return [Srv(1, 1, self.port, "sbc.trunk.example")] if name == "_sip._udp.trunk.example" else []

    async def addresses(self, name: str) -> Sequence[str]:
        if self.down:
            raise LocatingError("down")
        return {"sbc.trunk.example": ["127.0.0.1"], "elsewhere.example": ["127.0.0.9"]}.get(name, [])


class Registrar:
    """The trunk's side: challenges, and grants what it is told to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.authenticator = Authenticator(REALM, b"0123456789abcdef")
        self.secrets = StoredSecrets(ha1_md5=ha1("box@home", REALM, "s3cret-word", Algorithm.MD5))
        self.endpoint: Endpoint
        self.told = asyncio.Event()

    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        self.requests.append(request)
        self.endpoint.respond(tx, self._answer(request))
        self.told.set()

    def _answer(self, request: Request) -> Response:
        credentials = self.authenticator.credentials_of(request)
        if credentials is None or (
            self.authenticator.verify(credentials, request, self.secrets, 1.0) is not Verdict.GOOD
        ):
            response = response_to(request, 401)
            response.headers.add("WWW-Authenticate", self.authenticator.challenges(1.0, algorithms=[Algorithm.MD5])[0])
            return response
        response = response_to(request, 200)
        response.headers.add("Contact", f"{request.headers.get('Contact')};expires=3600")
        return response

    def on_ack(self, request: Request, source: Source) -> None:
        pass

    def on_cancel(self, tx: ServerTransaction) -> None:
        pass

    async def until(self, ready: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not ready():
                self.told.clear()
                await self.told.wait()


class Stage:
    def __init__(self, registrar: Registrar, endpoint: Endpoint, names: Names) -> None:
        self.registrar = registrar
        self.endpoint = endpoint
        self.names = names

    def trunks(self, **changes: str) -> Trunks:
        trunk = {"name": "trunk", "registrar": "sip:trunk.example", "username": "box@home", "password": "s3cret-word"}
        sip = Sip.model_validate({"trunk": [{**trunk, **changes}]})
        self.peers = Peers(sip)
        return Trunks(self.endpoint, self.peers, sip)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    registrar, names = Registrar(), Names()
    registrar.endpoint = Endpoint(registrar, user_agent="trunk")
    await registrar.endpoint.listen(["udp:127.0.0.1:0"])
    names.port = registrar.endpoint.listening[0].port
    mine = Endpoint(Registrar(), user_agent="voicebox", resolver=names)
    await mine.listen(["udp:0.0.0.0:0"])
    yield Stage(registrar, mine, names)
    await mine.close()
    await registrar.endpoint.close()


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_trunk_found_by_srv_is_registered_at_and_its_calls_are_known_and_left_at_the_end(stage: Stage) -> None:
    trunks = stage.trunks()
    running = asyncio.create_task(trunks.run())
    await stage.registrar.until(lambda: len(stage.registrar.requests) == 2)
    async with asyncio.timeout(20):
        while not trunks.clients["trunk"].registered:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
    contact = stage.registrar.requests[-1].contact[0].uri
    # Bound to a wildcard, we still name an address that the trunk can send to.
    assert (contact.user, contact.host, contact.port) == ("box%40home", "127.0.0.1", stage.endpoint.listening[0].port)
    found = stage.peers.find("127.0.0.1", 5999)
    assert found is not None
    assert found.name == "trunk"
    assert stage.peers.find("127.0.0.2", 5060) is None
    await ended(running)
    assert [request.expires for request in stage.registrar.requests] == [3600, 3600, 0, 0]


async def test_a_name_service_that_goes_down_takes_no_address_back(stage: Stage) -> None:
    trunks = stage.trunks()
    running = asyncio.create_task(trunks.run())
    await stage.registrar.until(lambda: len(stage.registrar.requests) == 2)
    stage.names.down = True
    client = trunks.clients["trunk"]
    wait_s = await trunks._register(stage.peers._sip.trunk[0], client)
    assert wait_s == 5.0
    assert not client.registered
    assert client.last_error == "down"
    assert stage.peers.find("127.0.0.1", 5060) is not None
    await ended(running)


async def test_behind_a_proxy_both_addresses_may_send_calls(stage: Stage) -> None:
    trunks = stage.trunks(registrar="sip:elsewhere.example", proxy="sip:trunk.example")
    running = asyncio.create_task(trunks.run())
    await stage.registrar.until(lambda: stage.registrar.requests)
    assert str(stage.registrar.requests[0].uri) == "sip:elsewhere.example"
    for host in ("127.0.0.1", "127.0.0.9"):
        assert stage.peers.find(host, 5060) is not None
    await ended(running)


async def test_one_trunks_fault_leaves_the_others_registered(stage: Stage) -> None:
    trunk = {"name": "good", "registrar": "sip:trunk.example", "username": "box@home", "password": "s3cret-word"}
    odd = {**trunk, "name": "odd", "registrar": "sips:trunk.example"}
    sip = Sip.model_validate({"trunk": [odd, trunk]})
    trunks = Trunks(stage.endpoint, Peers(sip), sip)
    running = asyncio.create_task(trunks.run())
    await stage.registrar.until(lambda: len(stage.registrar.requests) == 2)
    assert not running.done()
    assert "TLS" in trunks.clients["odd"].last_error
    await ended(running)
