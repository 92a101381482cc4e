"""An announcement's file: is it audio, of a fitting length, and what are its samples (row 12).

WAV, FLAC, MP3 and Ogg are read by libsndfile, M4A and WebM by `voicebox.ffmpeg`, in a process of its own.
"""

import io
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from voicebox import ffmpeg
from voicebox.ffmpeg import Container, Failure, Limits, NotDecoded

FILE_MAX_BYTES: Final = 10 * 1024 * 1024
LENGTH_MAX_S: Final = 180
LENGTH_MIN_S: Final = 0.1
PADDING_S: Final = 0.1
"""Beyond the longest: AAC and Opus come in whole frames, and not every file says what of the last one is sound."""
CHANNELS_MAX: Final = 8
BLOCK_S: Final = 1
"""Decoded at a time: between blocks it is asked whether to go on."""
KEPT_MAX_HZ: Final = 48_000
"""Three minutes at 192 kHz would be 276 MB at once; no telephone plays what lies above 8 kHz."""
BROUGHT_TO_HZ: Final = 16_000
"""What is at more comes out so, block by block: the rate that announcements have in the end."""

Samples = npt.NDArray[np.float64]
"""Mono, full scale is 1.0."""


class Fault(StrEnum):
    """Why something is no announcement, for those who say it in their own words."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    TOO_LONG = "too-long"
    TOO_SLOW = "too-slow"
    """It takes too long to read."""
    EMPTY = "empty"
    """Nothing can be heard in it, or hardly anything."""
    KEYPAD = "keypad"
    """Keypad tones sound in it: played to a machine that asks for a key, they would answer (security.md, row 4)."""
    NEEDS_FFMPEG = "needs-ffmpeg"
    """M4A or WebM, on a machine without ffmpeg."""


class GreetingRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """What cannot be an announcement: what is wrong with it, and the cure."""

    def __init__(self, problem: str, cure: str, fault: Fault = Fault.UNREADABLE) -> None:
        super().__init__(f"{problem}. {cure}")
        self.problem = problem
        self.cure = cure
        self.fault = fault

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass from the worker process to ours."""
        return type(self), (self.problem, self.cure, self.fault)


def read_greeting(path: Path, *, cure: str = "Put the file beside the directory file, or give its path.") -> bytes:
    """Return a file's bytes after checking that it is audio of a fitting length.

    Args:
        path: the file.
        cure: what to do where it cannot be read, for whoever named it.

    Raises:
        GreetingRefused: it cannot be read, or is no announcement.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise GreetingRefused(f"cannot be read: {error.strerror}", cure) from None
    except ValueError:  # a NUL in the name
        raise GreetingRefused("is no file name", "Write the name of a file.") from None
    check_greeting(data)
    return data


def check_greeting(data: bytes) -> None:
    """Check that a file is audio of a fitting length, by its header. Of M4A and WebM only decoding tells.

    Raises:
        GreetingRefused: it is no announcement.
    """
    if len(data) > FILE_MAX_BYTES:
        raise GreetingRefused("is larger than 10 MB", "Make it shorter, or use FLAC or MP3.", Fault.TOO_LARGE)
    if Container.of(data) is not None:
        return
    with _opened(data) as file:
        # Compared before anything is decoded: a few bytes can claim to be days of audio.
        if file.frames > LENGTH_MAX_S * file.samplerate:
            raise _too_long()
        if file.frames < LENGTH_MIN_S * file.samplerate:
            raise _empty()
        if file.channels > CHANNELS_MAX or not 4000 <= file.samplerate <= 192_000:
            raise GreetingRefused("is no usual audio", "Save it as WAV, 16 bits, mono or stereo.")


def decoded(
    data: bytes,
    *,
    go_on: Callable[[], None] = lambda: None,
    program: str | None = None,
    limits: Limits | None = None,
) -> tuple[Samples, int]:
    """Decode an announcement's file: mono, at its own rate or another one, which is returned too. Blocks.

    Args:
        data: the file.
        go_on: asked before each second of sound; raises GreetingRefused where this takes too long.
        program: the path of the decoder for M4A and WebM; None is the installed one.
        limits: what that may take; None are the usual ones.

    Raises:
        GreetingRefused: it is none, or breaks off in the middle.
    """
    check_greeting(data)
    if (container := Container.of(data)) is not None:
        return _by_ffmpeg(data, container, program, limits), ffmpeg.RATE_HZ
    blocks = []
    with _opened(data) as file:
        rate_hz: int = file.samplerate
        lower = None
        if rate_hz > KEPT_MAX_HZ:
            lower = soxr.ResampleStream(rate_hz, BROUGHT_TO_HZ, 1, dtype="float32", quality="HQ")
        left = LENGTH_MAX_S * rate_hz
        try:
            while left > 0 and len(
                block := file.read(frames=min(left, BLOCK_S * rate_hz), dtype="float32", always_2d=True)
            ):
                go_on()
                left -= len(block)
                mono = block.mean(axis=1)
                blocks.append(mono if lower is None else lower.resample_chunk(np.nan_to_num(mono)))
        except soundfile.LibsndfileError:
            raise GreetingRefused("is damaged", "Save it again.") from None
    if not blocks:
        raise _empty()
    if lower is not None:
        blocks.append(lower.resample_chunk(np.zeros(0, np.float32), last=True))
        rate_hz = BROUGHT_TO_HZ
    samples: Samples = np.nan_to_num(np.concatenate(blocks)).astype(np.float64)
    return samples, rate_hz


def too_slow() -> GreetingRefused:
    """Return what is said of a file that would keep the worker too long."""
    return GreetingRefused("takes too long to read", "Save it as WAV, 16 bits, mono or stereo.", Fault.TOO_SLOW)


def _by_ffmpeg(data: bytes, container: Container, program: str | None, limits: Limits | None) -> Samples:
    longest = round((LENGTH_MAX_S + PADDING_S) * ffmpeg.RATE_HZ)
    try:
        found = ffmpeg.decoded(data, container, longest + 1, program=program, limits=limits)
    except NotDecoded as failed:
        raise _not_decoded(failed.why) from None
    if len(found) > longest:
        raise _too_long()
    if len(found) < LENGTH_MIN_S * ffmpeg.RATE_HZ:
        raise _empty()
    samples: Samples = np.nan_to_num(found[: LENGTH_MAX_S * ffmpeg.RATE_HZ]).astype(np.float64)
    return samples


def _not_decoded(why: Failure) -> GreetingRefused:
    """Return what is said of a file that ffmpeg made no sound of."""
    match why:
        case Failure.MISSING:
            return GreetingRefused(
                "is M4A or WebM, which needs ffmpeg",
                "Install it (apt install ffmpeg), or save the file as WAV, FLAC, MP3 or Ogg.",
                Fault.NEEDS_FFMPEG,
            )
        case Failure.NO_SOUND:
            return _empty()
        case Failure.LATE:
            return too_slow()
        case Failure.BROKEN:
            return GreetingRefused(
                "is damaged, or holds no sound that can be read", "Save it again, as WAV, FLAC, MP3 or Ogg."
            )


def _too_long() -> GreetingRefused:
    return GreetingRefused(f"is longer than {LENGTH_MAX_S} s", "Make it shorter.", Fault.TOO_LONG)


def _empty() -> GreetingRefused:
    return GreetingRefused("holds no audio", "Record it again.", Fault.EMPTY)


def _opened(data: bytes) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.LibsndfileError, TypeError):
        raise GreetingRefused("is no audio file that can be read", "Save it as WAV, FLAC, MP3 or Ogg.") from None
