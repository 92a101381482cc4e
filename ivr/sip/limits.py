"""What the transaction layer holds at most, and the count of half-open INVITEs that a flood would leave behind."""

from dataclasses import dataclass

from ivr.sip.admission import network_of


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds; a request beyond one is answered 503 with Retry-After and leaves nothing behind."""

    transactions: int = 20_000
    """Both sides together; about 6 KB each. 64*T1 of 300 calls a second with their BYEs."""
    strangers: int = 15_000
    """Requests that start something, of sources that are no peers: the rest is kept for peers and open calls."""
    half_open: int = 2_000
    """INVITEs of strangers that are neither answered nor acknowledged."""
    half_open_per_source: int = 100
    """Of one stranger (an IPv6 /64 is one)."""
    retry_after_s: int = 10


class HalfOpen:
    """Counts INVITEs of strangers that hold memory of ours without having cost them a round trip."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_network: dict[str, int] = {}
        self.total = 0

    def full(self, host: str) -> bool:
        """Whether another INVITE from this host would be one too many."""
        return (
            self.total >= self._limits.half_open
            or self._by_network.get(network_of(host), 0) >= self._limits.half_open_per_source
        )

    def enter(self, host: str) -> None:
        """Count one more."""
        network = network_of(host)
        self._by_network[network] = self._by_network.get(network, 0) + 1
        self.total += 1

    def leave(self, host: str) -> None:
        """Count one less."""
        network = network_of(host)
        left = self._by_network[network] - 1
        if left:
            self._by_network[network] = left
        else:
            del self._by_network[network]
        self.total -= 1
