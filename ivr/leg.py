"""The SIP side of one call we answer, and the media it agreed on.

A leg owns an INVITE dialog: it answers, takes re-INVITE, UPDATE, INFO, PRACK and BYE, runs the timers of
`InviteServer`, and connects the media stream. `on_over` is called once when the call has ended, whoever ended it.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from ivr.call import Hangup
from ivr.farend import FarEnd, Refreshed
from ivr.hookup import Hookup
from ivr.media.stream import MediaStream
from ivr.offer import OfferAnswer
from ivr.replies import Replies
from ivr.sdp import SdpError, Session
from ivr.sip.endpoint import Endpoint
from ivr.sip.infokey import key_of
from ivr.sip.invite import Due, InviteServer
from ivr.sip.message import Request, Response
from ivr.sip.session_timer import IntervalTooSmall, SessionTimer, negotiate
from ivr.sip.transaction import ServerTransaction
from ivr.way import Login, Spawn
from voicebox.codec import Codec

log = structlog.get_logger("voicebox.ivr.leg")


class Leg:
    """One answered (or about to be answered) incoming call."""

    def __init__(
        self,
        endpoint: Endpoint,
        tx: ServerTransaction,
        *,
        stream: MediaStream,
        media: OfferAnswer,
        contact: str,
        spawn: Spawn,
        began: float,
        login: Login | None = None,
        direct: bool = False,
        continuous: bool = False,
    ) -> None:
        """Take over an INVITE that will be answered.

        Args:
            endpoint: to answer by, and for requests of ours.
            tx: the INVITE's transaction.
            stream: the call's media, not yet connected.
            media: the dialog's offers and answers.
            contact: our Contact value.
            spawn: starts a task in the engine's group.
            began: when the INVITE came, by the loop's clock.
            login: answers a trunk's challenges to our requests.
            direct: send our requests back to where the INVITE came from, not to its Contact: for phones, which
                may sit behind NAT.
            continuous: send silence all the time.
        """
        self._spawn = spawn
        self._media = media
        self._loop = asyncio.get_running_loop()
        self._began = began
        self._acked: asyncio.Future[bool] = self._loop.create_future()
        self._pracked: asyncio.Future[bool] = self._loop.create_future()
        self._offered_in_200 = False
        self.invite = InviteServer(tx.request, contact)
        self._replies = Replies(endpoint, self.invite, tx, self._due)
        # A connection that a phone or PBX opened is the only sure way back to it (RFC 5923).
        back = direct or tx.source.transport.reliable
        self._far_end = FarEnd(
            endpoint, self.invite, media, source=tx.source.hop, direct=back, login=login, settled=self._connect
        )
        self.stream = stream
        self._hookup = Hookup(endpoint, stream, spawn, continuous=continuous, call_id=self.invite.dialog.call_id)
        self.on_notify: Callable[[Request], bool] | None = None
        """Takes the NOTIFYs of a REFER of ours (RFC 3515); False for one that is none."""
        self.codec = Codec.PCMU
        self.over = False
        self.ended_by = ""
        """`peer`, `us`, `cancel`, `no-ack`, `expired`, `lost`: for the trace."""
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.on_over: Callable[[], None] = lambda: None

    def elapsed_s(self) -> float:
        """Seconds since the INVITE came."""
        return self._loop.time() - self._began

    @property
    def answered(self) -> bool:
        """Whether we have sent 200."""
        return self.invite.answered

    # -- answering

    def read_offer(self) -> Session | None:
        """Return the INVITE's offer; None when it has none and we are to offer.

        Raises:
            SdpError: there is one, but it cannot be read.
        """
        request = self.invite.request
        return Session.parse(request.body) if request.body else None

    def prepare(self, offer: Session | None) -> Session:
        """Agree on media before the 200: connect the stream, and return our description.

        Raises:
            SdpError: nothing in the offer that we can accept.
        """
        if offer is None:
            self._offered_in_200 = True
            return self._media.offer()
        local = self._media.answer(offer).local
        self._connect()
        return local

    async def answer(self, local: Session, timer: SessionTimer | None) -> None:
        """Send 200 and wait for the ACK; where the caller requires it, a 180 and its PRACK come first (RFC 3262).

        Raises:
            Hangup: an acknowledgement never came, or the call ended meanwhile.
        """
        if self.invite.reliable_required:
            self._replies.ring()
            if not await self._pracked or self.over:
                raise Hangup
        self._replies.accept(self._replies.invited, self.invite.request, local.to_bytes(), timer=timer)
        self.answered_at = datetime.now(UTC)
        if not await self._acked:
            raise Hangup

    def acked(self, request: Request) -> None:
        """Take the ACK to one of our 2xx; it carries the answer where we had offered."""
        awaited = self._replies.acked(request)
        if awaited and self._offered_in_200:
            self._offered_in_200 = False
            self._answered_by_ack(request)
        if not self._acked.done():
            self._acked.set_result(not self.over)

    def _answered_by_ack(self, request: Request) -> None:
        try:
            self._media.accept(Session.parse(request.body))
        except SdpError as error:
            log.warning("no_usable_answer", call=self.invite.dialog.call_id, why=str(error))
            self._media.withdraw()
            if self._media.agreed is None:
                self.bye('SIP ;cause=488 ;text="No usable answer to our offer"')
        else:
            self._connect()

    def cancelled(self) -> None:
        """Take in that the caller gave up: 487, unless we had answered."""
        if not self.invite.answered and not self.over:
            self._replies.refuse(487)
            self._end("cancel")

    def refuse(self, status: int, reason: str | None = None) -> None:
        """Turn the call away instead of answering it."""
        if not self.invite.answered and not self.over:
            self._replies.refuse(status, reason)
            self._end("us")

    # -- requests within the dialog

    def receive(self, tx: ServerTransaction, request: Request) -> None:
        """Take a request of the peer within this dialog."""
        replies = self._replies
        if not replies.admit(tx, request):
            return
        match request.method:
            case "BYE":
                replies.hung_up(tx, request)
                self._end("peer")
            case "INVITE":
                self._reoffered(tx, request)
            case "UPDATE":
                self._updated(tx, request)
            case "INFO":
                self._informed(tx, request)
            case "PRACK":
                if replies.pracked(tx, request) and not self._pracked.done():
                    self._pracked.set_result(True)
            case "NOTIFY" if self.on_notify is not None:
                # RFC 6665 section 4.1.3: one of another event package is "bad event".
                replies.send(tx, self.invite.reply(request, 200 if self.on_notify(request) else 489))
            case _:
                replies.otherwise(tx, request)

    def _reoffered(self, tx: ServerTransaction, request: Request) -> None:
        """Answer a re-INVITE: hold, resume, another codec or address (RFC 3261 section 14.2)."""
        invite = self.invite
        if not invite.confirmed:
            # RFC 3261 section 14.2: one INVITE is still open.
            self._replies.send(tx, invite.come_again(request, "Another INVITE is in progress"))
            return
        if self._far_end.inviting or self._offered_in_200:
            self._replies.send(tx, invite.reply(request, 491))
            return
        try:
            timer = negotiate(request)
            if request.body:
                local = self._media.answer(Session.parse(request.body)).local
                self._connect()
            else:
                local = self._media.offer()
                self._offered_in_200 = True
        except IntervalTooSmall:
            self._replies.send(tx, invite.too_often(request))
        except SdpError as error:
            # 488, and the call stays as it was: T.38 is offered this way.
            self._replies.send(tx, self._not_acceptable(request, error))
        else:
            self._replies.accept(tx, request, local.to_bytes(), timer=timer)

    def _updated(self, tx: ServerTransaction, request: Request) -> None:
        """Answer an UPDATE: a refreshed session timer, or an offer (RFC 3311 section 5.2)."""
        invite = self.invite
        if request.body and not invite.answered:
            self._replies.send(tx, invite.come_again(request, "The first offer is still open"))
            return
        if request.body and (self._far_end.inviting or self._offered_in_200):
            self._replies.send(tx, invite.reply(request, 491))
            return
        try:
            timer = negotiate(request)
            body = b""
            if request.body:
                body = self._media.answer(Session.parse(request.body)).local.to_bytes()
                self._connect()
        except IntervalTooSmall:
            self._replies.send(tx, invite.too_often(request))
        except SdpError as error:
            self._replies.send(tx, self._not_acceptable(request, error))
        else:
            self._replies.accept(tx, request, body, timer=timer)

    def _informed(self, tx: ServerTransaction, request: Request) -> None:
        """Take a key by INFO."""
        self._replies.send(tx, self.invite.reply(request, 200))
        key = key_of(request)
        if key is not None:
            self.stream.info_key(key)

    def _not_acceptable(self, request: Request, error: SdpError) -> Response:
        response = self.invite.refuse(request, 488)
        # RFC 3261 section 20.43: 304 is "media types not available".
        response.headers.set("Warning", f'304 voicebox "{str(error).replace(chr(34), "")[:120]}"')
        return response

    async def refer(self, to: str, by: str) -> Response:
        """Ask the peer to take the call over (RFC 3515); `on_notify` hears how it goes on.

        Args:
            to: the Refer-To value: whom to call instead of us.
            by: the Referred-By value (RFC 3892): in whose name.
        """
        request = self.invite.dialog.request("REFER")
        request.headers.add("Refer-To", to)
        request.headers.add("Referred-By", by)
        return await self._far_end.ask(request)

    # -- timers and the end

    def _due(self, what: Due) -> None:
        match what:
            case Due.NO_ACK:
                self.bye('SIP ;cause=408 ;text="No ACK"', ended_by="no-ack")
            case Due.NO_PRACK:
                self.refuse(500, "No PRACK")
            case Due.EXPIRED:
                self.bye('SIP ;cause=408 ;text="Session expired"', ended_by="expired")
            case Due.REFRESH:
                self._spawn(self._refresh())

    async def _refresh(self) -> None:
        done = await self._far_end.refresh()
        if self.over:
            return
        match done:
            case Refreshed.DONE:
                self._replies.refreshed()
            case Refreshed.GONE:
                self.bye("", ended_by="lost")
            case Refreshed.NOT:
                # The session ends when its time is over, unless the peer refreshes it.
                log.warning("session_not_refreshed", call=self.invite.dialog.call_id)

    def bye(self, cause: str = "", *, ended_by: str = "us", status: int = 480) -> None:
        """End the call from our side.

        Args:
            cause: a Reason header's value (RFC 3326).
            ended_by: for the trace.
            status: refuses the call where it is not answered yet.
        """
        if self.over:
            return
        if not self.invite.answered:
            self.refuse(status)
            return
        request = self.invite.bye(cause)
        self._end(ended_by)
        self._spawn(self._say_goodbye(request))

    async def _say_goodbye(self, request: Request) -> None:
        await self._far_end.ask(request)

    def _end(self, by: str) -> None:
        if self.over:
            return
        self.over = True
        self.ended_by = by
        self.ended_at = datetime.now(UTC)
        self._hookup.release()
        self._replies.end()
        for awaited in (self._pracked, self._acked):
            if not awaited.done():
                awaited.set_result(False)
        self.on_over()

    # -- small things

    def _connect(self) -> None:
        agreed = self._media.agreed
        if agreed is not None:
            self.codec = agreed.remote.codec
            self._hookup.connect(agreed)
