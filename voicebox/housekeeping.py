"""What the database need not remember any longer: old failed logins, phones that went away, addresses never confirmed.

Messages, calls and mails that age out are another matter: they follow each mailbox's own rules (`voicebox.ageing`).
"""

import asyncio
import logging
from typing import Final

from voicebox.clock import Clock
from voicebox.errors import DatabaseUnavailable
from voicebox.lockout import LONGEST_LOCK, SOURCE_FORGETS
from voicebox.storage import confirmations, credentials, registrations
from voicebox.storage.database import AsyncConnection, Database

EVERY_S: Final = 3600.0
"""Strangers that fail from many addresses leave a row each; an hour of them is little."""
SOURCES_KEPT: Final = LONGEST_LOCK + SOURCE_FORGETS
"""By then no lock can last, and the next failure would start the tally anew: the row says nothing any more."""

logger = logging.getLogger(__name__)


class Housekeeping:
    """Tidies the database now and then, while `run` is running."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self) -> None:
        """Tidy at start and every hour; runs until cancelled. A database that is away is tidied the next time."""
        while True:
            try:
                await self.tidy()
            except DatabaseUnavailable as error:
                logger.warning("housekeeping waits for the database: %s", error)
            await asyncio.sleep(EVERY_S)

    async def tidy(self) -> int:
        """Forget what says nothing any more; returns how many rows that were.

        Raises:
            DatabaseUnavailable: nothing was forgotten.
        """
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> int:
            sources = await credentials.forget_sources(connection, now - SOURCES_KEPT)
            # Those that ran out while no process was running: of the others the registrar takes care itself.
            phones = await registrations.forget_expired(connection, now)
            return sources + phones + await confirmations.forget_unused(connection, now)

        return await self._db.write(work)
