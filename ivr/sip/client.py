"""The asking half of the endpoint: requests of ours, from locating their hops to their final response."""

import asyncio
from collections.abc import Callable
from secrets import token_hex
from typing import Final
from weakref import WeakValueDictionary

import structlog

from ivr.sip.counters import Counters
from ivr.sip.dialog import Dialog
from ivr.sip.errors import ParseError
from ivr.sip.hops import Destination, Hop, bracketed
from ivr.sip.layer import Overloaded, TransactionLayer
from ivr.sip.locating import LocatingError, Locator, destination_of
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import FAILED, TIMED_OUT, ContactAt, OnProvisional, Outgoing, is_made_up, made_up
from ivr.sip.receiver import Unreachable
from ivr.sip.timers import TRANSACTION_S
from ivr.sip.transaction import ClientTransaction
from ivr.sip.transport import Transports
from ivr.sip.turns import done_within

INVITE_TIMEOUT_S: Final = 180.0
"""Ringing for longer than this is nobody at home (RFC 3261 section 16.6, timer C)."""

_log = structlog.get_logger("voicebox.sip.client")


class Client:
    """Requests of ours, over the endpoint's transaction layer and transports."""

    def __init__(
        self,
        transports: Transports,
        layer: TransactionLayer,
        locator: Locator,
        *,
        user_agent: str,
        counters: Counters,
        flush: Callable[[], None],
    ) -> None:
        """Make one; `flush` works off what the layer puts out."""
        self._transports = transports
        self._layer = layer
        self._locator = locator
        self._user_agent = user_agent
        self._counters = counters
        self._flush = flush
        self._invites: WeakValueDictionary[tuple[str, int], ClientTransaction] = WeakValueDictionary()
        self._waiting: set[ClientTransaction] = set()
        self._closed = False

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
        """Send a request and return its final response, whose `hop` says who gave it.

        The request comes without a Via of ours. Its hops are tried in order until one answers with anything but 503
        (RFC 3263 section 4.3). Silence is a made-up 408, no way to send a made-up 503 (`outgoing.is_made_up`). A 2xx
        to INVITE wants `send_ack`. An INVITE that times out, or whose caller is cancelled, is cancelled; a 2xx that
        comes all the same is acknowledged and hung up.

        Args:
            request: any method but ACK and CANCEL.
            destination: the next hop; by default the first loose route, else the Request-URI.
            first: who is tried first, where the destination has several hops and this is one of them.
            contact: makes our Contact, which depends on the hop as our Via does; by default the request has its own.
            on_provisional: called with every 1xx.
            timeout_s: for each hop; by default 180 s for INVITE, else 32 s.
            silence_s: for each hop, until anything came from it; by default `timeout_s`.
        """
        if "User-Agent" not in request.headers:
            request.headers.add("User-Agent", self._user_agent)
        try:
            hops = await self._locate(request, destination, first)
        except LocatingError as error:
            _log.warning("sip_unlocated", method=request.method, call_id=request.call_id, why=str(error))
            return made_up(request, 503, FAILED)
        limit_s = timeout_s or (INVITE_TIMEOUT_S if request.method == "INVITE" else TRANSACTION_S + 1.0)
        response = made_up(request, 503, FAILED)
        for hop in hops:
            outgoing = Outgoing(on_provisional, silence_s)
            if contact is not None:
                request.headers.set("Contact", contact(hop))
            response = await self._at_hop(request, hop, outgoing, limit_s)
            if outgoing.heard:
                self._locator.answered(hop)
            else:
                self._locator.failed(hop, asyncio.get_running_loop().time())
            # A hop that rang and was not picked up has answered: nobody wants the next one to ring too. Nor where the
            # connection to it is lost: it knows nothing of that, and rings on.
            answered = outgoing.heard and (response.status != 503 or is_made_up(response))
            if self._closed or outgoing.cancelled or answered:
                break
        return response

    async def locate(self, destination: Destination) -> list[Hop]:
        """Return where a request to a destination would go: see `Locator.locate`."""
        return await self._locator.locate(destination, asyncio.get_running_loop().time())

    def cancel(self, invite: Request, cause: str = "") -> bool:
        """Cancel an INVITE given to `request`, with a Reason where given; False when none is in progress.

        CANCEL waits for a provisional response (RFC 3261 section 9.1); `request` then returns the 487, the 2xx that
        crossed it, or a made-up 408.
        """
        transaction = self._invites.get((invite.call_id, invite.cseq.number))
        if transaction is None or transaction.over:
            return False
        if isinstance(transaction.user, Outgoing):
            transaction.user.cancelled = True
        transaction.cancel_cause = cause
        self._layer.cancel(transaction, asyncio.get_running_loop().time())
        self._flush()
        return True

    async def send_ack(
        self, ack: Request, destination: Destination | Hop | None = None, *, first: Hop | None = None
    ) -> None:
        """Send the ACK to a 2xx, and again whenever that 2xx comes again. It comes without a Via of ours.

        Args:
            ack: the ACK.
            destination: as of `request`.
            first: whom it is sent to, where the destination has several hops and this is one of them.

        Raises:
            LocatingError: its target leads nowhere.
            Unreachable: it cannot be sent.
        """
        transaction = self._invites.get((ack.call_id, ack.cseq.number))
        outgoing = transaction.user if transaction is not None else None
        tag = ack.to.tag or ""
        if transaction is not None and isinstance(outgoing, Outgoing) and tag not in outgoing.acks:
            # Whatever becomes of this one: when the 2xx comes again, it is acknowledged where its INVITE went.
            outgoing.acks[tag] = (self._with_via(ack, transaction.hop).to_bytes(), transaction.hop)
        hop = (await self._locate(ack, destination, first))[0]
        await self._transports.connect(hop)
        data = self._with_via(ack, hop).to_bytes()
        if isinstance(outgoing, Outgoing):
            outgoing.acks[tag] = (data, hop)
        self._transports.send(data, hop)
        self._counters.sent += 1

    def close(self) -> None:
        """Give every request that still waits its 503."""
        self._closed = True
        for transaction in list(self._waiting):
            self.on_failure(transaction, 503, FAILED)

    # For the endpoint

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """Take a response in: give it to who waits, or acknowledge it again."""
        outgoing = tx.user
        if not isinstance(outgoing, Outgoing):
            return  # to a CANCEL or BYE of this file
        outgoing.heard = True
        if response.status < 200:
            if outgoing.on_provisional is not None and outgoing.waiting:
                outgoing.on_provisional(response)
            return
        response.hop = tx.hop
        if not tx.invite or response.status >= 300:
            outgoing.settle(response)
            return
        tag = response.to.tag or ""
        if outgoing.settle(response):
            outgoing.winner_tag = tag
        elif tag in outgoing.acks:
            data, hop = outgoing.acks[tag]
            self._counters.retransmitted += 1
            self._send_again(data, hop)
        elif tag != outgoing.winner_tag:
            self._hang_up_stray(tx, outgoing, response)

    def _hang_up_stray(self, tx: ClientTransaction, outgoing: Outgoing, response: Response) -> None:
        """End a call that was answered though nobody waits: a second fork, or too late (section 13.2.2.4)."""
        try:
            dialog = Dialog.of_client(tx.request, response, "")
        except ParseError:
            response.headers.remove("Record-Route")
            dialog = Dialog.of_client(tx.request, response, "")
        data = self._with_via(dialog.ack(tx.request.cseq.number), tx.hop).to_bytes()
        outgoing.acks[response.to.tag or ""] = (data, tx.hop)
        self._send_again(data, tx.hop)
        try:
            self._layer.request(
                self._with_via(dialog.request("BYE"), tx.hop), tx.hop, asyncio.get_running_loop().time()
            )
        except Overloaded:
            _log.warning("sip_stray_call_left", call_id=tx.request.call_id)

    def on_failure(self, tx: ClientTransaction, status: int, reason: str) -> None:
        """Take in that no response will come."""
        if isinstance(tx.user, Outgoing):
            tx.user.settle(made_up(tx.request, status, reason))

    # Inside

    async def _locate(self, request: Request, destination: Destination | Hop | None, first: Hop | None) -> list[Hop]:
        if isinstance(destination, Hop):
            return [destination]
        hops = await self.locate(destination or destination_of(request))
        return hops if first is None else sorted(hops, key=lambda hop: not hop.reaches(first))

    async def _at_hop(self, request: Request, hop: Hop, outgoing: Outgoing, limit_s: float) -> Response:
        """Try one hop; on a connection that was open already and broke, once more on a new one."""
        reused = hop.transport.reliable and self._transports.ready(hop)
        response = await self._attempt(request, hop, outgoing, limit_s)
        if reused and is_made_up(response) and response.reason == FAILED and not outgoing.heard and not self._closed:
            response = await self._attempt(request, hop, outgoing, limit_s)
        return response

    async def _attempt(self, request: Request, hop: Hop, outgoing: Outgoing, limit_s: float) -> Response:
        loop = asyncio.get_running_loop()
        try:
            await self._transports.connect(hop)
            transaction = self._layer.request(self._with_via(request, hop), hop, loop.time())
        except (Unreachable, Overloaded) as error:
            _log.info("sip_request_not_sent", method=request.method, call_id=request.call_id, why=str(error))
            return made_up(request, 503, FAILED)
        answer = outgoing.expect(loop)
        transaction.user = outgoing
        if transaction.invite:
            self._invites[request.call_id, request.cseq.number] = transaction
        self._waiting.add(transaction)
        self._flush()
        try:
            if outgoing.silence_s is not None and outgoing.silence_s < limit_s:
                limit_s -= outgoing.silence_s
                if not (await done_within(answer, outgoing.silence_s) or outgoing.heard):
                    return made_up(request, 408, TIMED_OUT)
            if await done_within(answer, limit_s):
                return answer.result()
            return made_up(request, 408, TIMED_OUT)
        except asyncio.CancelledError:
            # Whoever waited leaves in the very turn in which it was answered.
            if transaction.invite and answer.done() and answer.result().status < 300:
                try:
                    self._hang_up_stray(transaction, outgoing, answer.result())
                except ParseError as error:  # its peer's fault, which must not keep us from leaving
                    _log.warning("sip_stray_call_left", call_id=request.call_id, why=error.detail)
                self._flush()
            raise
        finally:
            self._waiting.discard(transaction)
            answer.cancel()
            if transaction.invite:
                self._layer.cancel(transaction, loop.time())
                self._flush()

    def _send_again(self, data: bytes, hop: Hop) -> None:
        try:
            self._transports.send(data, hop)
            self._counters.sent += 1
        except Unreachable as error:
            # The 2xx comes again, and so does this ACK.
            self._counters.transport_failures += 1
            _log.debug("sip_ack_not_sent", to=str(hop), why=str(error))

    def _with_via(self, request: Request, hop: Hop) -> Request:
        """Copy a request and put our Via on top (RFC 3261 section 18.1.1, RFC 3581 section 3)."""
        headers = request.headers.copy()
        place = self._transports.sent_by(hop)
        headers.prepend(
            "Via",
            f"SIP/2.0/{hop.transport.upper()} {bracketed(place.host)}:{place.port};rport;branch=z9hG4bK{token_hex(8)}",
        )
        return Request(request.method, request.uri, headers, request.body)
