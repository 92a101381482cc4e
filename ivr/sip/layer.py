"""The transaction layer of RFC 3261 section 17 and RFC 6026, without input or output.

Theory of operation: parsed messages and the time go in by `receive`, requests and responses of our user agent by
`request`, `respond`, `refuse` and `cancel`, the passing of time by `handle_timer`. Each looks up a transaction
and takes the step that `machines.TABLE` has for the event. What comes out is queued and taken one by one with `take`:
bytes to send, and events for the user agent. `next_timer` says when `handle_timer` is due.

Rejected: an asyncio timer for each transaction. A server under load has thousands pending, most of which never matter.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from ivr.sip.companions import ack_to_refusal, cancel_of
from ivr.sip.counters import Counters
from ivr.sip.hops import Hop, Source
from ivr.sip.limits import HalfOpen, Limits
from ivr.sip.machines import Act, Event, IllegalEvent, Machine, State
from ivr.sip.message import Request, Response, response_to
from ivr.sip.timers import T2_S, T4_S, TIMER_D_S, TRANSACTION_S, TimerHeap
from ivr.sip.transaction import (
    HALF_OPEN,
    AckReceived,
    Cancelled,
    ClientTransaction,
    Key,
    Output,
    RequestReceived,
    ResponseReceived,
    Send,
    ServerTransaction,
    TimedOut,
    Transaction,
    TransportFailed,
    call_key,
    client_key,
    server_key,
)


class Overloaded(Exception):  # noqa: N818 - a state, not a fault
    """The bound on transactions is reached: a request of ours cannot start now."""


_EVENT_OF_CLASS: Final = (None, Event.PROVISIONAL, Event.SUCCESS, *([Event.FAILURE] * 4))
_FIXED_S: Final = {
    Event.TIMER_B: TRANSACTION_S,
    Event.TIMER_F: TRANSACTION_S,
    Event.TIMER_H: TRANSACTION_S,
    Event.TIMER_L: TRANSACTION_S,
    Event.TIMER_M: TRANSACTION_S,
    Event.TIMER_USELESS: TRANSACTION_S,
}
_ZERO_WHEN_RELIABLE_S: Final = {
    Event.TIMER_D: TIMER_D_S,
    Event.TIMER_I: T4_S,
    Event.TIMER_J: TRANSACTION_S,
    Event.TIMER_K: T4_S,
}


def _nobody(_: Source) -> bool:
    return False


class TransactionLayer:
    """All transactions of an endpoint."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        trusted: Callable[[Source], bool] = _nobody,
        counters: Counters | None = None,
    ) -> None:
        """Make an empty layer; `trusted` says which sources are configured peers, exempt from the strangers' bounds."""
        self.counters = counters if counters is not None else Counters()
        self._limits = limits if limits is not None else Limits()
        self._trusted = trusted
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, ClientTransaction] = {}
        self._invites: dict[Key, ServerTransaction] = {}
        self._half_open = HalfOpen(self._limits)
        self._timers = TimerHeap()
        self._outputs: deque[Output] = deque()
        self._acts: Final[dict[Act, Callable[..., None]]] = {
            Act.SEND: self._send,
            Act.RESEND: self._resend,
            Act.ACK: self._acknowledge,
            Act.TELL: self._tell,
            Act.TIMEOUT: self._timed_out,
            Act.FAILED: self._failed,
        }

    def __len__(self) -> int:
        """Return how many transactions are held."""
        return len(self._servers) + len(self._clients)

    @property
    def half_open(self) -> int:
        """How many INVITEs of strangers are neither answered nor acknowledged."""
        return self._half_open.total

    # What comes from the network

    def receive(self, message: Request | Response, source: Source, now: float) -> None:
        """Take in a parsed message, its top Via already stamped with the source (RFC 3581)."""
        if isinstance(message, Response):
            self._receive_response(message, now)
        elif message.method == "ACK":
            self._receive_ack(message, source, now)
        elif message.method == "CANCEL":
            self._receive_cancel(message, source, now)
        else:
            self._receive_request(message, source, now)

    def transport_failed(self, transaction: Transaction, now: float) -> None:
        """Take in that the last `Send` of a transaction did not leave (RFC 3261 sections 17.1.4 and 17.2.4)."""
        self.counters.transport_failures += 1
        if not transaction.over:
            self._step(transaction, Event.TRANSPORT_ERROR, now)

    def hop_lost(self, hop: Hop, now: float) -> None:
        """Take in that the connection to a hop ended: our requests that wait for a response on it have failed."""
        for transaction in [each for each in self._clients.values() if each.hop.reaches(hop)]:
            self.transport_failed(transaction, now)

    # What comes from our user agent

    def request(self, request: Request, hop: Hop, now: float) -> ClientTransaction:
        """Start a request of ours; its top Via carries a fresh branch.

        Raises:
            Overloaded: the layer is full.
            ValueError: ACK and CANCEL are no transactions to start, or the branch is in use.
        """
        if request.method in {"ACK", "CANCEL"}:
            raise ValueError(f"{request.method} is not started by itself")
        if len(self) >= self._limits.transactions:
            raise Overloaded(f"{self._limits.transactions} transactions are in progress")
        return self._start_client(request, hop, now)

    def cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Cancel an INVITE of ours: at once when a provisional has come, else as soon as one comes (section 9.1)."""
        if transaction.state is State.CALLING:
            transaction.cancel_wanted = True
        elif transaction.state is State.PROCEEDING and transaction.invite and not transaction.cancel_sent:
            self._send_cancel(transaction, now)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a response; a 2xx to INVITE may be given again and again until its ACK comes.

        Raises:
            IllegalEvent: a final response was given before, or the transaction is over.
        """
        if response.status > 100:
            transaction.response = response
        event = _EVENT_OF_CLASS[response.status // 100]
        self._step(transaction, event, now, response)  # type: ignore[arg-type] # statuses start at 100

    def refuse(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a final response once and keep nothing: challenges and refusals of strangers (RFC 3261 section 8.2.7).

        A retransmission is taken as a new request and refused again, with the same To tag if `response_to` made it.

        Raises:
            IllegalEvent: a final response was given before, or the transaction is over.
        """
        self._step(transaction, Event.FORGET, now, response)

    def invite_of(self, request: Request) -> ServerTransaction | None:
        """Find the INVITE that an ACK or CANCEL belongs to: by branch, else by Call-ID, From tag and CSeq number.

        Not by To tag: pyVoIP's ACK has a random one.
        """
        return self._servers.get(server_key(request, "INVITE")) or self._invites.get(call_key(request))

    # Time, and what comes out

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is due, in the seconds of `now`; None when nothing is pending."""
        return self._timers.next()

    def handle_timer(self, now: float) -> None:
        """Let every timer fire that is due."""
        while (due := self._timers.pop(now)) is not None:
            transaction, event = due
            if event in transaction.rules[transaction.state]:
                self._step(transaction, event, now)

    def take(self) -> Output | None:
        """Take what is to be done next, oldest first; None when there is nothing."""
        return self._outputs.popleft() if self._outputs else None

    # Inside

    def _receive_request(self, request: Request, source: Source, now: float) -> None:
        key = server_key(request, request.method)
        transaction = self._servers.get(key)
        if transaction is not None:
            self.counters.absorbed += 1
            self._step(transaction, Event.REQUEST, now, request, source)
            return
        invite = request.method == "INVITE"
        stranger = not self._trusted(source)
        if self._too_many(request, source, stranger=stranger):
            self._refuse_statelessly(request, source)
            return
        transaction = ServerTransaction(Machine.INVITE_SERVER if invite else Machine.SERVER, key, request, source)
        self._servers[key] = transaction
        if not invite:
            self._step(transaction, Event.REQUEST, now, request, source)
            return
        if stranger:
            transaction.half_open = True
            self._half_open.enter(source.host)
        same = self._invites.setdefault(call_key(request), transaction)
        if same is not transaction and request.to.tag is None and same.state in {State.PROCEEDING, State.ACCEPTED}:
            # RFC 3261 section 8.2.2.2: it forked upstream and reached us twice.
            self.counters.merged += 1
            transaction.state = State.PROCEEDING
            self.respond(transaction, response_to(request, 482), now)
            return
        self._invites[call_key(request)] = transaction
        self._step(transaction, Event.REQUEST, now, request, source)

    def _receive_ack(self, request: Request, source: Source, now: float) -> None:
        transaction = self.invite_of(request)
        if transaction is None:
            self.counters.stray_acks += 1
            self._outputs.append(AckReceived(request, source))
        else:
            self._step(transaction, Event.ACK, now, request, source)

    def _receive_cancel(self, request: Request, source: Source, now: float) -> None:
        key = server_key(request, "CANCEL")
        transaction = self._servers.get(key)
        if transaction is not None:
            self.counters.absorbed += 1
            self._step(transaction, Event.REQUEST, now, request, source)
            return
        if len(self) >= self._limits.transactions:
            self._refuse_statelessly(request, source)
            return
        invite = self.invite_of(request)
        transaction = ServerTransaction(Machine.SERVER, key, request, source)
        transaction.state = State.TRYING  # the user agent is told of the INVITE it ends, not of the CANCEL
        self._servers[key] = transaction
        if invite is None:
            self.respond(transaction, response_to(request, 481), now)
            return
        # RFC 3261 section 9.2: the 200 carries the To tag of the responses to the INVITE.
        self.respond(transaction, response_to(request, 200, to_tag=invite.to_tag), now)
        if invite.state is State.PROCEEDING:
            self._outputs.append(Cancelled(invite))

    def _receive_response(self, response: Response, now: float) -> None:
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            self.counters.stray_responses += 1
            return
        event = _EVENT_OF_CLASS[response.status // 100]
        calling = transaction.state is State.CALLING
        self._step(transaction, event, now, response)  # type: ignore[arg-type] # statuses start at 100
        if calling and transaction.cancel_wanted and transaction.state is State.PROCEEDING:
            self._send_cancel(transaction, now)

    def _too_many(self, request: Request, source: Source, *, stranger: bool) -> bool:
        held = len(self)
        # A BYE is worth more than a new call: it frees what the call holds.
        if not stranger or request.to.tag is not None:
            return held >= self._limits.transactions
        return held >= self._limits.strangers or (request.method == "INVITE" and self._half_open.full(source.host))

    def _refuse_statelessly(self, request: Request, source: Source) -> None:
        self.counters.refused += 1
        response = response_to(request, 503)
        response.headers.add("Retry-After", str(self._limits.retry_after_s))
        self._outputs.append(Send(response.to_bytes(), source.hop, None))

    def _start_client(self, request: Request, hop: Hop, now: float) -> ClientTransaction:
        key = client_key(request)
        if key in self._clients:
            raise ValueError("the branch is in use")
        machine = Machine.INVITE_CLIENT if request.method == "INVITE" else Machine.CLIENT
        transaction = self._clients[key] = ClientTransaction(machine, key, request, hop)
        self._step(transaction, Event.REQUEST, now, request)
        return transaction

    def _send_cancel(self, transaction: ClientTransaction, now: float) -> None:
        transaction.cancel_sent = True
        self._start_client(cancel_of(transaction.request, transaction.cancel_cause), transaction.hop, now)
        self._timers.set(now + TRANSACTION_S, transaction, Event.TIMER_CANCEL)

    def _step(
        self,
        transaction: Transaction,
        event: Event,
        now: float,
        message: Request | Response | None = None,
        source: Source | None = None,
    ) -> None:
        """Take one step of the table."""
        step = transaction.rules[transaction.state].get(event)
        if step is None:
            raise IllegalEvent(transaction.machine, transaction.state, event)
        transaction.state = step.to
        for act in step.acts:
            self._acts[act](transaction, event, message, source)
        for timer in step.start:
            self._start(timer, transaction, now)
        if step.to in HALF_OPEN:
            return
        if isinstance(transaction, ServerTransaction) and transaction.half_open:
            transaction.half_open = False
            self._half_open.leave(transaction.source.host)
        if step.to is State.TERMINATED:
            self._forget(transaction)

    def _send(self, transaction: Transaction, _: Event, message: Request | Response | None, __: Source | None) -> None:
        assert message is not None  # noqa: S101 - the table sends what just came in
        transaction.sent = message.to_bytes()
        self._outputs.append(Send(transaction.sent, transaction.hop, transaction))

    def _resend(self, transaction: Transaction, *_: object) -> None:
        if transaction.sent is not None:
            self.counters.retransmitted += 1
            self._outputs.append(Send(transaction.sent, transaction.hop, transaction))

    def _acknowledge(self, transaction: Transaction, _: Event, message: Request | Response | None, *__: object) -> None:
        assert isinstance(transaction, ClientTransaction)  # noqa: S101 - the table has it for INVITE clients only
        if transaction.ack is None:
            assert isinstance(message, Response)  # noqa: S101 - only a refusal is acknowledged
            transaction.ack = ack_to_refusal(transaction.request, message).to_bytes()
        self._outputs.append(Send(transaction.ack, transaction.hop, transaction))

    def _tell(
        self, transaction: Transaction, event: Event, message: Request | Response | None, source: Source | None
    ) -> None:
        match transaction, message:
            case ClientTransaction(), Response():
                self._outputs.append(ResponseReceived(transaction, message))
            case ServerTransaction(), Request() if event is Event.ACK and source is not None:
                self._outputs.append(AckReceived(message, source))
            case ServerTransaction(), _:
                self._outputs.append(RequestReceived(transaction))

    def _timed_out(self, transaction: Transaction, event: Event, *_: object) -> None:
        self._count_timeout(event)
        self._outputs.append(TimedOut(transaction))

    def _failed(self, transaction: Transaction, *_: object) -> None:
        self._outputs.append(TransportFailed(transaction))

    def _count_timeout(self, event: Event) -> None:
        if event is Event.TIMER_H:
            self.counters.unacknowledged += 1
        elif event is Event.TIMER_USELESS:
            self.counters.unanswered += 1
        else:
            self.counters.timeouts += 1

    def _start(self, timer: Event, transaction: Transaction, now: float) -> None:
        if timer in _FIXED_S:
            self._timers.set(now + _FIXED_S[timer], transaction, timer)
        elif timer in _ZERO_WHEN_RELIABLE_S:
            if transaction.hop.transport.reliable:
                self._step(transaction, timer, now)
            else:
                self._timers.set(now + _ZERO_WHEN_RELIABLE_S[timer], transaction, timer)
        elif not transaction.hop.transport.reliable:
            # A doubles for ever (B ends it); E and G stop growing at T2; E starts there once a 1xx has come.
            interval_s = T2_S if transaction.state is State.PROCEEDING else transaction.interval_s
            self._timers.set(now + interval_s, transaction, timer)
            transaction.interval_s = 2 * interval_s if timer is Event.TIMER_A else min(2 * interval_s, T2_S)

    def _forget(self, transaction: Transaction) -> None:
        transaction.over = True
        if isinstance(transaction, ServerTransaction):
            self._servers.pop(transaction.key, None)
            if transaction.invite:
                key = call_key(transaction.request)
                if self._invites.get(key) is transaction:
                    del self._invites[key]
        else:
            self._clients.pop(transaction.key, None)
