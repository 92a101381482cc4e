"""Settlement: moving audio from the spool, where it came in, to the audio store, where it stays.

    assemble -> put into the store (synced) -> swap the row -> settled in the spool

In this order a crash at any point leaves the audio in one place at least, and the next start goes on: at worst a blob
is written again under the same key. What fails for now is tried again with growing pauses; what can never be made
whole is marked broken, which the phone announces and passes, and stays in the spool, for a person to look at.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from voicebox.clock import Clock
from voicebox.errors import DatabaseUnavailable, RecordingBroken, StoreUnavailable
from voicebox.events import AudioBroken, AudioSpooled, AudioStored, Event, Events
from voicebox.library import Assemble, Assembled, AudioLibrary
from voicebox.storage import audio
from voicebox.storage.audio import AudioRow, AudioState
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database

__all__ = ["Assemble", "Assembled", "AudioLibrary", "Settlement"]

BATCH: Final = 200
"""Rows looked at together; the oldest come first."""
TRIES: Final = 6
"""To assemble one recording, before it counts as broken."""
PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
LOOK_AGAIN_S: Final = 60.0
"""Without an event: what another process left, or an event that got lost."""

logger = logging.getLogger(__name__)


class SettledMark(Protocol):
    """The spool's side of settlement."""

    async def settled(self, audio_id: str) -> None:
        """Note that the audio lies in the store."""
        ...


@dataclass(slots=True)
class _Trouble:
    """A recording that could not be assembled so far."""

    failures: int
    not_before: datetime


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row."""
    return min(PAUSE_MAX_S, PAUSE_FIRST_S * 2.0 ** min(failures - 1, 20))


class Settlement:
    """Settles what is in the spool, one recording after the other, while `run` is running."""

    def __init__(
        self,
        db: Database,
        store: AudioStore,
        assemble: Assemble,
        spool: SettledMark,
        *,
        events: Events,
        clock: Clock,
    ) -> None:
        self._db = db
        self._store = store
        self._assemble = assemble
        self._spool = spool
        self._events = events
        self._clock = clock
        self._troubles: dict[str, _Trouble] = {}
        self._wake = asyncio.Event()
        self.stored = 0
        """Recordings settled since the start."""
        self.broken = 0
        """Recordings found broken since the start: an alarm."""
        self.failures = 0
        """Times that the store or the database was away."""

    async def run(self) -> None:
        """Settle whatever there is and comes; runs until cancelled. What was broken gets another chance at start."""
        unsubscribe = self._events.subscribe(self._on_event)
        failures = 0
        broken_too = True  # the fault may have been ours, and mended since
        try:
            while True:
                self._wake.clear()
                try:
                    await self.settle_due(broken_too=broken_too)
                    broken_too, failures = False, 0
                    wait_s = self._soonest_s()
                except (DatabaseUnavailable, StoreUnavailable) as error:
                    failures += 1
                    self.failures += 1
                    wait_s = pause_s(failures)
                    logger.error("settlement waits %.0f s: %s", wait_s, error)  # noqa: TRY400 - the text says it all
                    await asyncio.sleep(wait_s)
                    continue
                try:
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            unsubscribe()

    async def settle_due(self, *, broken_too: bool = False) -> int:
        """Settle once all that is in the spool and not resting after a failure; returns how many came into the store.

        Raises:
            DatabaseUnavailable: the rest waits.
            StoreUnavailable: likewise.
        """
        settled = 0
        states = [AudioState.SPOOL, AudioState.BROKEN] if broken_too else [AudioState.SPOOL]
        for state in states:
            while True:
                now = self._clock.now()
                rows = await self._unsettled(state)
                due = [row for row in rows if self._may(row, now)]
                for row in due:
                    settled += await self._settle(row)
                if len(rows) < BATCH or not due or state is AudioState.BROKEN:
                    break
        return settled

    async def _unsettled(self, state: AudioState) -> list[AudioRow]:
        async with self._db.read() as connection:
            return await audio.unsettled(connection, state, BATCH)

    async def _settle(self, row: AudioRow) -> bool:
        try:
            whole = await self._assemble(row.id, row.samples)
        except RecordingBroken as error:
            await self._give_up(row, str(error))
            return False
        except Exception as error:  # whatever it is, the others' recordings must go on
            logger.exception("recording %s could not be assembled", row.id)
            await self._rest(row, error)
            return False
        key = await self._store.put(row.company_id, row.id, whole.flac, row.created_at)
        now = self._clock.now()
        await self._db.write(
            lambda connection: audio.stored(
                connection, row.id, blob_key=key, size_bytes=len(whole.flac), peaks=whole.peaks, now=now
            )
        )
        async with self._db.read() as connection:
            if await audio.get(connection, row.id) is None:  # it aged out while it was broken
                await self._store.delete(key)
        await self._spool.settled(row.id)
        self._troubles.pop(row.id, None)
        self.stored += 1
        if whole.samples != row.samples:  # the length that was told and charged to the quota stays what it was
            logger.warning("recording %s has %d samples, not %d", row.id, whole.samples, row.samples)
        self._events.publish(AudioStored(row.id))
        return True

    async def _rest(self, row: AudioRow, error: Exception) -> None:
        """Let a recording rest after a failure; after the last try it is broken."""
        trouble = self._troubles.setdefault(row.id, _Trouble(0, row.created_at))
        trouble.failures += 1
        if trouble.failures >= TRIES:
            await self._give_up(row, f"{type(error).__name__}: {error}")
            return
        trouble.not_before = self._clock.now() + timedelta(seconds=pause_s(trouble.failures))
        why = f"{type(error).__name__}: {error}"
        await self._db.write(lambda connection: audio.failed(connection, row.id, why, broken=False))

    async def _give_up(self, row: AudioRow, why: str) -> None:
        self._troubles.pop(row.id, None)
        await self._db.write(lambda connection: audio.failed(connection, row.id, why, broken=True))
        if row.state is AudioState.BROKEN:  # known already
            return
        self.broken += 1
        logger.error("recording %s is broken and stays in the spool: %s", row.id, why)
        self._events.publish(AudioBroken(row.id))

    def _may(self, row: AudioRow, now: datetime) -> bool:
        trouble = self._troubles.get(row.id)
        return trouble is None or now >= trouble.not_before

    def _soonest_s(self) -> float:
        """Return how long nothing is due, as far as we know."""
        now = self._clock.now()
        rests = [(trouble.not_before - now).total_seconds() for trouble in self._troubles.values()]
        return max(0.0, min([LOOK_AGAIN_S, *rests]))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AudioSpooled):
            self._wake.set()
