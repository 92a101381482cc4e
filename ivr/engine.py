"""The engine: takes what SIP brings and hands each request to what it belongs to.

Within a dialog, requests go to their call or subscription. Outside of one, the gate says who sent them; INVITEs
become calls, REGISTERs go to the phones, SUBSCRIBEs to the lamp. Whatever goes wrong with one request is logged and
ends that request only.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final

import structlog

from ivr.call import RecordEnd
from ivr.gate import Claim, Gate
from ivr.incoming import House, IncomingCall
from ivr.lamp import Lamp
from ivr.phones import Phones
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import ParseError
from ivr.sip.hops import Source
from ivr.sip.invite import ALLOW, SUPPORTED
from ivr.sip.message import Request, Response, response_to
from ivr.sip.subscription import EVENT
from ivr.sip.transaction import ServerTransaction
from voicebox.callrecord import RtpFigures
from voicebox.directory import Device
from voicebox.errors import DatabaseUnavailable
from voicebox.metrics import CallResult
from voicebox.settings.sip import CallSource

log = structlog.get_logger("voicebox.ivr.engine")

UNDERSTOOD: Final = frozenset({"100rel", "timer", "histinfo"})
"""Option tags that a Require may name (RFC 3261 section 8.2.2.3)."""
STARTS: Final = frozenset({"INVITE", "REGISTER", "SUBSCRIBE", "OPTIONS"})
"""Methods that may start something outside of a dialog."""
KNOWN: Final = STARTS | {"BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER", "MESSAGE", "PUBLISH"}
RETRY_AFTER_S: Final = 10
JUDGED_S: Final = 10.0
"""For looking up a phone: above what the database allows itself, below what a caller endures."""


class Engine:
    """The user agent core: implements `ivr.sip.endpoint.Handler`."""

    def __init__(self, house: House, gate: Gate, phones: Phones, lamp: Lamp, *, calls_max: int) -> None:
        """Make one.

        Args:
            house: what calls share.
            gate: who may talk to us.
            phones: the registrar.
            lamp: the message light.
            calls_max: calls at once, by what files, ports and memory bear; more are answered 503.
        """
        self.calls: dict[str, IncomingCall] = {}
        """Calls in progress by their id."""
        self._house = house
        self._gate = gate
        self._phones = phones
        self._lamp = lamp
        self._calls_max = calls_max
        self._by_invite: dict[tuple[str, str, int], IncomingCall] = {}
        self._of_peer: dict[str, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def _endpoint(self) -> Endpoint:
        return self._house.endpoint

    # -- what the endpoint calls

    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        """Take a new request."""
        if request.to.tag is not None:
            self._within_dialog(tx, request, source)
        elif request.method in STARTS:
            self._from_outside(tx, request, source)
        elif request.method in {"BYE", "PRACK", "UPDATE", "INFO", "NOTIFY"}:
            self._endpoint.refuse(tx, response_to(request, 481))
        else:
            response = response_to(request, 405 if request.method in KNOWN else 501)
            response.headers.set("Allow", ALLOW)
            self._endpoint.refuse(tx, response)

    def on_ack(self, request: Request, source: Source) -> None:
        """Take the ACK to a 2xx, also one whose To tag is wrong (pyVoIP makes up its own)."""
        del source
        party = self._house.dialogs.find(request)
        if party is not None:
            party.acked(request)
            return
        tx = self._endpoint.invite_of(request)
        call = self._by_invite.get(_invite_key(tx.request)) if tx is not None else None
        if call is not None:
            call.acked(request)

    def on_cancel(self, tx: ServerTransaction) -> None:
        """Take in that an INVITE was cancelled."""
        call = self._by_invite.get(_invite_key(tx.request))
        if call is not None:
            call.cancelled()
        else:
            # Its phone is still being looked up; what comes of that will find the INVITE answered.
            self._endpoint.respond(tx, response_to(tx.request, 487))

    # -- within a dialog

    def _within_dialog(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        party = self._house.dialogs.find(request)
        if party is not None:
            party.receive(tx, request)
            return
        if request.method == "SUBSCRIBE" and self._lamp.knows(request):
            # A device's SUBSCRIBE is always challenged (security.md, row 2), also one that only renews.
            self._from_outside(tx, request, source)
            return
        # RFC 3261 section 12.2.2: there is no such dialog (any more).
        self._endpoint.refuse(tx, response_to(request, 481))

    # -- outside of a dialog

    def _from_outside(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        seen = self._gate.glance(request, source)
        if isinstance(seen, Response):
            self._endpoint.refuse(tx, seen)
        elif isinstance(seen, Claim):
            self._house.spawn(self._tried(tx, self._judged(tx, seen)))
        else:
            self._admitted(tx, request, source, seen)

    async def _judged(self, tx: ServerTransaction, claim: Claim) -> None:
        """Let a phone in by its digest."""
        async with asyncio.timeout(JUDGED_S):
            verdict = await self._gate.judge(claim)
        if tx.answered:
            # It was cancelled meanwhile.
            return
        if isinstance(verdict, Response):
            self._endpoint.refuse(tx, verdict)
        else:
            self._admitted(tx, claim.request, claim.source, verdict)

    async def _tried(self, tx: ServerTransaction, work: Coroutine[object, object, None]) -> None:
        """Do what a request wants; a fault on the way is its answer, and ends that request only."""
        request = tx.request
        try:
            await work
        except (DatabaseUnavailable, TimeoutError):
            response = _unavailable(request)
        except ParseError as error:
            response = response_to(request, error.status, error.detail)
        except Exception:
            log.exception("request_failed", method=request.method, call_id=request.call_id)
            response = response_to(request, 500)
        else:
            return
        if not tx.answered:
            self._endpoint.refuse(tx, response)

    def _admitted(self, tx: ServerTransaction, request: Request, source: Source, guest: CallSource | Device) -> None:
        wanted = {tag.strip().lower() for tag in request.headers.all("Require")}
        if unknown := wanted - UNDERSTOOD:
            response = response_to(request, 420)
            response.headers.set("Unsupported", ", ".join(sorted(unknown)))
            self._endpoint.respond(tx, response)
            return
        match request.method:
            case "INVITE":
                self._called(tx, request, source, guest)
            case "OPTIONS":
                self._endpoint.respond(tx, _abilities(request))
            case "REGISTER" if isinstance(guest, Device):
                self._house.spawn(self._tried(tx, self._registered(tx, request, source, guest)))
            case "SUBSCRIBE" if isinstance(guest, Device):
                self._house.spawn(self._tried(tx, self._subscribed(tx, request, source, guest)))

    def _called(self, tx: ServerTransaction, request: Request, source: Source, guest: CallSource | Device) -> None:
        key = _invite_key(request)
        if key in self._by_invite:
            # RFC 3261 section 8.2.2.2: the same INVITE came by another way.
            self._endpoint.respond(tx, response_to(request, 482))
            return
        if request.body and request.content_type not in {None, "application/sdp"}:
            response = response_to(request, 415)
            response.headers.set("Accept", "application/sdp")
            self._endpoint.respond(tx, response)
            return
        name = guest.name if isinstance(guest, CallSource) else f"phone {guest.number}"
        limit = guest.max_calls if isinstance(guest, CallSource) else 0
        if len(self.calls) >= self._calls_max or (limit and self._of_peer.get(name, 0) >= limit):
            log.warning("call_refused_overload", guest=name, calls=len(self.calls))
            self._house.metrics.call_began()
            self._house.metrics.call_ended(CallResult.OVERLOAD, RtpFigures())
            self._endpoint.refuse(tx, _unavailable(request))
            return
        call = IncomingCall(self._house, tx, request, source)
        self.calls[call.id] = call
        self._by_invite[key] = call
        self._of_peer[name] = self._of_peer.get(name, 0) + 1
        self._idle.clear()
        self._house.spawn(self._run(call, key, guest, name))

    async def _run(self, call: IncomingCall, key: tuple[str, str, int], guest: CallSource | Device, name: str) -> None:
        try:
            await call.run(guest)
        finally:
            self.calls.pop(call.id, None)
            self._by_invite.pop(key, None)
            left = self._of_peer.get(name, 1) - 1
            if left:
                self._of_peer[name] = left
            else:
                self._of_peer.pop(name, None)
            if not self.calls:
                self._idle.set()

    async def _registered(self, tx: ServerTransaction, request: Request, source: Source, device: Device) -> None:
        response = await self._phones.register(request, source, device)
        self._endpoint.respond(tx, response)
        if response.status == 200 and self._phones.is_contact(source.host, source.port) and request.contact:
            await self._lamp.show_phone(str(request.contact[0].uri), source.hop, device.mailbox_id)

    async def _subscribed(self, tx: ServerTransaction, request: Request, source: Source, device: Device) -> None:
        answer = self._lamp.subscribe if request.to.tag is None else self._lamp.resubscribe
        response, watcher = answer(request, source, device)
        self._endpoint.respond(tx, response)
        if watcher is not None:
            await self._lamp.greet(watcher)

    # -- stopping

    async def drain(self, patience_s: float, ending_s: float) -> None:
        """Take no new calls, let running ones end for `patience_s`, then save and end them (telephony.md)."""
        self._endpoint.draining = True
        try:
            async with asyncio.timeout(patience_s):
                await self._idle.wait()
        except TimeoutError:
            for call in list(self.calls.values()):
                call.end(RecordEnd.SHUTDOWN)
            try:
                async with asyncio.timeout(ending_s):
                    await self._idle.wait()
            except TimeoutError:
                log.error("calls_left_at_shutdown", calls=len(self.calls))  # noqa: TRY400 - no fault to trace


def _invite_key(request: Request) -> tuple[str, str, int]:
    return (request.call_id, request.from_.tag or "", request.cseq.number)


def _unavailable(request: Request) -> Response:
    response = response_to(request, 503)
    response.headers.set("Retry-After", str(RETRY_AFTER_S))
    return response


def _abilities(request: Request) -> Response:
    """Answer OPTIONS as we would answer an INVITE (RFC 3261 section 11.2)."""
    response = response_to(request, 200)
    response.headers.set("Allow", ALLOW)
    response.headers.set("Accept", "application/sdp")
    response.headers.set("Supported", SUPPORTED)
    response.headers.set("Allow-Events", EVENT)
    return response
