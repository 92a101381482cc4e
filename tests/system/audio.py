"""Audio that callers speak in tests, prompts that they hear, and finding either again in what was recorded."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ivr.media.g711 import decode, encode
from prompts.phrases import Phrase
from prompts.recordings import Recordings
from voicebox.codec import Codec

Pcm = npt.NDArray[np.int16]
RATE_HZ = 8000


def speech(length_s: float, *, seed: int = 1) -> Pcm:
    """Return noise with the syllables of speech: loud, never the same twice, so that any offset can be told."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    syllables = 0.35 + 0.65 * np.sin(2 * np.pi * 1.7 * t) ** 2
    return np.asarray(rng.normal(0, 3000, len(t)) * syllables, dtype=np.int16)


def raw(pcm: Pcm, codec: Codec, file: Path) -> tuple[Path, Pcm]:
    """Write samples as raw G.711 for a phone to send; return the file and what it decodes to."""
    data = encode(pcm, codec)
    file.write_bytes(data)
    return file, decode(data, codec)


_recordings = cache(Recordings.open)


def recorded(said: Phrase) -> Pcm:
    """Return prompts as they are kept, at the rate of a call."""
    pcm = np.concatenate([_recordings().pcm(said.language, each) for each in said.ids])
    return np.asarray(soxr.resample(pcm, 16_000, RATE_HZ), dtype=np.int16)


def stored(flac: Path) -> Pcm:
    """Return a stored message's samples."""
    samples, rate_hz = soundfile.read(flac, dtype="int16")
    assert rate_hz == RATE_HZ
    found: Pcm = samples
    return found


def place_of(part: Pcm, whole: Pcm) -> int:
    """Return where `part` begins in `whole` by its first second, exactly."""
    head = part[: min(len(part), RATE_HZ)].astype(np.float64)
    spectrum = np.fft.rfft(whole.astype(np.float64), len(whole) + len(head))
    match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(head, len(whole) + len(head))))
    return int(np.argmax(match[: len(whole)]))


def clearest(part: Pcm, whole: Pcm) -> float:
    """Return how like `whole` that second of `part` is that came through best, where one of the two was heard.

    On a busy machine a packet comes late, and everything after it: what is compared as one stretch would not fit.
    """
    starts = range(0, max(1, len(part) - RATE_HZ + 1), RATE_HZ // 2)
    return max(likeness(part[start : start + RATE_HZ], whole) for start in starts)


def likeness(part: Pcm, whole: Pcm) -> float:
    """Return how like the best fitting stretch of `whole` is to `part`: their correlation, 1 when the same."""
    a = part.astype(np.float64)
    b = whole.astype(np.float64)
    size = len(a) + len(b)
    match = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)[: max(1, len(b) - len(a) + 1)]
    at = int(np.argmax(match))
    stretch = b[at : at + len(a)]
    return float(np.dot(a[: len(stretch)], stretch) / (np.linalg.norm(a) * np.linalg.norm(stretch) or 1.0))
