"""What was received: sequence numbers over their wrap, loss, duplicates and jitter (RFC 3550 A.1, A.3, A.8).

Fed twice a second with what came since. A batch without any irregularity, which is nearly every one, is checked and
counted as a whole; otherwise packet by packet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ivr.media.rtp import signed_16, signed_32

MAX_DROPOUT: Final = 3000
"""A sequence number this far ahead is still the same run (RFC 3550 A.1)."""
MAX_MISORDER: Final = 100
"""A sequence number this far behind is late, not a restart (RFC 3550 A.1)."""
_WINDOW: Final = (1 << MAX_MISORDER) - 1


class Verdict(Enum):
    """What a packet's sequence number says about it."""

    AHEAD = auto()
    """The next, or one after a gap."""
    LATE = auto()
    """Overtaken by others, but new."""
    DUPLICATE = auto()
    """Seen before."""
    STRAY = auto()
    """Far from the run: counted only if the next one continues it."""


@dataclass(slots=True)
class Span:
    """What one report says of a stretch of reception."""

    expected: int
    received: int

    @property
    def lost(self) -> int:
        """Packets missing; never negative, since duplicates are not counted as received."""
        return max(self.expected - self.received, 0)


class Reception:
    """Reception statistics of one stream, over all its sources in turn."""

    def __init__(self, clock_hz: int = 8000) -> None:
        self.clock_hz = clock_hz
        self.ssrc: int | None = None
        self.received = 0
        """Distinct packets, of all sources so far."""
        self.duplicates = 0
        self.late = 0
        self.last_arrival: float | None = None
        self.next_timestamp = 0
        """What a packet that continues the run carries."""
        self.jitter = 0.0
        """Interarrival jitter in clock units (RFC 3550 A.8)."""
        self._closed_expected = 0
        self._base = 0
        self._highest = 0
        """Extended: counted on over the wrap at 65,536."""
        self._window = 0
        """Bit i: the packet `i` behind the highest has come."""
        self._bad: int | None = None
        self._transit: float | None = None
        self._media = 0
        """The last timestamp, counted on over its wrap."""
        self._reported = Span(0, 0)

    @property
    def expected(self) -> int:
        """Packets that should have come, from the sequence numbers."""
        return self._closed_expected + (self._highest - self._base + 1 if self.ssrc is not None else 0)

    @property
    def lost(self) -> int:
        """Packets that never came (RFC 3550 A.3)."""
        return Span(self.expected, self.received).lost

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter in milliseconds."""
        return self.jitter / self.clock_hz * 1000

    @property
    def highest_sequence(self) -> int:
        """The extended highest sequence number of a report block: cycles in the upper 16 bits."""
        return self._highest & 0xFFFF_FFFF

    def since_report(self) -> Span:
        """Return what came since the last call, for the fraction lost of a report block."""
        now = Span(self.expected, self.received)
        then, self._reported = self._reported, now
        return Span(now.expected - then.expected, now.received - then.received)

    def run(self, ssrc: int, sequence: int, timestamp: int, step: int, arrived: Sequence[float]) -> bool:
        """Count a run of packets in order, `step` clock units each, if it continues what came; tell whether it did."""
        if ssrc != self.ssrc or sequence != (self._highest + 1) & 0xFFFF or self._transit is None:
            return False
        count = len(arrived)
        self._highest += count
        self._window = ((self._window << count) | ((1 << count) - 1)) & _WINDOW
        self.received += count
        self._bad = None
        # The first packet of the run may follow a gap, so its transit is taken from its own timestamp.
        transit, jitter, clock_hz = self._transit, self.jitter, self.clock_hz
        media = self._unwrapped(timestamp)
        for at in arrived:
            now = at * clock_hz - media
            media += step
            difference = now - transit
            transit = now
            jitter += ((difference if difference >= 0 else -difference) - jitter) / 16
        self._transit, self.jitter = transit, jitter
        self._media = media - step
        self.next_timestamp = (timestamp + count * step) & 0xFFFF_FFFF
        self.last_arrival = arrived[-1]
        return True

    def packet(self, ssrc: int, sequence: int, timestamp: int, length: int, arrived: float, *, timed: bool) -> Verdict:
        """Count one packet and judge it.

        Args:
            ssrc: a change begins a new source at once.
            sequence: 16 bit.
            timestamp: 32 bit.
            length: in clock units.
            arrived: in seconds.
            timed: false for events (RFC 4733), whose timestamps say nothing about jitter.
        """
        if ssrc != self.ssrc:
            self._begin(ssrc, sequence)
            verdict = Verdict.AHEAD
        else:
            verdict = self._judge(sequence)
        if verdict is Verdict.DUPLICATE:
            self.duplicates += 1
            return verdict
        self.last_arrival = arrived
        if verdict is Verdict.STRAY:
            return verdict
        self.received += 1
        if verdict is Verdict.LATE:
            self.late += 1
        if timed:
            self._time(timestamp, arrived)
            if verdict is Verdict.AHEAD:
                self.next_timestamp = (timestamp + length) & 0xFFFF_FFFF
        return verdict

    def _begin(self, ssrc: int, sequence: int) -> None:
        self._closed_expected = self.expected
        self.ssrc = ssrc
        self._base = self._highest = sequence
        self._window = 1
        self._bad = None
        self._transit = None

    def _judge(self, sequence: int) -> Verdict:
        ahead = signed_16(sequence - self._highest)
        if 0 < ahead < MAX_DROPOUT:
            self._highest += ahead
            self._window = ((self._window << ahead) | 1) & _WINDOW
            self._bad = None
            return Verdict.AHEAD
        if -MAX_MISORDER < ahead <= 0:
            bit = 1 << -ahead
            if self._window & bit:
                return Verdict.DUPLICATE
            self._base = min(self._base, self._highest + ahead)
            self._window |= bit
            return Verdict.LATE
        if sequence == self._bad:  # two in a row: the sender restarted its numbering
            begun = self.ssrc
            assert begun is not None  # noqa: S101 - only a known source is judged
            self._begin(begun, sequence)
            self._base -= 1  # the packet before, taken for a stray, belonged to this run
            self.received += 1
            return Verdict.AHEAD
        self._bad = (sequence + 1) & 0xFFFF
        return Verdict.STRAY

    def _unwrapped(self, timestamp: int) -> int:
        """Return the timestamp counted on from the last one, so that its wrap is no jump."""
        return self._media + signed_32(timestamp - self._media)

    def _time(self, timestamp: int, arrived: float) -> None:
        media = self._unwrapped(timestamp)
        transit = arrived * self.clock_hz - media
        if self._transit is not None:
            difference = abs(transit - self._transit)
            # A jump of the timestamps is not jitter: nothing is that late and still of use.
            if difference < 5 * self.clock_hz:
                self.jitter += (difference - self.jitter) / 16
        self._transit, self._media = transit, media
