"""One side of a call whose media is not ours: a dialog that is answered, asked and ended.

`ivr.leg` is its like for calls with media of ours. A side repeats its 2xx until their ACK (RFC 3261 section 13.3.1.4)
and answers BYE, PRACK and OPTIONS by itself; INVITE, UPDATE and INFO are for `on_request`. `on_over` is called once,
when the call has ended on this side, whoever ended it.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from ivr.dialogs import Dialogs
from ivr.sip.endpoint import Endpoint
from ivr.sip.invite import ALLOW, Due, InviteServer
from ivr.sip.message import Request, Response
from ivr.sip.transaction import ServerTransaction
from ivr.way import Spawn, Way

SDP: Final = "application/sdp"


class Side:
    """One dialog of a call that we pass on, or that somebody else's media serves."""

    def __init__(
        self,
        endpoint: Endpoint,
        invite: InviteServer,
        way: Way,
        *,
        dialogs: Dialogs,
        spawn: Spawn,
        tx: ServerTransaction | None = None,
    ) -> None:
        """Make one; it takes the dialog's requests from now on.

        Args:
            endpoint: to answer by.
            invite: the dialog's state.
            way: where our requests go.
            dialogs: told of the dialog while it lives.
            spawn: starts a task in the engine's group.
            tx: the INVITE's transaction, where it is for us to answer.
        """
        self.invite = invite
        self.way = way
        self.over = False
        self.ended_by = ""
        """`peer`, `us`, `cancel`, `no-ack`, `lost`, `expired`: for the trace."""
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.on_request: Callable[[ServerTransaction, Request], None] = self.decline
        self.on_ack: Callable[[Request], None] | None = None
        """Called with the ACK to a 2xx of ours, once each."""
        self.on_over: Callable[[], None] = lambda: None
        self._endpoint = endpoint
        self._dialogs = dialogs
        self._spawn = spawn
        self._tx = tx
        self._answers: dict[int, ServerTransaction] = {}
        """By CSeq number: the INVITEs whose 2xx waits for its ACK."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        dialogs.add(invite.dialog.id, self)

    # -- before the answer, where the INVITE came to us

    def ring(self) -> None:
        """Send 180 without SDP, reliably where the caller requires it (RFC 3262)."""
        self._respond(self._invited, self.invite.ringing(self._loop.time()))
        self._arm()

    def progress(self, body: bytes) -> None:
        """Send 183 with the description of early media."""
        response = self.invite.reply(self.invite.request, 183)
        response.headers.set("Content-Type", SDP)
        response.body = body
        self._respond(self._invited, response)

    def answer(self, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send 200 to the INVITE, and again until its ACK comes."""
        self.answered_at = datetime.now(UTC)
        self.accept(self._invited, self.invite.request, body, headers)

    def refuse(self, status: int, reason: str | None = None, *, ended_by: str = "us") -> None:
        """Turn the call away instead of answering it."""
        if not self.invite.answered and not self.over:
            if not self._invited.answered:
                self._respond(self._invited, self.invite.refuse(self.invite.request, status, reason))
            self._end(ended_by)

    # -- requests within the dialog

    def receive(self, tx: ServerTransaction, request: Request) -> None:
        """Take a request of the peer within this dialog."""
        invite = self.invite
        if self.over and request.method != "BYE":
            self._respond(tx, invite.reply(request, 481))
            return
        if not invite.dialog.receive(request):
            # RFC 3261 section 12.2.2.
            self._respond(tx, invite.reply(request, 500, "CSeq out of order"))
            return
        match request.method:
            case "BYE":
                self._respond(tx, invite.reply(request, 200))
                if not self.over and not invite.answered and not self._invited.answered:
                    # RFC 3261 section 15.1.2: a BYE in an early dialog also ends the pending INVITE.
                    self._respond(self._invited, invite.refuse(invite.request, 487))
                self._end("peer")
            case "PRACK":
                self._respond(tx, invite.prack(request))
                self._arm()
            case "OPTIONS":
                self._respond(tx, invite.reply(request, 200))
            case "INVITE" if not invite.confirmed or self._answers:
                # RFC 3261 section 14.2: one INVITE is still open.
                self.busy(tx, request, "Another INVITE is in progress")
            case "INVITE" | "UPDATE" | "INFO":
                self.on_request(tx, request)
            case "NOTIFY" | "REFER" | "MESSAGE":
                self._respond(tx, invite.reply(request, 501))
            case _:
                response = invite.reply(request, 405)
                response.headers.set("Allow", ALLOW)
                self._respond(tx, response)

    def acked(self, request: Request) -> None:
        """Take the ACK to one of our 2xx."""
        awaited = self.invite.ack(request)
        self._answers.pop(request.cseq.number, None)
        self._arm()
        if awaited and not self.over and self.on_ack is not None:
            self.on_ack(request)

    def accept(
        self, tx: ServerTransaction, request: Request, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Answer 200: to an INVITE again and again until its ACK, to any other request once."""
        if request.method == "INVITE":
            self._answers[request.cseq.number] = tx
            response = self.invite.answer(request, body, self._loop.time())
        else:
            response = self.invite.reply(request, 200)
            response.body = body
            if body:
                response.headers.set("Content-Type", SDP)
        for name, value in headers:
            response.headers.set(name, value)
        self._respond(tx, response)
        self._arm()

    def decline(
        self,
        tx: ServerTransaction,
        request: Request,
        status: int = 0,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Refuse a request and leave the call as it was; without a status, by what there is nobody to decide on.

        An UPDATE without an offer only refreshes the session, and an INFO is a key that nobody waits for.
        """
        if not status and request.method == "INFO":
            self._respond(tx, self.invite.reply(request, 200))
        elif not status and request.method == "UPDATE" and not request.body:
            self.accept(tx, request)
        else:
            response = self.invite.reply(request, status or 488, reason)
            for name, value in headers:
                response.headers.set(name, value)
            self._respond(tx, response)

    def busy(self, tx: ServerTransaction, request: Request, why: str) -> None:
        """Ask the peer to come again with its offer."""
        self._respond(tx, self.invite.come_again(request, why))

    def too_often(self, tx: ServerTransaction, request: Request) -> None:
        """Refuse a session interval that is too small (RFC 4028 section 9)."""
        self._respond(tx, self.invite.too_often(request))

    # -- the end

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
            self.refuse(status, ended_by=ended_by)
            return
        request = self.invite.bye(cause)
        self._end(ended_by)
        self._spawn(self._say_goodbye(request))

    def lost(self) -> None:
        """Take in that the peer knows the call no longer: nobody is left to say goodbye to."""
        self._end("lost")

    async def _say_goodbye(self, request: Request) -> None:
        await self.way.ask(request)

    def _end(self, by: str) -> None:
        if self.over:
            return
        self.over = True
        self.ended_by = by
        self.ended_at = datetime.now(UTC)
        self.invite.end()
        self._answers.clear()
        self._arm()
        self._dialogs.remove(self.invite.dialog.id)
        self.on_over()

    def leave(self) -> None:
        """Forget an early dialog that was not the one answered (RFC 3261 section 13.2.2.4): nobody is told."""
        self._end("us")

    # -- inside

    @property
    def _invited(self) -> ServerTransaction:
        if self._tx is None:
            raise ValueError("the INVITE of this side was ours")
        return self._tx

    def _respond(self, tx: ServerTransaction, response: Response) -> None:
        self._endpoint.respond(tx, response)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.invite.next_timer()
        if due is not None:
            self._timer = self._loop.call_at(due, self._timed)

    def _timed(self) -> None:
        self._timer = None
        again, due = self.invite.handle_timer(self._loop.time())
        for response in again:
            if response.status < 200:
                self._respond(self._invited, response)
            elif (tx := self._answers.get(response.cseq.number)) is not None:
                self._endpoint.send_2xx(tx, response)
        for what in due:
            if what is Due.NO_ACK:
                self.bye('SIP ;cause=408 ;text="No ACK"', ended_by="no-ack")
            elif what is Due.NO_PRACK:
                self.refuse(500, "No PRACK")
        self._arm()
