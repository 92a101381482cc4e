"""Where each packet of a recording belongs, in samples from its beginning.

The RTP timestamps decide as long as they agree with the time that really passed: gaps (loss, silence suppression,
hold) become silence of the right length. Where they do not (a new SSRC, a jump of 150 million samples, a sender whose
timestamps stand still), the media clock decides, so that no input makes a recording longer than the call was.
"""

from dataclasses import dataclass
from typing import Final

from ivr.media.rtp import signed_32

SLACK_S: Final = 1.0
"""A gap may be this much longer than the time that passed: the network delivers in bursts."""
LATE_S: Final = 2.0
"""An overtaken packet is still put where it belongs this much later; the rule asks for 0.2 s."""
SEAM_S: Final = 0.2
"""A pause shorter than this between two unrelated sources is the network's, not the speaker's."""


@dataclass(frozen=True, slots=True)
class Before:
    """The last packet that came before the recording began."""

    ssrc: int
    next_timestamp: int
    arrived: float


class Timeline:
    """Places packets. Positions are in samples at the clock's rate; they never lie before 0."""

    def __init__(self, began: float, rate_hz: int, before: Before | None = None) -> None:
        self.end = 0
        """One past the last sample placed."""
        self._began = began
        self._rate_hz = rate_hz
        self._ssrc = before.ssrc if before else None
        self._next_timestamp = before.next_timestamp if before else 0
        self._arrived = before.arrived if before else began
        self._first = True
        self._silent_since: float | None = None

    def expect(self, ssrc: int, timestamp: int) -> None:
        """Say with what a source never heard before begins, where its first packets overtook each other."""
        if self._first and ssrc != self._ssrc:
            self._ssrc, self._next_timestamp, self._arrived = ssrc, timestamp, self._began

    @property
    def fresh(self) -> bool:
        """True until the first packet is placed."""
        return self._first

    def place(self, ssrc: int, timestamp: int, samples: int, arrived: float, *, late: bool = False) -> int | None:
        """Return the position of a packet's first sample; None when it is too late to be of use.

        Args:
            ssrc: of its source.
            timestamp: 32 bit.
            samples: that it holds; 0 for comfort noise, which says that silence begins.
            arrived: in seconds of the media clock.
            late: its sequence number was overtaken by others.
        """
        ahead = signed_32(timestamp - self._next_timestamp)
        if late and not self._first:
            position = self.end + ahead
            if ssrc != self._ssrc or not -LATE_S * self._rate_hz <= ahead < 0 or position < 0:
                return None
            return position
        if self._first:
            position = self._lead(ahead, arrived) if ssrc == self._ssrc else 0
            self._first = False
        elif ssrc == self._ssrc and 0 <= ahead <= (arrived - self._arrived + SLACK_S) * self._rate_hz:
            position = self.end + ahead
        else:
            position = self.end + self._pause(arrived)
        self._ssrc = ssrc
        self._next_timestamp = (timestamp + samples) & 0xFFFF_FFFF
        self._arrived = arrived
        self._silent_since = None if samples else arrived
        self.end = position + samples
        return position

    def run(self, ssrc: int, timestamp: int, samples: int, count: int, arrived: tuple[float, float]) -> int:
        """Place `count` packets that follow each other without a gap; return the position of the first.

        `arrived` tells when the first and the last of them came.
        """
        position = self.place(ssrc, timestamp, samples, arrived[0])
        assert position is not None  # noqa: S101 - only late packets are refused
        rest = (count - 1) * samples
        self.end += rest
        self._next_timestamp = (self._next_timestamp + rest) & 0xFFFF_FFFF
        self._arrived = arrived[1]
        return position

    def total(self, now: float) -> int:
        """Return how many samples there are: up to the last one placed, and on through announced silence.

        A sender that just stops is not continued: what it sent is the message, to the sample.
        """
        if self._silent_since is None:
            return self.end
        return self.end + max(round((now - self._silent_since) * self._rate_hz), 0)

    def _lead(self, ahead: int, arrived: float) -> int:
        """Return the silence before the first packet, where a source heard before says that there was some."""
        if 0 <= ahead <= SEAM_S * self._rate_hz and self._began - self._arrived <= SEAM_S:
            return ahead  # it speaks all along: what is missing here was lost, or is late
        lead = ahead - (self._began - self._arrived) * self._rate_hz
        passed = (arrived - self._began + SLACK_S) * self._rate_hz
        return round(lead) if SEAM_S * self._rate_hz < lead <= passed else 0

    def _pause(self, arrived: float) -> int:
        passed = arrived - self._arrived
        return round(passed * self._rate_hz) if passed > SEAM_S else 0
