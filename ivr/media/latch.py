"""Symmetric RTP: which source is the caller, and where our packets go (telephony.md, "RTP").

We send to the address of the SDP until packets have shown where the caller really is. A source at the SDP's own
address is taken at its first well-formed packet; any other needs several in a row. Once latched, nobody else is heard:
the source changes only with a re-INVITE that names a new address, or after 3 s of silence with a matching SSRC.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from ivr.media.rtp import Packet, signed_16

Address = tuple[str, int] | tuple[str, int, int, int]
"""A socket address as the transport gives it, IPv4 or IPv6."""

PROOF_PACKETS: Final = 4
"""In a row, from an address that the SDP did not name."""
SILENCE_S: Final = 3.0
CANDIDATES_MAX: Final = 4
"""Sources watched at a time; a scanner must not grow the table."""


@dataclass(slots=True)
class _Candidate:
    ssrc: int
    sequence: int
    packets: list[Packet] = field(default_factory=list)


def same_place(left: Address, right: Address | tuple[str, int]) -> bool:
    """Compare host and port, whatever the spelling of an IPv6 address."""
    if left[1] != right[1]:
        return False
    if left[0] == right[0]:
        return True
    try:
        return ip_address(left[0].partition("%")[0]) == ip_address(right[0].partition("%")[0])
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Latch:
    """The source of one stream."""

    def __init__(self) -> None:
        self.source: Address | None = None
        """The latched source: our packets go there, and only its packets count."""
        self.injected = 0
        """Packets of others that were ignored."""
        self._signalled: tuple[str, int] | None = None
        self._candidates: dict[Address, _Candidate] = {}

    @property
    def target(self) -> Address | tuple[str, int] | None:
        """Where to send; None before any SDP, and while a name in it is not known to be an address."""
        return self.source or (self._signalled if self._signalled and _is_address(self._signalled[0]) else None)

    def signal(self, host: str, port: int) -> None:
        """Take the address of an SDP. A new one opens the latch; the old one leaves it as it is."""
        if self._signalled == (host, port):
            return
        self._signalled = (host, port)
        self._candidates.clear()
        self.source = None

    def consider(
        self, packet: Packet, source: Address, known: Callable[[int], bool], *, ssrc: int | None, silent_s: float
    ) -> list[Packet]:
        """Weigh a packet that is not from the latched source; return the packets to accept, none while in doubt.

        Args:
            packet: well-formed.
            source: where it came from.
            known: tells whether a payload type was agreed.
            ssrc: of the source heard so far.
            silent_s: since its last packet.
        """
        if self._signalled is None or not known(packet.payload_type):
            self.injected += 1
            return []
        if self.source is not None and (silent_s < SILENCE_S or packet.ssrc != ssrc):
            self.injected += 1
            return []
        if self.source is None and same_place(source, self._signalled):
            return self._latched(source, [packet])
        candidate = self._candidates.get(source)
        if (
            candidate is None
            or candidate.ssrc != packet.ssrc
            or not 0 < abs(signed_16(packet.sequence - candidate.sequence)) < 16
        ):
            if candidate is None and len(self._candidates) >= CANDIDATES_MAX:
                self._candidates.pop(next(iter(self._candidates)))
            candidate = self._candidates[source] = _Candidate(packet.ssrc, packet.sequence)
        candidate.sequence = packet.sequence
        candidate.packets.append(packet)
        if len(candidate.packets) < PROOF_PACKETS:
            return []
        return self._latched(source, candidate.packets)

    def _latched(self, source: Address, packets: list[Packet]) -> list[Packet]:
        self.source = source
        self._candidates.clear()
        return packets
