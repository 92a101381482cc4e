"""Ageing: saved messages go after their days, deleted ones for good after 14, and sound once nothing refers to it.

Every night at 03:00 of each company's zone, so that nothing goes while its owner is in the mailbox; after a missed
night at once. Whatever was due at that hour goes, and nothing that was not, whenever it is made up for: running twice,
on two nodes, or after a crash anywhere comes to the same.

Rows go first. A transaction that deletes a row of audio writes an outbox row that names the blob; the blob goes after
the commit. So a crash leaves a blob too many for a while, and never a row whose sound is gone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Protocol

from voicebox.clock import Clock
from voicebox.errors import Conflict, DatabaseUnavailable, StoreUnavailable
from voicebox.events import Events, MailboxChanged
from voicebox.mailbox import zone_of
from voicebox.settings.retention import Retention
from voicebox.storage import ageing, mailboxes, outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Entry, Kind, backoff_s

HOUR: Final = 3
"""Of the night: after the last caller, before the first, and on no night of a change of clocks in Europe twice."""
DELETED_FOR: Final = timedelta(days=14)
"""How long deleted messages can be restored (row 21)."""
UNUSED_FOR: Final = timedelta(days=1)
"""So old is audio before it can be an orphan: a greeting's sound is stored before its mailbox says that it plays it."""
BATCH: Final = 200
"""Rows in one transaction: on SQLite nobody else writes meanwhile, some 20 ms."""
LOOK_AGAIN_S: Final = 60.0
LEASE_S: Final = 60.0

logger = logging.getLogger(__name__)


class Discarding(Protocol):
    """The spool's side: a recording that could never be made whole lies there."""

    async def discard(self, take_id: str) -> None:
        """Forget a recording; one that is not there is well."""
        ...


@dataclass(frozen=True, slots=True)
class Aged:
    """How much went."""

    retired: int = 0
    """Saved messages that are among the deleted ones now."""
    purged: int = 0
    """Deleted messages that are gone for good."""
    audio: int = 0
    """Recordings that nothing refers to any more."""
    calls: int = 0
    outbox: int = 0
    sendings: int = 0

    def __add__(self, other: "Aged") -> "Aged":
        return Aged(
            self.retired + other.retired,
            self.purged + other.purged,
            self.audio + other.audio,
            self.calls + other.calls,
            self.outbox + other.outbox,
            self.sendings + other.sendings,
        )


def last_night(zone: tzinfo, now: datetime) -> datetime:
    """Return when it was last 03:00 in a zone, in UTC."""
    local = now.astimezone(zone)
    at = local.replace(hour=HOUR, minute=0, second=0, microsecond=0, fold=0)
    if at.astimezone(UTC) > now:
        at -= timedelta(days=1)  # of the wall clock, however many hours that is
    return at.astimezone(UTC)


