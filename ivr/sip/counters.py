"""What the SIP side counts since it started; the metrics page reads these integers."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Plain integers that only grow."""

    received: int = 0
    """Messages that parsed."""
    sent: int = 0
    """Messages handed to a transport, retransmissions included."""
    malformed: int = 0
    """Datagrams and stream pieces that did not parse."""
    keepalives: int = 0
    """CRLF, and whatever else phones send to keep a NAT binding open."""
    absorbed: int = 0
    """Retransmissions that a transaction recognised and did not pass on."""
    retransmitted: int = 0
    """Messages of ours sent again."""
    refused: int = 0
    """Requests answered 503 without a transaction, being over a bound."""
    draining: int = 0
    """Requests answered 503 because the server is about to stop."""
    merged: int = 0
    """The same request by two ways: 482."""
    stray_acks: int = 0
    """ACKs that belong to no transaction we know."""
    stray_responses: int = 0
    """Responses that belong to no transaction we know; dropped (RFC 6026 section 7.2)."""
    unacknowledged: int = 0
    """Refused INVITEs whose ACK never came (timer H)."""
    unanswered: int = 0
    """Non-INVITE requests that our own user agent left without a response."""
    timeouts: int = 0
    """Requests of ours without a response (timers B and F)."""
    transport_failures: int = 0
    """Messages of ours that the transport could not send."""
    handler_errors: int = 0
    """Requests whose handler raised: answered 500."""
    connections_accepted: int = 0
    connections_opened: int = 0
    connections_refused: int = 0
    """Connections closed at once, being over a bound."""
    connections_dropped: int = 0
    """Connections closed for idling, for a slow reader, or for a stream that could not be framed."""
