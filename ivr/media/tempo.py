"""Playing faster or slower at the same pitch (WSOLA: waveform similarity overlap-add, Verhelst and Roelands, 1993).

Windows of 24 ms are laid on each other at half their length. Each is taken from near where the speed says, at the place
in reach that goes on most like the window before, so that pitch periods stay whole.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media.g711 import Pcm

SLOWEST: Final = 0.75
FASTEST: Final = 2.0
HOP_S: Final = 0.012
REACH_S: Final = 0.010
"""To either side; together more than one period of the lowest voice (80 Hz)."""


def stretch(pcm: Pcm, rate_hz: int, speed: float) -> Pcm:
    """Return int16 mono samples `speed` times as fast at the same pitch.

    Args:
        pcm: what to play.
        rate_hz: its rate, which stays.
        speed: 0.75 to 2.0; 1 returns the samples themselves.

    Raises:
        ValueError: the speed is out of range.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise ValueError(f"speed {speed} is not between {SLOWEST} and {FASTEST}")
    hop, reach = round(HOP_S * rate_hz), round(REACH_S * rate_hz)
    window = 2 * hop
    if speed == 1 or len(pcm) < window:
        return pcm
    length = round(len(pcm) / speed)
    frames = -(-length // hop) + 1
    # The input shifted by one hop, so that the first window fades in outside what is kept.
    sound = np.concatenate(
        [np.zeros(hop + reach, np.float32), pcm.astype(np.float32), np.zeros(2 * window + 2 * reach, np.float32)]
    )
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    fade = np.hanning(window + 1)[:-1].astype(np.float32)
    out = np.zeros(frames * hop + window, np.float32)
    last = len(sound) - window - reach
    at = reach
    for frame in range(frames):
        ideal = min(round(frame * hop * speed) + reach, last)
        at = ideal if frame == 0 else _best(sound, energy, sound[at + hop : at + hop + window], ideal, reach)
        out[frame * hop : frame * hop + window] += sound[at : at + window] * fade
    stretched: Pcm = np.clip(np.rint(out[hop : hop + length]), -32768, 32767).astype(np.int16)
    return stretched


def _best(
    sound: NDArray[np.float32], energy: NDArray[np.float64], following: NDArray[np.float32], ideal: int, reach: int
) -> int:
    """Return the start within reach of `ideal` whose window is most like the one that would follow by nature."""
    window = len(following)
    first = max(ideal - reach, 0)
    likeness = np.correlate(sound[first : ideal + reach + window], following, "valid")
    starts = np.arange(first, first + len(likeness))
    norm = np.sqrt(energy[starts + window] - energy[starts] + 1.0)
    return first + int(np.argmax(likeness / norm))
