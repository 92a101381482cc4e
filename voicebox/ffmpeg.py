"""M4A and WebM are decoded by the program `ffmpeg`, where it is installed: a process of its own, within limits.

It is never imported or linked (decision 15), and gets nothing but the bytes: they are handed over in memory, so no file
is left behind whatever happens, and their container is chosen here, by its first bytes. So neither a playlist nor any
other of its formats that name files and addresses is ever tried.
"""

import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from voicebox import confined

PROGRAM: Final = "ffmpeg"
RATE_HZ: Final = 48_000
"""What it resamples to: Opus's own, and at least that of what phones and browsers record."""
DECODERS: Final = (
    *("aac", "alac", "flac", "mp3", "mp3float", "opus", "vorbis"),
    *("pcm_f32le", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le"),
)
"""What M4A and WebM hold; of its hundreds of decoders no other runs, and none of a video."""
_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "1"}
"""Nothing of ours. Each arena takes 128 MB of address space, which is limited."""
_SAMPLE_BYTES: Final = 4
_CHUNK_BYTES: Final = 64 * 1024
_COMPLAINT_MAX: Final = 64 * 1024
"""Bytes kept of what it complains of."""
_NO_SOUND: Final = b"matches no streams"
_BROKEN_OFF: Final = b"ended prematurely"
"""What it says of a WebM file that is cut off, but does not count as an error."""


class Container(StrEnum):
    """What the sound lies in; the value is the name of ffmpeg's demuxer."""

    MATROSKA = "matroska"
    """WebM among it (RFC 9559)."""
    MP4 = "mov"
    """M4A among it (ISO/IEC 14496-12)."""

    @classmethod
    def of(cls, data: bytes) -> "Container | None":
        """Return a file's container by its first bytes; None: it is neither."""
        if data.startswith(b"\x1a\x45\xdf\xa3"):  # the EBML header (RFC 8794, 11.2.1)
            return cls.MATROSKA
        return cls.MP4 if data[4:8] == b"ftyp" else None


class Failure(StrEnum):
    """Why a file was not decoded."""

    MISSING = "missing"
    """There is no ffmpeg, or it does not start."""
    NO_SOUND = "no-sound"
    """A video, say, without a sound track."""
    BROKEN = "broken"
    """Damaged, cut off, or of a kind that `DECODERS` has not."""
    LATE = "late"
    """It took more computing, or more time, than it may."""


class NotDecoded(Exception):  # noqa: N818 - reads as what it is where it is caught
    """ffmpeg made no sound of a file; `why`."""

    def __init__(self, why: Failure) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Limits:
    """What decoding one file may take."""

    cpu_s: int = 20
    """Some forty times what three minutes of AAC take here."""
    wall_s: float = 120.0
    """On a busy machine, at the worker's low priority; well below the worker's own limit."""
    memory_bytes: int = 1024**3
    """Address space: the libraries of Debian's build alone take 300 MB of it."""


def installed() -> str | None:
    """Return where ffmpeg is; None: it is not on the path."""
    return shutil.which(PROGRAM)


def decoded(
    data: bytes, container: Container, most: int, *, program: str | None = None, limits: Limits | None = None
) -> npt.NDArray[np.float32]:
    """Return a file's sound: float32, mono, 48 kHz; full scale is 1.0, which what was stereo may exceed. Blocks.

    Args:
        data: the file.
        container: what it is.
        most: samples; what is beyond them is not decoded.
        program: the path of the decoder; None is the installed one.
        limits: what it may take; None are the usual ones.

    Raises:
        NotDecoded: there is none, and why.
    """
    program = program or installed()
    if program is None:
        raise NotDecoded(Failure.MISSING)
    limits = limits or Limits()
    with _in_memory(data) as file:
        sound, complaint, code = _heard(
            [*_confinement(limits), program, *_arguments(container)], file, most * _SAMPLE_BYTES, limits.wall_s
        )
    if len(sound) < most * _SAMPLE_BYTES:  # else it was ended by us
        if code == confined.NOT_THERE:
            raise NotDecoded(Failure.MISSING)
        if code == -9:
            raise NotDecoded(Failure.LATE)
        if _NO_SOUND in complaint:
            raise NotDecoded(Failure.NO_SOUND)
        if code != 0 or _BROKEN_OFF in complaint:
            raise NotDecoded(Failure.BROKEN)
    return np.frombuffer(sound[: len(sound) // _SAMPLE_BYTES * _SAMPLE_BYTES], "<f4")


def _confinement(limits: Limits) -> list[str]:
    me, file = str(os.getpid()), str(Path(confined.__file__))
    return [sys.executable, "-I", "-S", file, me, str(limits.cpu_s), str(limits.memory_bytes)]


def _arguments(container: Container) -> list[str]:
    """Return ffmpeg's arguments; they have the same meaning from its version 4.2 on."""
    # Of MP4, the sample data may lie in another file that it names: never opened.
    own = ("-enable_drefs", "0") if container is Container.MP4 else ()
    return [
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-xerror", "-filter_threads", "1"),
        *("-protocol_whitelist", "file", "-codec_whitelist", ",".join(DECODERS), "-threads", "1"),
        # Standard input by its name, not as a pipe: MP4's table of contents may come last, and must be sought.
        *("-f", container.value, *own, "-i", "/proc/self/fd/0"),
        *("-vn", "-sn", "-dn", "-map", "0:a:0", "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "pipe:1"),
    ]


def _heard(command: list[str], file: int, most_bytes: int, wall_s: float) -> tuple[bytes, bytes, int]:
    """Run a decoder; return its sound, at most so much, its complaint, and its exit code (-9: it was killed)."""
    until = time.monotonic() + wall_s
    kept = {"sound": bytearray(), "complaint": bytearray()}
    with (
        subprocess.Popen(  # noqa: S603 - a list, and nothing in it is anybody's choice
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,  # deaf to Ctrl-C, as the worker is: ffmpeg would end in good order, half way
        ) as child,
        selectors.DefaultSelector() as pipes,
    ):
        try:
            for pipe, name in ((child.stdout, "sound"), (child.stderr, "complaint")):
                assert pipe is not None  # noqa: S101 - asked for above
                pipes.register(pipe, selectors.EVENT_READ, name)
            while pipes.get_map() and len(kept["sound"]) < most_bytes and (left_s := until - time.monotonic()) > 0:
                for key, _ in pipes.select(left_s):
                    chunk = os.read(key.fd, _CHUNK_BYTES)
                    if not chunk:
                        pipes.unregister(key.fileobj)
                    elif key.data == "sound" or len(kept["complaint"]) < _COMPLAINT_MAX:
                        kept[key.data] += chunk
            if not pipes.get_map():
                child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass  # it closed its output and went on
        finally:
            child.kill()
    return bytes(kept["sound"][:most_bytes]), bytes(kept["complaint"]), child.returncode


@contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    """Open a file that has no name and is gone with its last reader."""
    file = os.memfd_create("announcement")
    try:
        with open(file, "wb", closefd=False) as writer:
            writer.write(data)
        yield file
    finally:
        os.close(file)
