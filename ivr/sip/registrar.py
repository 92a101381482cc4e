"""What a REGISTER does to the bindings of an address of record (RFC 3261 section 10.3). No input or output."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ivr.sip.errors import ParseError
from ivr.sip.grammar import number
from ivr.sip.message import Request, Response, response_to
from ivr.sip.uri import NameAddr, Uri

DEFAULT_EXPIRES_S: Final = 3600
MIN_EXPIRES_S: Final = 60
"""Below this, keep-alives would cost more than calls: 423 with Min-Expires (section 10.2.8)."""
MAX_EXPIRES_S: Final = 7200
"""A phone that vanished is forgotten after two hours at most."""
CONTACT_MAX: Final = 500
CALL_ID_MAX: Final = 256
"""What is stored of a binding; real ones are a fifth of that."""
BINDINGS_MAX: Final = 10
"""Phones of one number; more is a fault or an attack."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One phone of a number."""

    contact: str
    """The Contact URI."""
    call_id: str
    cseq: int
    expires_at: float
    """Seconds since the epoch: bindings outlive a restart."""
    source: str
    """`udp:host:port` the REGISTER came from: requests go back there, through any NAT."""
    user_agent: str = ""
    path: tuple[str, ...] = ()
    """RFC 3327: proxies on the way to the phone."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of a REGISTER."""

    response: Response
    bindings: tuple[Binding, ...]
    """All live ones, in order of their making."""
    changed: bool = False


def register(current: Sequence[Binding], request: Request, source: str, now: float) -> Registration:
    """Apply a REGISTER whose sender is authenticated.

    Args:
        current: the stored bindings of its address of record.
        request: the REGISTER.
        source: where it came from, `transport:host:port`.
        now: seconds since the epoch.
    """
    live = [binding for binding in current if binding.expires_at > now]
    dropped = len(live) != len(current)
    if len(request.call_id) > CALL_ID_MAX or any(len(str(each.uri)) > CONTACT_MAX for each in request.contact):
        return Registration(response_to(request, 400, "Contact or Call-ID too long"), tuple(live), dropped)
    if request.contact_is_star:
        if request.expires != 0 or len(request.headers.all("Contact")) != 1:
            return Registration(response_to(request, 400, "Contact * needs Expires: 0"), tuple(live), dropped)
        if any(_stale(binding, request) for binding in live):
            return Registration(response_to(request, 500, "CSeq out of order"), tuple(live), dropped)
        return _accept(request, [], now, changed=bool(current))
    wishes: list[tuple[Uri, int]] = []
    for contact in request.contact:
        expires_s = _expires_s(contact, request)
        if 0 < expires_s < MIN_EXPIRES_S:
            response = response_to(request, 423)
            response.headers.set("Min-Expires", str(MIN_EXPIRES_S))
            return Registration(response, tuple(live), dropped)
        wishes.append((contact.uri, min(expires_s, MAX_EXPIRES_S)))
    after = live
    for uri, expires_s in wishes:
        same = [binding for binding in after if _same(binding, uri)]
        if any(_stale(binding, request) for binding in same):
            return Registration(response_to(request, 500, "CSeq out of order"), tuple(live), dropped)
        after = [binding for binding in after if binding not in same]
        if expires_s:
            after.append(
                Binding(
                    contact=str(uri),
                    call_id=request.call_id,
                    cseq=request.cseq.number,
                    expires_at=now + expires_s,
                    source=source,
                    user_agent=(request.headers.get("User-Agent") or "")[:120],
                    path=tuple(request.headers.all("Path")),
                )
            )
    # The newest phones stay: an old one that is gone would otherwise keep a new one out until it expires.
    return _accept(request, after[-BINDINGS_MAX:], now, changed=bool(wishes) or dropped)


def _accept(request: Request, bindings: list[Binding], now: float, *, changed: bool) -> Registration:
    response = response_to(request, 200)
    for binding in bindings:
        left_s = max(1, round(binding.expires_at - now))
        response.headers.add("Contact", f"<{binding.contact}>;expires={left_s}")
    if paths := request.headers.all("Path"):
        response.headers.set("Path", ", ".join(paths))
    return Registration(response, tuple(bindings), changed)


def _expires_s(contact: NameAddr, request: Request) -> int:
    """Return a contact's wish: its own parameter, else the header, else the default (section 10.3, step 6)."""
    own = contact.params.get("expires")
    if own is not None:
        wish = number(own, most=2**32 - 1)
        # A malformed value counts as the default (section 10.2.1.1).
        return DEFAULT_EXPIRES_S if wish is None else wish
    return DEFAULT_EXPIRES_S if request.expires is None else request.expires


def _same(binding: Binding, uri: Uri) -> bool:
    try:
        return Uri.parse(binding.contact).equivalent(uri)
    except ParseError:
        return False


def _stale(binding: Binding, request: Request) -> bool:
    return binding.call_id == request.call_id and request.cseq.number <= binding.cseq
