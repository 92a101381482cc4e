"""The worker process: decoding and FLAC away from the event loop, at a lower priority, one job at a time.

It is spawned, not forked: a fork would copy the locks of our threads. When it dies it is replaced and the job tried
once more; when we die it ends itself.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, ParamSpec, TypeVar

from ivr.media import announcement, assembly
from ivr.media.assembly import Assembled
from ivr.media.g711 import Pcm
from ivr.media.library import encoded
from ivr.media.spool import Spool
from ivr.media.spoolread import read_recording
from voicebox.announcement import Mastered
from voicebox.codec import Codec
from voicebox.errors import RecordingElsewhere
from voicebox.greeting_file import GreetingRefused

_log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

NICE: Final = 10
QUEUE_MAX: Final = 32
"""Jobs handed over; more wait at the door, so that memory stays bounded."""


class WorkerDied(Exception):  # noqa: N818 - what happened
    """The worker process died twice over one job."""


class Worker:
    """Runs functions in one process of its own. Used on the event loop's thread only."""

    def __init__(self) -> None:
        self.restarts = 0
        self._pool: ProcessPoolExecutor | None = None
        self._door = asyncio.Semaphore(QUEUE_MAX)

    async def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a module-level function in the worker and return its result, or raise what it raised.

        Raises:
            WorkerDied: the process died with this job, twice.
        """
        async with self._door:
            for _ in range(2):
                pool = self._pool or self._begin()
                try:
                    return await asyncio.wrap_future(pool.submit(job, *args, **kwargs))
                except BrokenProcessPool:
                    if pool is self._pool:  # the first of the jobs that it took along sees to it
                        self._pool = None
                        self.restarts += 1
                        _log.warning("the audio worker died and is replaced")
                        pool.shutdown(wait=False)
            raise WorkerDied(f"the audio worker died twice over {getattr(job, '__name__', 'a job')}")

    async def encode_clip(self, pcm: Pcm, rate_hz: int, codec: Codec, speed: float) -> bytes:
        """Return a message encoded for a call at another speed, which costs too much for a thread beside the loop."""
        return await self.run(encoded, pcm, rate_hz, codec, speed)

    async def master(self, data: bytes, *, spoken: bool = False) -> Mastered:
        """Make a recording fit to be an announcement: the `Master` of `voicebox.announcement`.

        Raises:
            GreetingRefused: it cannot be one.
        """
        try:
            return await self.run(announcement.master, data, spoken=spoken)
        except WorkerDied as died:  # over this one, twice: whatever it is, it is not to be played
            raise GreetingRefused("cannot be decoded", "Save it as WAV, 16 bits, mono or stereo.") from died

    def close(self) -> None:
        """End the process; jobs that wait are cancelled. Blocks until the running one is done."""
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _begin(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_settle_in)
        return self._pool


def _settle_in() -> None:
    """Prepare the process: polite to the calls, deaf to Ctrl-C (the parent ends us), not outliving its parent."""
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, name="follow-parent", daemon=True).start()


def _follow_parent() -> None:
    # The pool's queue does not tell of the parent's end: its writing side is open here too.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


class Assembler:
    """Makes takes of the spool whole. Calling it is the `Assemble` of `voicebox.library`."""

    def __init__(self, spool: Spool, worker: Worker) -> None:
        self._spool = spool
        self._worker = worker

    async def __call__(self, take_id: str, samples: int | None = None) -> Assembled:
        """Return a recording as FLAC, made in the worker.

        Args:
            take_id: of a recording that is on disk.
            samples: to keep; None keeps what the recording rules keep.

        Raises:
            RecordingElsewhere: the spool holds nothing under this id.
            RecordingBroken: what it holds is not playable.
            WorkerDied: it failed this time.
        """
        return await self._worker.run(
            assembly.assemble, str(self._spool.folder), take_id, self._places(take_id), samples
        )

    async def pcm(self, take_id: str, samples: int | None = None) -> tuple[Pcm, int]:
        """Return a recording's samples (int16, mono) and their rate, to be heard at once; raises as above."""
        recording = await asyncio.to_thread(
            read_recording, self._spool.folder, bytes.fromhex(take_id), self._places(take_id)
        )
        return assembly.samples_of(recording, samples), recording.rate_hz

    def _places(self, take_id: str) -> bytes:
        try:
            return self._spool.places(take_id)
        except KeyError as error:
            raise RecordingElsewhere(f"recording {take_id} is not in the spool of this node") from error
