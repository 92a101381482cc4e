"""Network addresses as an administrator writes them in the configuration, taken apart and checked.

I/O-free: no name is looked up here. Each parser raises `SettingError`, which says the problem and its cure.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

TRANSPORTS = ("udp", "tcp")
PORT_MAX = 65535
# RFC 1123 section 2.1, with the underscore that container networks use.
_HOST = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_-]{1,63})*\.?$")


class SettingError(ValueError):
    """A configured value that cannot be: what is wrong with it, what to write instead, and at which key."""

    def __init__(self, problem: str, cure: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{problem}. {cure}")
        self.problem = problem
        self.cure = cure
        self.at = at
        """The path of the key below the place where this was raised; empty is that place itself."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and port on which we listen; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A SIP address on which we listen."""

    transport: str
    """udp or tcp."""
    host: str
    """IPv4, or IPv6 without brackets."""
    port: int


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """From where a peer sends: one address or a network, and a port where only that one counts."""

    network: IPNetwork
    port: int | None = None

    def __str__(self) -> str:
        single = self.network.prefixlen == self.network.max_prefixlen
        text = str(self.network.network_address) if single else str(self.network)
        if self.port is None:
            return text
        return f"[{text}]:{self.port}" if self.network.version == 6 else f"{text}:{self.port}"

    @property
    def exactness(self) -> tuple[bool, int]:
        """Sorts by how exactly this names a sender: a port beats none, then the longer prefix."""
        return self.port is not None, self.network.prefixlen

    @property
    def host(self) -> IPAddress | None:
        """The address, where it is a single one."""
        single = self.network.prefixlen == self.network.max_prefixlen
        return self.network.network_address if single else None

    def contains(self, ip: IPAddress, port: int) -> bool:
        """Tell whether `ip` and `port` are this peer's; an IPv4 address mapped into IPv6 counts as IPv4."""
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return ip in self.network and self.port in (None, port)


def _text(value: object, example: str) -> str:
    if not isinstance(value, str):
        raise SettingError("must be text", f'Write it in quotes, such as "{example}".')
    return value.strip()


def parse_ip(value: object) -> IPAddress:
    """Return one IPv4 or IPv6 address, brackets allowed."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    text = _text(value, "127.0.0.1")
    try:
        return ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        raise SettingError(
            f"{text!r} is not an IP address", 'Write one such as "192.0.2.10" or "2001:db8::10".'
        ) from None


def parse_network(value: object) -> IPNetwork:
    """Return a network, or a single address as a network of one."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = _text(value, "10.0.0.0/8")
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise SettingError(f"{text!r} is not a network", 'Write one such as "10.0.0.0/8" or "2001:db8::/32".') from None
    raise SettingError(
        f"{text!r} has bits set beyond its prefix", f'Write "{meant}", or the single address without "/".'
    )


def parse_port(text: str, whole: str) -> int:
    """Return a port from 0 to 65535; `whole` is what the error shows."""
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > PORT_MAX:
        raise SettingError(f"{text!r} in {whole!r} is not a port", "Write a number from 0 to 65535.")
    return int(text)


def parse_peer_address(value: object) -> PeerAddress:
    """Return what `address` of a peer says: an address, a network, or address:port (IPv6 then in brackets)."""
    if isinstance(value, PeerAddress):
        return value
    text = _text(value, "10.0.0.1")
    host, port = text, None
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise SettingError(f"{text!r} is not an address", 'Write "[2001:db8::1]:5060".')
        port = parse_port(rest[1:], text) if rest else None
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
        port = parse_port(digits, text)
    if port == 0:
        raise SettingError(f"{text!r} names port 0, from which nothing comes", "Leave the port out to mean any.")
    if "/" in host and port is not None:
        raise SettingError(f"{text!r} gives a network a port", "Leave the port out, or write a single address.")
    try:
        return PeerAddress(parse_network(host), port)
    except SettingError as refused:
        if "/" in host:
            raise
        raise SettingError(
            f"{text!r} is not an address",
            'Write an IP address, a network or address:port, such as "10.0.0.1", "10.0.0.0/24" or "10.0.0.1:5080"; '
            "names are not looked up, since an answer from the DNS would decide whom we trust.",
        ) from refused


def parse_host(value: str) -> str:
    """Return a host name or IP address as it is written, without brackets."""
    text = value.strip()
    try:
        return str(parse_ip(text))
    except SettingError:
        pass
    if not _HOST.match(text) or re.fullmatch(r"[0-9.]+", text):
        raise SettingError(f"{value!r} is not a host", 'Write a name or an IP address, such as "pbx.example.org".')
    return text


def parse_endpoint(value: object) -> Endpoint:
    """Return host:port (IPv6 in brackets) as an `Endpoint`."""
    if isinstance(value, Endpoint):
        return value
    text = _text(value, "127.0.0.1:8080")
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise SettingError(f"{text!r} is not host:port", 'Write it as "127.0.0.1:8080" or "[::1]:8080".')
    return Endpoint(parse_host(host), parse_port(port, text))


def parse_listen(text: str) -> ListenAddress:
    """Return transport:address:port taken apart; the transport is udp or tcp."""
    transport, _, rest = text.partition(":")
    if transport.lower() == "tls":
        raise SettingError(
            f"{text!r} asks for TLS, which this version does not speak",
            "Listen on udp: or tcp: behind a proxy that ends TLS, or wait for a later version.",
        )
    if transport.lower() not in TRANSPORTS or not rest:
        raise SettingError(
            f"{text!r} is not a SIP listen address", 'Write transport, address and port, such as "udp:0.0.0.0:5060".'
        )
    endpoint = parse_endpoint(rest)
    try:
        parse_ip(endpoint.host)
    except SettingError:
        raise SettingError(
            f"{endpoint.host!r} in {text!r} is a name, and SIP listens on addresses",
            'Write the address, such as "udp:127.0.0.1:5060".',
        ) from None
    return ListenAddress(transport.lower(), endpoint.host, endpoint.port)
