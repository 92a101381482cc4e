"""The tones we make ourselves (interfaces.md, "What callers hear, machine-checkable")."""

from typing import Final

import numpy as np

from ivr.media.g711 import Pcm

RECORD_TONE: Final = "tone-record"
WARNING: Final = "beep-warn"
TONES: Final = frozenset({RECORD_TONE, WARNING})
"""Catalogue ids that are synthesised, not recorded."""

PEAK: Final = 8230
"""-12 dBFS."""
RAMP_S: Final = 0.005


def sine(hz: float, length_s: float, rate_hz: int, peak: int = PEAK) -> Pcm:
    """Return a sine with ramps of 5 ms at both ends: int16 at `rate_hz`."""
    count = round(length_s * rate_hz)
    times = np.arange(count) / rate_hz
    ramp = np.minimum(np.minimum(times, times[::-1]) / RAMP_S, 1.0)
    return np.round(peak * ramp * np.sin(2 * np.pi * hz * times)).astype(np.int16)


def tone(name: str, rate_hz: int) -> Pcm:
    """Return a tone by its catalogue id: int16 at `rate_hz`.

    Raises:
        KeyError: no such tone.
    """
    match name:
        case "tone-record":  # 1000 Hz, 250 ms
            return sine(1000, 0.25, rate_hz)
        case "beep-warn":  # two of 60 ms at 1400 Hz
            beep = sine(1400, 0.06, rate_hz)
            return np.concatenate([beep, np.zeros(round(0.1 * rate_hz), np.int16), beep])
        case _:
            raise KeyError(name)
