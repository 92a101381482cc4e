"""Two layers joined by a link that loses, doubles and reorders: whatever happens, both ends settle and agree."""

from heapq import heappop, heappush
from itertools import count
from random import Random

import pytest

from ivr.sip.headers import Headers
from ivr.sip.hops import Address, Hop, Source, Transport
from ivr.sip.layer import TransactionLayer
from ivr.sip.message import Request, parse, response_to
from ivr.sip.transaction import (
    AckReceived,
    Cancelled,
    RequestReceived,
    ResponseReceived,
    Send,
    ServerTransaction,
    TimedOut,
)
from ivr.sip.uri import Uri

CALLER = Address("192.0.2.1", 5060)
CALLEE = Address("192.0.2.2", 5060)
SETTLED_S = 200.0


class Link:
    """A network of two layers: a heap of deliveries, and the dice that decide about each message."""

    def __init__(self, seed: int, *, loss: float, doubling: float, jitter_s: float, transport: Transport) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.doubling = doubling
        self.jitter_s = jitter_s
        self.transport = transport
        self.now = 0.0
        self.order = count()
        self.flying: list[tuple[float, int, bytes, str]] = []
        self.layers = {"caller": TransactionLayer(), "callee": TransactionLayer()}
        self.told: dict[str, list[object]] = {"caller": [], "callee": []}
        self.final_status = 200
        self.unacked: dict[int, tuple[ServerTransaction, float]] = {}

    def send(self, data: bytes, to: str) -> None:
        if self.transport.reliable:
            heappush(self.flying, (self.now + 0.02, next(self.order), data, to))
            return
        for _ in range(2 if self.random.random() < self.doubling else 1):
            if self.random.random() >= self.loss:
                at = self.now + 0.01 + self.random.random() * self.jitter_s
                heappush(self.flying, (at, next(self.order), data, to))

    def flush(self, who: str) -> None:
        other = "callee" if who == "caller" else "caller"
        while (output := self.layers[who].take()) is not None:
            if isinstance(output, Send):
                self.send(output.data, other)
                continue
            self.told[who].append(output)
            match output:
                case RequestReceived(tx):
                    status = self.final_status if tx.invite else 200
                    if tx.invite:
                        self.layers[who].respond(tx, response_to(tx.request, 100), self.now)
                    if status:
                        self.layers[who].respond(tx, response_to(tx.request, status), self.now)
                    if tx.invite and status == 200:
                        self.unacked[id(tx)] = (tx, self.now + 0.5)
                case Cancelled(tx):
                    self.layers[who].respond(tx, response_to(tx.request, 487), self.now)
                case AckReceived():
                    self.unacked.clear()
                case ResponseReceived(client, response) if client.invite and 200 <= response.status < 300:
                    self.send(an_ack(client.request), other)

    def run(self) -> None:
        """Let everything happen until nothing is left to happen."""
        for who in self.layers:
            self.flush(who)
        while True:
            due = [layer.next_timer() for layer in self.layers.values()]
            times = [each for each in due if each is not None]
            times += [self.flying[0][0]] if self.flying else []
            times += [at for _, at in self.unacked.values()]
            if not times:
                return
            self.now = max(self.now, min(times))
            assert self.now < SETTLED_S, "they never settle"
            while self.flying and self.flying[0][0] <= self.now:
                _, _, data, to = heappop(self.flying)
                place = CALLER if to == "callee" else CALLEE
                self.layers[to].receive(
                    parse(data), Source(self.transport, *place, Address("192.0.2.9", 5060)), self.now
                )
            for key, (tx, at) in list(self.unacked.items()):
                # What the session does: the 2xx again until its ACK comes.
                if tx.over:
                    del self.unacked[key]
                elif at <= self.now:
                    self.layers["callee"].respond(tx, response_to(tx.request, 200), self.now)
                    self.unacked[key] = (tx, self.now + 1.0)
            for layer in self.layers.values():
                layer.handle_timer(self.now)
            for who in self.layers:
                self.flush(who)

    def finals(self) -> list[int]:
        return [
            each.response.status
            for each in self.told["caller"]
            if isinstance(each, ResponseReceived)
            and each.response.status >= 200
            and each.response.cseq.method != "CANCEL"
        ]

    def timed_out(self, who: str) -> bool:
        return any(isinstance(each, TimedOut) for each in self.told[who])

    def requests(self) -> int:
        return sum(isinstance(each, RequestReceived) for each in self.told["callee"])


