"""Samples at another rate."""

import numpy as np
import numpy.typing as npt
import soxr


def resample(samples: npt.NDArray[np.int16], from_hz: int, to_hz: int) -> npt.NDArray[np.int16]:
    """Return int16 mono samples at another rate; peaks that the filter would push over full scale are clipped."""
    if from_hz == to_hz or not len(samples):
        return samples
    found = soxr.resample(samples.astype(np.float32), from_hz, to_hz, quality="HQ")
    clipped: npt.NDArray[np.int16] = np.clip(np.rint(found), -32768, 32767).astype(np.int16)
    return clipped
