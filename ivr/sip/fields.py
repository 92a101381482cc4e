"""Values of the headers every message has: Via (RFC 3261 section 20.42) and CSeq (section 20.16)."""

from dataclasses import dataclass
from typing import Final, Self

from ivr.sip.errors import ParseError
from ivr.sip.grammar import NO_PARAMS, Params, is_token, number
from ivr.sip.uri import PORT_MAX, parse_host_port

# RFC 3261 section 8.1.1.7: a branch without it comes from RFC 2543 and may repeat.
MAGIC_COOKIE: Final = "z9hG4bK"
# Section 8.1.1.5 says less than 2**31 for those we make; RFC 4475 3.1.2.4 takes up to 2**32 - 1 from others.
CSEQ_MAX: Final = 2**32 - 1
_DEFAULT_PORTS: Final = {"TLS": 5061, "WSS": 443, "WS": 80}


@dataclass(frozen=True, slots=True)
class Via:
    """One hop a message took."""

    transport: str
    """Upper case: UDP, TCP, TLS, ..."""
    host: str
    """sent-by, an IPv6 address in brackets."""
    port: int | None = None
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one Via; odd casing and white space around the slashes and the colon are fine.

        Raises:
            ParseError: not SIP, no transport, or no host.
        """
        name, _, rest = text.partition("/")
        version, slash, rest = rest.partition("/")
        rest = rest.lstrip()
        # The transport ends at white space, not at the next slash.
        words = rest.split(None, 1)
        if not slash or len(words) != 2:
            raise ParseError("Malformed Via")
        # Any version: a request of SIP/7.0 is refused with 505, which travels by this Via (RFC 4475 3.1.2.16).
        if name.strip().lower() != "sip" or not is_token(version.strip()):
            raise ParseError("Via of another protocol")
        transport, rest = words
        if not is_token(transport):
            raise ParseError("Malformed Via")
        place, semicolon, params = rest.partition(";")
        if " " in place or "\t" in place:
            place = "".join(place.split())
        host, port = parse_host_port(place)
        return cls(transport.upper(), host, port, Params.parse(params) if semicolon else NO_PARAMS)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{self.params}"

    @property
    def branch(self) -> str | None:
        """The transaction's id (section 17)."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The source address as a server saw it (section 18.2.1), without brackets."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The source port as a server saw it (RFC 3581), None when absent or still empty."""
        value = self.params.get("rport")
        return number(value, most=PORT_MAX) if value else None

    @property
    def wants_rport(self) -> bool:
        """Whether the client asked for the response at its source port (RFC 3581 section 3)."""
        return "rport" in self.params

    @property
    def effective_port(self) -> int:
        """The port of sent-by, or the transport's default (section 18.2.2)."""
        return self.port if self.port is not None else _DEFAULT_PORTS.get(self.transport, 5060)

    @property
    def address(self) -> str:
        """The host without brackets, as sockets want it."""
        return self.host[1:-1] if self.host.startswith("[") else self.host

    def stamped(self, host: str, port: int) -> "Via":
        """Return the Via as a server must leave it: `received` and `rport` by the source (RFC 3581 section 4).

        `received` is added when sent-by differs from the source or `rport` was asked for, never otherwise.
        """
        params = self.params
        if self.wants_rport:
            return Via(self.transport, self.host, self.port, params.with_("received", host).with_("rport", str(port)))
        if self.address.lower() != host.lower():
            params = params.with_("received", host)
        elif "received" in params:
            params = params.without("received")
        return Via(self.transport, self.host, self.port, params)


@dataclass(frozen=True, slots=True)
class CSeq:
    """The order of requests in a dialog."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `314159 INVITE`.

        Raises:
            ParseError: no number up to `CSEQ_MAX`, or no method.
        """
        words = text.split()
        if len(words) != 2 or not is_token(words[1]):
            raise ParseError("Malformed CSeq")
        value = number(words[0], most=CSEQ_MAX)
        if value is None:
            raise ParseError("CSeq number out of range")
        return cls(value, words[1])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"
