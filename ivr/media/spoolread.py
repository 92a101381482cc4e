"""Reading recordings back out of the spool: for the worker that stores them, and for recovery. Blocks."""

import contextlib
import mmap
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ivr.media.level import levels_dbfs
from ivr.media.recording import Limits, RecordingRules
from ivr.media.spoolfile import Accept, Audio, Begin, End, Record, record_at, segment_path
from ivr.media.spoolindex import Entry
from voicebox.message import Take

_LONGEST_S: Final = 86_400.0
"""The maximum was kept while recording; here only the trailing silence is judged."""


@dataclass(slots=True)
class SpooledRecording:
    """A recording as the spool holds it."""

    id: str
    rate_hz: int = 8000
    context: bytes = b""
    audio: list[Audio] = field(default_factory=list)
    """In the order in which it came; positions may overlap and leave gaps."""
    samples: int | None = None
    """What stays after trimming; None when the recording has not ended."""
    accepted: bytes | None = None

    @property
    def end(self) -> int:
        """One past the last sample."""
        return max((part.position + len(part.payload) for part in self.audio), default=0)


@dataclass(frozen=True, slots=True)
class LostTake:
    """A recording that an earlier process left in the spool."""

    id: str
    context: bytes
    take: Take
    accepted: bytes | None
    """The flags it was accepted with; None when the process ended before that."""
    ended: bool
    """False when the process ended in mid-recording: the message is marked interrupted."""


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[bytes | mmap.mmap]:
    """Give the bytes of a file, mapped."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def read_recording(folder: Path, recording: bytes, places: bytes) -> SpooledRecording:
    """Read a recording whose records lie at the given places (`Spool.places`).

    A damaged record is passed over: its audio becomes silence.
    """
    found = SpooledRecording(recording.hex())
    by_segment: dict[int, list[int]] = {}
    for place in array("Q", places):
        by_segment.setdefault(place >> 32, []).append(place & 0xFFFF_FFFF)
    for segment, offsets in by_segment.items():
        path = segment_path(folder, segment)
        if not path.exists():
            continue
        with mapped(path) as data:
            for offset in offsets:
                record = record_at(data, offset)
                if record is not None and record.recording == recording:
                    _take_in(found, record)
    return found


def _take_in(found: SpooledRecording, record: Record) -> None:
    match record.body:
        case Begin(rate_hz, context):
            found.rate_hz, found.context = rate_hz, context
        case Audio():
            found.audio.append(record.body)
        case End(samples):
            found.samples = samples
        case Accept(flags):
            found.accepted = flags


def trimmed(recording: SpooledRecording) -> int:
    """Return the samples that stay, by the rules that apply to a recording that ends in the ordinary way."""
    rules = RecordingRules(Limits(max_s=_LONGEST_S), 0.0, recording.rate_hz)
    for part in sorted(recording.audio, key=lambda each: each.position):
        frame = max(part.frame_bytes, 1)
        rules.hear(levels_dbfs(part.payload, part.codec, frame), part.position, frame, ())
    return rules.kept(recording.end)


def lost_take(folder: Path, recording: bytes, entry: Entry) -> LostTake:
    """Return a recording of an earlier process with its length, trimmed by the same rules as ever."""
    ended = entry.samples is not None
    samples = entry.samples
    if samples is None:
        samples = trimmed(read_recording(folder, recording, entry.places.tobytes()))
    name = recording.hex()
    return LostTake(name, entry.context, Take(name, samples, entry.rate_hz), entry.accepted, ended)
