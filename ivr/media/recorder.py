"""A recording in progress: audio into the spool, levels into the rules."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ivr.media.intake import Run
from ivr.media.level import levels_dbfs
from ivr.media.recording import Ending, RecordingRules
from ivr.media.spool import Spool

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingOutcome:
    """A finished recording, on disk when this value exists."""

    by: Ending
    key: str
    """The key that ended it, or empty."""
    samples: int
    """After trimming; 0 = nothing was said, and the spool has forgotten it."""
    rate_hz: int


class RecordingHandle:
    """What the owner of a recording holds."""

    __slots__ = ("_stop", "done", "id", "over")

    def __init__(self, take_id: str, done: "asyncio.Future[RecordingOutcome]", stop: Callable[[Ending], None]) -> None:
        self.id = take_id
        self.over = False
        """Whether nothing is recorded any more; `done` follows when it is on disk."""
        self.done = done
        """Resolves once the recording is over and on disk; raises SpoolError if the disk refuses.

        Then it is left to recovery, which makes of it what a restart would, once the disk works again.
        """
        self._stop = stop

    def stop(self, by: Ending) -> None:
        """End the recording now. Nothing happens if it is over."""
        self._stop(by)


class Recorder:
    """Takes the audio of one recording."""

    def __init__(self, spool: Spool, handle: RecordingHandle, rules: RecordingRules) -> None:
        self.handle = handle
        self.rules = rules
        self._spool = spool
        self._refused = False

    def take(self, runs: list[Run]) -> None:
        """Spool and judge what came; nothing beyond the maximum is kept."""
        longest = self.rules.longest
        for run in runs:
            room = longest - run.position
            if room <= 0:
                continue
            payload = run.payload if len(run.payload) <= room else run.payload[:room]
            taken = self._spool.append(self.handle.id, run.codec, run.position, payload, run.frame_bytes)
            if not taken and not self._refused:
                self._refused = True
                _log.error("recording %s loses audio: the disk fails and the memory for it is full", self.handle.id)
            levels = levels_dbfs(payload, run.codec, run.frame_bytes)
            self.rules.hear(levels, run.position, run.frame_bytes, run.arrived)

    def finish(self, by: Ending, key: str, total: int) -> None:
        """End the recording of `total` samples; the handle's future resolves when it is on disk."""
        self.handle.over = True
        kept = self.rules.kept(total)
        outcome = RecordingOutcome(by, key, kept, self.rules.rate_hz)
        if kept:
            self._spool.end(self.handle.id, kept)
        else:
            self._spool.forget(self.handle.id)
        self._spool.sync().add_done_callback(lambda synced: self._resolve(outcome, synced))

    def _resolve(self, outcome: RecordingOutcome, synced: "asyncio.Future[None]") -> None:
        done = self.handle.done
        error = None if synced.cancelled() else synced.exception()
        if done.done():
            return
        if error is not None:
            self._spool.abandon(self.handle.id)  # nobody gets this take
            done.set_exception(error)
        else:
            done.set_result(outcome)
