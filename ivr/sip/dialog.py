"""Dialogs: what two user agents remember of each other (RFC 3261 section 12). No input or output."""

from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from ivr.sip.headers import Headers
from ivr.sip.message import Request, Response
from ivr.sip.uri import NameAddr, Uri

MAX_FORWARDS: Final = 70
"""RFC 3261 section 8.1.1.6."""

TARGET_REFRESH: Final = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""Requests whose Contact replaces the remote target (RFC 3261 12.2.2, RFC 3311, RFC 6665)."""

DialogId = tuple[str, str, str]
"""Call-ID, local tag, remote tag (RFC 3261 section 12)."""


def new_tag() -> str:
    """Return a fresh tag with 64 random bits (RFC 3261 section 19.3 asks for at least 32)."""
    return token_hex(8)


@dataclass(slots=True)
class Dialog:
    """One side's state of a dialog (RFC 3261 section 12.1)."""

    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    """Our From or To header value, tag included."""
    remote: str
    """The peer's, tag included where it has one."""
    remote_target: Uri
    route_set: tuple[str, ...] = ()
    local_cseq: int = 0
    remote_cseq: int | None = None
    contact: str = ""
    """Our Contact header value."""

    @property
    def id(self) -> DialogId:
        """The key under which requests of the peer find this dialog."""
        return (self.call_id, self.local_tag, self.remote_tag)

    @classmethod
    def of_server(cls, request: Request, local_tag: str, contact: str) -> "Dialog":
        """Build the dialog that our response to `request` makes (RFC 3261 section 12.1.1).

        Raises:
            ParseError: a Record-Route cannot be read, so no request of ours would find its way.
        """
        to = request.headers.get("To") or ""
        targets = request.contact
        return cls(
            call_id=request.call_id,
            local_tag=local_tag,
            remote_tag=request.from_.tag or "",
            local=f"{to};tag={local_tag}",
            remote=request.headers.get("From") or "",
            remote_target=targets[0].uri if targets else request.from_.uri,
            route_set=_route_set(request),
            remote_cseq=request.cseq.number,
            contact=contact,
        )

    @classmethod
    def of_client(cls, request: Request, response: Response, contact: str) -> "Dialog":
        """Build the dialog that the peer's `response` makes (RFC 3261 section 12.1.2); raises as `of_server`."""
        targets = response.contact
        return cls(
            call_id=request.call_id,
            local_tag=request.from_.tag or "",
            remote_tag=response.to.tag or "",
            local=request.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            remote_target=targets[0].uri if targets else request.uri,
            route_set=tuple(reversed(_route_set(response))),
            local_cseq=request.cseq.number,
            contact=contact,
        )

    def request(self, method: str, *, body: bytes = b"", content_type: str = "") -> Request:
        """Build the next request of ours in this dialog (RFC 3261 section 12.2.1.1), without Via.

        ACK and CANCEL keep the number of the request they belong to: `ack` builds the former.
        """
        self.local_cseq += 1
        return self._build(method, self.local_cseq, body, content_type)

    def again(self, request: Request) -> Request:
        """Build a request of ours once more under the next number, for credentials (RFC 3261 section 22.2)."""
        self.local_cseq += 1
        headers = request.headers.copy()
        headers.set("CSeq", f"{self.local_cseq} {request.method}")
        return Request(request.method, request.uri, headers, request.body)

    def ack(self, cseq: int, *, body: bytes = b"", content_type: str = "") -> Request:
        """Build the ACK to a 2xx of our INVITE number `cseq` (RFC 3261 section 13.2.2.4)."""
        return self._build("ACK", cseq, body, content_type)

    def _build(self, method: str, cseq: int, body: bytes, content_type: str) -> Request:
        headers = Headers()
        uri = self.remote_target
        routes = list(self.route_set)
        if routes and "lr" not in (first := NameAddr.parse(routes[0]).uri).params:
            # A strict router (RFC 2543) wants itself in the Request-URI and the target as the last route.
            routes = [*routes[1:], f"<{uri}>"]
            uri = first
        for route in routes:
            headers.add("Route", route)
        headers.add("Max-Forwards", str(MAX_FORWARDS))
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{cseq} {method}")
        if self.contact and method in TARGET_REFRESH:
            headers.add("Contact", self.contact)
        if body:
            headers.add("Content-Type", content_type)
        return Request(method, uri, headers, body)

    def receive(self, request: Request) -> bool:
        """Take in a request of the peer; False when it comes out of order (RFC 3261 section 12.2.2: answer 500).

        ACK carries the number of its INVITE and is not counted.
        """
        if request.method != "ACK":
            number = request.cseq.number
            if self.remote_cseq is not None and number < self.remote_cseq:
                return False
            self.remote_cseq = number
        if request.method in TARGET_REFRESH and request.contact:
            self.remote_target = request.contact[0].uri
        return True


def _route_set(message: Request | Response) -> tuple[str, ...]:
    values = message.headers.all("Record-Route")
    for value in values:
        NameAddr.parse(value)
    return tuple(values)
