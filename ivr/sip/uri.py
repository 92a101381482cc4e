"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966), and name-addr around them (section 25.1).

Parts are kept as they came, percent-escapes included, so that `str(Uri.parse(text)) == text` for a well-formed
text; `decoded` undoes escapes where the meaning is wanted. A URI of another scheme is kept whole as `opaque`, since
From and To may hold one.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from ivr.sip.errors import ParseError
from ivr.sip.grammar import NO_PARAMS, Params, is_token, number, quote, quoted_end, unquote

SIP_SCHEMES: Final = frozenset({"sip", "sips"})
# White space, controls and the delimiters of name-addr: none may stand in a URI, and a line break never leaves us.
_FORBIDDEN: Final = re.compile(r'[\x00-\x20"<>\x7f]')
# Lenient: the underscore is no letter of a host name, but private names have it. Not empty, no leading dot.
_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_HOST_END: Final = re.compile(r"[;?]")
PORT_MAX: Final = 65535
# Parameters that must match when either URI has them (RFC 3261 section 19.1.4).
_TELLING_PARAMS: Final = ("user", "ttl", "method", "maddr", "transport")


def decoded(text: str) -> str:
    """Undo percent-escapes; bytes that are no UTF-8 become surrogates, as everywhere in this package."""
    return percent_decode(text, errors="surrogateescape") if "%" in text else text


