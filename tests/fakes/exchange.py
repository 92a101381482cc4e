"""An engine with a real SIP endpoint on loopback, and a caller with another.

Media, directory and flows are ours to move, and the opening silence is left out.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from ivr import incoming
from ivr.call import Hangup
from ivr.dialogs import Dialogs
from ivr.engine import Engine
from ivr.gate import Gate
from ivr.incoming import Flows, House, IncomingCall
from ivr.lamp import Lamp
from ivr.media.plane import MediaPlane
from ivr.media.ports import NoPorts
from ivr.media.remote import RemoteMedia
from ivr.peers import Peers
from ivr.phones import Phones
from ivr.session import Session
from ivr.sip.dialog import Dialog
from ivr.sip.digest import Algorithm, Authenticator, ha1
from ivr.sip.endpoint import Endpoint
from ivr.sip.headers import Headers
from ivr.sip.hops import Hop, Source, Transport
from ivr.sip.locating import Naptr, Srv
from ivr.sip.message import Request, Response, response_to
from ivr.sip.transaction import ServerTransaction
from ivr.sip.uri import Uri
from ivr.switchboard import Switchboard
from tests.fakes.voicemail import ANNA, BEISPIEL, StoppedClock
from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.codec import Codec
from voicebox.directory import Binding, Device
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Counts
from voicebox.metrics import Metrics
from voicebox.numbers import Number
from voicebox.outbound import Dial, Owner, Usage, permit
from voicebox.outbound import Refused as NotPermitted
from voicebox.settings.outbound import Outbound
from voicebox.settings.sip import Sip
from voicebox.tasks import Errands

REALM = "voicebox.example"
PASSWORD = "s3cret-word"
PHONE = Device(
    company_id=BEISPIEL.id,
    mailbox_id=ANNA.id,
    number="1001",
    username="1001",
    realm=REALM,
    ha1_md5=ha1("1001", REALM, PASSWORD, Algorithm.MD5),
    ha1_sha256=ha1("1001", REALM, PASSWORD, Algorithm.SHA256),
)


def sdp(port: int = 30_000, *, host: str = "127.0.0.1", formats: str = "0 101", more: str = "") -> bytes:
    """Return a description of a phone's audio."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\n{more}"
    ).encode()


class FakeEnd:
    """One end of a bridge: where what comes in goes."""

    def __init__(self) -> None:
        self.passes_to: FakeEnd | None = None

    def pass_to(self, other: "FakeEnd") -> None:
        self.passes_to = other

    def keep_to_itself(self) -> None:
        self.passes_to = None


class FakeSounds:
    """Every sound is a second long."""

    async def encoded(self, sound: object, codec: Codec) -> list[bytes]:
        return [bytes(8000)]


class FakeStream:
    """Media that only remembers what it was told."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", 20_000
        self.on_key: Callable[[str], None] = lambda key: None
        self.on_fault: Callable[[Exception], None] = lambda error: None
        self.remotes: list[RemoteMedia] = []
        self.bridged = FakeEnd()
        self.playing = False
        self.silent_s = 0.0
        self.closed = False

    def connect(self, remote: RemoteMedia) -> None:
        self.remotes.append(remote)

    def play(self, chunks: Sequence[bytes]) -> None:
        self.playing = True

    def stop(self) -> None:
        self.playing = False

    def last_packet_age(self, now: float) -> float:
        return self.silent_s

    def info_key(self, key: str) -> None:
        self.on_key(key)

    def catch_up(self) -> None:
        """Nothing lies unread in a socket that there is not."""

    def report(self) -> RtpFigures:
        return RtpFigures(received=1)

    async def close(self) -> None:
        self.closed = True


class FakePlane:
    capacity = 10

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.full = False
        self.opening = asyncio.Event()
        self.may_open = asyncio.Event()
        self.may_open.set()

    async def open(self) -> FakeStream:
        self.opening.set()
        await self.may_open.wait()
        if self.full:
            raise NoPorts("none left")
        self.streams.append(FakeStream())
        return self.streams[-1]


class FakeDirectory:
    """One company with one mailbox and its phone; answers when it may."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.bindings_kept: dict[str, Binding] = {}
        self.mailboxes: dict[str, Mailbox] = {ANNA.number: ANNA}

    async def _think(self) -> None:
        self.asked.set()
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error

    async def company(self, name: str | None) -> Company | None:
        return BEISPIEL

    async def companies(self) -> list[Company]:
        return [BEISPIEL]

    async def find_all(self, company_id: int, numbers: Sequence[Number]) -> Mapping[Number, Mailbox]:
        await self._think()
        return {number: self.mailboxes[number.digits] for number in numbers if number.digits in self.mailboxes}

    async def device(self, username: str, realm: str) -> Device | None:
        await self._think()
        return PHONE if username == "1001" else None

    async def bindings(self, now: datetime, *, aor: str | None = None) -> list[Binding]:
        return []

    async def save_binding(self, binding: Binding) -> None:
        await self._think()
        self.bindings_kept[binding.contact] = binding

    async def remove_binding(self, aor: str, contact: str | None = None) -> None:
        self.bindings_kept.pop(contact or "", None)


