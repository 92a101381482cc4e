"""What we answer in one dialog, and say again until it is acknowledged (RFC 3261 section 13.3.1.4, RFC 3262 section 3).

A call whose media is ours (`ivr.leg`) and one that is passed on (`ivr.side`) hold one each: it answers what is answered
alike in both, and keeps the dialog's one timer. What falls due beside repetitions is theirs to act on.
"""

import asyncio
from collections.abc import Callable, Iterable

from ivr.sdp import SDP
from ivr.sip.endpoint import Endpoint
from ivr.sip.invite import ALLOW, Due, InviteServer
from ivr.sip.message import Request, Response
from ivr.sip.session_timer import SessionTimer
from ivr.sip.transaction import ServerTransaction


class Replies:
    """The answering half of one dialog."""

    def __init__(
        self, endpoint: Endpoint, invite: InviteServer, tx: ServerTransaction | None, on_due: Callable[[Due], None]
    ) -> None:
        """Make one.

        Args:
            endpoint: to answer by.
            invite: the dialog's state.
            tx: the INVITE's transaction, where it is for us to answer.
            on_due: called with what a timer asks for besides saying something again.
        """
        self._endpoint = endpoint
        self._invite = invite
        self._tx = tx
        self._on_due = on_due
        self._unacked: dict[int, ServerTransaction] = {}
        """By CSeq number: the INVITEs whose 2xx waits for its ACK."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def invited(self) -> ServerTransaction:
        """The transaction of the INVITE that opened the dialog; ValueError where that INVITE was ours."""
        if self._tx is None:
            raise ValueError("the INVITE of this side was ours")
        return self._tx

    @property
    def unacknowledged(self) -> bool:
        """Whether a 2xx of ours waits for its ACK."""
        return bool(self._unacked)

    def send(self, tx: ServerTransaction, response: Response) -> None:
        """Send a response as it is, once."""
        self._endpoint.respond(tx, response)

    # -- the INVITE

    def ring(self) -> None:
        """Send 180 without SDP, reliably where the caller requires it (RFC 3262)."""
        self.send(self.invited, self._invite.ringing(self._loop.time()))
        self._arm()

    def accept(
        self,
        tx: ServerTransaction,
        request: Request,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
        timer: SessionTimer | None = None,
    ) -> None:
        """Answer 200: to an INVITE again and again until its ACK, to any other request once."""
        if request.method == "INVITE":
            self._unacked[request.cseq.number] = tx
            response = self._invite.answer(request, body, self._loop.time(), timer)
        else:
            response = self._invite.reply(request, 200)
            response.body = body
            if body:
                response.headers.set("Content-Type", SDP)
            self._invite.agree(response, timer, self._loop.time())
        for name, value in headers:
            response.headers.set(name, value)
        self.send(tx, response)
        self._arm()

    def refuse(self, status: int, reason: str | None = None) -> None:
        """Turn the call away, unless another dialog of the same INVITE was answered."""
        if not self.invited.answered:
            self.send(self.invited, self._invite.refuse(self._invite.request, status, reason))

    def acked(self, request: Request) -> bool:
        """Take the ACK to one of our 2xx; True when it was awaited (a repeated one is not)."""
        awaited = self._invite.ack(request)
        self._unacked.pop(request.cseq.number, None)
        self._arm()
        return awaited

    # -- requests within the dialog

    def admit(self, tx: ServerTransaction, request: Request) -> bool:
        """Tell whether a request is to be answered; what comes after the end or out of order is refused here."""
        if self._invite.ended and request.method != "BYE":
            self.send(tx, self._invite.reply(request, 481))
            return False
        if not self._invite.dialog.receive(request):
            # RFC 3261 section 12.2.2.
            self.send(tx, self._invite.reply(request, 500, "CSeq out of order"))
            return False
        return True

    def hung_up(self, tx: ServerTransaction, request: Request) -> None:
        """Answer a BYE."""
        self.send(tx, self._invite.reply(request, 200))
        if not self._invite.ended and not self._invite.answered:
            # RFC 3261 section 15.1.2: a BYE in an early dialog also ends the pending INVITE.
            self.refuse(487)

    def pracked(self, tx: ServerTransaction, request: Request) -> bool:
        """Answer a PRACK; True when it acknowledges our 180."""
        response = self._invite.prack(request)
        self.send(tx, response)
        self._arm()
        return response.status == 200

    def otherwise(self, tx: ServerTransaction, request: Request) -> None:
        """Answer what no call has to decide on."""
        match request.method:
            case "OPTIONS":
                self.send(tx, self._invite.reply(request, 200))
            case "NOTIFY" | "REFER" | "MESSAGE":
                self.send(tx, self._invite.reply(request, 501))
            case _:
                response = self._invite.reply(request, 405)
                response.headers.set("Allow", ALLOW)
                self.send(tx, response)

    # -- time

    def refreshed(self) -> None:
        """Take in that we refreshed the session (RFC 4028)."""
        self._invite.refreshed(self._loop.time())
        self._arm()

    def end(self) -> None:
        """Say nothing again: the call is over."""
        self._invite.end()
        self._unacked.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._invite.next_timer()
        if due is not None:
            self._timer = self._loop.call_at(due, self._timed)

    def _timed(self) -> None:
        self._timer = None
        again, due = self._invite.handle_timer(self._loop.time())
        for response in again:
            if response.status < 200:
                self.send(self.invited, response)
            elif (tx := self._unacked.get(response.cseq.number)) is not None:
                self._endpoint.send_2xx(tx, response)
        for what in due:
            self._on_due(what)
        self._arm()
