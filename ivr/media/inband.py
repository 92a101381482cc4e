"""Keys in the sound itself (ITU-T Q.23, Q.24), for peers with whom no telephone-event was agreed.

Blocks of 30 ms, one every 10 ms, are correlated with the eight frequencies (Goertzel's sums as one matrix product). A
block shows a key when one low and one high tone together hold nearly all of its energy, are about equally loud, and
stand clear of their neighbours. Every tone of 40 ms holds such a block, none under 23 ms does (Q.24 asks for both). Two
blocks without it end the key. Speech spreads its energy over many partials.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media.g711 import Pcm

RATE_HZ: Final = 8000
_LOW_HZ: Final = (697, 770, 852, 941)
_HIGH_HZ: Final = (1209, 1336, 1477, 1633)
_PAD: Final = ("123A", "456B", "789C", "*0#D")
BLOCK: Final = 240
HOP: Final = 80
LEAST_DBFS: Final = -36.0
"""Of a block's mean level; quieter tones are not from a keypad at this end."""
SHARE: Final = 0.9
"""Of the block's energy that the two tones must hold; speech spreads over its harmonics."""
LOW_LOUDER_DB: Final = 9.0
HIGH_LOUDER_DB: Final = 5.0
"""Twist: how much louder one tone may be than the other; Q.24 asks for 8 and 4 dB."""
CLEAR_DB: Final = 3.0
"""How far each tone stands above its neighbours."""
OFF: Final = tuple(each / 1000 for each in range(-15, 16, 5))
"""Where each tone is looked for: Q.24 allows it to be 1.5 % off, and a bin of 30 ms is 33 Hz wide."""
MISSES: Final = 2

_TIMES: Final = np.arange(BLOCK) / RATE_HZ
_SOUGHT_HZ: Final = np.multiply.outer(np.array(_LOW_HZ + _HIGH_HZ), 1 + np.array(OFF)).ravel()
_BANK: Final = np.exp(-2j * np.pi * np.outer(_TIMES, _SOUGHT_HZ)).astype(np.complex64)
_LEAST_POWER: Final = 10 ** (LEAST_DBFS / 10) * 32768**2


class SoundKeys:
    """Searches the sound of one call at 8 kHz."""

    def __init__(self) -> None:
        self._rest: NDArray[np.float32] = np.zeros(0, np.float32)
        self._misses = 0
        self._held = ""

    def reset(self) -> None:
        """Forget what was heard."""
        self._rest = np.zeros(0, np.float32)
        self._held = ""
        self._misses = 0

    def feed(self, pcm: Pcm) -> list[str]:
        """Take samples in order; return the keys that were recognised, each once for its press."""
        sound = np.concatenate([self._rest, pcm.astype(np.float32)])
        count = (len(sound) - BLOCK) // HOP + 1
        if count <= 0:
            self._rest = sound
            return []
        self._rest = sound[count * HOP :]
        blocks = np.lib.stride_tricks.sliding_window_view(sound, BLOCK)[: count * HOP : HOP]
        return [key for key in map(self._step, _keys(blocks)) if key]

    def _step(self, seen: str) -> str:
        """Take what one block shows; return a key when its press begins."""
        if self._held:
            self._misses = 0 if seen == self._held else self._misses + 1
            if self._misses >= MISSES:
                self._held = ""
        if seen and not self._held:
            self._held, self._misses = seen, 0
            return seen
        return ""


def _keys(blocks: NDArray[np.float32]) -> list[str]:
    """Return the key that each block shows by itself, empty for none."""
    power = np.square(blocks).mean(axis=1)
    # A sine of amplitude a gives a * BLOCK / 2, so this is the power a**2 / 2 of each tone.
    tones = (2 * np.square(np.abs(blocks @ _BANK) / BLOCK)).reshape(len(blocks), 8, len(OFF)).max(axis=2)
    low, high = tones[:, :4], tones[:, 4:]
    row, column = low.argmax(axis=1), high.argmax(axis=1)
    each = np.arange(len(blocks))
    strong_low, strong_high = low[each, row], high[each, column]
    low_louder, high_louder, clear = (10 ** (each / 10) for each in (LOW_LOUDER_DB, HIGH_LOUDER_DB, CLEAR_DB))
    found = (
        (power >= _LEAST_POWER)
        & (strong_low + strong_high >= SHARE * power)
        & (strong_low <= low_louder * strong_high)
        & (strong_high <= high_louder * strong_low)
        & (strong_low >= clear * np.sort(low, axis=1)[:, 2])
        & (strong_high >= clear * np.sort(high, axis=1)[:, 2])
    )
    return [_PAD[r][c] if hit else "" for hit, r, c in zip(found.tolist(), row.tolist(), column.tolist(), strict=True)]
