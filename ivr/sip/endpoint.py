"""The SIP endpoint: the asyncio shell around the transaction layer and the transports.

One thread, one loop, one timer. Datagrams and frames come in from the transports, are parsed, and go through the
transaction layer; what the layer puts out is sent or handed to the handler in the order it came. The handler's methods
are plain functions: a call that needs to wait starts a task of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from ivr.sip.admission import Admission, Rate
from ivr.sip.client import Client
from ivr.sip.counters import Counters
from ivr.sip.errors import FramingError, ParseError
from ivr.sip.hops import Address, Destination, Hop, ListenAddress, Source, bracketed
from ivr.sip.layer import TransactionLayer
from ivr.sip.limits import Limits
from ivr.sip.locating import Locator, Resolver
from ivr.sip.message import Request, Response, parse, response_to
from ivr.sip.nameservice import DnsResolver
from ivr.sip.outgoing import FAILED, TIMED_OUT, ContactAt, OnProvisional
from ivr.sip.receiver import Unreachable
from ivr.sip.transaction import (
    AckReceived,
    Cancelled,
    ClientTransaction,
    Output,
    RequestReceived,
    ResponseReceived,
    Send,
    ServerTransaction,
    TimedOut,
    Transaction,
    TransportFailed,
)
from ivr.sip.transport import Transports

RETRY_AFTER_S: Final = 30
"""What a draining server tells callers: longer than its own end takes."""

_MALFORMED_EACH: Final = Rate(per_s=1.0, burst=10.0)
_MALFORMED_ALL: Final = Rate(per_s=50.0, burst=100.0)
"""How often malformed requests are answered; beyond, they are only counted."""

_log = structlog.get_logger("voicebox.sip.endpoint")


class Handler(Protocol):
    """The user agent core. Its methods return at once; what they raise is logged and answered 500."""

    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        """Take a new request, neither ACK nor CANCEL. Unless it is answered on return, an INVITE gets its 100."""
        ...

    def on_ack(self, request: Request, source: Source) -> None:
        """Take an ACK to a 2xx; `Endpoint.invite_of` finds the INVITE also when its To tag is wrong."""
        ...

    def on_cancel(self, tx: ServerTransaction) -> None:
        """Take in that an INVITE without a final response was cancelled: answer it 487."""
        ...


def _nobody(_: Source) -> bool:
    return False


class Endpoint:
    """A SIP user agent's way to the network."""

    def __init__(
        self,
        handler: Handler,
        *,
        user_agent: str,
        external: str | None = None,
        limits: Limits | None = None,
        trusted: Callable[[Source], bool] = _nobody,
        resolver: Resolver | None = None,
    ) -> None:
        """Make an endpoint that listens nowhere yet.

        Args:
            handler: the user agent core.
            user_agent: what we call ourselves in Server and User-Agent.
            external: our IP address as peers see it, for Via and Contact when bound to a wildcard.
            limits: bounds of the transaction layer.
            trusted: whether a source is a configured peer, exempt from the bounds for strangers.
            resolver: the name service, by default the machine's.
        """
        self.counters: Final = Counters()
        self.draining = False
        """While true, new INVITEs and OPTIONS are answered 503 with Retry-After; dialogs go on."""
        self._handler = handler
        self._user_agent = user_agent
        self._transports = Transports(self, self.counters, external=external)
        self._layer = TransactionLayer(limits=limits, trusted=trusted, counters=self.counters)
        self._client = Client(
            self._transports,
            self._layer,
            Locator(resolver or DnsResolver(), self._transports.supports),
            user_agent=user_agent,
            counters=self.counters,
            flush=self._flush,
        )
        self._malformed = Admission(_MALFORMED_EACH, _MALFORMED_ALL)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0
        """When the timer is due; no matter without one."""
        self._busy = False

    # Opening and closing

    async def listen(self, addresses: Sequence[ListenAddress | str]) -> None:
        """Listen on every address, such as `udp:127.0.0.1:5060`, or on none. Port 0 takes a free one.

        Raises:
            ValueError: an address cannot be read.
            PortTaken: another process holds one of the ports; the text names it.
            CannotListen: an address cannot be had for another reason.
        """
        self._loop = asyncio.get_running_loop()
        parsed = [ListenAddress.parse(each) if isinstance(each, str) else each for each in addresses]
        await self._transports.listen(parsed)

    @property
    def listening(self) -> list[ListenAddress]:
        """The addresses listened on, with the ports they got."""
        return self._transports.listening

    @property
    def transactions(self) -> int:
        """How many transactions are in progress or kept for retransmissions."""
        return len(self._layer)

    @property
    def half_open(self) -> int:
        """How many INVITEs of strangers are neither answered nor acknowledged."""
        return self._layer.half_open

    @property
    def connections(self) -> int:
        """How many TCP connections are open."""
        return self._transports.connections

    async def close(self) -> None:
        """Free the ports; requests of ours that still wait get 503. Closing twice does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._client.close()
        await self._transports.close()
        self._loop = None

    # For the user agent: answering

    def respond(self, tx: ServerTransaction, response: Response) -> bool:
        """Send a response; a 2xx to INVITE is given again (`send_2xx`) until its ACK comes.

        A 2xx to INVITE never goes first: a 100 goes before it, for pyVoIP waits for ever without. Returns False, and
        sends nothing, when the transaction is over (a slow answer to a request nobody waits for any more).

        Raises:
            IllegalEvent: a final response was given before.
        """
        if tx.over:
            _log.debug("sip_late_response", call_id=tx.request.call_id, status=response.status)
            return False
        now = self._now()
        if tx.invite and tx.sent is None and 200 <= response.status < 300:
            self._layer.respond(tx, response_to(tx.request, 100), now)
        self._name_ourselves(response)
        self._layer.respond(tx, response, now)
        self._flush()
        return True

    def refuse(self, tx: ServerTransaction, response: Response) -> bool:
        """Send a final response once and keep nothing of the request: for challenges and strangers.

        Nothing is retransmitted and no ACK awaited, so a flood (with forged sources even) costs no memory. Returns
        False when the transaction is over.

        Raises:
            IllegalEvent: a final response was given before.
        """
        if tx.over:
            return False
        self._name_ourselves(response)
        self._layer.refuse(tx, response, self._now())
        self._flush()
        return True

    def send_2xx(self, tx: ServerTransaction, response: Response) -> None:
        """Send a 2xx to INVITE once more (RFC 3261 section 13.3.1.4); the user agent keeps the time.

        Also when the transaction is over, which is 32 s after the first 2xx.
        """
        if tx.over:
            self._name_ourselves(response)
            self._send(Send(response.to_bytes(), tx.hop, None))
        else:
            self.counters.retransmitted += 1
            self.respond(tx, response)

    def invite_of(self, ack: Request) -> ServerTransaction | None:
        """Find the INVITE an ACK belongs to, for 32 s: by branch, Call-ID, From tag and CSeq, not by To tag."""
        return self._layer.invite_of(ack)

    # For the user agent: asking

    async def request(
        self,
        request: Request,
        destination: Destination | Hop | None = None,
        *,
        first: Hop | None = None,
        contact: ContactAt | None = None,
        on_provisional: OnProvisional | None = None,
        timeout_s: float | None = None,
        silence_s: float | None = None,
    ) -> Response:
        """Send a request and return its final response: see `Client.request`."""
        return await self._client.request(
            request,
            destination,
            first=first,
            contact=contact,
            on_provisional=on_provisional,
            timeout_s=timeout_s,
            silence_s=silence_s,
        )

    async def locate(self, destination: Destination) -> list[Hop]:
        """Return where a request to a destination would go, best first (RFC 3263); never an empty list.

        Raises:
            LocatingError: it leads nowhere.
        """
        return await self._client.locate(destination)

    def cancel(self, invite: Request, cause: str = "") -> bool:
        """Cancel an INVITE given to `request`; False when none is in progress: see `Client.cancel`."""
        return self._client.cancel(invite, cause)

    async def send_ack(
        self, ack: Request, destination: Destination | Hop | None = None, *, first: Hop | None = None
    ) -> None:
        """Send the ACK to a 2xx, and again whenever that comes again: see `Client.send_ack`."""
        await self._client.send_ack(ack, destination, first=first)

    def sent_by(self, hop: Hop) -> Address:
        """Return where peers at a hop reach us."""
        return self._transports.sent_by(hop)

    def contact(self, hop: Hop, user: str = "") -> str:
        """Return our Contact value for peers at a hop; `user` is already escaped."""
        place = self._transports.sent_by(hop)
        who = f"{user}@" if user else ""
        suffix = f";transport={hop.transport}" if hop.transport.reliable else ""
        return f"<sip:{who}{bracketed(place.host)}:{place.port}{suffix}>"

    # For the transports

    def received(self, data: bytes, source: Source) -> None:
        """Take one message from a transport."""
        try:
            message = parse(data)
        except ParseError as error:
            self._refuse_malformed(error, source)
            return
        self.counters.received += 1
        try:
            if isinstance(message, Request):
                message.stamp_via(source.host, source.port)
            self._layer.receive(message, source, self._now())
            self._flush()
        except Exception:  # noqa: BLE001 - where a message ends: no input ends the endpoint or another call
            self.counters.handler_errors += 1
            _log.exception("sip_message_failed", call_id=message.call_id, ip=source.host)

    def unframed(self, error: FramingError, source: Source) -> None:
        """Take in that a stream broke: answer what broke it, if it can be addressed."""
        self._refuse_malformed(error, source)

    def lost(self, hop: Hop) -> None:
        """Take in that a connection ended."""
        if self._loop is not None:
            self._layer.hop_lost(hop, self._now())
            self._flush()

    # Inside

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    def _flush(self) -> None:
        """Work off what the layer put out. A handler that responds comes here again: the outer one goes on."""
        if self._busy:
            return
        self._busy = True
        try:
            while (output := self._layer.take()) is not None:
                self._handle(output)
        finally:
            self._busy = False
        self._arm()

    def _handle(self, output: Output) -> None:
        match output:
            case Send():
                self._send(output)
            case RequestReceived(tx):
                self._on_request(tx)
            case ResponseReceived(tx, response):
                self._guarded(tx.request, self._client.on_response, tx, response)
            case AckReceived(request, source):
                self._guarded(request, self._handler.on_ack, request, source)
            case Cancelled(tx):
                self._on_cancel(tx)
            case TimedOut(tx):
                self._on_failure(tx, 408, TIMED_OUT)
            case TransportFailed(tx):
                self._on_failure(tx, 503, FAILED)

    def _send(self, output: Send) -> None:
        try:
            self._transports.send(output.data, output.hop)
        except Unreachable as error:
            _log.debug("sip_not_sent", to=str(output.hop), why=str(error))
            if output.transaction is None:
                self.counters.transport_failures += 1
            else:
                self._layer.transport_failed(output.transaction, self._now())
        else:
            self.counters.sent += 1

    def _on_request(self, tx: ServerTransaction) -> None:
        request = tx.request
        if self.draining and request.method in {"INVITE", "OPTIONS"} and request.to.tag is None:
            self.counters.draining += 1
            response = response_to(request, 503)
            response.headers.add("Retry-After", str(RETRY_AFTER_S))
            self.refuse(tx, response)
            return
        if not self._guarded(request, self._handler.on_request, tx, request, tx.source):
            self._apologise(tx)
        if tx.invite and tx.sent is None and not tx.answered:
            self.respond(tx, response_to(request, 100))

    def _on_cancel(self, tx: ServerTransaction) -> None:
        if not tx.answered and not self._guarded(tx.request, self._handler.on_cancel, tx):
            self._apologise(tx)

    def _on_failure(self, tx: Transaction, status: int, reason: str) -> None:
        if isinstance(tx, ClientTransaction):
            self._client.on_failure(tx, status, reason)
        else:
            # Timer H is everyday life: pyVoIP acknowledges no 486.
            _log.debug(
                "sip_server_transaction_failed", call_id=tx.request.call_id, method=tx.request.method, why=reason
            )

    def _refuse_malformed(self, error: ParseError, source: Source) -> None:
        self.counters.malformed += 1
        self._malformed.offended(source, "malformed", self._now(), cost=0.0)
        if error.answerable is None or not self._malformed.admit(source, self._now()):
            return
        response = error.answerable
        response.stamp_via(source.host, source.port)
        self._name_ourselves(response)
        self._send(Send(response.to_bytes(), source.hop, None))

    def _apologise(self, tx: ServerTransaction) -> None:
        if not tx.answered:
            self.respond(tx, response_to(tx.request, 500))

    def _guarded(self, request: Request, call: Callable[..., None], *args: object) -> bool:
        """Call the user agent; False when it raised. No request ends the endpoint or another call."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - where a request ends; logged with its Call-ID
            self.counters.handler_errors += 1
            _log.exception("sip_handler_failed", call_id=request.call_id, method=request.method)
            return False
        return True

    def _name_ourselves(self, response: Response) -> None:
        if response.status > 100 and "Server" not in response.headers:
            response.headers.add("Server", self._user_agent)

    def _arm(self) -> None:
        """Keep one timer, due no later than the layer's next; an early one costs less than setting it anew."""
        due = self._layer.next_timer()
        if due is None or self._loop is None or (self._timer is not None and self._armed <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        # The time is kept here: for one that is past, uvloop returns a handle that cannot tell it.
        self._armed = due
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self._layer.handle_timer(self._now())
            self._flush()
        finally:
            self._arm()
