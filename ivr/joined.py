"""Two dialogs back to back: a caller, and the phone that answered (RFC 7092, "media-unaware signalling-only B2BUA").

Descriptions of media pass through unchanged, so that media goes directly between the two. What one side asks
(re-INVITE, UPDATE, INFO) the other is asked, and its answer goes back; BYE of either ends both. Session timers are
agreed between the two through us (RFC 4028 section 8); we end the call when nobody refreshes it. Where none was
agreed, or one so long that it tells nothing, both are asked for a sign of life now and then.
"""

import asyncio
from typing import Final

import structlog

from ivr.branch import Branch
from ivr.endtoend import interval_s, passed
from ivr.sdp import SDP
from ivr.side import Side
from ivr.sip.message import Request, Response
from ivr.sip.session_timer import IntervalTooSmall, negotiate
from ivr.sip.transaction import ServerTransaction
from ivr.way import Spawn

log = structlog.get_logger("voicebox.ivr.joined")

ALIVE_EVERY_S: Final = 600.0
"""How often both are asked for a sign of life where no session timer tells: no call may last for ever by itself."""
TELLING_S: Final = 3600.0
"""A session interval longer than that tells too late that nobody is there any more; Session-Expires may say years."""
ADVICE: Final = ("Min-SE", "Retry-After", "Warning")
"""Headers of a refusal without which the asker cannot do better."""
GONE: Final = frozenset({408, 481})
"""RFC 3261 section 12.2.1.2: answers after which the dialog is over."""