def escaped(user: str) -> str:
    """Return a name as the user part of a URI (RFC 3261 section 25.1): `box@home` is a login name at some trunks."""
    return percent_encode(user, safe="-_.!~*'()&=+$,;?/", errors="surrogateescape")


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Read `host`, `host:port`, `[v6]` or `[v6]:port`; the host comes back with its brackets.

    Raises:
        ParseError: not a host, or a port above 65535.
    """
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        try:
            ipaddress.IPv6Address(inside)
        except ValueError:
            raise ParseError("Bad IPv6 reference") from None
        if not bracket:
            raise ParseError("Bad IPv6 reference")
        host, colon, port = f"[{inside}]", rest[:1], rest[1:]
        if colon not in {"", ":"}:
            raise ParseError("Bad IPv6 reference")
    else:
        host, colon, port = text.partition(":")
        if not _HOST.fullmatch(host):
            raise ParseError("Bad host")
    if not colon:
        return host, None
    value = number(port, most=PORT_MAX)
    if value is None:
        raise ParseError("Bad port")
    return host, value


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI as signalled. `==` compares the text's parts; `equivalent` compares by RFC 3261 section 19.1.4."""

    scheme: str
    """Lower case: sip, sips, tel, or one we only carry."""
    user: str | None = None
    """Undecoded; of a tel URI the number with its visual separators."""
    password: str | None = None
    host: str = ""
    """As given, an IPv6 address in brackets; empty for tel."""
    port: int | None = None
    params: Params = NO_PARAMS
    headers: str = ""
    """What follows `?`, undecoded."""
    opaque: str = ""
    """What follows the colon of another scheme."""

    def __post_init__(self) -> None:
        if _FORBIDDEN.search(f"{self.scheme}{self.user}{self.password}{self.host}{self.headers}{self.opaque}"):
            raise ParseError("Character not allowed in a URI")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI without angle brackets.

        Raises:
            ParseError: no URI (400).
        """
        scheme, colon, rest = text.partition(":")
        if not colon or not _SCHEME.fullmatch(scheme):
            raise ParseError("URI without a scheme")
        if _FORBIDDEN.search(rest):
            raise ParseError("Character not allowed in a URI")
        scheme = scheme.lower()
        if scheme in SIP_SCHEMES:
            return cls._parse_sip(scheme, rest)
        if scheme == "tel":
            digits, _, params = rest.partition(";")
            if not digits:
                raise ParseError("Empty tel URI")
            return cls(scheme, user=digits, params=Params.parse(params) if params else NO_PARAMS)
        return cls(scheme, opaque=rest)

    @classmethod
    def _parse_sip(cls, scheme: str, rest: str) -> Self:
        user: str | None = None
        password: str | None = None
        at = rest.find("@")
        if at >= 0:
            # A second @ before the host's end belongs to the user (`a@b@host`, seen in the field); one behind it
            # belongs to a parameter that was not escaped (`;target=sip:bob@host`).
            end = _HOST_END.search(rest, at)
            at = rest.rfind("@", at, end.start() if end else len(rest))
            user, colon, secret = rest[:at].partition(":")
            if not user:
                raise ParseError("URI with an empty user")
            password = secret if colon else None
            rest = rest[at + 1 :]
        rest, _, headers = rest.partition("?")
        place, semicolon, params = rest.partition(";")
        host, port = parse_host_port(place)
        return cls(scheme, user, password, host, port, Params.parse(params) if semicolon else NO_PARAMS, headers)

    def __str__(self) -> str:
        if self.opaque:
            return f"{self.scheme}:{self.opaque}"
        if self.scheme == "tel":
            return f"tel:{self.user}{self.params}"
        secret = "" if self.password is None else f":{self.password}"
        who = "" if self.user is None else f"{self.user}{secret}@"
        port = "" if self.port is None else f":{self.port}"
        query = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{who}{self.host}{port}{self.params}{query}"

    @property
    def address(self) -> str:
        """The host without brackets, as sockets want it."""
        return self.host[1:-1] if self.host.startswith("[") else self.host

    @property
    def is_phone(self) -> bool:
        """Whether the user part is a telephone number by declaration (section 19.1.1, RFC 3966)."""
        return self.scheme == "tel" or (self.params.get("user") or "").lower() == "phone"

    def equivalent(self, other: "Uri") -> bool:
        """Compare by RFC 3261 section 19.1.4: only user and password by case, escapes undone."""
        if self.scheme not in SIP_SCHEMES or other.scheme not in SIP_SCHEMES:
            return str(self).lower() == str(other).lower()
        return (
            self.scheme == other.scheme
            and _same(self.user, other.user)
            and _same(self.password, other.password)
            and _host_key(self.host) == _host_key(other.host)
            and self.port == other.port
            and _params_match(self.params, other.params)
            and _header_set(self.headers) == _header_set(other.headers)
        )


def _same(one: str | None, other: str | None) -> bool:
    return one == other or (one is not None and other is not None and decoded(one) == decoded(other))


def _host_key(host: str) -> str:
    return ipaddress.IPv6Address(host[1:-1]).compressed if host.startswith("[") else host.lower()


def _params_match(one: Params, other: Params) -> bool:
    if any((name in one) != (name in other) for name in _TELLING_PARAMS):
        return False
    return all(decoded(one[name] or "").lower() == decoded(other[name] or "").lower() for name in one if name in other)


def _header_set(text: str) -> frozenset[tuple[str, str]]:
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    return frozenset((decoded(name).lower(), decoded(value)) for name, _, value in pairs)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """`"Display" <uri>;params` of From, To, Contact, Route, Diversion and their like."""

    uri: Uri
    display: str = ""
    """Without quotes, escapes undone."""
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one value; a bare addr-spec is fine, its parameters belong to the header (section 20).

        Raises:
            ParseError: unbalanced quotes or brackets, or no URI.
        """
        text = text.strip()
        display = ""
        if text.startswith('"'):
            end = quoted_end(text)
            if end < 0:
                raise ParseError("Unbalanced quotes")
            display = unquote(text[:end])
            text = text[end:].lstrip()
            if not text.startswith("<"):
                raise ParseError("Display name without an address")
        less = text.find("<")
        if less < 0:
            # Lenient: a URI with `?` should be in brackets; without them we cannot tell whose it is.
            address, semicolon, rest = text.partition(";")
            if "?" in address:
                raise ParseError("URI with headers outside of angle brackets")
            return cls(Uri.parse(address.rstrip()), display, Params.parse(rest) if semicolon else NO_PARAMS)
        greater = text.find(">", less)
        if greater < 0:
            raise ParseError("Unbalanced angle brackets")
        if less:
            # Lenient: unquoted names may hold what is no token (`Müller, Jörg <...>`), but no quote.
            display = text[:less].rstrip()
            if '"' in display:
                raise ParseError("Unbalanced quotes")
        rest = text[greater + 1 :].lstrip()
        if rest and not rest.startswith(";"):
            raise ParseError("Text behind an address")
        # Lenient: white space inside the brackets.
        uri = Uri.parse(text[less + 1 : greater].strip())
        return cls(uri, display, Params.parse(rest) if rest else NO_PARAMS)

    def __str__(self) -> str:
        if not self.display:
            return f"<{self.uri}>{self.params}"
        name = self.display if all(is_token(word) for word in self.display.split(" ")) else quote(self.display)
        return f"{name} <{self.uri}>{self.params}"

    @property
    def tag(self) -> str | None:
        """The dialog's tag of this side (section 19.3)."""
        return self.params.get("tag")

    def with_tag(self, tag: str) -> "NameAddr":
        """Return a copy with this tag."""
        return NameAddr(self.uri, self.display, self.params.with_("tag", tag))
