"""The spool: where recordings are safe while they are made, and until their audio is stored for good.

One for a process, append-only, in `<data_dir>/spool/`. Every method but those that say otherwise is called on the event
loop and only notes what is to be written; one thread writes, another one syncs (`spoolwriter`).

    begin -> append ... -> end -> sync        the message is on disk
          -> accept(flags)                    it became a message
          -> settled                          its audio is in the store: the spool may forget it
          -> discard                          it is not wanted
    a restart: recover() gives what has neither SETTLED nor DISCARD
    sync failed -> abandon              its caller heard of a fault: it is recovered once the disk works again
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ivr.media.spoolfile import (
    HEADER_BYTES,
    Accept,
    Audio,
    Begin,
    Body,
    Discard,
    End,
    Kind,
    Settled,
    pack,
    records,
    segment_numbers,
    segment_path,
)
from ivr.media.spoolindex import SpoolIndex
from ivr.media.spoolread import LostTake, SpooledRecording, lost_take, mapped, read_recording
from ivr.media.spoolwriter import RETRY_S, SpoolError, SpoolFull, SpoolWriter, sync_folder
from voicebox.codec import Codec
from voicebox.settings.stores import FLOOR_BYTES

_log = logging.getLogger(__name__)

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""About 2.3 hours of G.711; also the space that is always reserved ahead."""
BYTES_PER_S: Final = 8200
"""Of one recording: G.711 and the records around it."""
PENDING_MAX_BYTES: Final = 64 * 1024 * 1024
"""Kept in memory until it is synced; beyond that, while the disk fails, audio is refused."""


@dataclass(slots=True, eq=False)
class Reservation:
    """Space held for a call until it is released."""

    _spool: "Spool"
    bytes_held: int

    def release(self) -> None:
        """Give the space back. Twice does nothing."""
        self._spool.reserved_bytes -= self.bytes_held
        self.bytes_held = 0


