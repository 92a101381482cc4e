"""The strip chart of a call: how loud each side is as time goes by, and the keys pressed. No I/O."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ivr.media.g711 import Pcm

COLUMN_S: Final = 0.5
COLUMNS: Final = 62
"""31 s; a call that goes on is shown from its beginning."""
QUIET_DBFS: Final = -44.0
LOUD_DBFS: Final = -14.0
HEIGHTS: Final = 8
PIECE: Final = 400
"""Samples: 50 ms, about as long as an ear takes for loudness."""


@dataclass(slots=True)
class Strip:
    """What went over a line, column by column."""

    speaker: str
    """Who is at the phone."""
    heard: list[int] = field(default_factory=list)
    """Heights, 0 (silence) to 8."""
    said: list[int] = field(default_factory=list)
    tone_at: int | None = None
    """The column of the record tone."""
    keys: str = ""
    """Each under the column at which it was pressed, or a little later."""

    def add_sound(self, t: float, pcm: Pcm, *, heard: bool) -> None:
        """Add what was heard or said up to `t`, seconds since the number was dialled."""
        lane = self.heard if heard else self.said
        begins = t - len(pcm) / 8000
        for start in range(0, len(pcm), PIECE):
            column = int((begins + start / 8000) / COLUMN_S)
            if 0 <= column < COLUMNS:
                lane.extend([0] * (column + 1 - len(lane)))
                lane[column] = max(lane[column], height(pcm[start : start + PIECE]))

    def add_key(self, t: float, key: str) -> None:
        """Add a key."""
        self.keys = (self.keys.ljust(min(COLUMNS, int(t / COLUMN_S))) + key)[:COLUMNS]

    def add_tone(self, t: float) -> None:
        """Mark the record tone, which ended at `t`."""
        self.tone_at = int((t - 0.125) / COLUMN_S)

    @property
    def columns(self) -> int:
        """How many columns there are so far."""
        return max(len(self.heard), len(self.said), len(self.keys))


def height(pcm: Pcm) -> int:
    """Return how loud a piece is, 0 to 8."""
    power = float(np.mean(pcm.astype(np.float64) ** 2)) if len(pcm) else 0.0
    if power < 1:
        return 0
    level_dbfs = 10 * float(np.log10(power / 32768**2))
    part = (level_dbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)
    return round(min(1.0, max(0.0, part)) * HEIGHTS)
