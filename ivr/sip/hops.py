"""Where SIP messages come from and go to: transports, listening addresses, sources, hops and destinations."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, NamedTuple, Self

DEFAULT_PORT: Final = 5060
"""RFC 3261 section 19.1.2."""


class Transport(StrEnum):
    """How messages travel. Members are added (TLS) without touching their users."""

    UDP = "udp"
    TCP = "tcp"

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers by itself, so that transactions do not retransmit (RFC 3261 section 17)."""
        return self is not Transport.UDP


class Address(NamedTuple):
    """An IP address and a port, as a socket names itself or its peer."""

    host: str
    """IPv4 dotted or IPv6 without brackets."""
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return a host as it stands in a URI or Via: IPv6 in brackets (RFC 3261 section 25.1, IPv6reference)."""
    return f"[{host}]" if ":" in host else host


def is_ip(host: str) -> bool:
    """Tell whether a host is an IP address, with or without brackets."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def family(host: str) -> int:
    """Return 6 for an IPv6 address, else 4."""
    return 6 if ":" in host else 4


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """One entry of `listen`, written `udp:127.0.0.1:5060` or `tcp:[::1]:5060`; port 0 takes any free one."""

    transport: Transport
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one entry.

        Raises:
            ValueError: it names no known transport, no IP address or no port; the text says which.
        """
        scheme, _, rest = text.strip().partition(":")
        try:
            transport = Transport(scheme.lower())
        except ValueError:
            known = ", ".join(Transport)
            raise ValueError(f"{text!r}: the transport must be one of {known}, as in udp:127.0.0.1:5060") from None
        host, colon, digits = rest.rpartition(":")
        if not colon:
            raise ValueError(f"{text!r}: the port is missing, as in {transport}:127.0.0.1:5060")
        if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
            raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in {transport}:[::1]:5060")
        host = host.strip("[]")
        if not is_ip(host):
            raise ValueError(f"{text!r}: {host!r} is not an IP address")
        if not (digits.isascii() and digits.isdigit()) or int(digits) > 65535:
            raise ValueError(f"{text!r}: the port must be a number from 0 to 65535")
        return cls(transport, str(ip_address(host)), int(digits))

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"

    @property
    def wildcard(self) -> bool:
        """Whether this takes messages on every address of the machine, and so names none for Via and Contact."""
        return ip_address(self.host).is_unspecified


@dataclass(frozen=True, slots=True)
class Hop:
    """An IP address to send to, located and ready."""

    transport: Transport
    host: str
    port: int
    local: Address | None = None
    """The listening address to send from; None lets the transport choose one of the right family."""

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"

    def reaches(self, other: "Hop") -> bool:
        """Tell whether both lead to the same peer, from wherever they are sent."""
        return (self.transport, self.host, self.port) == (other.transport, other.host, other.port)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a message came from: the packet's or connection's own address, never what a header claims."""

    transport: Transport
    host: str
    port: int
    local: Address
    """Our listening address that took it."""

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"

    @property
    def hop(self) -> Hop:
        """The way back: for UDP out of the same socket, for TCP on the same connection while it is open."""
        return Hop(self.transport, self.host, self.port, self.local)


@dataclass(frozen=True, slots=True)
class Destination:
    """A next hop as configuration or a URI names it, still to be located (RFC 3263)."""

    host: str
    """A domain name or an IP address."""
    port: int | None = None
    transport: Transport | None = None
