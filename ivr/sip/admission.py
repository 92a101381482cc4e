"""How often strangers may knock: a token bucket for each source network and one for all of them together.

Peers and registered phones do not pass here. Time is passed in; memory is bounded: the source unheard of for longest
is forgotten first, and the common bucket bounds what a flood from many (forged) sources gets by that.

A refusal is logged once a minute for each source, in a line made for fail2ban:
`sip_refused ip=192.0.2.7 reason=rate count=31`.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import structlog

from ivr.sip.hops import Source
from voicebox.identity import counted_as

SOURCES_MAX: Final = 10_000
"""About 3 MB. More sources than this at once are an attack, and the common bucket holds then."""

REPORT_EVERY_S: Final = 60.0
"""fail2ban counts lines over minutes; more often would let a flood write our disk full."""

_log = structlog.get_logger("voicebox.sip.admission")


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """Return what counts as one source of packets."""
    return counted_as(ip_address(host.partition("%")[0]))


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a burst, then so many a second."""

    per_s: float
    burst: float


PER_SOURCE: Final = Rate(per_s=5.0, burst=20.0)
"""A phone that starts sends REGISTER twice and SUBSCRIBE twice; ten behind one NAT fit."""

ALL_SOURCES: Final = Rate(per_s=200.0, burst=400.0)
"""About 2 % of a core when each is refused."""


class _Bucket:
    """What a source has left."""

    __slots__ = ("at", "refused", "reported_at", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens = tokens
        self.at = now
        self.refused = 0
        self.reported_at: float | None = None

    def refill(self, rate: Rate, now: float) -> None:
        # A clock that stands still or runs back adds nothing.
        self.tokens = min(rate.burst, self.tokens + rate.per_s * max(0.0, now - self.at))
        self.at = max(self.at, now)


class Admission:
    """Decides whether a request of a stranger is looked at."""

    def __init__(
        self, per_source: Rate = PER_SOURCE, all_sources: Rate = ALL_SOURCES, *, sources_max: int = SOURCES_MAX
    ) -> None:
        self._per_source = per_source
        self._all_sources = all_sources
        self._sources_max = sources_max
        self._sources: OrderedDict[str, _Bucket] = OrderedDict()
        self._common = _Bucket(all_sources.burst, 0.0)
        self.refused = 0

    def __len__(self) -> int:
        """Return how many sources are remembered."""
        return len(self._sources)

    def admit(self, source: Source, now: float, cost: float = 1.0) -> bool:
        """Take `cost` tokens of the source; False when it has none left: do not answer, or answer 503 once.

        A refused source pays nothing from the common bucket, so one loud stranger does not silence the others.
        """
        bucket = self._bucket(source.host, now)
        self._common.refill(self._all_sources, now)
        if bucket.tokens >= cost and self._common.tokens >= cost:
            bucket.tokens -= cost
            self._common.tokens -= cost
            return True
        self.refused += 1
        self._report(bucket, source, "rate", now)
        return False

    def offended(self, source: Source, reason: str, now: float, cost: float = 5.0) -> None:
        """Note a wrong digest, a scan for numbers, or the like: it costs more than a plain request and is logged.

        `reason` is a fixed word of ours, never text of the peer.
        """
        bucket = self._bucket(source.host, now)
        bucket.tokens = max(0.0, bucket.tokens - cost)
        self._report(bucket, source, reason, now)

    def _bucket(self, host: str, now: float) -> _Bucket:
        network = network_of(host)
        bucket = self._sources.get(network)
        if bucket is None:
            if len(self._sources) >= self._sources_max:
                self._sources.popitem(last=False)
            bucket = self._sources[network] = _Bucket(self._per_source.burst, now)
        else:
            self._sources.move_to_end(network)
            bucket.refill(self._per_source, now)
        return bucket

    def _report(self, bucket: _Bucket, source: Source, reason: str, now: float) -> None:
        bucket.refused += 1
        if bucket.reported_at is not None and now - bucket.reported_at < REPORT_EVERY_S:
            return
        _log.warning(
            "sip_refused",
            ip=source.host,
            port=source.port,
            transport=str(source.transport),
            reason=reason,
            count=bucket.refused,
        )
        bucket.reported_at = now
        bucket.refused = 0
