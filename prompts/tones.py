"""The sounds that are not speech: record tone, warning beeps, ringback and the pauses between groups of digits.

They are computed, never recorded, and are the same in every language. A phrase may name them like any utterance.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 16_000
RECORD_HZ: Final = 1000.0
RECORD_S: Final = 0.25
RECORD_PEAK: Final = 8230
"""-12 dBFS (interfaces.md, "What callers hear")."""
RAMP_S: Final = 0.005
WARNING_HZ: Final = 1400.0
WARNING_S: Final = 0.06
RINGBACK_HZ: Final = 425.0
"""The German ringing tone: 1 s on, 4 s off (voicemail.md, row 17)."""
RINGBACK_PEAK: Final = 3277
"""-20 dBFS."""
GROUP_PAUSE_S: Final = 0.22
"""Between the groups of a telephone number: long enough to write them down."""

RECORD: Final = "tone-record"
WARNING: Final = "tone-warning"
RINGBACK: Final = "tone-ringback"
GROUP_PAUSE: Final = "pause-group"
SENTENCE_PAUSE: Final = "pause-sentence"


def sine(frequency_hz: float, length_s: float, peak: int) -> NDArray[np.int16]:
    """Return a sine of that length with ramps of 5 ms, int16 mono at 16 kHz; `peak` is its amplitude."""
    count = round(length_s * RATE_HZ)
    wave = peak * np.sin(2 * np.pi * frequency_hz / RATE_HZ * np.arange(count))
    ramp = np.arange(1, round(RAMP_S * RATE_HZ) + 1) / round(RAMP_S * RATE_HZ)
    wave[: ramp.size] *= ramp
    wave[-ramp.size :] *= ramp[::-1]
    samples: NDArray[np.int16] = np.round(wave).astype(np.int16)
    return samples


def silence(length_s: float) -> NDArray[np.int16]:
    """Return silence, int16 mono at 16 kHz."""
    return np.zeros(round(length_s * RATE_HZ), dtype=np.int16)


def _all() -> Mapping[str, NDArray[np.int16]]:
    beep = sine(WARNING_HZ, WARNING_S, RECORD_PEAK)
    sounds = {
        RECORD: sine(RECORD_HZ, RECORD_S, RECORD_PEAK),
        WARNING: np.concatenate([beep, silence(WARNING_S), beep]),
        RINGBACK: np.concatenate([sine(RINGBACK_HZ, 1.0, RINGBACK_PEAK), silence(4.0)]),
        GROUP_PAUSE: silence(GROUP_PAUSE_S),
        SENTENCE_PAUSE: silence(0.5),
    }
    for sound in sounds.values():
        sound.setflags(write=False)
    return MappingProxyType(sounds)


TONES: Final = _all()
"""Every computed sound by its id; the arrays are read-only."""