class Joined:
    """A caller and the one who answered."""

    def __init__(self, caller: Side, branch: Branch, phone: Side, *, spawn: Spawn) -> None:
        """Join a caller's side, not answered yet, with a branch that was."""
        self.ended_by = ""
        """Of the call as a whole: `peer` is the caller, `phone` the one who answered."""
        self.caller = caller
        self._branch = branch
        self._phone = phone
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()
        self._offering: Side | None = None
        """Whose INVITE or offer is under way; one at a time (RFC 3261 section 14.1)."""
        self._reinvite: tuple[Side, ServerTransaction, Request] | None = None
        """The re-INVITE that was passed on and not answered yet, and whose it is."""
        self._watch: asyncio.TimerHandle | None = None
        """Ends the session that nobody refreshes."""
        self._round: asyncio.TimerHandle | None = None
        """Asks both for a sign of life."""
        self._cause = ""
        """With which we end it, where it is us who do."""

    async def run(self, answer: Response) -> None:
        """Answer the caller with the phone's 2xx, and pass on what either says until both have ended."""
        caller, phone = self.caller, self._phone
        caller.on_request = lambda tx, request: self._asked(caller, phone, tx, request)
        phone.on_request = lambda tx, request: self._asked(phone, caller, tx, request)
        caller.on_over = lambda: self._ended(caller, phone)
        phone.on_over = lambda: self._ended(phone, caller)
        caller.on_ack = self._acknowledged
        if phone.over:
            self._ended(phone, caller)
        elif caller.over:
            self._ended(caller, phone)
        else:
            self._offering = caller
            caller.answer(answer.body, passed(answer))
            self._keep_time(answer)
            if caller.invite.request.body:
                await self._branch.acknowledge()
        await self._over

    def end(self, cause: str, *, ended_by: str = "us") -> None:
        """End the call on both sides."""
        self.ended_by = self.ended_by or ended_by
        self._cause = self._cause or cause
        self._hang_up(self.caller)
        self._hang_up(self._phone)

    # -- the ends

    def _acknowledged(self, ack: Request) -> None:
        """Take the caller's first ACK; it carries the answer where the phone had offered."""
        self.caller.on_ack = None
        self._offering = None
        if self._phone.over:
            self.caller.bye(self._cause)
        else:
            self._spawn(self._branch.acknowledge(ack.body))

    def _ended(self, side: Side, other: Side) -> None:
        if side.ended_by == "peer":
            self.ended_by = self.ended_by or ("peer" if side is self.caller else "phone")
        else:
            self.ended_by = self.ended_by or side.ended_by
        self._terminate_reinvite()
        self._hang_up(other)
        if self.caller.over and self._phone.over and not self._over.done():
            self._stop_watching()
            self._over.set_result(None)

    def _terminate_reinvite(self) -> None:
        """Answer what is still open, whoever ended the call (RFC 3261 section 15.1.2)."""
        if self._reinvite is not None:
            side, tx, request = self._reinvite
            self._reinvite = None
            if not tx.answered:
                side.decline(tx, request, 487)

    def _hang_up(self, side: Side) -> None:
        if side.over:
            return
        if side is self._phone:
            # With an ACK before the BYE, where the caller's never came.
            self._spawn(self._say_goodbye())
        elif side.invite.confirmed or not side.invite.answered:
            side.bye(self._cause)
        # RFC 3261 section 15: no BYE before the ACK to our 2xx has come; `_acknowledged` sends it then.

    async def _say_goodbye(self) -> None:
        await self._branch.acknowledge()
        self._phone.bye(self._cause)

    # -- what passes through

    def _asked(self, side: Side, other: Side, tx: ServerTransaction, request: Request) -> None:
        offers = request.method == "INVITE" or (request.method == "UPDATE" and bool(request.body))
        try:
            negotiate(request)
        except IntervalTooSmall:
            side.too_often(tx, request)
            return
        if other.over:
            side.decline(tx, request, 481)
        elif offers and self._offering is side:
            side.busy(tx, request, "Another offer is open")
        elif offers and self._offering is not None:
            side.decline(tx, request, 491)
        else:
            if offers:
                self._offering = side
            if request.method == "INVITE":
                self._reinvite = (side, tx, request)
            self._spawn(self._pass_on(side, other, tx, request, offers=offers))

    async def _pass_on(self, side: Side, other: Side, tx: ServerTransaction, request: Request, *, offers: bool) -> None:
        waits_for_ack = False
        try:
            response = await other.way.ask(_said_again(other, request))
            if request.method == "INVITE":
                self._reinvite = None
            accepted = 200 <= response.status < 300
            if accepted and request.method == "INVITE":
                waits_for_ack = await self._reoffered(side, other, tx, request, response)
            elif tx.answered:
                pass  # cancelled, or hung up, meanwhile
            elif accepted:
                _retarget(other, response)
                side.accept(tx, request, response.body, passed(response))
            else:
                status = 500 if response.status in {401, 407} else response.status
                side.decline(tx, request, status, response.reason, _advice(response))
            if accepted and request.method != "INFO":
                self._keep_time(response)
            if response.status in GONE and request.method != "INFO":
                other.lost()
        finally:
            if offers and not waits_for_ack and self._offering is side:
                self._offering = None

    async def _reoffered(
        self, side: Side, other: Side, tx: ServerTransaction, request: Request, response: Response
    ) -> bool:
        """Pass on the 2xx to a re-INVITE, and its ACK; return whether that ACK is still awaited."""
        _retarget(other, response)
        number = response.cseq.number
        if tx.answered or side.over:
            await _acknowledge(other, number)
            return False

        def acknowledged(ack: Request) -> None:
            side.on_ack = None
            self._offering = None
            if not request.body:
                self._spawn(_acknowledge(other, number, ack.body))

        side.on_ack = acknowledged
        side.accept(tx, request, response.body, passed(response))
        if request.body:
            await _acknowledge(other, number)
        return True

    # -- time

    def _keep_time(self, agreed: Response) -> None:
        """Start anew what ends a call that nobody is in any more."""
        self._stop_watching()
        length_s = interval_s(agreed)
        if self._over.done():
            return
        if length_s:
            # RFC 4028 section 10: a little before the end, as the side that does not refresh.
            self._watch = self._loop.call_later(length_s - min(32.0, length_s / 3), self._expired)
        if not 0 < length_s <= TELLING_S:
            self._round = self._loop.call_later(ALIVE_EVERY_S, self._look_after)

    def _stop_watching(self) -> None:
        for timer in (self._watch, self._round):
            if timer is not None:
                timer.cancel()

    def _expired(self) -> None:
        self.end('SIP ;cause=408 ;text="Session expired"', ended_by="expired")

    def _look_after(self) -> None:
        self._round = self._loop.call_later(ALIVE_EVERY_S, self._look_after)
        for side in (self.caller, self._phone):
            if not side.over:
                self._spawn(_sign_of_life(side))


async def _acknowledge(side: Side, number: int, body: bytes = b"") -> None:
    await side.way.acknowledge(side.invite.dialog.ack(number, body=body, content_type=SDP))


async def _sign_of_life(side: Side) -> None:
    response = await side.way.ask(side.invite.dialog.request("OPTIONS"))
    if response.status in GONE:
        log.info("call_lost", call=side.invite.dialog.call_id, status=response.status)
        side.lost()


def _said_again(side: Side, request: Request) -> Request:
    """Return a request of one side as it is said to the other."""
    kind = request.headers.get("Content-Type") or SDP
    said = side.invite.dialog.request(request.method, body=request.body, content_type=kind)
    for name, value in passed(request):
        said.headers.set(name, value)
    return said


def _retarget(side: Side, response: Response) -> None:
    """Follow the Contact of a 2xx to a target refresh (RFC 3261 section 12.2.1.2)."""
    if response.contact:
        side.invite.dialog.remote_target = response.contact[0].uri


def _advice(response: Response) -> list[tuple[str, str]]:
    """Return what a refusal says on how to ask better (RFC 4028 section 6, RFC 3261 sections 20.33 and 20.43)."""
    return [(name, value) for name in ADVICE if (value := response.headers.get(name)) is not None]