class Ageing:
    """Ages messages, audio and records while `run` is running."""

    def __init__(
        self,
        db: Database,
        store: AudioStore,
        keep: Retention,
        *,
        events: Events,
        clock: Clock,
        spool: Discarding | None = None,
    ) -> None:
        """Hold what is needed; without a spool (the command line) what lies in it is left to the service."""
        self._db = db
        self._store = store
        self._keep = keep
        self._events = events
        self._clock = clock
        self._spool = spool
        self._nights: dict[int, datetime] = {}
        """The last night each company was aged by; 0 is what belongs to none."""

    async def run(self) -> None:
        """Make up for the last night now, then age every night; runs until cancelled."""
        while True:
            try:
                await self.catch_up()
            except (DatabaseUnavailable, StoreUnavailable, Conflict) as error:
                logger.warning("ageing goes on later: %s", error)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def catch_up(self) -> Aged:
        """Do what the last night asks for where it has not been done; remove the sound that waits for it.

        Raises:
            DatabaseUnavailable: the rest waits.
            Conflict: likewise.
        """
        now, total = self._clock.now(), Aged()
        async with self._db.read() as connection:
            companies = await mailboxes.companies(connection)
        for company in companies:
            until = last_night(zone_of(company), now)
            if self._nights.get(company.id) != until:
                total += await self.age(company.id, until)
                self._nights[company.id] = until
        until = last_night(UTC, now)
        if total.purged or self._nights.get(0) != until:
            total += await self.sweep(until)
            self._nights[0] = until
        await self.remove_sound()
        return total

    async def age(self, company_id: int, until: datetime) -> Aged:
        """Age a company's messages by what was due at `until`."""
        now = self._clock.now()

        async def retire(connection: AsyncConnection) -> list[int]:
            moved = await ageing.retire(connection, company_id, until=until, now=now, most=BATCH)
            for mailbox_id in sorted(set(moved)):
                await outbox.remind_light(connection, company_id, mailbox_id, now)
            return moved

        retired = 0
        while moved := await self._db.write(retire):
            retired += len(moved)
            for mailbox_id in sorted(set(moved)):
                self._events.publish(MailboxChanged(company_id, mailbox_id))
        purged = await self._until_none(
            lambda connection: ageing.purge(connection, company_id, until=until - DELETED_FOR, most=BATCH)
        )
        if retired or purged:
            logger.info("company %d: %d saved messages aged out, %d deleted ones are gone", company_id, retired, purged)
        return Aged(retired=retired, purged=purged)

    async def sweep(self, until: datetime) -> Aged:
        """Take away audio that nothing refers to, and records whose time was over at `until`.

        Raises:
            Conflict: a recording was referred to anew just now; the rest waits.
        """
        calls_until = until - timedelta(days=self._keep.calls_days)
        outbox_until = until - timedelta(days=self._keep.outbox_days)
        return Aged(
            audio=await self._orphans(until - UNUSED_FOR),
            calls=await self._until_none(
                lambda connection: ageing.forget_calls(connection, until=calls_until, most=BATCH)
            ),
            outbox=await self._until_none(
                lambda connection: ageing.forget_finished(connection, until=outbox_until, most=BATCH)
            ),
            sendings=await self._until_none(
                lambda connection: ageing.forget_sendings(connection, until=calls_until, most=BATCH)
            ),
        )

    async def remove_sound(self) -> int:
        """Remove from the store (and the spool) what `sweep` took the rows of; return how many pieces.

        What the store does not take away now is tried again with growing pauses.

        Raises:
            DatabaseUnavailable: the rest waits.
        """
        removed = 0
        async with self._db.read() as connection:
            due_at = await outbox.next_due_at(connection, [Kind.AUDIO_REMOVAL])
        while due_at is not None and due_at <= self._clock.now():
            entries = await self._claim()
            for entry in entries:
                removed += await self._remove(entry)
            if not entries:
                break
        return removed

    async def _claim(self) -> list[Entry]:
        now = self._clock.now()
        return await self._db.write(
            lambda connection: outbox.claim_due(connection, Kind.AUDIO_REMOVAL, limit=BATCH, now=now, lease_s=LEASE_S)
        )

    async def _remove(self, entry: Entry) -> bool:
        removal, now = ageing.removal_of(entry), self._clock.now()
        if removal.blob_key is None and self._spool is None:
            return False  # the service will see it when our lease is over
        try:
            async with self._db.read() as connection:
                wanted = await ageing.is_there(connection, removal.audio_id)
            if not wanted and removal.blob_key is not None:
                await self._store.delete(removal.blob_key)
            if not wanted and self._spool is not None:
                await self._spool.discard(removal.audio_id)
        except StoreUnavailable as error:
            why, again_at = str(error), now + timedelta(seconds=backoff_s(entry.attempts))
            logger.warning("recording %s is removed later: %s", removal.audio_id, why)
            await self._db.write(lambda connection: outbox.failed(connection, entry, why, again_at))
            return False
        await self._db.write(lambda connection: outbox.done(connection, entry, now))
        return not wanted

    async def _orphans(self, before: datetime) -> int:
        count, after = 0, ""
        while True:
            async with self._db.read() as connection:
                found = await ageing.orphans(connection, before=before, after=after, most=BATCH)
            if not found:
                return count
            after = found[-1]
            count += await self._remove_rows(found, before)

    async def _remove_rows(self, audio_ids: list[str], before: datetime) -> int:
        now = self._clock.now()
        return await self._db.write(lambda connection: ageing.remove(connection, audio_ids, before=before, now=now))

    async def _until_none(self, batch: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        count = 0
        while done := await self._db.write(batch):
            count += done
        return count
