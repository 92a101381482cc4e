"""Settlement: moving audio from the spool, where it came in, to the audio store, where it stays.

    assemble -> put into the store (synced) -> swap the row -> settled in the spool

In this order a crash at any point leaves the audio in one place at least, and the next start goes on: at worst a blob
is written again under the same key. What fails for now is tried again with growing pauses; what can never be made
whole is marked broken, which the phone announces and passes, and stays in the spool, for a person to look at.

Several nodes share rows and store, and each has a spool of its own. A row does not say whose spool holds its sound, so
a node starts from what its own spool holds, and settles that, whatever another one thought of it. Of the other rows it
only sees to those that no node has settled for a day: they are marked broken, until the spool that has them is back.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from voicebox.backoff import doubled_s
from voicebox.clock import Clock
from voicebox.errors import DatabaseUnavailable, RecordingBroken, RecordingElsewhere, StoreUnavailable
from voicebox.events import AudioSpooled, AudioStored, Event, Events
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
"""Without an event: one that got lost."""
OVERDUE_AFTER: Final = timedelta(days=1)
"""So long a node may be down before what only its spool holds counts as broken: a night, a part that is sent for."""
OVERDUE: Final = "no node has brought it from its spool for a day"

logger = logging.getLogger(__name__)


class Spooled(Protocol):
    """The spool's side of settlement."""

    def kept(self) -> list[str]:
        """Return the recordings that the spool holds, the oldest first, without those in progress."""
        ...

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
    return doubled_s(failures, first_s=PAUSE_FIRST_S, most_s=PAUSE_MAX_S)


class Settlement:
    """Settles what is in the spool, one recording after the other, while `run` is running."""

    def __init__(
        self,
        db: Database,
        store: AudioStore,
        assemble: Assemble,
        spool: Spooled,
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
        self._given_up: set[str] = set()
        """Of what the spool holds; the next start tries it again, since the fault may have been ours, and mended."""
        self._wake = asyncio.Event()
        self.stored = 0
        """Recordings settled since the start."""
        self.broken = 0
        """Recordings found broken since the start: an alarm."""
        self.failures = 0
        """Times that the store or the database was away."""

    async def run(self) -> None:
        """Settle whatever there is and comes; runs until cancelled."""
        unsubscribe = self._events.subscribe(self._on_event)
        failures = 0
        try:
            while True:
                self._wake.clear()
                try:
                    await self.settle_due()
                    failures = 0
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

    async def settle_due(self) -> int:
        """Settle once all that the spool holds and that does not rest after a failure.

        Returns how many came into the store. What is marked broken is settled as well, but for what this process itself
        has given up.

        Raises:
            DatabaseUnavailable: the rest waits.
            StoreUnavailable: likewise.
        """
        settled = 0
        kept = self._spool.kept()
        due = self._due(kept)
        for at in range(0, len(due), BATCH):
            for row in await self._unsettled(due[at : at + BATCH]):
                settled += await self._settle(row)
        await self._mark_overdue(set(kept))
        return settled

    def _due(self, kept: Sequence[str]) -> list[str]:
        """Return what may be tried now, and forget the troubles of what the spool does not hold any more."""
        self._troubles = {audio_id: self._troubles[audio_id] for audio_id in kept if audio_id in self._troubles}
        self._given_up.intersection_update(kept)
        now = self._clock.now()
        return [each for each in kept if each not in self._given_up and self._may(each, now)]

    async def _unsettled(self, audio_ids: Sequence[str]) -> list[AudioRow]:
        """Return the rows to settle; the troubles of those that are gone or settled are over."""
        async with self._db.read() as connection:
            rows = await audio.unsettled(connection, audio_ids)
        for settled in set(audio_ids).difference(row.id for row in rows):
            self._troubles.pop(settled, None)
        return rows

    async def _mark_overdue(self, kept: set[str]) -> None:
        """Mark as broken what lies in no spool of a node that runs, as far as a day can tell."""
        before, after = self._clock.now() - OVERDUE_AFTER, ""
        while True:
            async with self._db.read() as connection:
                found = await audio.overdue(connection, before=before, after=after, limit=BATCH)
            if not found:
                return
            after = found[-1]
            for audio_id in found:
                if audio_id not in kept:
                    await self._lose(audio_id)

    async def _lose(self, audio_id: str) -> None:
        if await self._db.write(lambda connection: audio.lost(connection, audio_id, OVERDUE)):
            self._sound_alarm(audio_id, OVERDUE)

    async def _settle(self, row: AudioRow) -> bool:
        try:
            whole = await self._assemble(row.id, row.samples)
        except RecordingElsewhere:  # discarded since we asked the spool
            return False
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
        noted = await self._db.write(lambda connection: audio.failed(connection, row.id, why, broken=True))
        self._given_up.add(row.id)
        if noted and row.state is not AudioState.BROKEN:  # otherwise it is known already
            self._sound_alarm(row.id, why)

    def _sound_alarm(self, audio_id: str, why: str) -> None:
        self.broken += 1
        logger.error("recording %s is broken: %s", audio_id, why)

    def _may(self, audio_id: str, now: datetime) -> bool:
        trouble = self._troubles.get(audio_id)
        return trouble is None or now >= trouble.not_before

    def _soonest_s(self) -> float:
        """Return how long nothing is due, as far as we know."""
        now = self._clock.now()
        rests = [(trouble.not_before - now).total_seconds() for trouble in self._troubles.values()]
        return max(0.0, min([LOOK_AGAIN_S, *rests]))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AudioSpooled):
            self._wake.set()
