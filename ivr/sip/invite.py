"""The called side of an INVITE and its session: RFC 3261 section 13.3, RFC 3262, RFC 4028. No input or output.

The transaction layer absorbs retransmitted INVITEs; what is left to the user agent is here: a 2xx is repeated until
its ACK comes, a reliable provisional until its PRACK, and a session timer runs. Every method takes `now` in seconds
(any monotonic clock) and says what to send; `next_timer` says when to call `handle_timer`.
"""

from dataclasses import dataclass
from enum import Enum
from random import randrange
from typing import Final

from ivr.sip.dialog import Dialog, new_tag
from ivr.sip.message import Request, Response, response_to
from ivr.sip.session_timer import MIN_SE_S, SessionTimer, has_option
from ivr.sip.timers import T1_S, T2_S

GIVE_UP_S: Final = 64 * T1_S
"""RFC 3261 section 13.3.1.4: no ACK for this long ends the session by BYE."""

RETRY_AFTER_S: Final = 2
"""Within the 0 to 10 s of RFC 3261 section 14.2."""

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, SUBSCRIBE, REGISTER"
SUPPORTED: Final = "100rel, timer, histinfo"


class Due(Enum):
    """What a timer asks of the user agent, besides resending."""

    NO_ACK = "no ACK came: end the session by BYE"
    NO_PRACK = "no PRACK came: refuse the call with 500 (RFC 3262 section 3)"
    REFRESH = "our turn to refresh the session"
    EXPIRED = "the session expired: end it by BYE"


@dataclass(slots=True)
class _Repeated:
    """A response that is repeated until it is acknowledged."""

    response: Response
    interval_s: float
    next_at: float
    give_up_at: float


