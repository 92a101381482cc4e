"""A transaction as the layer keeps it and the user agent holds it, and what the layer hands out. No input or output."""

from dataclasses import dataclass
from typing import Final

from ivr.sip.hops import Hop, Source
from ivr.sip.machines import TABLE, Machine, State
from ivr.sip.message import Request, Response
from ivr.sip.timers import T1_S

Key = tuple[str | int | None, ...]
"""What a message is matched to its transaction by (RFC 3261 sections 17.1.3 and 17.2.3)."""

HALF_OPEN: Final = frozenset({State.NEW, State.PROCEEDING, State.COMPLETED})
"""States in which an INVITE of a peer holds memory of ours without having cost the peer a round trip."""


class Transaction:
    """What both sides share. Only the layer changes one."""

    __slots__ = ("hop", "interval_s", "invite", "key", "machine", "over", "request", "rules", "sent", "state")

    def __init__(self, machine: Machine, key: Key, request: Request, hop: Hop) -> None:
        self.machine: Final = machine
        self.rules: Final = TABLE[machine]
        self.key: Final = key
        self.request: Final = request
        self.hop: Final = hop
        self.invite: Final = request.method == "INVITE"
        self.state = State.NEW
        self.sent: bytes | None = None
        """The message to repeat."""
        self.interval_s = T1_S
        """How long until it is repeated next."""
        self.over = False
        """Whether the layer has forgotten it."""

    def __repr__(self) -> str:
        # No header values: reprs end up in logs.
        return f"<{self.machine} {self.request.method} {self.state}>"


class ServerTransaction(Transaction):
    """A request of a peer, waiting for our response or holding it for retransmissions."""

    __slots__ = ("half_open", "response", "source")

    def __init__(self, machine: Machine, key: Key, request: Request, source: Source) -> None:
        super().__init__(machine, key, request, source.hop)
        self.source: Final = source
        self.response: Response | None = None
        """The last response but 100."""
        self.half_open = False
        """Whether it is counted among the half-open INVITEs of strangers."""

    @property
    def to_tag(self) -> str | None:
        """The To tag of our last response: the one of the dialog, where there is one."""
        return None if self.response is None else self.response.to.tag

    @property
    def answered(self) -> bool:
        """Whether a final response was given: no other may follow, except a 2xx again."""
        return self.state not in {State.NEW, State.TRYING, State.PROCEEDING}


class ClientTransaction(Transaction):
    """A request of ours, waiting for its response."""

    __slots__ = ("__weakref__", "ack", "cancel_cause", "cancel_sent", "cancel_wanted", "user")

    def __init__(self, machine: Machine, key: Key, request: Request, hop: Hop) -> None:
        super().__init__(machine, key, request, hop)
        self.ack: bytes | None = None
        """The ACK to a refusal, sent again whenever the refusal comes again."""
        self.cancel_wanted = False
        self.cancel_sent = False
        self.cancel_cause = ""
        self.user: object | None = None
        """Whatever the user agent keeps with it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire. A failure belongs to `transaction`, when there is one."""

    data: bytes
    hop: Hop
    transaction: Transaction | None


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A new request, not a retransmission, neither ACK nor CANCEL."""

    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class AckReceived:
    """An ACK that no transaction absorbed: it acknowledges a 2xx, or nothing we know."""

    request: Request
    source: Source


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The peer cancelled an INVITE that is not answered yet. The CANCEL has its 200; the INVITE wants its 487."""

    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response to a request of ours. A 2xx to INVITE may come several times: each wants an ACK."""

    transaction: ClientTransaction
    response: Response


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No response to our request, no ACK to our refusal, or no response of ours to the peer's request."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """What the transaction sent last did not leave."""

    transaction: Transaction


Output = Send | RequestReceived | AckReceived | Cancelled | ResponseReceived | TimedOut | TransportFailed


def client_key(message: Request | Response) -> Key:
    """Return what a response is matched by: the branch of the top Via and the method (RFC 3261 section 17.1.3)."""
    return (message.via.branch, message.cseq.method)


def server_key(request: Request, method: str) -> Key:
    """Return what a request is matched by (RFC 3261 section 17.2.3); ACK and CANCEL pass `INVITE` to find theirs.

    The CSeq number is not in the RFC's rule and cannot differ where the rule is kept. pyVoIP sends its INVITE again
    with credentials and the same branch, only the number grows: that is a new transaction.
    """
    via = request.via
    number = request.cseq.number
    branch = via.branch
    if branch is not None and branch.startswith("z9hG4bK"):
        return (branch, via.host, via.port, number, method)
    return (request.call_id, request.from_.tag, branch, via.host, via.port, number, method)


def call_key(request: Request) -> Key:
    """Return what names an INVITE by whatever way it comes: Call-ID, From tag and CSeq number.

    It finds merged requests (RFC 3261 section 8.2.2.2), and the INVITE of an ACK or CANCEL whose branch is wrong.
    """
    return (request.call_id, request.from_.tag, request.cseq.number)
