"""From a raw recording to a prompt: 16 kHz mono, trimmed, at -20 LUFS with peaks below -3 dBFS, ending in a breath."""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from prompts.loudness import Samples, lufs, peak_dbfs
from prompts.tones import RATE_HZ
from prompts.utterance import Utterance

LEVEL_LUFS: Final = -20.0
PEAK_DBFS: Final = -3.0
CEILING_DBFS: Final = -3.5
"""What the limiter aims at: Opus puts back up to 0.4 dB."""
FRAME_S: Final = 0.005
BELOW_LOUDEST_DB: Final = 46.0
"""Frames this far below the loudest one are silence: a final f or t is about 35 dB down, Pico's silence over 60."""
LEAD_S: Final = 0.02
"""Kept before the first loud frame: the attack of a consonant."""
DECAY_S: Final = 0.05
"""Kept after the last loud frame."""
TAIL_NOISE: Final = 16
"""-66 dBFS: what the encoder leaves in silence."""
FADE_S: Final = 0.004
LOOK_AHEAD_S: Final = 0.004
"""The limiter begins to pull down this long before a peak, and lets go as slowly."""

SENTENCE_TAIL_S: Final = 0.25
"""The breath after a sentence, so that phrases can be played one right after the other."""
CARRIER_TAIL_S: Final = 0.1
"""After "Von der Rufnummer:"."""
JOINT_TAIL_S: Final = 0.03
"""Between "einundzwanzig Uhr" and "dreißig", and between two pairs of digits."""


class SilentError(ValueError):
    """The recording holds nothing that could be heard."""


def tail_s(utterance: Utterance) -> float:
    """Return how much silence belongs after an utterance."""
    if utterance.text.endswith(","):
        return JOINT_TAIL_S
    return CARRIER_TAIL_S if utterance.carrier else SENTENCE_TAIL_S


def master(samples: Samples, rate_hz: int, silence_after_s: float) -> NDArray[np.int16]:
    """Return the finished prompt: int16 mono at 16 kHz.

    Raises:
        SilentError: nothing but silence.
    """
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ, quality="VHQ")
    spoken = trim(samples)
    level = level_to(spoken - np.mean(spoken))
    fade = round(FADE_S * RATE_HZ)
    ramp = np.linspace(0.0, 1.0, fade)
    level[:fade] *= ramp
    level[-fade:] *= ramp[::-1]
    finished = np.concatenate([level, np.zeros(round(silence_after_s * RATE_HZ))])
    samples_16: NDArray[np.int16] = np.round(finished * 32767).astype(np.int16)
    return samples_16


def trim(samples: Samples) -> Samples:
    """Return the samples without the silence before and after; pauses inside stay.

    Raises:
        SilentError: nothing but silence.
    """
    frame = round(FRAME_S * RATE_HZ)
    count = samples.size // frame
    # The deviation, not the power: a direct current in the silence is no sound.
    levels = np.std(samples[: count * frame].reshape(count, frame), axis=1) if count else np.zeros(0)
    loudest = float(np.max(levels, initial=0.0))
    if loudest < 10 ** (-60 / 20):
        raise SilentError("the recording holds nothing but silence")
    loud = np.flatnonzero(levels > loudest * 10 ** (-BELOW_LOUDEST_DB / 20))
    start = max(0, loud[0] * frame - round(LEAD_S * RATE_HZ))
    end = min(samples.size, (loud[-1] + 1) * frame + round(DECAY_S * RATE_HZ))
    return samples[start:end].copy()


def without_tail(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return finished samples without the breath at their end, which an encoder may have filled with faint noise."""
    heard = np.flatnonzero(np.abs(samples.astype(np.int32)) > TAIL_NOISE)
    return samples[: int(heard[-1]) + 1] if heard.size else samples[:0]


def level_to(samples: Samples, target_lufs: float = LEVEL_LUFS) -> Samples:
    """Return the samples at that loudness; peaks above the ceiling are limited, and the loss made up for once."""
    for _ in range(3):
        gain_db = target_lufs - lufs(samples, RATE_HZ)
        samples = limit(samples * 10 ** (gain_db / 20), CEILING_DBFS)
    return samples


def limit(samples: Samples, ceiling_dbfs: float) -> Samples:
    """Return the samples with no peak above the ceiling, by a gain that changes smoothly and looks ahead."""
    if peak_dbfs(samples) <= ceiling_dbfs:
        return samples
    ceiling = 10 ** (ceiling_dbfs / 20)
    needed = np.minimum(1.0, ceiling / np.maximum(np.abs(samples), 1e-9))
    reach = round(LOOK_AHEAD_S * RATE_HZ)
    # The minimum over twice the reach, then a mean over once the reach: never more than what is needed anywhere.
    wide = np.pad(needed, 2 * reach, constant_values=1.0)
    lowest = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1).min(axis=1)
    gain = np.lib.stride_tricks.sliding_window_view(lowest, 2 * reach + 1).mean(axis=1)
    limited: Samples = samples * gain
    return limited
