"""Announcements in M4A, MP4 and WebM, as telephones and browsers record them: made by ffmpeg."""

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np

FORMS: Final = {
    "m4a": ("-c:a", "aac", "-f", "ipod"),  # the table of contents comes last
    "m4a-faststart": ("-c:a", "aac", "-movflags", "faststart", "-f", "ipod"),
    "m4a-alac": ("-c:a", "alac", "-f", "ipod"),
    "mp4-safari": ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"),
    "webm": ("-c:a", "libopus", "-b:a", "64k", "-f", "webm"),
    "webm-chromium": ("-c:a", "libopus", "-b:a", "64k", "-live", "1", "-f", "webm"),  # says no length
    "webm-vorbis": ("-c:a", "libvorbis", "-q:a", "7", "-f", "webm"),
    "mp4-video": ("-c:a", "aac", "-c:v", "libx264", "-shortest", "-f", "mp4"),
    "webm-video": ("-c:a", "libopus", "-b:a", "64k", "-c:v", "libvpx", "-shortest", "-f", "webm"),
    "m4a-cover": ("-c:a", "aac", "-c:v", "png", "-disposition:v", "attached_pic", "-f", "ipod"),
}
"""How each is written."""
FILM: Final = ("-f", "lavfi", "-i", "testsrc=d=600:s=64x64:r=5")
COVER: Final = ("-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64:r=5")


def ffmpeg() -> str:
    """Return where ffmpeg is; without it the test fails."""
    program = shutil.which("ffmpeg")
    assert program is not None, "ffmpeg is missing: apt install ffmpeg"
    return program


def contained(samples: Any, rate_hz: int, form: str, folder: Path) -> bytes:
    """Return samples (floats, full scale 1.0; one column for each channel) as a file of one of the forms."""
    pictures = COVER if form == "m4a-cover" else FILM if "-c:v" in FORMS[form] else ()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return _written(
        [
            *("-f", "f32le", "-ar", str(rate_hz), "-ac", str(channels), "-i", "pipe:0", *pictures),
            *FORMS[form],
        ],
        np.asarray(samples, "<f4").tobytes(),
        folder,
    )


def silent_film(form: str, folder: Path) -> bytes:
    """Return two seconds of a video without a sound track, `mp4` or `webm`."""
    codec = {"mp4": "libx264", "webm": "libvpx"}[form]
    return _written([*FILM, "-t", "2", "-c:v", codec, "-f", form], b"", folder)


def elsewhere(m4a: bytes, path: Path) -> bytes:
    """Return an M4A whose sound is said to lie in another file at the same places, and is not in this one.

    QuickTime's way: the data reference is an alias, whose record of type 2 is the absolute path with colons
    (QuickTime File Format, "Data reference atoms").
    """
    place = b"Disk" + str(path).replace("/", ":").encode()
    alias = bytes(14) + b"\4" + b"Disk".ljust(27, b"\0") + bytes(12) + bytes([len(path.name)])
    alias += path.name.encode().ljust(63, b"\0") + bytes(16) + b"\xff" * 4 + bytes(16)
    alias += struct.pack(">HH", 2, len(place)) + place + bytes(len(place) % 2) + struct.pack(">HH", 0xFFFF, 0)
    file = _with_reference(m4a, _box(b"alis", alias))
    at = file.index(b"mdat") + 4
    (size,) = struct.unpack_from(">I", file, at - 8)
    return file[:at] + bytes(size - 8) + file[at + size - 8 :]


def _with_reference(data: bytes, reference: bytes) -> bytes:
    """Return boxes (ISO/IEC 14496-12, 4.2) with the one data reference replaced."""
    made, at = b"", 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        inside = data[at + 8 : at + size]
        if kind in {b"moov", b"trak", b"mdia", b"minf", b"dinf"}:
            inside = _with_reference(inside, reference)
        elif kind == b"dref":
            inside = struct.pack(">II", 0, 1) + reference
        made += _box(kind, inside)
        at += size
    return made


def _box(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I4s", len(inside) + 8, kind) + inside


def _written(arguments: list[str], data: bytes, folder: Path) -> bytes:
    file = folder / "contained"
    done = subprocess.run(
        [ffmpeg(), "-loglevel", "error", "-y", *arguments, str(file)], input=data, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    made = file.read_bytes()
    file.unlink()
    return made
