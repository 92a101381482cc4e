"""Telling speech from silence, from the level of each frame.

The threshold follows the line's own noise: a floor that falls at once and rises slowly, plus a margin, both within sane
bounds, so that comfort noise and hum are silence, and a steady loud tone stays sound for ever. A click is not speech:
several loud frames close together are.
"""

from collections.abc import Sequence
from typing import Final

MARGIN_DB: Final = 10.0
"""Speech stands at least this far above the line's noise."""
FLOOR_LOW_DBFS: Final = -62.0
"""A digital line may be quieter; the threshold then stays at -52 dBFS, so that breath is not speech."""
FLOOR_HIGH_DBFS: Final = -45.0
"""Noise louder than this counts as sound: better a long message than one cut short. -35 dBFS is always speech."""
FLOOR_START_DBFS: Final = -58.0
RISE_DB_S: Final = 4.0
"""Slower than pauses between words come along, which bring the floor down again."""
FALL: Final = 0.3
"""Share of the way down that one quiet frame moves the floor."""
ONSET: Final = 3
"""Loud frames among the last five that make speech."""
_RECENT: Final = 0b11111
_SPEECH: Final = tuple(recent.bit_count() >= ONSET for recent in range(_RECENT + 1))


class SpeechDetector:
    """Decides frame by frame. One for each recording."""

    __slots__ = ("_floor", "_recent")

    def __init__(self, before: Sequence[float] = ()) -> None:
        """Begin with the levels heard just before, if any: their quietest quarter is taken for the line's noise."""
        quiet = sorted(before)[: max(len(before) // 4, 1)]
        start = sum(quiet) / len(quiet) if quiet else FLOOR_START_DBFS
        self._floor = min(max(start, FLOOR_LOW_DBFS), FLOOR_HIGH_DBFS)
        self._recent = 0

    @property
    def threshold_dbfs(self) -> float:
        """The level from which a frame is loud at the moment."""
        return self._floor + MARGIN_DB

    def feed(self, levels_dbfs: Sequence[float], frame_s: float) -> int | None:
        """Take the levels of frames in order; return the index of the last one that belongs to speech, if any."""
        floor, recent, last = self._floor, self._recent, None
        rise = RISE_DB_S * frame_s
        # Runs for every frame of every recording: no calls in here.
        for index, level in enumerate(levels_dbfs):
            if level < floor:
                floor += (level - floor) * FALL
                if floor < FLOOR_LOW_DBFS:  # noqa: PLR1730 - see above
                    floor = FLOOR_LOW_DBFS
            elif floor < FLOOR_HIGH_DBFS:
                floor += rise
                if floor > FLOOR_HIGH_DBFS:  # noqa: PLR1730 - see above
                    floor = FLOOR_HIGH_DBFS
            if level > floor + MARGIN_DB:
                recent = recent << 1 & _RECENT | 1
                if _SPEECH[recent]:
                    last = index
            else:
                recent = recent << 1 & _RECENT
        self._floor, self._recent = floor, recent
        return last