def a_request(method: str) -> Request:
    headers = Headers()
    headers.add("Via", f"SIP/2.0/UDP {CALLER};branch=z9hG4bKlink")
    headers.add("From", "<sip:a@192.0.2.1>;tag=a")
    headers.add("To", "<sip:b@192.0.2.2>")
    headers.add("Call-ID", "link")
    headers.add("CSeq", f"1 {method}")
    return Request(method, Uri.parse("sip:b@192.0.2.2"), headers)


def an_ack(invite: Request) -> bytes:
    ack = Request("ACK", invite.uri, invite.headers.copy())
    ack.headers.set("CSeq", "1 ACK")
    ack.headers.set("Via", f"SIP/2.0/UDP {CALLER};branch=z9hG4bKack")
    return ack.to_bytes()


def a_link(seed: int, *, loss: float = 0.3, transport: Transport = Transport.UDP) -> Link:
    return Link(seed, loss=loss, doubling=0.3, jitter_s=1.0, transport=transport)


def hop(link: Link) -> Hop:
    return Hop(link.transport, *CALLEE)


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("status", [200, 486])
@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
@pytest.mark.parametrize("seed", range(25))
def test_both_ends_settle_and_agree(seed: int, method: str, status: int, transport: Transport) -> None:
    link = a_link(seed, transport=transport)
    link.final_status = status
    link.layers["caller"].request(a_request(method), hop(link), 0.0)
    link.run()
    assert {who: len(layer) for who, layer in link.layers.items()} == {"caller": 0, "callee": 0}
    assert link.layers["callee"].half_open == 0
    # The user agent behind the callee hears of the request once, however often it came.
    assert link.requests() <= 1
    finals = link.finals()
    expected = status if method == "INVITE" else 200
    # Every final the caller hears is the callee's; a 2xx may come again, anything else is told once.
    assert set(finals) <= {expected}
    assert len(finals) <= 1 or (method == "INVITE" and expected == 200)
    assert finals or link.timed_out("caller")
    if link.transport.reliable:
        assert len(finals) == 1
        assert not link.timed_out("caller")
        assert not link.timed_out("callee")


@pytest.mark.parametrize("seed", range(25))
def test_without_loss_doubling_and_reordering_change_nothing_for_the_user_agents(seed: int) -> None:
    link = a_link(seed, loss=0.0)
    link.final_status = 486
    link.layers["caller"].request(a_request("INVITE"), hop(link), 0.0)
    link.run()
    assert link.finals() == [486]
    assert link.requests() == 1
    assert not link.timed_out("caller")
    assert not link.timed_out("callee")


@pytest.mark.parametrize("seed", range(25))
def test_a_cancel_over_a_bad_link_ends_both_ends(seed: int) -> None:
    link = a_link(seed, loss=0.2)
    link.final_status = 0  # it rings
    tx = link.layers["caller"].request(a_request("INVITE"), hop(link), 0.0)
    link.layers["caller"].cancel(tx, 0.0)
    # Where the INVITE or every CANCEL was lost, the callee rings on: only its user agent can end that.
    link.run()
    assert len(link.layers["caller"]) == 0
    cancelled = [each for each in link.told["callee"] if isinstance(each, Cancelled)]
    assert len(cancelled) <= 1
    assert len(link.layers["callee"]) == (0 if cancelled or not link.requests() else 1)
    assert set(link.finals()) <= {487}
    assert link.finals() or link.timed_out("caller")


def test_a_dead_link_settles_too() -> None:
    link = a_link(1, loss=1.0)
    link.layers["caller"].request(a_request("INVITE"), hop(link), 0.0)
    link.run()
    assert link.timed_out("caller")
    assert len(link.layers["caller"]) == 0