class Spool:
    """The spool of one process. Made by `open`, which blocks; so call it in a thread or before the loop runs."""

    def __init__(self, folder: Path, index: SpoolIndex, writer: SpoolWriter, lock: int, segment_bytes: int) -> None:
        self.folder = folder
        self.reserved_bytes = 0
        self.refused_bytes = 0
        """Audio that could neither be written nor kept in memory."""
        self._index = index
        self._writer = writer
        self._lock = lock
        self._segment_bytes = segment_bytes
        self._segment = writer.created_to
        self._offset = segment_bytes  # the first record opens a new segment
        self._found = frozenset(index.live)
        """Of earlier processes: nothing is added to them any more, also where they have no end."""
        self._abandoned: set[bytes] = set()
        self._abandonment = asyncio.Event()

    @classmethod
    def open(cls, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, floor_bytes: int = FLOOR_BYTES) -> Self:
        """Open the spool, reading what an earlier process left. Blocks.

        Raises:
            SpoolError: another process has it open, or it cannot be read or written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolError(f"the spool {folder} cannot be opened: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise SpoolError(f"the spool {folder} is in use by another process") from error
        index, last = SpoolIndex(), 0
        for number in segment_numbers(folder):
            path, end, last = segment_path(folder, number), 0, number
            with mapped(path) as data:
                for record in records(data):
                    index.learn(number, record)
                    end = record.end
            os.truncate(path, end)  # what was reserved and not used
            index.close(number)
        writer = SpoolWriter(folder, segment_bytes=segment_bytes, floor_bytes=floor_bytes, created_to=last)
        spool = cls(folder, index, writer, lock, segment_bytes)
        writer.start()
        spool._tidy()
        return spool

    def recover(self) -> list[LostTake]:
        """Return the recordings of earlier processes that were neither settled nor discarded. Blocks."""
        return [
            lost_take(self.folder, recording, entry)
            for recording, entry in list(self._index.live.items())
            if recording in self._found
        ]

    def abandon(self, take_id: str) -> None:
        """Note that nobody will accept or discard a recording that has ended. Unknown or forgotten: nothing happens."""
        if self.holds(take_id):
            self._abandoned.add(bytes.fromhex(take_id))
            self._abandonment.set()

    async def recover_abandoned(self, recover: Callable[[Sequence[LostTake]], Awaitable[None]]) -> None:
        """Hand over what was abandoned as soon as it is on disk, as after a restart; runs until cancelled.

        What `recover` raises ends this; begun again, the same is handed over again.
        """
        while True:
            await self._abandonment.wait()
            abandoned = set(self._abandoned)
            try:
                await self.sync()
            except SpoolError:
                await asyncio.sleep(RETRY_S)
                continue
            live = self._index.live
            await recover([lost_take(self.folder, each, live[each]) for each in abandoned if each in live])
            self._abandoned -= abandoned
            if not self._abandoned:
                self._abandonment.clear()

    def begin(self, take_id: str, context: bytes, rate_hz: int = 8000) -> None:
        """Begin a recording; `context` is what recovery needs to make a message of it."""
        recording = bytes.fromhex(take_id)
        if recording in self._index.live:
            raise ValueError(f"recording {take_id} exists already")
        self._index.begin(recording, rate_hz, context)
        self._put(recording, Begin(rate_hz, context))

    def append(self, take_id: str, codec: Codec, position: int, payload: bytes, frame_bytes: int) -> bool:
        """Add audio without a gap whose first sample lies at `position`; tell whether it could be taken."""
        if self._writer.waiting_bytes() + len(payload) > PENDING_MAX_BYTES:
            self.refused_bytes += len(payload)
            return False
        self._put(bytes.fromhex(take_id), Audio(codec, position, frame_bytes, payload))
        return True

    def end(self, take_id: str, samples: int) -> None:
        """End a recording: of its audio, so many samples stay."""
        recording = bytes.fromhex(take_id)
        self._index.live[recording].samples = samples
        self._put(recording, End(samples))

    def sync(self) -> "asyncio.Future[None]":
        """Return a future that resolves when all that was noted so far is on disk; it raises SpoolError if not."""
        return self._writer.sync()

    async def accept(self, take_id: str, flags: bytes) -> None:
        """Mark a recording as a message, durably when this returns.

        Raises:
            SpoolError: the disk refuses; the mark is kept and tried again.
        """
        recording = bytes.fromhex(take_id)
        if recording in self._index.live:
            self._index.live[recording].accepted = flags
            self._put(recording, Accept(flags))
        await self.sync()

    async def discard(self, take_id: str) -> None:
        """Forget a recording, durably when this returns. Unknown or forgotten already: nothing happens.

        Raises:
            SpoolError: the disk refuses; the mark is kept and tried again.
        """
        self._finish(take_id, Kind.DISCARD)
        await self.sync()

    async def settled(self, take_id: str) -> None:
        """Note that a recording's audio is stored elsewhere. Not synced: if the mark is lost, it is settled again."""
        self._finish(take_id, Kind.SETTLED)

    def forget(self, take_id: str) -> None:
        """Discard without waiting for the disk."""
        self._finish(take_id, Kind.DISCARD)

    def places(self, take_id: str) -> bytes:
        """Return where the records of a recording lie, for `spoolread.read_recording`.

        Raises:
            KeyError: the recording is not in the spool.
        """
        return self._index.live[bytes.fromhex(take_id)].places.tobytes()

    def read(self, take_id: str) -> SpooledRecording:
        """Read a recording back. Blocks: call it in a thread; `sync` first if its end matters.

        Raises:
            KeyError: the recording is not in the spool.
        """
        return read_recording(self.folder, bytes.fromhex(take_id), self.places(take_id))

    def kept(self) -> list[str]:
        """Return the recordings that are in the spool and wanted, the oldest first, without those in progress."""
        return [
            recording.hex()
            for recording, entry in self._index.live.items()
            if entry.samples is not None or recording in self._found
        ]

    def holds(self, take_id: str) -> bool:
        """Tell whether a recording is in the spool and wanted."""
        return bytes.fromhex(take_id) in self._index.live

    async def ping(self) -> None:
        """Raise SpoolError while the disk refuses."""
        if (error := self.failing) is not None:
            raise error

    @property
    def failing(self) -> SpoolError | None:
        """Why the disk refuses at the moment; None when it does not."""
        error = self._writer.failing
        return SpoolError(str(error)) if error else None

    @property
    def syncs(self) -> int:
        """How often data was synced to disk."""
        return self._writer.syncs

    def free_s(self) -> float:
        """Return how many seconds of audio can still be promised."""
        return max(self._ahead_bytes() + self._writer.disk_free_bytes - self.reserved_bytes, 0) / BYTES_PER_S

    async def reserve(self, seconds: float) -> Reservation:
        """Reserve space for a recording before answering its call.

        The space is allocated on disk, so that it is there whatever else fills the disk meanwhile.

        Raises:
            SpoolFull: there is not enough; refuse the call politely.
            SpoolError: the disk fails.
        """
        needed = round(seconds * BYTES_PER_S) + HEADER_BYTES
        if self.free_s() * BYTES_PER_S < needed:
            raise SpoolFull(f"no space for {seconds:.0f} s more")
        reservation = Reservation(self, needed)
        self.reserved_bytes += needed
        try:
            missing = self.reserved_bytes - self._ahead_bytes()
            if missing > 0:
                await self._writer.create(
                    max(self._writer.created_to, self._segment) - (-missing // self._segment_bytes)
                )
        except BaseException:
            reservation.release()
            raise
        return reservation

    def close(self) -> None:
        """Write and sync what is left; end the thread. Blocks."""
        if self._lock < 0:
            return
        self._writer.close()
        for number in range(self._segment + 1, self._writer.created_to + 1):
            segment_path(self.folder, number).unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1

    def _ahead_bytes(self) -> int:
        """Return the bytes that are allocated on disk and not used."""
        return self._segment_bytes - self._offset + (self._writer.created_to - self._segment) * self._segment_bytes

    def _put(self, recording: bytes, body: Body) -> int:
        """Note a record to be written; return its segment."""
        data = pack(recording, body)
        if len(data) > self._segment_bytes:
            raise ValueError(f"a record of {len(data)} bytes does not fit a segment")
        rotated = self._offset + len(data) > self._segment_bytes
        if rotated:
            self._index.close(self._segment)
            self._segment, self._offset = self._segment + 1, 0
        self._writer.write(self._segment, self._offset, data)
        if recording in self._index.live:
            self._index.place(recording, self._segment, self._offset)
        self._offset += len(data)
        written_to = self._segment
        if rotated:
            self._tidy()
        return written_to

    def _finish(self, take_id: str, mark: Kind) -> None:
        recording = bytes.fromhex(take_id)
        if recording in self._index.live:
            segment = self._put(recording, Settled() if mark is Kind.SETTLED else Discard())
            self._index.finish(recording, mark, segment)
            self._tidy()

    def _tidy(self) -> None:
        """Remove the segments that nothing wanted lies in."""
        for segment in self._index.removable():
            for recording, mark in self._index.marks_to_move(segment):
                body = Settled() if mark is Kind.SETTLED else Discard()
                self._index.moved(recording, self._put(recording, body))
            self._writer.unlink(segment)
            self._index.removed(segment)
