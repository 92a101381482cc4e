"""What can be wrong with SIP that a peer sent, or that we were about to send.

    SipError
    ├── ParseError          the peer's message breaks the grammar or one of our bounds
    │   └── FramingError    a stream can no longer be cut into messages; the connection must be closed
    └── DigestError         a challenge that cannot be answered

Texts never quote the message: they go into reason phrases and logs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.sip.message import Response


class SipError(Exception):
    """Anything wrong with SIP on the wire."""


class ParseError(SipError):
    """A message, or a part of one, that does not parse.

    `status` is what a request deserves (400, 416, 505, 513). `answerable` is that very response when it can be
    addressed: the message is a request, no ACK, and its top Via parses. Else it is None: drop the message, count it.
    The response's Via still wants `stamp_via` by the transport that knows the source.
    """

    def __init__(self, detail: str, status: int = 400, answerable: "Response | None" = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.answerable = answerable


class FramingError(ParseError):
    """A stream whose next message boundary is unknown (RFC 3261 section 18.3): send `answerable`, then close."""


class DigestError(SipError):
    """A challenge without an algorithm or quality of protection that we have."""