class FakeOutCalls:
    """The real policy, over a day on which nobody has dialled out."""

    def __init__(self, settings: Outbound) -> None:
        self.settings = settings
        self.away = False
        self.colleagues: dict[str, Mailbox] = {}
        self.permits: list[FakePermit] = []

    async def admit(self, payer: Mailbox, number: str) -> "FakePermit | NotPermitted":
        if self.away:
            raise DatabaseUnavailable("away")
        colleague = self.colleagues.get(number)
        owner = Owner(colleague) if colleague is not None else None
        found = permit(BEISPIEL, payer, number, self.settings, owner=owner, usage=Usage())
        if isinstance(found, NotPermitted):
            return found
        self.permits.append(FakePermit(found))
        return self.permits[-1]


class FakePermit:
    def __init__(self, dial: Dial) -> None:
        self.dial = dial
        self.leases: list[float] = []
        """For how long it goes on each time that is asked; afterwards for an hour."""
        self.counted = False
        self.ended = False

    def answered(self) -> None:
        self.counted = True

    def lease_s(self) -> float | None:
        if self.dial.internal:
            return None
        return self.leases.pop(0) if self.leases else 3600.0

    async def end(self) -> None:
        self.ended = True


class Names:
    """A name service that knows one phone."""

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return []

    async def srv(self, name: str) -> Sequence[Srv]:
        return []

    async def addresses(self, name: str) -> Sequence[str]:
        return ["::1", "127.0.0.5"] if name == "phone.example" else []


