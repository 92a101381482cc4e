"""An announcement's file made fit for the store: decoded, mono, 16 kHz, not louder than a prompt (row 12)."""

import io
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

RATE_HZ: Final = 16_000
"""G.722's; prompts are kept at it, too."""
FILE_MAX_BYTES: Final = 10 * 1024 * 1024
LENGTH_MAX_S: Final = 180
LENGTH_MIN_S: Final = 0.1
PEAK_DBFS: Final = -3.0
CHANNELS_MAX: Final = 8

Samples = npt.NDArray[np.int16]


class GreetingRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A file that cannot be an announcement: what is wrong with it, and the cure."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}. {cure}")
        self.problem = problem
        self.cure = cure


def read_greeting(path: Path) -> bytes:
    """Return a file's bytes after checking that it is audio of a fitting length.

    Raises:
        GreetingRefused: it cannot be read, or is no announcement.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise GreetingRefused(
            f"cannot be read: {error.strerror}", "Put the file beside the directory file, or give its path."
        ) from None
    except ValueError:  # a NUL in the name
        raise GreetingRefused("is no file name", "Write the name of a file.") from None
    if len(data) > FILE_MAX_BYTES:
        raise GreetingRefused("is larger than 10 MB", "Make it shorter, or use FLAC or MP3.")
    with _opened(data) as file:
        # Compared before anything is decoded: a few bytes can claim to be days of audio.
        if file.frames > LENGTH_MAX_S * file.samplerate:
            raise GreetingRefused(f"is longer than {LENGTH_MAX_S} s", "Make it shorter.")
        if file.frames < LENGTH_MIN_S * file.samplerate:
            raise GreetingRefused("holds no audio", "Record it again.")
        if file.channels > CHANNELS_MAX or not 4000 <= file.samplerate <= 192_000:
            raise GreetingRefused("is no usual audio", "Save it as WAV, 16 bits, mono or stereo.")
    return data


def to_samples(data: bytes) -> Samples:
    """Decode what `read_greeting` gave: int16, mono, at `RATE_HZ`, its peak at most `PEAK_DBFS`. Blocks.

    Raises:
        GreetingRefused: it breaks off in the middle.
    """
    with _opened(data) as file:
        try:
            frames = file.read(frames=LENGTH_MAX_S * file.samplerate, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            raise GreetingRefused("is damaged", "Save it again.") from None
        rate_hz = file.samplerate
    mono = np.nan_to_num(frames.mean(axis=1))
    if rate_hz != RATE_HZ:
        mono = soxr.resample(mono, rate_hz, RATE_HZ, quality="HQ")
    peak = float(np.max(np.abs(mono), initial=0.0))
    limit = 10 ** (PEAK_DBFS / 20)
    if peak > limit:
        mono = mono * (limit / peak)
    samples: Samples = np.round(mono * 32767).astype(np.int16)
    return samples


def _opened(data: bytes) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.LibsndfileError, TypeError):
        raise GreetingRefused("is no audio file that can be read", "Save it as WAV, FLAC, MP3 or Ogg.") from None
