"""One incoming call, from its INVITE to its record.

Read downwards: `run` asks where the call goes, `_converse` sets up media and runs the flow, `_record` writes down what
happened. What a caller hears is the flow's business; what goes wrong here is answered with the SIP status that says so.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from secrets import randbits
from typing import Final

import structlog

from ivr.call import Call, Facts, Hangup, RecordEnd
from ivr.covering import Covering, Means, PhonesOf, Talked
from ivr.dialogs import Dialogs
from ivr.early import Early
from ivr.flows.services import Services
from ivr.guests import arrival_from, drop_claims, login_of, name_of, origin_of
from ivr.leg import Leg
from ivr.media.plane import MediaPlane
from ivr.media.ports import NoPorts
from ivr.media.stream import MediaStream
from ivr.offer import OfferAnswer
from ivr.outcome import count_events, others_rang, outcome_of
from ivr.sdp import SdpError
from ivr.session import Session
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import ParseError
from ivr.sip.hops import Source
from ivr.sip.message import Request, Response, response_to
from ivr.sip.session_timer import MIN_SE_S, IntervalTooSmall, SessionTimer, negotiate
from ivr.sip.transaction import ServerTransaction
from ivr.sounds import Sounds
from ivr.switchboard import Switchboard
from ivr.way import Spawn
from voicebox.arrival import Arrival, Decision, MailboxOf, Refused, ToMailbox, ToPortal, decide
from voicebox.callrecord import CallRecord, RtpFigures, Trace
from voicebox.directory import Device, Directory
from voicebox.errors import DatabaseUnavailable
from voicebox.ids import new_id
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Reason
from voicebox.metrics import CallResult, Metrics
from voicebox.numbers import DialPlan
from voicebox.settings.sip import CallSource, Keepalive, Sip

log = structlog.get_logger("voicebox.ivr.incoming")

RETRY_AFTER_S: Final = 10
DECIDED_S: Final = 10.0
"""For each question to the database before the answer: above what it allows itself, below what a caller endures."""
OPENING_SILENCE_S: Final = 0.5
"""phone-menus.md: after ACK, 500 ms of silence, then the greeting; trunks clip the first syllable."""


@dataclass(frozen=True, slots=True)
class Flows:
    """What is done with a call once it is known where it goes."""

    leave_message: Callable[[Call, Services, Mailbox, Reason], Awaitable[None]]
    fetch_messages: Callable[[Call, Services], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class House:
    """What every call shares."""

    endpoint: Endpoint
    sip: Sip
    plane: MediaPlane
    sounds: Sounds
    directory: Directory
    services: Services
    flows: Flows
    keep: Callable[[CallRecord], None]
    """Takes a finished call's record, to be written at once."""
    spawn: Spawn
    metrics: Metrics
    phones: PhonesOf
    dialogs: Dialogs = field(default_factory=Dialogs)
    """Who takes requests within dialogs."""
    board: Switchboard | None = None
    """Connects calls to others."""


