"""When a recording ends by itself and what of it is kept (phone-menus.md, "The caller").

A table of deadlines, without I/O: everything runs on the media clock, so suppressed silence, or no packets at all,
count as silence.

    maximum     `max_s` after the end of the tone, and the moment that its last packets are still underway
    silence     `silence_s` after the last speech
    no speech   `no_speech_s` after the tone, if nothing was said
    no RTP      `no_rtp_s` after the last packet, outside hold
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ivr.media.silence import SpeechDetector

UNDERWAY_S: Final = 0.2
"""What was said before the maximum may arrive this much later: as far as packets may overtake each other."""


class Ending(StrEnum):
    """Why a recording ended. The words are those of `ivr.call.RecordEnd`."""

    KEY = "key"
    SILENCE = "silence"
    MAXIMUM = "maximum"
    NO_SPEECH = "no-speech"
    HANGUP = "hangup"
    NO_RTP = "no-rtp"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one recording, in seconds."""

    max_s: float
    stop_keys: str = ""
    """Keys that end it; others are passed on only."""
    silence_s: float = 10.0
    no_speech_s: float = 10.0
    keep_tail_s: float = 0.5
    warn_s: float = 10.0
    """The beeps sound this long before the maximum; 0 = none."""
    no_rtp_s: float = 60.0


class RecordingRules:
    """The rules applied to one recording, from the end of the tone on. Times are of the media clock, in seconds."""

    def __init__(self, limits: Limits, began: float, rate_hz: int, before: Sequence[float] = ()) -> None:
        self.limits = limits
        self.began = began
        self.rate_hz = rate_hz
        self.held = False
        """The peer holds the call: missing packets are no fault."""
        self.last_packet = began
        self._detector = SpeechDetector(before)
        self._spoken_until: int | None = None
        """One past the last sample of speech."""
        self._spoke_at: float | None = None
        """When it was heard."""
        self._warned = limits.warn_s <= 0 or limits.warn_s >= limits.max_s

    @property
    def spoken(self) -> bool:
        """True once something was said."""
        return self._spoken_until is not None

    @property
    def longest(self) -> int:
        """The most samples that the maximum allows."""
        return round(self.limits.max_s * self.rate_hz)

    def hear(self, levels_dbfs: Sequence[float], position: int, samples: int, arrived: Sequence[float]) -> None:
        """Take frames in order.

        Args:
            levels_dbfs: of each frame.
            position: of the first frame's first sample.
            samples: in each frame.
            arrived: when each came; the last stands for any that are missing.
        """
        last = self._detector.feed(levels_dbfs, samples / self.rate_hz)
        if arrived:
            self.last_packet = max(self.last_packet, arrived[-1])
        if last is None:
            return
        until = position + (last + 1) * samples
        self._spoken_until = max(self._spoken_until or 0, until)
        if arrived:
            self._spoke_at = max(self._spoke_at or self.began, arrived[min(last, len(arrived) - 1)])

    def hold(self, held: bool, now: float) -> None:  # noqa: FBT001 - the state is the argument
        """Note that the peer holds the call, or that the hold ends: the wait for packets begins afresh."""
        if self.held and not held:
            self.last_packet = max(self.last_packet, now)
        self.held = held

    def _deadlines(self) -> list[tuple[float, Ending]]:
        limits = self.limits
        found = [(self.began + limits.max_s + UNDERWAY_S, Ending.MAXIMUM)]
        if self._spoke_at is None:
            found.append((self.began + limits.no_speech_s, Ending.NO_SPEECH))
        else:
            found.append((self._spoke_at + limits.silence_s, Ending.SILENCE))
        if not self.held:
            found.append((self.last_packet + limits.no_rtp_s, Ending.NO_RTP))
        return found

    def decide(self, now: float) -> Ending | None:
        """Return why the recording is over, None while it goes on."""
        at, ending = min(self._deadlines())
        return ending if now >= at else None

    def warn(self, now: float) -> bool:
        """Tell, once, that the warning beeps are due."""
        if self._warned or now < self.began + self.limits.max_s - self.limits.warn_s:
            return False
        self._warned = True
        return True

    def deadline(self) -> float:
        """Return when `decide` or `warn` may say something next, if nothing is heard until then."""
        limits = self.limits
        at = self.began + limits.max_s
        at += UNDERWAY_S if self._warned else -limits.warn_s
        quiet = self.began + limits.no_speech_s if self._spoke_at is None else self._spoke_at + limits.silence_s
        gone = at if self.held else self.last_packet + limits.no_rtp_s
        return min(at, quiet, gone)

    def kept(self, total: int) -> int:
        """Return how many of `total` samples stay: trailing silence trimmed, nothing beyond the maximum.

        Where nothing was said, all is trailing silence, and nothing stays.
        """
        if self._spoken_until is None:
            return 0
        tail = round(self.limits.keep_tail_s * self.rate_hz)
        return min(total, self._spoken_until + tail, self.longest)
