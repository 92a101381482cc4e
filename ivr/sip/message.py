"""Requests and responses as values: read from bytes, written to bytes (RFC 3261 section 7).

Reading is lenient where phones are sloppy (folded lines, compact forms, odd casing, LF for CRLF, bytes that are no
UTF-8, white space around the start line) and strict where a guess could hurt (lengths, duplicated headers that must
be single). Every message `parse` returns has a readable Via, From, To, Call-ID and CSeq, and none of its properties
raises afterwards; what a message was built by hand from is read when first asked for.

Bytes that are no UTF-8 become surrogates and leave again as they came.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Final, TypeVar

from ivr.sip.errors import ParseError
from ivr.sip.fields import CSeq, Via
from ivr.sip.grammar import LINE_BREAK, is_token, number, split_list
from ivr.sip.headers import Headers
from ivr.sip.hops import Hop
from ivr.sip.status import reason_phrase
from ivr.sip.uri import SIP_SCHEMES, NameAddr, Uri

# A datagram cannot be longer; on streams this bounds what one message may make us hold (telephony.md).
MESSAGE_MAX_BYTES: Final = 64 * 1024
HEADERS_MAX: Final = 256
# Sixteen hops are more than any network has; every one is copied into every response.
VIAS_MAX: Final = 16
CONTACTS_MAX: Final = 32
MAX_FORWARDS_MAX: Final = 255
EXPIRES_MAX: Final = 2**32 - 1
HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_FOLD: Final = re.compile(r"\n[ \t]+")
# What may be there once only (RFC 3261 table 2 and section 7.3.1); two of them are a smuggling attempt or a fault.
_SINGLE: Final = ("from", "to", "call-id", "cseq", "max-forwards", "content-type")

T = TypeVar("T")


class Message:
    """What requests and responses share: headers, a body, and readings of headers."""

    __slots__ = ()

    headers: Headers
    body: bytes

    def _required(self, name: str, reader: Callable[[str], T]) -> T:
        value = self.headers.read(name, reader)
        if value is None:
            raise ParseError(f"Missing {name}")
        return value

    @property
    def via(self) -> Via:
        """The top Via: whom a response goes to, and the transaction's branch."""
        return self._required("Via", _top_via)

    @property
    def from_(self) -> NameAddr:
        """From, with the caller's tag."""
        return self._required("From", NameAddr.parse)

    @property
    def to(self) -> NameAddr:
        """To, with the callee's tag once there is one."""
        return self._required("To", NameAddr.parse)

    @property
    def call_id(self) -> str:
        """Call-ID, compared byte by byte (section 20.8)."""
        return self._required("Call-ID", _not_empty)

    @property
    def cseq(self) -> CSeq:
        """CSeq, its number and method."""
        return self._required("CSeq", CSeq.parse)

    @property
    def contact(self) -> list[NameAddr]:
        """Contact values in order; empty for `*` (see `contact_is_star`). Of a response, those that can be read."""
        return self.headers.read("Contact", self._read_contacts) or []

    @property
    def contact_is_star(self) -> bool:
        """Whether Contact is `*`: a REGISTER that removes all bindings (section 10.2.2)."""
        return (self.headers.get("Contact") or "").strip() == "*"

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards; None when absent or out of range, which counts as absent (RFC 4475 section 3.1.2.5)."""
        return self.headers.read("Max-Forwards", _max_forwards)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case without parameters, such as `application/sdp`."""
        return self.headers.read("Content-Type", _media_type)

    @property
    def expires(self) -> int | None:
        """Expires in seconds; None when absent or malformed: the default applies (section 10.2.1.1)."""
        return self.headers.read("Expires", lambda text: number(text, most=EXPIRES_MAX))

    def stamp_via(self, host: str, port: int) -> None:
        """Write where the message came from into its top Via (RFC 3581 section 4); a transport does so at once."""
        stamped = self.via.stamped(host, port)
        if stamped != self.via:
            self.headers.replace_first("Via", str(stamped))

    def to_bytes(self) -> bytes:
        """Return the message as sent: CRLF lines, Content-Length counted from the body."""
        lines = [self._start_line()]
        lines += [f"{name}: {value}" for name, value in self.headers if name != "Content-Length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def _start_line(self) -> str:
        raise NotImplementedError

    def _read_contacts(self, _: str) -> list[NameAddr]:
        values = self.headers.all("Contact")
        if values == ["*"]:
            return []
        if len(values) > CONTACTS_MAX:
            raise ParseError("Too many contacts")
        return [NameAddr.parse(value) for value in values]


@dataclass(slots=True)
class Request(Message):
    """A request; its method is compared by case (section 7.1)."""

    method: str
    uri: Uri
    headers: Headers
    body: bytes = b""

    def _start_line(self) -> str:
        if not is_token(self.method):
            raise ValueError("method is no token")
        return f"{self.method} {self.uri} SIP/2.0"


@dataclass(slots=True)
class Response(Message):
    """A response."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    hop: Hop | None = field(default=None, compare=False)
    """Of a final response to a request of ours: whom that had been sent to. What follows belongs there too."""

    def _start_line(self) -> str:
        if LINE_BREAK.search(self.reason):
            raise ValueError("line break in a reason phrase")
        return f"SIP/2.0 {self.status} {self.reason}"

    def _read_contacts(self, _: str) -> list[NameAddr]:
        # Lenient: dropped for its Contact, a final response would never be acknowledged, and a call neither end.
        return list(filter(None, map(_contact_or_none, self.headers.all("Contact")[:CONTACTS_MAX])))


def parse(data: bytes) -> Request | Response:
    """Read one message: a datagram, or what a `Framer` cut out of a stream.

    A body longer than Content-Length is cut to it (section 18.3). Content-Length itself is not among the headers
    of the result: it is counted anew when the message is written.

    Raises:
        ParseError: with the status a request deserves, and the ready response where one can be addressed.
    """
    if len(data) > MESSAGE_MAX_BYTES:
        head, _, _ = split(data[:MESSAGE_MAX_BYTES])
        raise refusal(ParseError("Message Too Large", 513), head)
    head, body, complete = split(data)
    try:
        return _read_message(head, body, complete=complete)
    except ParseError as error:
        raise refusal(error, head) from None


def response_to(request: Request, status: int, reason: str | None = None, *, to_tag: str | None = None) -> Response:
    """Make a response to `request` with the headers RFC 3261 section 8.2.6 wants copied.

    Args:
        request: the request; its To tag stays when it has one.
        status: 100 to 699.
        reason: the reason phrase, by default the standard one.
        to_tag: our tag of a dialog. Without it, any response but 100 gets a tag that is the same for every copy of
            the request (section 8.2.7).
    """
    headers = Headers()
    for value in request.headers.lines("Via"):
        headers.add("Via", value)
    # Responses that may open a dialog carry the route set (section 12.1.1).
    if 101 <= status <= 299:
        for value in request.headers.lines("Record-Route"):
            headers.add("Record-Route", value)
    for name in ("From", "To", "Call-ID", "CSeq"):
        text = request.headers.get(name)
        if text is None:
            continue
        if name == "To" and status != 100 and not _has_tag(text):
            text = f"{text};tag={to_tag or _stateless_tag(request.headers)}"
        headers.add(name, text)
    if status == 100 and (stamp := request.headers.get("Timestamp")) is not None:
        headers.add("Timestamp", stamp)
    return Response(status, reason_phrase(status) if reason is None else reason, headers)


def split(data: bytes) -> tuple[list[str], bytes, bool]:
    """Cut a message into the unfolded lines of its head and what follows it; also say whether the head is complete."""
    # Blank lines before the start line are ignored (section 7.5).
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    end = HEAD_END.search(data)
    # Lenient: a datagram that ends with its last header line and no blank one.
    head, body = (data[: end.start()], data[end.end() :]) if end else (data.rstrip(b"\r\n"), b"")
    text = head.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    return text.split("\n"), body, end is not None or data.endswith(b"\n")


def _read_message(head: list[str], body: bytes, *, complete: bool) -> Request | Response:
    if not complete:
        raise ParseError("Head of the message is cut off")
    words = head[0].replace("\t", " ").split(" ")
    if "" in words:
        words = [word for word in words if word]
    if words and words[0][:4].upper() == "SIP/":
        return _read_response(words, head, body)
    if len(words) != 3 or not is_token(words[0]):
        raise ParseError("Malformed request line")
    method, target, version = words
    if version.upper() != "SIP/2.0":
        raise ParseError("Version Not Supported", 505) if version[:4].upper() == "SIP/" else ParseError("Not SIP")
    headers = _read_headers(head)
    uri = Uri.parse(target)
    if uri.scheme not in SIP_SCHEMES and uri.scheme != "tel":
        raise ParseError("Unsupported URI Scheme", 416)
    request = Request(method, uri, headers, _cut_body(headers, body))
    _check(request)
    if request.cseq.method != method:
        raise ParseError("CSeq names another method")
    if request.contact_is_star and method != "REGISTER":
        raise ParseError("Contact * outside of REGISTER")
    return request


def _read_response(words: list[str], head: list[str], body: bytes) -> Response:
    status = number(words[1], most=699) if len(words) > 1 else None
    if words[0].upper() != "SIP/2.0" or status is None or status < 100:
        raise ParseError("Malformed status line")
    headers = _read_headers(head)
    # The phrase may hold anything, runs of white space too: take it from the line, not from the words.
    _, _, rest = head[0].partition(words[1])
    response = Response(status, rest.strip(" \t"), headers, _cut_body(headers, body))
    _check(response)
    return response


def _read_headers(head: list[str]) -> Headers:
    if len(head) - 1 > HEADERS_MAX:
        raise ParseError("Too many header fields")
    headers, fault = Headers.received(head[1:])
    if fault:
        raise ParseError(fault)
    if "\r" in "".join(head):
        raise ParseError("Stray carriage return")
    return headers


def content_length(headers: Headers) -> int | None:
    """Return Content-Length in bytes, None when absent.

    Raises:
        ParseError: no number, or several that differ: the message's end is unknown.
    """
    lengths = headers.lines("Content-Length")
    if not lengths:
        return None
    length = number(lengths[0], most=2**31)
    if length is None or any(other != lengths[0] for other in lengths):
        raise ParseError("Malformed Content-Length")
    return length


def _cut_body(headers: Headers, body: bytes) -> bytes:
    length = content_length(headers)
    if length is None:
        return body
    if length > len(body):
        raise ParseError("Body shorter than Content-Length")
    headers.remove("Content-Length")
    return body[:length]


def _check(message: Request | Response) -> None:
    """Read once, for their errors, the headers that the layers above count on."""
    hops = message.headers.lines("Via")
    if len(hops) > VIAS_MAX:
        raise ParseError("Too many Vias")
    for name in _SINGLE:
        if len(message.headers.lines(name)) > 1:
            raise ParseError("Header that may be given once only is repeated")
    for hop in hops[1:]:
        Via.parse(hop)
    _ = (message.via, message.from_, message.to, message.call_id, message.cseq, message.contact, message.max_forwards)


def refusal(error: ParseError, head: list[str]) -> ParseError:
    """Attach to `error` the response that a malformed request gets, if it can be addressed.

    Args:
        error: what is wrong; it is returned.
        head: the unfolded lines of the message's head, as `split` gives them.
    """
    method = head[0].strip().partition(" ")[0]
    if not is_token(method) or method == "ACK":
        return error
    # A stray CR must not come back in our response.
    headers, _ = Headers.received(line.replace("\r", " ") for line in head[1 : HEADERS_MAX + 1])
    request = Request(method, Uri("sip", host="invalid"), headers)
    try:
        _ = request.via
    except ParseError:
        return error
    error.answerable = response_to(request, error.status, error.detail)
    return error


def _top_via(text: str) -> Via:
    pieces = split_list(text)
    return Via.parse(pieces[0] if pieces else "")


def _contact_or_none(text: str) -> NameAddr | None:
    try:
        return NameAddr.parse(text)
    except ParseError:
        return None


def _not_empty(text: str) -> str:
    if not text:
        raise ParseError("Empty Call-ID")
    return text


def _max_forwards(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        raise ParseError("Malformed Max-Forwards")
    return number(text, most=MAX_FORWARDS_MAX)


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _has_tag(text: str) -> bool:
    try:
        return NameAddr.parse(text).tag is not None
    except ParseError:
        # Refusing a request whose To is what is wrong with it: leave it as it came.
        return True


def _stateless_tag(headers: Headers) -> str:
    seed = "\n".join(headers.get(name) or "" for name in ("Via", "From", "Call-ID", "CSeq"))
    return blake2s(seed.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
