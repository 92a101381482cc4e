"""How loud speech is: programme loudness by ITU-R BS.1770-4, sample peak, and whether it sounds like the record tone.

The K-weighting is computed from its two analogue prototypes for the rate at hand (the standard tabulates 48 kHz only)
and applied in the frequency domain, which needs no filter loop and no SciPy. An utterance shorter than one 400 ms
block is measured as a single block of its own length: it has been trimmed, so that all of it is speech, where the
standard's blocks would have to be filled up with silence.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""Mono, full scale is 1.0."""

BLOCK_S: Final = 0.4
STEP_S: Final = 0.1
ABSOLUTE_GATE_LUFS: Final = -70.0
RELATIVE_GATE_LU: Final = -10.0
OFFSET_DB: Final = -0.691
SETTLE_S: Final = 0.5
"""Padding, so that the ringing of the filters does not wrap around to the beginning."""

TONE_HZ: Final = (950.0, 1050.0)
TONE_WINDOW_S: Final = 0.032
TONE_STEP_S: Final = 0.008
TONE_PURITY: Final = 0.8
"""Of a window's energy, within the band of the tone: the record tone has 0.99, no vowel comes near it."""
TONE_FLOOR: Final = 1e-3
"""Windows below -60 dBFS (RMS) are silence."""


def lufs(samples: Samples, rate_hz: int) -> float:
    """Return the gated loudness in LUFS; minus infinity for silence or for nothing at all."""
    weighted = _k_weighted(samples, rate_hz)
    block, step = round(BLOCK_S * rate_hz), round(STEP_S * rate_hz)
    if weighted.size <= block:
        powers = np.array([np.mean(weighted**2)]) if weighted.size else np.zeros(1)
    else:
        windows = np.lib.stride_tricks.sliding_window_view(weighted**2, block)[::step]
        powers = windows.mean(axis=1)
    loud = powers[powers > _power(ABSOLUTE_GATE_LUFS)]
    if loud.size == 0:
        return float("-inf")
    loud = loud[loud > _power(_level(float(loud.mean())) + RELATIVE_GATE_LU)]
    return _level(float(loud.mean()))


def peak_dbfs(samples: Samples) -> float:
    """Return the greatest sample in dB below full scale; minus infinity for silence."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")


def longest_tone_s(samples: Samples, rate_hz: int) -> float:
    """Return for how long at most the samples sound like the record tone of 1000 Hz, in seconds."""
    size, step = round(TONE_WINDOW_S * rate_hz), round(TONE_STEP_S * rate_hz)
    if samples.size < size:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::step]
    energy = np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)) ** 2
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    # The window spreads a tone over the neighbouring bins, so the band is widened by one bin on either side.
    bin_hz = rate_hz / size
    band = (frequencies >= TONE_HZ[0] - bin_hz) & (frequencies <= TONE_HZ[1] + bin_hz)
    total = energy.sum(axis=1)
    loud = np.sqrt(np.mean(windows**2, axis=1)) > TONE_FLOOR
    pure = loud & (energy[:, band].sum(axis=1) > TONE_PURITY * np.maximum(total, 1e-30))
    longest = run = 0
    for is_pure in pure:
        run = run + 1 if is_pure else 0
        longest = max(longest, run)
    return longest * TONE_STEP_S


def _level(power: float) -> float:
    return OFFSET_DB + 10 * float(np.log10(power))


def _power(level_lufs: float) -> float:
    return float(10 ** ((level_lufs - OFFSET_DB) / 10))


def _k_weighted(samples: Samples, rate_hz: int) -> Samples:
    padded = samples.size + round(SETTLE_S * rate_hz)
    spectrum = np.fft.rfft(samples, padded) * _k_response(padded, rate_hz)
    return np.fft.irfft(spectrum, padded)[: samples.size]


def _k_response(size: int, rate_hz: int) -> NDArray[np.complex128]:
    """Return the response of BS.1770's shelf and high-pass at the frequencies of a real FFT of that size."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    # The high shelf: the acoustic effect of the head. Centre, gain and Q reproduce the standard's table at 48 kHz.
    k, gain, q = np.tan(np.pi * 1681.974450955533 / rate_hz), 10 ** (3.999843853973347 / 20), 0.7071752369554196
    bend = gain**0.4996667741545416
    shelf = (gain + bend * k / q + k * k) + 2 * (k * k - gain) * z + (gain - bend * k / q + k * k) * z**2
    shelf = shelf / ((1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2)
    # The high-pass (the standard's "RLB" curve); its numerator is 1 - 2z + z², not normalised.
    k, q = np.tan(np.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    scale = 1 + k / q + k * k
    high = (1 - 2 * z + z**2) / (1 + 2 * (k * k - 1) / scale * z + (1 - k / q + k * k) / scale * z**2)
    response: NDArray[np.complex128] = shelf * high
    return response
