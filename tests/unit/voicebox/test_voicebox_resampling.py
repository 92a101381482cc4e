"""Samples at another rate."""

import numpy as np

from voicebox.resampling import resample


def test_resampling_does_not_wrap_around_at_full_scale() -> None:
    square = np.where(np.arange(16_000) // 40 % 2, 32_767, -32_768).astype(np.int16)
    found = resample(square, 16_000, 8000).astype(np.int32)
    assert np.abs(found - square[::2]).max() < 40_000
    assert resample(square, 8000, 8000) is square