class IncomingCall:
    """A call that a known guest sent us."""

    def __init__(self, house: House, tx: ServerTransaction, request: Request, source: Source) -> None:
        self.id = new_id()
        self.leg: Leg | None = None
        self.session: Session | None = None
        self._covering: Covering | None = None
        self._house = house
        self._tx = tx
        self._request = request
        self._source = source
        self._trace = Trace()
        self._started = house.services.clock.now()
        self._began = asyncio.get_running_loop().time()
        self._answered: datetime | None = None
        self._rtp = RtpFigures()
        self._cancelled = False
        self._result: CallResult | None = None

    def acked(self, request: Request) -> None:
        """Take an ACK to our 2xx that names another dialog (pyVoIP makes up its own To tag)."""
        if self.leg is not None:
            self.leg.acked(request)
        elif self._covering is not None:
            self._covering.acked(request)

    def cancelled(self) -> None:
        """Take in that the caller gave up before we answered."""
        self._cancelled = True
        if self.leg is not None:
            self.leg.cancelled()
        elif self._covering is not None:
            self._covering.cancelled()
        else:
            self._respond(response_to(self._request, 487))

    async def run(self, guest: CallSource | Device) -> None:
        """Bring the call to its end; raises nothing."""
        structlog.contextvars.bind_contextvars(call=self.id)
        self._house.metrics.call_began()
        company: Company | None = None
        arrival: Arrival | None = None
        decision: Decision | Talked | None = None
        try:
            async with _bounded(DECIDED_S):
                company = await self._company_of(guest)
            if company is None:
                log.error("guest_without_company", guest=name_of(guest))
                self._refuse(480)
                return
            plan = DialPlan(company.country_code, company.area_code)
            arrival = arrival_from(guest, self._request, plan)
            async with _bounded(DECIDED_S):
                if isinstance(guest, Device):
                    await drop_claims(self._request, company, plan, self._house.directory)
                decision = await decide(
                    arrival,
                    company=company,
                    plan=plan,
                    portal_numbers=self._house.sip.portal,
                    mailbox_of=guest.mailbox_of if isinstance(guest, CallSource) else MailboxOf.LAST,
                    directory=self._house.directory,
                )
            self._note("decision", **decision.facts)
            if isinstance(decision, ToMailbox) and decision.called and not self._tx.answered:
                decision = await self._cover(guest, plan, arrival, decision)
            if isinstance(decision, Refused):
                self._refuse(decision.status)
            elif not self._tx.answered and not isinstance(decision, Talked):
                await self._converse(guest, company, arrival, decision)
        except IntervalTooSmall:
            response = response_to(self._request, 422)
            response.headers.set("Min-SE", str(MIN_SE_S))
            self._respond(response)
        except ParseError as error:
            log.warning("invite_unreadable", why=error.detail)
            self._refuse(error.status)
        except DatabaseUnavailable:
            log.exception("call_without_database")
            self._result = CallResult.FAILED
            self._note("error")
            self._refuse(503)
        except Exception:
            # One call's fault ends that call only.
            log.exception("call_failed")
            self._result = CallResult.FAILED
            self._note("error")
            self._refuse(500)
        finally:
            if self.leg is not None:
                self._house.dialogs.remove(self.leg.invite.dialog.id)
            self._note("end", by=self._ended_by())
            self._record(company, arrival, decision)
            self._count(decision)

    # -- who and where

    async def _company_of(self, guest: CallSource | Device) -> Company | None:
        directory = self._house.directory
        if isinstance(guest, CallSource):
            return await directory.company(guest.company)
        return next((each for each in await directory.companies() if each.id == guest.company_id), None)

    # -- the phones

    async def _cover(
        self, guest: CallSource | Device, plan: DialPlan, arrival: Arrival, decision: ToMailbox
    ) -> Decision | Talked:
        """Let the called number's phones ring first; returns where the call goes then.

        Raises:
            IntervalTooSmall: the session timer asked for is too short.
            ParseError: the INVITE cannot make a dialog.
        """
        house, hop = self._house, self._source.hop
        negotiate(self._request)
        early = Early(
            house.endpoint,
            self._tx,
            contact=house.endpoint.contact(hop, self._request.uri.user or ""),
            direct=isinstance(guest, Device),
            login=login_of(guest),
            dialogs=house.dialogs,
            spawn=house.spawn,
        )
        means = Means(
            endpoint=house.endpoint,
            domain=house.sip.domain,
            plan=plan,
            portal=house.sip.portal,
            phones=house.phones,
            outcalls=house.services.outcalls,
            outside=house.board.gateway() if house.board is not None else None,
            dialogs=house.dialogs,
            spawn=house.spawn,
        )
        covering = self._covering = Covering(means, early, self._request, source=hop, arrival=arrival, note=self._note)
        try:
            return await covering.run(decision)
        finally:
            self._answered = covering.answered_at

    # -- talking

    async def _converse(
        self, guest: CallSource | Device, company: Company, arrival: Arrival, decision: ToMailbox | ToPortal
    ) -> None:
        """Set up media and talk over it, to the end of the call.

        Raises:
            IntervalTooSmall: the session timer asked for is too short.
        """
        house = self._house
        timer = negotiate(self._request)
        try:
            stream = await house.plane.open()
        except NoPorts:
            log.error("no_rtp_ports")  # noqa: TRY400 - the exception says nothing more
            self._result = CallResult.OVERLOAD
            self._refuse(503)
            return
        try:
            # The caller may have given up while media opened.
            if not self._tx.answered:
                origin = origin_of(guest, company, self._source.host)
                facts = Facts(self.id, arrival, origin, caller_login=company.caller_login)
                await self._talk(self._leg_of(guest, stream), facts, decision, timer)
        finally:
            await stream.close()
            self._rtp = stream.report()

    def _leg_of(self, guest: CallSource | Device, stream: MediaStream) -> Leg:
        """Make the SIP side of the call.

        Raises:
            ParseError: the INVITE cannot make a dialog.
        """
        house = self._house
        endpoint = house.endpoint
        leg = self.leg = Leg(
            endpoint,
            self._tx,
            stream=stream,
            media=OfferAnswer(stream.host, stream.port, session_id=randbits(62) | 1),
            contact=endpoint.contact(self._source.hop, self._request.uri.user or ""),
            spawn=house.spawn,
            began=self._began,
            login=login_of(guest),
            direct=isinstance(guest, Device),
            continuous=isinstance(guest, CallSource) and guest.rtp_keepalive is Keepalive.CONTINUOUS,
        )
        house.dialogs.add(leg.invite.dialog.id, leg)
        return leg

    async def _talk(self, leg: Leg, facts: Facts, decision: ToMailbox | ToPortal, timer: SessionTimer | None) -> None:
        """Agree on media, and run the flow, which answers; the call is over when this returns or raises."""
        house = self._house
        try:
            try:
                local = leg.prepare(leg.read_offer())
            except SdpError as error:
                self._note("no-media", why=str(error)[:200])
                leg.refuse(488)
                return
            session = self.session = Session(
                facts,
                leg,
                house.sounds,
                self._trace,
                local=local,
                timer=timer,
                opening_silence_s=OPENING_SILENCE_S,
                board=house.board,
            )
            try:
                if isinstance(decision, ToPortal):
                    await house.flows.fetch_messages(session, house.services)
                else:
                    await house.flows.leave_message(session, house.services, decision.mailbox, decision.reason)
                await session.hang_up()
            except Hangup:
                pass
        finally:
            leg.bye('SIP ;cause=500 ;text="Internal error"', status=500)
            self._answered = leg.answered_at

    def end(self, by: RecordEnd) -> None:
        """End the call from outside: the server stops. A recording is kept, anything else is hung up."""
        if self.session is not None:
            self.session.end(by)
        elif self._covering is not None:
            self._covering.end()
        else:
            self._result = CallResult.OVERLOAD
            self._refuse(503)

    # -- refusing and recording

    def _refuse(self, status: int) -> None:
        response = response_to(self._request, status)
        if status == 503:
            response.headers.set("Retry-After", str(RETRY_AFTER_S))
        self._respond(response)

    def _ended_by(self) -> str:
        if self.leg is not None:
            return self.leg.ended_by
        if self._covering is not None and self._covering.ended_by:
            return self._covering.ended_by
        return "cancel" if self._cancelled else "us"

    def _respond(self, response: Response) -> None:
        if not self._tx.answered:
            self._house.endpoint.respond(self._tx, response)

    def _note(self, event: str, **facts: object) -> None:
        self._trace.add(asyncio.get_running_loop().time() - self._began, event, **facts)

    def _count(self, decision: Decision | Talked | None) -> None:
        metrics, trace = self._house.metrics, self._trace.entries
        if self._answered is not None and not others_rang(trace):
            metrics.call_answered(max(0.0, (self._answered - self._started).total_seconds()))
        count_events(metrics, trace)
        cancelled, answered = self._cancelled, self._answered is not None
        result = self._result or outcome_of(decision, trace, answered=answered, cancelled=cancelled)
        metrics.call_ended(result, self._rtp)

    def _record(self, company: Company | None, arrival: Arrival | None, decision: Decision | Talked | None) -> None:
        if arrival is None or company is None:
            return
        caller = "anonymous" if arrival.caller.withheld else arrival.caller.number or "unknown"
        mailbox = decision.mailbox if isinstance(decision, ToMailbox | Refused | Talked) else None
        opened = [entry["mailbox"] for entry in self._trace.entries if entry["event"] == "login" and entry["ok"]]
        reason: Reason | None = None
        match decision:
            case ToPortal():
                reason = Reason.PORTAL
            case ToMailbox():
                reason = decision.reason
        self._house.keep(
            CallRecord(
                id=self.id,
                company_id=company.id,
                mailbox=mailbox.number if mailbox is not None else next(iter(opened), None),
                caller=caller,
                called=arrival.called,
                reason=reason,
                deflected_by=decision.deflected_by if isinstance(decision, ToMailbox) else None,
                started=self._started,
                answered=self._answered,
                ended=(self.leg and self.leg.ended_at) or self._house.services.clock.now(),
                rtp=self._rtp,
                # A key stands where it was pressed, though it is noted when the flow takes it.
                trace=sorted(self._trace.entries, key=itemgetter("t")),
            )
        )


@asynccontextmanager
async def _bounded(limit_s: float) -> AsyncIterator[None]:
    """Let the database take so long and no longer; raises DatabaseUnavailable."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise DatabaseUnavailable(f"no answer within {limit_s:.0f} s") from error
