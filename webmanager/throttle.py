"""How often somebody may be wrong: token buckets for each address and for all together. I/O-free.

A token of 256 random bits cannot be guessed; what this bounds is the work a guesser causes, and the lines in the log.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from voicebox.identity import counted_as

EACH_BURST: Final = 10.0
EACH_PER_S: Final = 1 / 6
"""A mistyped token in a script that runs every few seconds is found out; ten a minute go on."""
ALL_BURST: Final = 200.0
ALL_PER_S: Final = 20.0
"""Against one who changes his address: a handful of index look-ups a second, whatever happens."""
KNOWN_MAX: Final = 10_000
"""Addresses kept, the longest unseen going first: about 2 MiB."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float

    def fill(self, now_s: float, *, per_s: float, burst: float) -> None:
        self.left = min(burst, self.left + max(0.0, now_s - self.at_s) * per_s)
        self.at_s = now_s


class Throttle:
    """Counts failures by address; times are monotonic seconds."""

    def __init__(self, now_s: float) -> None:
        self._each: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(ALL_BURST, now_s)

    def wait_s(self, address: IPv4Address | IPv6Address | None, now_s: float) -> int:
        """Return for how many whole seconds this address may not try; 0 if it may."""
        self._all.fill(now_s, per_s=ALL_PER_S, burst=ALL_BURST)
        waits = [_until_one(self._all, ALL_PER_S)]
        bucket = self._each.get(_key(address))
        if bucket is not None:
            bucket.fill(now_s, per_s=EACH_PER_S, burst=EACH_BURST)
            waits.append(_until_one(bucket, EACH_PER_S))
        return math.ceil(max(waits))

    def failed(self, address: IPv4Address | IPv6Address | None, now_s: float) -> None:
        """Count a failure."""
        key = _key(address)
        bucket = self._each.get(key)
        if bucket is None:
            bucket = self._each[key] = _Bucket(EACH_BURST, now_s)
            if len(self._each) > KNOWN_MAX:
                self._each.popitem(last=False)
        else:
            self._each.move_to_end(key)
        bucket.fill(now_s, per_s=EACH_PER_S, burst=EACH_BURST)
        bucket.left = max(0.0, bucket.left - 1)
        self._all.fill(now_s, per_s=ALL_PER_S, burst=ALL_BURST)
        self._all.left = max(0.0, self._all.left - 1)

    def __len__(self) -> int:
        return len(self._each)


def _until_one(bucket: _Bucket, per_s: float) -> float:
    return max(0.0, (1 - bucket.left) / per_s)


def _key(address: IPv4Address | IPv6Address | None) -> str:
    return "unknown" if address is None else counted_as(address)
