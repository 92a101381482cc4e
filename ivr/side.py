"""One side of a call whose media is not ours: a dialog that is answered, asked and ended.

`ivr.leg` is its like for calls with media of ours. A side repeats its 2xx until their ACK (RFC 3261 section 13.3.1.4)
and answers BYE, PRACK and OPTIONS by itself; INVITE, UPDATE and INFO are for `on_request`. `on_over` is called once,
when the call has ended on this side, whoever ended it.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ivr.dialogs import Dialogs
from ivr.replies import Replies
from ivr.sdp import SDP
from ivr.sip.endpoint import Endpoint
from ivr.sip.invite import Due, InviteServer
from ivr.sip.message import Request
from ivr.sip.transaction import ServerTransaction
from ivr.way import Spawn, Way


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
        self._dialogs = dialogs
        self._spawn = spawn
        self._replies = Replies(endpoint, invite, tx, self._due)
        dialogs.add(invite.dialog.id, self)

    # -- before the answer, where the INVITE came to us

    def ring(self) -> None:
        """Send 180 without SDP, reliably where the caller requires it (RFC 3262)."""
        self._replies.ring()

    def progress(self, body: bytes) -> None:
        """Send 183 with the description of early media."""
        response = self.invite.reply(self.invite.request, 183)
        response.headers.set("Content-Type", SDP)
        response.body = body
        self._replies.send(self._replies.invited, response)

    def answer(self, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send 200 to the INVITE, and again until its ACK comes."""
        self.answered_at = datetime.now(UTC)
        self.accept(self._replies.invited, self.invite.request, body, headers)

    def refuse(self, status: int, reason: str | None = None, *, ended_by: str = "us") -> None:
        """Turn the call away instead of answering it."""
        if not self.invite.answered and not self.over:
            self._replies.refuse(status, reason)
            self._end(ended_by)

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
            case "PRACK":
                replies.pracked(tx, request)
            case "INVITE" if not self.invite.confirmed or replies.unacknowledged:
                # RFC 3261 section 14.2: one INVITE is still open.
                self.busy(tx, request, "Another INVITE is in progress")
            case "INVITE" | "UPDATE" | "INFO":
                self.on_request(tx, request)
            case _:
                replies.otherwise(tx, request)

    def acked(self, request: Request) -> None:
        """Take the ACK to one of our 2xx."""
        awaited = self._replies.acked(request)
        if awaited and not self.over and self.on_ack is not None:
            self.on_ack(request)

    def accept(
        self, tx: ServerTransaction, request: Request, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Answer 200: to an INVITE again and again until its ACK, to any other request once."""
        self._replies.accept(tx, request, body, headers)

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
            self._replies.send(tx, self.invite.reply(request, 200))
        elif not status and request.method == "UPDATE" and not request.body:
            self.accept(tx, request)
        else:
            response = self.invite.reply(request, status or 488, reason)
            for name, value in headers:
                response.headers.set(name, value)
            self._replies.send(tx, response)

    def busy(self, tx: ServerTransaction, request: Request, why: str) -> None:
        """Ask the peer to come again with its offer."""
        self._replies.send(tx, self.invite.come_again(request, why))

    def too_often(self, tx: ServerTransaction, request: Request) -> None:
        """Refuse a session interval that is too small (RFC 4028 section 9)."""
        self._replies.send(tx, self.invite.too_often(request))

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
        self._replies.end()
        self._dialogs.remove(self.invite.dialog.id)
        self.on_over()

    def leave(self) -> None:
        """Forget an early dialog that was not the one answered (RFC 3261 section 13.2.2.4): nobody is told."""
        self._end("us")

    # -- inside

    def _due(self, what: Due) -> None:
        if what is Due.NO_ACK:
            self.bye('SIP ;cause=408 ;text="No ACK"', ended_by="no-ack")
        elif what is Due.NO_PRACK:
            self.refuse(500, "No PRACK")