class InviteServer:
    """The state of one answered call on the SIP side."""

    def __init__(self, request: Request, contact: str, dialog: Dialog | None = None) -> None:
        """Make one for an INVITE that came, or for the answered dialog of an INVITE of ours.

        The latter only answers re-INVITEs, which is the same for both sides.
        """
        self.request = request
        self.dialog = dialog or Dialog.of_server(request, new_tag(), contact)
        self.answered = dialog is not None
        self.confirmed = dialog is not None
        self.ended = False
        self._contact = contact
        self._unacked: dict[int, _Repeated] = {}
        self._unpracked: _Repeated | None = None
        self._prackable = False
        """Whether the last reliable 1xx waits for its PRACK, also after the 2xx (RFC 3262 section 3)."""
        self._rseq = randrange(1, 2**31 - 1000)  # noqa: S311 - RFC 3262 section 3 asks for random, not secret
        self.timer: SessionTimer | None = None
        """What was agreed, if anything."""
        self._timer_at: float | None = None
        self._refreshing = False

    @property
    def reliable_required(self) -> bool:
        """Whether the caller demands that provisional responses be acknowledged (RFC 3262 section 3)."""
        return has_option(self.request.headers, "Require", "100rel")

    def reply(self, request: Request, status: int, reason: str | None = None) -> Response:
        """Build a response to a request of this dialog, with our tag and Contact where it may change the target."""
        response = response_to(request, status, reason, to_tag=self.dialog.local_tag)
        if request.method in {"INVITE", "UPDATE"} and (status < 300 or 300 <= status < 400):
            response.headers.set("Contact", self._contact)
            response.headers.set("Allow", ALLOW)
            response.headers.set("Supported", SUPPORTED)
        return response

    def ringing(self, now: float) -> Response:
        """Build the 180; where the caller requires it, a reliable one that is repeated until PRACK."""
        response = self.reply(self.request, 180)
        if self.reliable_required:
            self._rseq += 1
            response.headers.set("Require", "100rel")
            response.headers.set("RSeq", str(self._rseq))
            self._unpracked = _Repeated(response, T1_S, now + T1_S, now + GIVE_UP_S)
            self._prackable = True
        return response

    def prack(self, request: Request) -> Response:
        """Answer a PRACK: 200 when it acknowledges what we sent, else 481 (RFC 3262 section 3)."""
        fields = (request.headers.get("RAck") or "").split()
        cseq = self.request.cseq
        wanted = [str(self._rseq), str(cseq.number), cseq.method]
        if not self._prackable or fields != wanted:
            return self.reply(request, 481)
        self._prackable, self._unpracked = False, None
        return self.reply(request, 200)

    def answer(self, request: Request, body: bytes, now: float, timer: SessionTimer | None = None) -> Response:
        """Build the 2xx to the INVITE or to a re-INVITE, repeated until its ACK (RFC 3261 section 13.3.1.4)."""
        response = self.reply(request, 200)
        if body:
            response.headers.set("Content-Type", "application/sdp")
            response.body = body
        self.agree(response, timer, now)
        self._unacked[request.cseq.number] = _Repeated(response, T1_S, now + T1_S, now + GIVE_UP_S)
        self.answered = True
        self._unpracked = None
        return response

    def agree(self, response: Response, timer: SessionTimer | None, now: float) -> None:
        """Put the session timer into a 2xx and start it anew; None leaves a running one as it was refreshed."""
        if timer is not None:
            self.timer = timer
            timer.apply(response.headers)
        self.refreshed(now)

    def refreshed(self, now: float) -> None:
        """Start the session timer anew: either side refreshed the session."""
        self._refreshing = False
        if self.timer is not None:
            self._timer_at = now + self.timer.due_s()

    def ack(self, request: Request) -> bool:
        """Take in an ACK to a 2xx; True when it was awaited (a repeated one is not)."""
        self.confirmed = True
        return self._unacked.pop(request.cseq.number, None) is not None

    def refuse(self, request: Request, status: int, reason: str | None = None) -> Response:
        """Build a final refusal of the first INVITE or of a re-INVITE, which leaves the session as it was."""
        if not self.answered:
            self.end()
        return self.reply(request, status, reason)

    def come_again(self, request: Request, why: str) -> Response:
        """Build a refusal of an offer that asks the peer to come again with it (RFC 3261 section 14.2)."""
        response = self.reply(request, 500, why)
        response.headers.set("Retry-After", str(RETRY_AFTER_S))
        return response

    def too_often(self, request: Request) -> Response:
        """Build the refusal of a session interval that is too small (RFC 4028 section 9)."""
        response = self.reply(request, 422)
        response.headers.set("Min-SE", str(MIN_SE_S))
        return response

    def bye(self, cause: str = "") -> Request:
        """End the session from our side; `cause` is the value of a Reason header (RFC 3326)."""
        request = self.dialog.request("BYE")
        if cause:
            request.headers.add("Reason", cause)
        self.end()
        return request

    def end(self) -> None:
        """Stop every timer: the session is over."""
        self.ended = True
        self._unacked.clear()
        self._unpracked = None
        self._timer_at = None

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is due, or None."""
        times = [repeated.next_at for repeated in self._unacked.values()]
        if self._unpracked is not None:
            times.append(self._unpracked.next_at)
        if self._timer_at is not None:
            times.append(self._timer_at)
        return min(times, default=None)

    def handle_timer(self, now: float) -> tuple[list[Response], list[Due]]:
        """Return the responses to send again and what else is due."""
        again: list[Response] = []
        due: list[Due] = []
        for repeated in list(self._unacked.values()):
            if now >= repeated.give_up_at:
                self._unacked.clear()
                due.append(Due.NO_ACK)
                break
            if now >= repeated.next_at:
                again.append(repeated.response)
                repeated.interval_s = min(2 * repeated.interval_s, T2_S)
                repeated.next_at = min(now + repeated.interval_s, repeated.give_up_at)
        provisional = self._unpracked
        if provisional is not None:
            if now >= provisional.give_up_at:
                self._unpracked = None
                due.append(Due.NO_PRACK)
            elif now >= provisional.next_at:
                again.append(provisional.response)
                provisional.interval_s *= 2
                provisional.next_at = min(now + provisional.interval_s, provisional.give_up_at)
        if self._timer_at is not None and now >= self._timer_at and self.timer is not None:
            if self.timer.we_refresh and not self._refreshing:
                # The second half of the interval is left for the refresh to succeed.
                self._refreshing = True
                self._timer_at = now + self.timer.interval_s / 2
                due.append(Due.REFRESH)
            else:
                self._timer_at = None
                due.append(Due.EXPIRED)
        return again, due
