"""Writing messages into a folder: an audio file each, and index.json with what is known of them."""

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ivr.media.assembly import Assembled, assemble
from ivr.media.spoolfile import records, segment_numbers, segment_path
from ivr.media.spoolindex import SpoolIndex
from ivr.media.spoolread import mapped
from voicebox.config import Config
from voicebox.errors import NoAudio, RecordingElsewhere
from voicebox.library import AudioLibrary
from voicebox.message import Message
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database

INDEX: Final = "index.json"


class Format(StrEnum):
    """How audio is written."""

    WAV = "wav"
    MP3 = "mp3"
    FLAC = "flac"


@dataclass(slots=True)
class Exported:
    """What an export did."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    """As in the index: the messages' fields, each with its `file`, which is null where it failed."""
    written: int = 0
    """Files that were not there before."""
    failed: dict[str, str] = field(default_factory=dict)
    """Messages whose audio could not be had, and why."""


class SpoolReader:
    """Reads takes that are not settled yet, without disturbing the process that writes the spool.

    What `Spool.open` does (take the lock, cut off what was reserved) is for that process alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: SpoolIndex | None = None

    async def __call__(self, take_id: str, samples: int) -> Assembled:
        """Return a take made whole; raises RecordingElsewhere if this node's spool does not hold it."""
        return await asyncio.to_thread(self._assemble, take_id, samples)

    def _assemble(self, take_id: str, samples: int) -> Assembled:
        if self._index is None:
            self._index = self._read()
        entry = self._index.live.get(bytes.fromhex(take_id))
        if entry is None:
            raise RecordingElsewhere(f"recording {take_id} is not in the spool of this node")
        return assemble(str(self._folder), take_id, entry.places.tobytes(), samples)

    def _read(self) -> SpoolIndex:
        index = SpoolIndex()
        if self._folder.is_dir():
            for number in segment_numbers(self._folder):
                with mapped(segment_path(self._folder, number)) as data:
                    for record in records(data):
                        index.learn(number, record)
        return index


async def export(
    settings: Config, db: Database, found: Sequence[tuple[dict[str, Any], Message]], to: Path, format_: Format
) -> Exported:
    """Write each message of `found` (its fields for the index, and itself); files that are there stay as they are.

    Raises:
        OSError: the folder cannot be written.
        StoreUnavailable, DatabaseUnavailable: the audio cannot be read at the moment.
    """
    reader = SpoolReader(settings.spool_dir)
    library = AudioLibrary(db, AudioStore.open(settings.audio.url), reader)
    read = {Format.WAV: library.wav, Format.MP3: library.mp3, Format.FLAC: library.joined}[format_]
    done = Exported()
    _make_private(to)
    for about, message in found:
        name = f"{message.received_at:%Y%m%dT%H%M%SZ}-{message.id}.{format_}"
        file = to / str(about["mailbox"]) / name
        entry = about | {"file": f"{about['mailbox']}/{name}"}
        if not file.exists():
            try:
                _write(file, await read(*message.audio_ids))
            except (NoAudio, RecordingElsewhere) as error:  # a later export has what another node still brings
                done.failed[message.id] = str(error)
                entry["file"] = None
            else:
                done.written += 1
        done.entries.append(entry)
    _write(to / INDEX, (json.dumps({"messages": done.entries}, ensure_ascii=False, indent=2) + "\n").encode())
    return done


def _make_private(folder: Path) -> None:
    """Make a folder for us alone; one that is there keeps its rights."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(file: Path, data: bytes) -> None:
    """Write a file that only we can read, whole or not at all."""
    _make_private(file.parent)
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
