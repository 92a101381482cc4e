"""Call records on their way into the database: within a second of a call's end, and not lost while it is away."""

import asyncio
import logging
from collections import deque
from functools import partial
from typing import Final

from voicebox.callrecord import CallRecord
from voicebox.errors import DatabaseUnavailable
from voicebox.storage import callrecords
from voicebox.storage.database import AsyncConnection, Database

WAITING_MAX: Final = 10_000
"""Records kept while the database is away, a few KiB each; beyond, the oldest goes: messages matter more."""
TOGETHER: Final = 100
"""Records written in one transaction."""
RETRY_S: Final = 1.0

logger = logging.getLogger(__name__)


class CallLog:
    """Takes records at once and writes them in the background, while `run` is running."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: deque[CallRecord] = deque(maxlen=WAITING_MAX)
        self._wake = asyncio.Event()

    def keep(self, record: CallRecord) -> None:
        """Take a finished call's record."""
        self._waiting.append(record)
        self._wake.set()

    async def run(self) -> None:
        """Write records as they come; runs until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; what the database does not take is tried again, with a pause."""
        while self._waiting:
            batch = [self._waiting[at] for at in range(min(TOGETHER, len(self._waiting)))]
            try:
                await self._db.write(partial(_write, records=batch))
            except DatabaseUnavailable as error:
                logger.warning("%d call records wait for the database: %s", len(self._waiting), error)
                await asyncio.sleep(RETRY_S)
                continue
            except Exception:  # what no database takes must not keep all that follow from being written
                logger.exception("call records cannot be written together")
                batch = await self._one_by_one(batch)
            for record in batch:
                # By identity: while we wrote, new ones came in and, when full, old ones went.
                if self._waiting and self._waiting[0] is record:
                    self._waiting.popleft()

    async def _one_by_one(self, batch: list[CallRecord]) -> list[CallRecord]:
        """Write records of which one is broken; return those that are done with, the broken ones among them."""
        for at, record in enumerate(batch):
            try:
                await self._db.write(partial(_write, records=[record]))
            except DatabaseUnavailable:
                return batch[:at]
            except Exception:
                logger.exception("the record of call %s cannot be written and is dropped", record.id)
        return batch


async def _write(connection: AsyncConnection, *, records: list[CallRecord]) -> None:
    for record in records:
        await callrecords.add(connection, record)
