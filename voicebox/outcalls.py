"""Calls that a mailbox pays for: asks the outbound policy with what is known now, and counts what was used.

A permit is held from before the first ring until the call is over, so that two callers who press `0` at the same moment
cannot both be the last one allowed. Minutes count from the answer, rounded up to seconds, on the company's day on which
the call was answered. After a crash at most the calls in progress are missing.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date

from voicebox.clock import Clock
from voicebox.directory import Directory, NumberKind
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Company, Mailbox, zone_of
from voicebox.numbers import DialPlan, Number, NumberRefused, parse_destination
from voicebox.outbound import EMERGENCY_ANYWHERE, Dial, Owner, Refused, Usage, permit
from voicebox.settings.outbound import Outbound
from voicebox.storage import outbound
from voicebox.storage.database import Database

__all__ = ["OutCalls", "Permit", "Refused"]

logger = logging.getLogger(__name__)


class Permit:
    """One call out that is allowed; `end` gives it back."""

    def __init__(self, dial: Dial, company: Company, calls: "OutCalls") -> None:
        self.dial = dial
        """What to dial."""
        self.company = company
        self._calls = calls
        self.day: date | None = None
        """The company's, when the call was answered."""
        self._answered: float | None = None

    def answered(self) -> None:
        """Count from now on: the called party picked up."""
        if self._answered is None:
            self._answered = self._calls.monotonic()
            self.day = self._calls.day_of(self.company)

    def seconds(self) -> int:
        """Return for how long it has been answered, rounded up."""
        return 0 if self._answered is None else math.ceil(self._calls.monotonic() - self._answered)

    async def end(self) -> None:
        """Count what was used; a second time does nothing."""
        await self._calls.ended(self)


class OutCalls:
    """All calls out of this installation."""

    def __init__(
        self,
        db: Database,
        directory: Directory,
        clock: Clock,
        settings: Outbound,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.monotonic = monotonic
        self._db = db
        self._directory = directory
        self._clock = clock
        self._settings = settings
        self._running: set[Permit] = set()
        """External ones: internal calls neither cost nor count."""
        self._owed: defaultdict[tuple[int, date], int] = defaultdict(int)
        """Seconds that the database has not taken yet, by company and day."""
        self._admitting = asyncio.Lock()

    def __len__(self) -> int:
        """Return how many calls to the outside are in progress."""
        return len(self._running)

    async def admit(self, payer: Mailbox, number: str) -> Permit | Refused:
        """Ask the policy whether a mailbox may have a number dialled; a permit is to be ended.

        Args:
            payer: the mailbox that pays.
            number: as a person or signalling wrote it; `0211…` is read by the company's dial plan.

        Raises:
            DatabaseUnavailable: nobody knows what was used; nothing is to be dialled outside.
        """
        company = next(each for each in await self._directory.companies() if each.id == payer.company_id)
        destination, owner = await self._read(company, number)
        found = permit(company, payer, destination, self._settings, owner=owner, usage=Usage())
        if isinstance(found, Refused):
            return found
        if found.internal:
            return Permit(found, company, self)
        # One after the other: two that ask at once must not both be the last one allowed.
        async with self._admitting:
            usage = await self._usage(company)
            found = permit(company, payer, destination, self._settings, owner=owner, usage=usage)
            if isinstance(found, Refused):
                return found
            held = Permit(found, company, self)
            self._running.add(held)
            return held

    async def would_admit(self, payer: Mailbox, number: str) -> bool:
        """Tell whether `admit` would allow it now, for menus that offer it or not."""
        try:
            found = await self.admit(payer, number)
        except DatabaseUnavailable:
            return False
        if isinstance(found, Refused):
            return False
        await found.end()
        return True

    async def ended(self, held: Permit) -> None:
        """Give a permit back: see `Permit.end`."""
        if held not in self._running:
            return
        self._running.discard(held)
        if held.day is None:
            return
        self._owed[held.company.id, held.day] += held.seconds()
        try:
            await self._settle()
        except DatabaseUnavailable as error:
            logger.warning("%d s of calls out are not counted yet: %s", sum(self._owed.values()), error)

    def day_of(self, company: Company) -> date:
        """Return the company's present day."""
        return self._clock.now().astimezone(zone_of(company)).date()

    async def _read(self, company: Company, number: str) -> tuple[str, Owner | None]:
        """Return an extension or E.164, empty where it is neither, and whose it is."""
        plain = number.replace(" ", "").replace("-", "")
        if plain in EMERGENCY_ANYWHERE:  # 116117 would read as a number of the town
            return plain, None
        if plain.isascii() and plain.isdigit():
            line = await self._directory.find_line(company.id, Number(None, plain))
            if line is not None and line.kind is NumberKind.EXTENSION:
                return line.mailbox.number, Owner(line.mailbox)
        try:
            destination = parse_destination(number, DialPlan(company.country_code, company.area_code))
        except NumberRefused:
            return "", None
        line = await self._directory.find_line(company.id, Number(destination, ""))
        return destination, None if line is None else Owner(line.mailbox, alias=line.kind is NumberKind.ALIAS)

    async def _usage(self, company: Company) -> Usage:
        day = self.day_of(company)
        await self._settle()
        async with self._db.read() as connection:
            stored = await outbound.used_s(connection, company.id, day)
        running = sum(each.seconds() for each in self._running if each.company.id == company.id)
        return Usage(stored + running, len(self._running))

    async def _settle(self) -> None:
        """Write what is owed."""
        for key in list(self._owed):
            company_id, day = key
            seconds = self._owed.pop(key)
            try:
                await self._db.write(
                    lambda connection, c=company_id, d=day, s=seconds: outbound.add(connection, c, d, s)  # type: ignore[misc]
                )
            except BaseException:
                self._owed[key] += seconds
                raise
