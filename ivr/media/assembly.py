"""From the spool to samples and a file: once for each message, in the worker process.

A stream without loss comes out sample for sample as its G.711 decodes. Gaps are silence, by the positions that the
RTP clock gave; nothing is invented, nothing is longer than was decided when the recording ended.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from ivr.media.g711 import Pcm, decode
from ivr.media.spoolread import SpooledRecording, read_recording, trimmed
from voicebox.errors import RecordingBroken

PEAKS: Final = 200
"""Columns of the wave drawn beside a message."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A recording made whole."""

    flac: bytes
    """Mono, 16 bits."""
    samples: int
    rate_hz: int
    peaks: bytes
    """The loudest sample of each of up to 200 equal parts, 255 being full scale."""


def samples_of(recording: SpooledRecording, samples: int | None = None) -> Pcm:
    """Return the first `samples` of a recording at its rate, int16; None keeps what its rules keep.

    Raises:
        RecordingBroken: there is no audio in it.
    """
    if not recording.audio:
        raise RecordingBroken(f"recording {recording.id} holds no audio")
    if samples is None:
        samples = trimmed(recording) if recording.samples is None else recording.samples
    pcm = np.zeros(samples, np.int16)
    for part in recording.audio:
        room = samples - part.position
        if room > 0:
            decoded = decode(part.payload[:room], part.codec)
            pcm[part.position : part.position + len(decoded)] = decoded
    return pcm


def flac_of(pcm: Pcm, rate_hz: int) -> bytes:
    """Return samples as a FLAC file."""
    file = io.BytesIO()
    soundfile.write(file, pcm, rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def peaks_of(pcm: Pcm) -> bytes:
    """Return the loudest sample of each of up to 200 equal parts."""
    if not len(pcm):
        return b""
    edges = np.linspace(0, len(pcm), min(PEAKS, len(pcm)), endpoint=False).astype(np.intp)
    loudest = np.maximum.reduceat(np.abs(pcm.astype(np.int32)), edges)
    scaled: bytes = np.minimum(loudest * 255 // 32767, 255).astype(np.uint8).tobytes()
    return scaled


def assemble(folder: str, take_id: str, places: bytes, samples: int | None) -> Assembled:
    """Read a recording from the spool and make it whole. Blocks; runs in the worker.

    Raises:
        RecordingBroken: there is no audio in it.
    """
    recording = read_recording(Path(folder), bytes.fromhex(take_id), places)
    pcm = samples_of(recording, samples)
    return Assembled(flac_of(pcm, recording.rate_hz), len(pcm), recording.rate_hz, peaks_of(pcm))
