"""Peers: the PBXes and trunks whose calls are taken by their address (interfaces.md, `[[sip.peer]]`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from voicebox.arrival import MailboxOf


class Identity(StrEnum):
    """Which header of a peer says who calls."""

    PAI = "pai"
    RPID = "rpid"
    FROM = "from"


class Mwi(StrEnum):
    """Whether a peer is told of the message light without having asked."""

    NONE = "none"
    UNSOLICITED = "unsolicited"


class RtpKeepalive(StrEnum):
    """How much silence we send while we listen."""

    SPARSE = "sparse"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True)
class Peer:
    """One configured neighbour."""

    name: str
    company_id: int
    network: IPv4Network | IPv6Network
    port: int | None = None
    """None takes any port of that address."""
    identity: Identity = Identity.PAI
    verified_caller_id: bool = False
    mailbox_of: MailboxOf = MailboxOf.LAST
    mwi: Mwi = Mwi.NONE
    mwi_uri: str = ""
    rtp_keepalive: RtpKeepalive = RtpKeepalive.SPARSE
    max_calls: int = 0
    """0 is no limit of its own."""


def parse_address(text: str) -> tuple[IPv4Network | IPv6Network, int | None]:
    """Read `address`, `network` or `address:port` (IPv6 with a port in brackets).

    Raises:
        ValueError: it is none of these; the message says what was expected.
    """
    host, port = text, None
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or None
    elif text.count(":") == 1:
        host, port = text.split(":")
    try:
        network = ip_network(host, strict=False)
        number = int(port) if port is not None else None
    except ValueError:
        raise ValueError(f"{text!r} is not an address, a network or address:port") from None
    if number is not None and not 0 < number < 65536:
        raise ValueError(f"{text!r}: the port must be between 1 and 65535")
    return network, number


class PeerTable:
    """Finds the peer that a packet came from; the narrowest match wins."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        self.peers = sorted(peers, key=lambda peer: (peer.port is not None, peer.network.prefixlen), reverse=True)
        self._found: dict[tuple[str, int], Peer | None] = {}

    def find(self, host: str, port: int) -> Peer | None:
        """Return the peer behind an address, or None for a stranger."""
        key = (host, port)
        if key in self._found:
            return self._found[key]
        address = ip_address(host.partition("%")[0])
        found = next(
            (
                peer
                for peer in self.peers
                if peer.network.version == address.version
                and address in peer.network
                and (peer.port is None or peer.port == port)
            ),
            None,
        )
        if len(self._found) >= 4096:
            # A scanner using many ports must not grow this without bound.
            self._found.clear()
        self._found[key] = found
        return found