class Core:
    """The caller's user agent: keeps what comes, answers by a script."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.acks: list[Request] = []
        self.invites: list[ServerTransaction] = []
        """What rings here, to be answered by `endpoint.respond`."""
        self.endpoint: Endpoint
        self.answer: Callable[[Request], Response | None] = lambda request: response_to(request, 200)
        self._told = asyncio.Event()

    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        self.requests.append(request)
        if request.method == "INVITE":
            self.invites.append(tx)
        response = self.answer(request)
        if response is not None:
            self.endpoint.respond(tx, response)
        self._told.set()

    def on_ack(self, request: Request, source: Source) -> None:
        self.acks.append(request)
        self._told.set()

    def on_cancel(self, tx: ServerTransaction) -> None:
        self.endpoint.respond(tx, response_to(tx.request, 487))
        self._told.set()

    async def until(self, ready: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not ready():
                self._told.clear()
                await self._told.wait()

    async def request(self, method: str) -> Request:
        """Wait for a request of the other side."""
        await self.until(lambda: any(each.method == method for each in self.requests))
        return next(each for each in self.requests if each.method == method)


Flow = Callable[[Session], Awaitable[None]]


async def until_hang_up(session: Session) -> None:
    """Pick up, and wait for the end."""
    await session.answer()
    while True:
        await session.key(wait_s=60.0)


@dataclass
class Exchange:
    """Both sides of a call."""

    server: Endpoint
    engine: Engine
    house: House
    plane: FakePlane
    directory: FakeDirectory
    phones: Phones
    lamp: Lamp
    errands: Errands
    caller: Endpoint
    core: Core
    records: list[CallRecord]
    recorded: asyncio.Event
    flow: list[Flow]
    outcalls: FakeOutCalls
    number: int = 0
    dialogs: list[Dialog] = field(default_factory=list)

    @property
    def hop(self) -> Hop:
        where = self.server.listening[0]
        return Hop(Transport.UDP, where.host, where.port)

    @property
    def call(self) -> IncomingCall:
        (call,) = self.engine.calls.values()
        return call

    @property
    def stream(self) -> FakeStream:
        return self.plane.streams[-1]

    @property
    def contact(self) -> str:
        where = self.caller.listening[0]
        return f"<sip:caller@{where.host}:{where.port}>"

    # -- the caller

    def request(
        self, method: str, *, user: str = "1001", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Request:
        """Build a request outside of a dialog."""
        self.number += 1
        made = Headers()
        made.add("Max-Forwards", "70")
        made.add("From", f"<sip:+4915112345@127.0.0.1>;tag=caller{self.number}")
        made.add("To", f"<sip:{user}@127.0.0.1>")
        made.add("Call-ID", f"call-{self.number}")
        made.add("CSeq", f"1 {method}")
        made.add("Contact", self.contact)
        if body:
            made.add("Content-Type", "application/sdp")
        for name, value in (headers or {}).items():
            made.set(name, value)
        return Request(method, Uri.parse(f"sip:{user}@127.0.0.1"), made, body)

    async def ask(self, request: Request) -> Response:
        return await self.caller.request(request, self.hop, timeout_s=20.0)

    async def invite(self, body: bytes | None = None, **options: Any) -> tuple[Response, Dialog]:
        """Call, without the ACK."""
        request = self.request("INVITE", body=sdp() if body is None else body, **options)
        response = await self.ask(request)
        return response, Dialog.of_client(request, response, self.contact)

    async def connected(self, **options: Any) -> Dialog:
        """Call, and be through."""
        response, dialog = await self.invite(**options)
        assert response.status == 200, response.status
        await self.ack(dialog)
        return dialog

    async def ack(self, dialog: Dialog, body: bytes = b"") -> None:
        ack = dialog.ack(dialog.local_cseq, body=body, content_type="application/sdp")
        await self.caller.send_ack(ack, self.hop)
        await asyncio.sleep(0.01)

    async def within(
        self, dialog: Dialog, method: str, body: bytes = b"", kind: str = "application/sdp", **headers: str
    ) -> Response:
        """Send a request within a call."""
        request = dialog.request(method, body=body, content_type=kind)
        for name, value in headers.items():
            request.headers.set(name.replace("_", "-"), value)
        return await self.ask(request)

    async def record(self) -> CallRecord:
        """Wait for the record of the call."""
        async with asyncio.timeout(20):
            await self.recorded.wait()
        return self.records[-1]


@asynccontextmanager
async def exchange(
    *, calls_max: int = 10, patient: bool = True, outbound: Mapping[str, Any] | None = None, **sip: Any
) -> AsyncIterator[Exchange]:
    """Open both sides; at the end nothing may be left of any call."""
    settings_out = Outbound.model_validate(outbound or {})
    settings = Sip.model_validate(
        {"domain": REALM, "portal": ["8000"], "peer": [{"name": "pbx", "address": "127.0.0.1"}], **sip}
    )
    records: list[CallRecord] = []
    recorded = asyncio.Event()
    plane, directory, clock, core = FakePlane(), FakeDirectory(), StoppedClock(), Core()
    flow: list[Flow] = [until_hang_up]

    async def run_flow(session: Any, *_: object) -> None:
        await flow[0](session)

    def keep(record: CallRecord) -> None:
        records.append(record)
        recorded.set()

    async def counts_of(mailbox_id: int) -> Counts | None:
        return Counts(1, 0, 0, 0)

    handler = cast("Any", SimpleNamespace())
    server = Endpoint(handler, user_agent="voicebox", resolver=Names())
    async with asyncio.TaskGroup() as group:
        silence = mock.patch.object(incoming, "OPENING_SILENCE_S", 0.0)
        silence.start()
        errands = Errands(group)
        phones = Phones(cast("Any", directory), clock)
        outcalls = FakeOutCalls(settings_out)
        dialogs = Dialogs()
        house = House(
            endpoint=server,
            sip=settings,
            plane=cast("MediaPlane", plane),
            sounds=cast("Any", FakeSounds()),
            directory=cast("Any", directory),
            services=cast("Any", SimpleNamespace(clock=clock, outcalls=outcalls)),
            flows=Flows(leave_message=run_flow, fetch_messages=run_flow),
            keep=keep,
            spawn=errands.spawn,
            metrics=Metrics(process=False),
            phones=phones,
            dialogs=dialogs,
            board=Switchboard(
                server, cast("MediaPlane", plane), phones, dialogs, errands.spawn, settings, settings_out
            ),
        )
        lamp = Lamp(server, phones, settings, counts_of)
        gate = Gate(Peers(settings), Authenticator(REALM, b"0123456789abcdef"), directory.device, phones.is_contact)
        engine = Engine(house, gate, phones, lamp, calls_max=calls_max)
        handler.on_request, handler.on_ack, handler.on_cancel = engine.on_request, engine.on_ack, engine.on_cancel
        await server.listen(["udp:127.0.0.1:0"])
        caller = core.endpoint = Endpoint(core, user_agent="caller", resolver=Names())
        await caller.listen(["udp:127.0.0.1:0"])
        try:
            yield Exchange(
                server,
                engine,
                house,
                plane,
                directory,
                phones,
                lamp,
                errands,
                caller,
                core,
                records,
                recorded,
                flow,
                outcalls,
            )
        finally:
            directory.may_answer.set()
            plane.may_open.set()
            for call in list(engine.calls.values()):
                if call.leg is not None:
                    call.leg.bye()
            await caller.close()
            await server.close()
            await errands.finish(1.0)
            silence.stop()
        await asyncio.sleep(0)
        assert engine.calls == {}
        assert (len(house.dialogs), engine._by_invite, engine._of_peer) == (0, {}, {})
        assert all(stream.closed for stream in plane.streams)
        assert server.counters.handler_errors == 0


__all__ = ["PASSWORD", "PHONE", "REALM", "Exchange", "FakeStream", "Flow", "Hangup", "exchange", "sdp", "until_hang_up"]
