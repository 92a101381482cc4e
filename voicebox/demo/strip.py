"""The strip chart of a call: how loud each side is as time goes by, and the keys pressed. No I/O."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ivr.media.g711 import Pcm
from voicebox.demo.hearing import RATE_HZ

COLUMN_S: Final = 0.5
COLUMN: Final = round(COLUMN_S * RATE_HZ)
COLUMNS: Final = 62
"""31 s; of a call that goes on, the beginning is shown."""
QUIET_DBFS: Final = -31.0
LOUD_DBFS: Final = -10.0
"""Half a second of speech on the demo's line is at -24 to -11 dBFS."""
HEIGHTS: Final = 8


@dataclass(slots=True)
class Lane:
    """One side of a call."""

    energies: list[float] = field(default_factory=list)
    """Sums of squares by column."""

    def add(self, t: float, pcm: Pcm) -> None:
        """Add sound that ended at `t`, seconds since the number was dialled."""
        at = max(0, round(t * RATE_HZ) - len(pcm))
        squares = pcm.astype(np.float64) ** 2
        while len(squares) and (column := at // COLUMN) < COLUMNS:
            fitting = min(len(squares), COLUMN - at % COLUMN)
            self.energies.extend([0.0] * (column + 1 - len(self.energies)))
            self.energies[column] += float(squares[:fitting].sum())
            squares, at = squares[fitting:], at + fitting

    def height(self, column: int) -> int:
        """Return how loud a column is, 0 (silence) to 8."""
        power = self.energies[column] / COLUMN / 32768**2 if column < len(self.energies) else 0.0
        if power <= 0:
            return 0
        part = (10 * float(np.log10(power)) - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)
        return round(min(1.0, max(0.0, part)) * HEIGHTS)


@dataclass(slots=True)
class Strip:
    """What went over a line, column by column."""

    speaker: str
    """Who is at the phone."""
    heard: Lane = field(default_factory=Lane)
    said: Lane = field(default_factory=Lane)
    tone_at: int | None = None
    """The column of the record tone."""
    caller_from: int = COLUMNS
    """From this column on, until `caller_to`, what voicebox plays is the caller's voice."""
    caller_to: int = COLUMNS
    keys: str = ""
    """Each under the column at which it was pressed, or a little later."""

    def add_key(self, t: float, key: str) -> None:
        """Add a key."""
        self.keys = (self.keys.ljust(min(COLUMNS, int(t / COLUMN_S))) + key)[:COLUMNS]

    def add_tone(self, t: float) -> None:
        """Mark the record tone, a quarter of a second long, which ended at `t`."""
        self.tone_at = int((t - 0.125) / COLUMN_S)

    def add_caller(self, t: float, length_s: float) -> None:
        """Mark the caller's own voice, which ended at `t`."""
        self.caller_from = int((t - length_s) / COLUMN_S)
        self.caller_to = int(t / COLUMN_S)

    @property
    def columns(self) -> int:
        """How many columns there are so far."""
        return max(len(self.heard.energies), len(self.said.energies), len(self.keys))
