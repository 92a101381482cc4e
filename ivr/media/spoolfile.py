"""The spool on disk: segments of records, each with a magic word, a kind, a recording's id and a checksum.

Records of all calls follow each other in one segment. Each stands for itself: audio carries its position, so that a
torn or missing record costs its own audio and nothing else. A segment is preallocated; what follows the last record is
zeros, or the torn rest of a write that a crash cut short.

    magic 4 | kind 1 | detail 1 | zero 2 | recording 16 | length 4 | CRC-32 4 | payload      (little endian)

The checksum covers everything before it and the payload.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap
from pathlib import Path
from typing import Final

from voicebox.codec import Codec

MAGIC: Final = b"VBX1"
_START: Final = struct.Struct("<4sBBH16sI")
_CHECKSUM: Final = struct.Struct("<I")
HEADER_BYTES: Final = _START.size + _CHECKSUM.size
_BEGIN: Final = struct.Struct("<I")
_AUDIO: Final = struct.Struct("<QI")
_END: Final = struct.Struct("<Q")

CODEC_NUMBERS: Final = {Codec.PCMU: 1, Codec.PCMA: 2}
"""How a codec is written; never renumbered, since spools outlive upgrades."""
_CODECS: Final = {number: codec for codec, number in CODEC_NUMBERS.items()}


class Kind(IntEnum):
    """What a record says of its recording."""

    BEGIN = 1
    AUDIO = 2
    END = 3
    ACCEPT = 4
    DISCARD = 5
    SETTLED = 6


FINAL: Final = frozenset({Kind.DISCARD, Kind.SETTLED})
"""After these the recording's audio is no longer needed here."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A recording begins."""

    rate_hz: int
    context: bytes


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio without a gap."""

    codec: Codec
    position: int
    """Of its first sample."""
    frame_bytes: int
    """Bytes in one packet."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class End:
    """A recording ended: this many samples stay."""

    samples: int


@dataclass(frozen=True, slots=True)
class Accept:
    """It became a message; the flags are the deposit's business."""

    flags: bytes


@dataclass(frozen=True, slots=True)
class Discard:
    """It is not wanted."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Its audio is stored elsewhere, durably."""


Body = Begin | Audio | End | Accept | Discard | Settled


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was found."""

    offset: int
    end: int
    kind: Kind
    recording: bytes
    """16 bytes."""
    body: Body


def pack(recording: bytes, body: Body) -> bytes:
    """Return the record as bytes."""
    detail = 0
    match body:
        case Begin(rate_hz, context):
            kind, payload = Kind.BEGIN, _BEGIN.pack(rate_hz) + context
        case Audio(codec, position, frame_bytes, audio):
            kind, detail = Kind.AUDIO, CODEC_NUMBERS[codec]
            payload = _AUDIO.pack(position, frame_bytes) + audio
        case End(samples):
            kind, payload = Kind.END, _END.pack(samples)
        case Accept(flags):
            kind, payload = Kind.ACCEPT, flags
        case Discard():
            kind, payload = Kind.DISCARD, b""
        case Settled():
            kind, payload = Kind.SETTLED, b""
    start = _START.pack(MAGIC, kind, detail, 0, recording, len(payload))
    return start + _CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(start))) + payload


def record_at(data: bytes | mmap, offset: int) -> Record | None:
    """Read the record at an offset; None where there is no whole, undamaged one. Never raises."""
    if offset + HEADER_BYTES > len(data):
        return None
    start = data[offset : offset + _START.size]
    magic, number, detail, _, recording, length = _START.unpack(start)
    end = offset + HEADER_BYTES + length
    if magic != MAGIC or end > len(data):
        return None
    payload = data[offset + HEADER_BYTES : end]
    (checksum,) = _CHECKSUM.unpack_from(data, offset + _START.size)
    if zlib.crc32(payload, zlib.crc32(start)) != checksum:
        return None
    body = _body(number, detail, payload)
    return Record(offset, end, Kind(number), recording, body) if body is not None else None


def _body(number: int, detail: int, payload: bytes) -> Body | None:
    match number:
        case Kind.BEGIN if len(payload) >= _BEGIN.size:
            (rate_hz,) = _BEGIN.unpack_from(payload)
            return Begin(rate_hz, payload[_BEGIN.size :])
        case Kind.AUDIO if len(payload) >= _AUDIO.size and detail in _CODECS:
            position, frame_bytes = _AUDIO.unpack_from(payload)
            return Audio(_CODECS[detail], position, frame_bytes, payload[_AUDIO.size :])
        case Kind.END if len(payload) == _END.size:
            (samples,) = _END.unpack(payload)
            return End(samples)
        case Kind.ACCEPT:
            return Accept(payload)
        case Kind.DISCARD:
            return Discard()
        case Kind.SETTLED:
            return Settled()
    return None


def records(data: bytes | mmap) -> Iterator[Record]:
    """Yield every undamaged record, passing over damage to the next magic word. Never raises."""
    offset = 0
    while offset >= 0:
        record = record_at(data, offset)
        if record is None:
            offset = data.find(MAGIC, offset + 1)
        else:
            yield record
            offset = record.end


def segment_path(folder: Path, number: int) -> Path:
    """Return the file of a segment."""
    return folder / f"{number:010d}.seg"


def segment_numbers(folder: Path) -> list[int]:
    """Return the segments that exist, oldest first."""
    return sorted(int(path.stem) for path in folder.glob("*.seg") if path.stem.isdecimal())
