"""The threads that write the spool and sync it: what has come is written every 0.1 s, synced every second or on demand.

The event loop hands over finished records with their places; the thread only writes, syncs, creates and removes files,
all of which release the interpreter's lock. Records are kept until they are synced: what fails is written again, and
whoever waits is told. While a slow disk syncs, a helper waits for it and the thread goes on writing: what is written
outlives a process that is killed, what is synced a machine that is.
"""

import asyncio
import contextlib
import errno
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.media.spoolfile import segment_path

_log = logging.getLogger(__name__)

WRITE_EVERY_S: Final = 0.1
SYNC_EVERY_S: Final = 1.0
"""Power loss costs a recording in progress this much and what was on its way; the rule allows 5 s."""
RETRY_S: Final = 1.0
_VECTORS_MAX: Final = 512
"""Buffers in one write; the system allows 1024."""


class SpoolError(Exception):
    """The spool cannot be written. Subclass: SpoolFull."""


class SpoolFull(SpoolError):  # noqa: N818 - the condition is the name
    """No space is left for recordings."""


def spool_error(error: Exception) -> SpoolError:
    """Return the error as a caller of the spool sees it."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return SpoolFull(f"no space left for recordings: {error.strerror}")
    return SpoolError(f"the spool cannot be written: {error}")


@dataclass(frozen=True, slots=True)
class _Write:
    segment: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Unlink:
    segment: int


@dataclass(frozen=True, slots=True)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[None]"
    create_to: int = 0
    """Segments up to this one are to be preallocated; 0 = only a sync is waited for."""


class SpoolWriter:
    """Writes to the segments of one folder. Its methods are called on the event loop, its threads do the work."""

    def __init__(self, folder: Path, *, segment_bytes: int, floor_bytes: int, created_to: int) -> None:
        self.created_to = created_to
        """The highest segment that exists, preallocated."""
        self.disk_free_bytes = 0
        """Free on the file system beyond the floor, as of the last second."""
        self.failing: Exception | None = None
        """The last error, until everything could be written."""
        self.syncs = 0
        self.handed_over_bytes = 0
        """Since the start."""
        self._synced_bytes = 0
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._floor_bytes = floor_bytes
        self._work: deque[_Write | _Unlink] = deque()
        self._taken: deque[_Write | _Unlink] = deque()
        self._unsynced: deque[_Write | _Unlink] = deque()
        """What was written, and what is to be removed, since the last sync."""
        self._waiters: deque[_Waiter] = deque()
        self._files: dict[int, int] = {}
        self._dirty: set[int] = set()
        self._wake = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="spool-sync")
        """Touches nothing but the files it is given to sync."""
        self._look_at_disk()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def write(self, segment: int, offset: int, data: bytes) -> None:
        """Hand over a record; it is written within 0.1 s."""
        self.handed_over_bytes += len(data)
        self._work.append(_Write(segment, offset, data))

    def unlink(self, segment: int) -> None:
        """Remove a segment once everything handed over before is on disk."""
        self._work.append(_Unlink(segment))

    def sync(self) -> "asyncio.Future[None]":
        """Return a future that resolves when everything handed over so far is on disk.

        It raises SpoolError if that failed; what was handed over is kept and tried again.
        """
        return self._wait(0)

    def create(self, up_to: int) -> "asyncio.Future[None]":
        """Preallocate segments ahead. Raises SpoolFull where there is no space for them."""
        return self._wait(up_to)

    def waiting_bytes(self) -> int:
        """Return the bytes that are kept in memory: those that are not synced."""
        return self.handed_over_bytes - self._synced_bytes

    def close(self) -> None:
        """Write and sync everything, end the thread. Blocks for as long as that takes."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _wait(self, create_to: int) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiters.append(_Waiter(loop, future, create_to))
        self._wake.set()
        return future

    def _run(self) -> None:
        synced = time.monotonic()
        while True:
            self._wake.wait(WRITE_EVERY_S if self.failing is None else RETRY_S)
            self._wake.clear()
            stopping = self._stop
            # Waiters first: what they wait for was handed over before them, so it is in the work taken after.
            waiters = [self._waiters.popleft() for _ in range(len(self._waiters))]
            due = stopping or bool(waiters) or time.monotonic() - synced >= SYNC_EVERY_S
            try:
                self._write_all()
                if due:
                    self._sync_all()
                    synced = time.monotonic()
                self.failing = None
            except Exception as error:  # noqa: BLE001 - without this thread everybody would wait for ever
                if self.failing is None:
                    _log.exception("the spool cannot be written; recordings are kept in memory and tried again")
                self.failing = error
            for waiter in waiters:
                self._answer(waiter)
            if stopping:
                break
        self._helper.shutdown()
        for file in self._files.values():
            os.close(file)

    def _answer(self, waiter: _Waiter) -> None:
        error = spool_error(self.failing) if self.failing else None
        if error is None and waiter.create_to:
            try:
                self._create_up_to(waiter.create_to)
            except Exception as failure:  # noqa: BLE001 - likewise, and whoever asked tells of a full disk
                if not isinstance(failure, OSError):
                    _log.exception("no segment could be made")
                error = spool_error(failure)
        # A loop that is gone has nobody waiting.
        with contextlib.suppress(RuntimeError):
            waiter.loop.call_soon_threadsafe(_resolve, waiter.future, error)

    def _write_all(self) -> None:
        # Taken over first: the loop goes on appending while this thread walks through them.
        taken = self._taken
        taken.extend(self._work.popleft() for _ in range(len(self._work)))
        while taken:
            first = taken[0]
            if isinstance(first, _Unlink):
                self._unsynced.append(taken.popleft())
                continue
            batch: list[bytes] = []
            for work in taken:
                if not isinstance(work, _Write) or work.segment != first.segment or len(batch) == _VECTORS_MAX:
                    break
                batch.append(work.data)
            self._write(first.segment, first.offset, batch)
            for _ in batch:
                self._unsynced.append(taken.popleft())

    def _write(self, segment: int, offset: int, batch: list[bytes]) -> None:
        file = self._file(segment)
        size = sum(map(len, batch))
        self._dirty.add(segment)
        done = os.pwritev(file, batch, offset)
        if done < size:  # a disk that fills up writes a part first
            rest = memoryview(b"".join(batch))
            while done < size:
                done += os.pwrite(file, rest[done:], offset + done)

    def _sync_all(self) -> None:
        count, segments = len(self._unsynced), sorted(self._dirty)
        self._dirty.clear()  # whatever is written meanwhile is for the next sync
        try:
            self._sync_files([self._files[segment] for segment in segments])
        except BaseException:
            # Linux tells once that data could not be written, and takes them for written then (fsync(2), EIO): the next
            # sync would succeed without them. Only what is written anew is tried anew, what came meanwhile included.
            self._dirty.update(segments)
            self._taken.extendleft(reversed(self._unsynced))
            self._unsynced.clear()
            raise
        self.syncs += len(segments)
        newest = max(self._files, default=0)
        for segment in [each for each in self._files if each < newest and each not in self._dirty]:
            os.close(self._files.pop(segment))
        for _ in range(count):
            done = self._unsynced[0]
            if isinstance(done, _Unlink):
                segment_path(self._folder, done.segment).unlink(missing_ok=True)
            else:
                self._synced_bytes += len(done.data)
            self._unsynced.popleft()
        self._look_at_disk()

    def _sync_files(self, files: Sequence[int]) -> None:
        """Sync, and go on writing for as long as that takes."""
        if not files:
            return
        try:
            syncing = self._helper.submit(_sync, files)
        except RuntimeError:  # there are no more threads, or the interpreter ends: then it is done here
            _sync(files)
            return
        while wait_for([syncing], WRITE_EVERY_S).not_done:
            # What cannot be written now stays taken: the next round tries it again, and tells.
            with contextlib.suppress(Exception):
                self._write_all()
        syncing.result()

    def _file(self, segment: int) -> int:
        if segment not in self._files:
            if segment > self.created_to:
                self._create_up_to(segment)
            self._files[segment] = os.open(segment_path(self._folder, segment), os.O_WRONLY | os.O_CLOEXEC)
        return self._files[segment]

    def _create_up_to(self, up_to: int) -> None:
        while self.created_to < up_to:
            # What is already being recorded may use the floor; only new reservations keep away from it.
            _create(self._folder, self.created_to + 1, self._segment_bytes)
            self.created_to += 1

    def _look_at_disk(self) -> None:
        found = os.statvfs(self._folder)
        self.disk_free_bytes = max(found.f_bavail * found.f_frsize - self._floor_bytes, 0)


def _create(folder: Path, number: int, size: int) -> None:
    """Make a segment with its space reserved, durably: the folder is synced too."""
    path = segment_path(folder, number)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(file, 0, size)
        os.fsync(file)
        sync_folder(folder)
    except BaseException:
        path.unlink()  # or the next attempt would find it in its way
        raise
    finally:
        os.close(file)


def _sync(files: Sequence[int]) -> None:
    for file in files:
        os.fdatasync(file)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _resolve(future: "asyncio.Future[None]", error: SpoolError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
