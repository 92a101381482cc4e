"""Cutting a TCP or TLS stream into messages by Content-Length (RFC 3261 section 18.3), with CRLF keep-alives.

A `Framer` belongs to one connection and does no I/O: bytes go in, what they held comes out. Between messages a
double CRLF is a ping, answered by a single CRLF, the pong (RFC 5626 section 3.5.1). One CRLF alone cannot be told
from the first half of a ping that was cut in two, so every first CRLF is reported as a pong, which nobody minds who
is not waiting for one; the alternative, waiting for the next bytes, would hold a real pong back for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NoReturn

from ivr.sip.errors import FramingError, ParseError
from ivr.sip.headers import Headers
from ivr.sip.message import HEAD_END, MESSAGE_MAX_BYTES, content_length, refusal, split

PONG: Final = b"\r\n"
"""What answers a ping."""
PING: Final = b"\r\n\r\n"
"""What a client sends to keep its flow alive."""


class KeepAlive(Enum):
    """A CRLF between messages."""

    PING = auto()
    """Answer it with `PONG` on the same connection."""
    PONG = auto()
    """The peer is alive, if we had asked."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one whole message, for `parse`."""

    data: bytes


Framed = Frame | KeepAlive | FramingError


class Framer:
    """Cuts one stream. After a `FramingError` nothing more comes out: the connection is to be closed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._ends = 0
        self._broken = False

    @property
    def idle(self) -> bool:
        """Whether no message is half received: then silence on the connection is no fault."""
        return not self._buffer

    def feed(self, data: bytes) -> Sequence[Framed]:
        """Take received bytes; return, in order, what is now complete. A `FramingError` can only be the last."""
        found: list[Framed] = []
        if self._broken:
            return found
        self._buffer += data
        try:
            while (item := self._next()) is not None:
                found.append(item)
        except FramingError as error:
            self._broken = True
            self._buffer.clear()
            found.append(error)
        return found

    def _next(self) -> Frame | KeepAlive | None:
        if (alive := self._keep_alive()) is not None:
            return alive
        if not self._buffer or self._buffer == b"\r":
            return None
        self._ends = 0
        # Starting a little before the end of what was searched already, so that a slow drip of bytes stays linear.
        end = HEAD_END.search(self._buffer, max(0, self._searched - 3), MESSAGE_MAX_BYTES)
        if end is None:
            self._searched = len(self._buffer)
            if self._searched >= MESSAGE_MAX_BYTES:
                self._fail(ParseError("Message Too Large", 513), MESSAGE_MAX_BYTES)
            return None
        total = end.end() + self._body_length(end.end())
        if total > MESSAGE_MAX_BYTES:
            self._fail(ParseError("Message Too Large", 513), end.end())
        if len(self._buffer) < total:
            return None
        frame = Frame(bytes(self._buffer[:total]))
        del self._buffer[:total]
        self._searched = 0
        return frame

    def _keep_alive(self) -> KeepAlive | None:
        # LF alone is taken for CRLF, as everywhere.
        size = 2 if self._buffer.startswith(b"\r\n") else 1 if self._buffer.startswith(b"\n") else 0
        if not size:
            return None
        del self._buffer[:size]
        self._searched = 0
        self._ends += 1
        return KeepAlive.PONG if self._ends % 2 else KeepAlive.PING

    def _body_length(self, head_end: int) -> int:
        lines, _, _ = split(bytes(self._buffer[:head_end]))
        headers, _ = Headers.received(lines[1:])
        try:
            length = content_length(headers)
        except ParseError as error:
            self._fail(error, head_end)
        if length is None and "Content-Type" in headers:
            self._fail(ParseError("Missing Content-Length"), head_end)
        # Lenient: the header is mandatory on streams, but without a Content-Type there is no body to miss.
        return length or 0

    def _fail(self, error: ParseError, head_end: int) -> NoReturn:
        lines, _, _ = split(bytes(self._buffer[:head_end]))
        answer = refusal(error, lines).answerable
        raise FramingError(error.detail, error.status, answer) from None
