"""Mastering without a process for it, and takes without a spool."""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from ivr.media.announcement import master
from voicebox.announcement import Mastered


async def mastered_here(data: bytes, *, spoken: bool = False) -> Mastered:
    """Master a recording in this very process; raises as the real one does."""
    return master(data, spoken=spoken)


@dataclass(frozen=True)
class Spoken:
    """A take made whole."""

    flac: bytes
    samples: int
    rate_hz: int = 8000
    peaks: bytes = b""


async def spoken(take_id: str, samples: int) -> Spoken:
    """Make whatever take noise with the syllables of speech."""
    t = np.arange(samples) / 8000
    voice = np.random.default_rng(samples).normal(0, 0.1, samples) * (0.3 + 0.7 * np.sin(2 * np.pi * 1.7 * t) ** 2)
    file = io.BytesIO()
    soundfile.write(file, voice, 8000, format="FLAC")
    return Spoken(file.getvalue(), samples)
