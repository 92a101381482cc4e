"""Calls that a mailbox pays for: asks the outbound policy with what is known now, and counts what was used.

A permit is held from before the first ring until the call is over, so that two callers who press `0` at the same moment
cannot both be the last one allowed. Minutes count from the answer, rounded up to seconds, on the company's day on which
the call was answered, to its end. Calls in progress share what is left of their day: each is allowed to go on for a
short time only, and asks again. After a crash at most the calls in progress are missing.

Limits are those of each `voicebox serve`: of another one on the same database, calls that have ended are known when the
next one is admitted here, calls in progress are not.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Final

from voicebox.clock import Clock
from voicebox.directory import Directory, NumberKind
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Company, Mailbox, zone_of
from voicebox.numbers import DialPlan, parse_dialled
from voicebox.outbound import Dial, Owner, Refused, Usage, left_s, permit
from voicebox.settings.outbound import Outbound
from voicebox.storage import outbound
from voicebox.storage.database import Database

__all__ = ["OutCalls", "Permit", "Refused"]

logger = logging.getLogger(__name__)

ASK_AGAIN_S: Final = 5.0
"""Calls that begin meanwhile use up the budget faster: by so much, at most, each of the others may overdraw it."""
_UNUSED: Final = Usage()


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

    def lease_s(self) -> float | None:
        """Return for how long it may go on before this is asked again, once answered; 0 ends it, None costs nothing."""
        return self._calls.lease_s(self)

    async def end(self) -> None:
        """Count what was used; a second time does nothing."""
        await self._calls.ended(self)


class OutCalls:
    """All calls out of this `voicebox serve`."""

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
        self._stored: dict[tuple[int, date], int] = {}
        """Seconds of calls that have ended, by company and day, as the database last said."""
        self._owed: defaultdict[tuple[int, date], int] = defaultdict(int)
        """Further ones that the database has not taken yet."""
        self._counting = asyncio.Lock()
        """Held while the database is asked or told, so that nothing is between `_stored` and `_owed`."""

    def __len__(self) -> int:
        """Return how many calls to the outside are in progress."""
        return len(self._running)

    async def admit(self, payer: Mailbox, number: str) -> Permit | Refused:
        """Ask the policy whether a mailbox may have a number dialled; a permit is to be ended.

        Args:
            payer: the mailbox that pays.
            number: as a person dialled it, a phone named it, or it is stored; `0211…` is read by the company's dial
                plan.

        Raises:
            DatabaseUnavailable: nobody knows what was used; nothing is to be dialled outside.
        """
        company = next(each for each in await self._directory.companies() if each.id == payer.company_id)
        destination, owner = await self._read(company, number)
        found = permit(company, payer, destination, self._settings, owner=owner, usage=_UNUSED)
        if isinstance(found, Refused):
            return found
        if found.internal:
            return Permit(found, company, self)
        # One after the other: two that ask at once must not both be the last one allowed.
        async with self._counting:
            usage = await self._usage(company)
            found = permit(company, payer, destination, self._settings, owner=owner, usage=usage)
            if isinstance(found, Refused):
                return found
            held = Permit(found, company, self)
            self._running.add(held)
            return held

    async def judge(self, company: Company, payer: Mailbox, number: str) -> Dial | Refused:
        """Tell what the policy says of a number, whatever was used so far, for a call that may come next month."""
        destination, owner = await self._read(company, number)
        return permit(company, payer, destination, self._settings, owner=owner, usage=_UNUSED)

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
            async with self._counting:
                await self._settle()
        except DatabaseUnavailable as error:
            logger.warning("%d s of calls out are not counted yet: %s", sum(self._owed.values()), error)

    def lease_s(self, held: Permit) -> float | None:
        """Say for how long a call may go on: see `Permit.lease_s`."""
        if held.dial.internal:
            return None
        if held.day is None:
            return ASK_AGAIN_S
        left = left_s(self._settings, self._used_s(held.company, held.day))
        # All that talk use it up together.
        return max(0.0, min(ASK_AGAIN_S, left / max(1, len(self._talking(held.company, held.day)))))

    def day_of(self, company: Company) -> date:
        """Return the company's present day."""
        return self._clock.now().astimezone(zone_of(company)).date()

    async def _read(self, company: Company, number: str) -> tuple[str, Owner | None]:
        """Return an extension or E.164, empty where it is neither, and whose it is."""
        read = parse_dialled(number, DialPlan(company.country_code, company.area_code))
        if read is None:
            return "", None
        line = await self._directory.find_line(company.id, read)
        if line is None:  # a stranger's is read in full; what can only be short is a telephone of the exchange
            return read.shown, None
        return line.number, Owner(line.mailbox, alias=line.kind is NumberKind.ALIAS)

    async def _usage(self, company: Company) -> Usage:
        """Ask the database what was used today, and add what it does not know yet; `_counting` is held."""
        day = self.day_of(company)
        await self._settle()
        async with self._db.read() as connection:
            stored = await outbound.used_s(connection, company.id, day)
        wanted = {each.day for each in self._running}
        for key in [key for key in self._stored if key[0] == company.id and key[1] not in wanted]:
            del self._stored[key]
        self._stored[company.id, day] = stored
        return Usage(self._used_s(company, day), len(self._running))

    def _used_s(self, company: Company, day: date) -> int:
        """Return what a company used of a day, calls in progress included."""
        ended = self._stored.get((company.id, day), 0) + self._owed.get((company.id, day), 0)
        return ended + sum(each.seconds() for each in self._talking(company, day))

    def _talking(self, company: Company, day: date) -> list[Permit]:
        return [each for each in self._running if each.company.id == company.id and each.day == day]

    async def _settle(self) -> None:
        """Write what is owed; `_counting` is held."""
        for (company_id, day), seconds in list(self._owed.items()):
            await self._db.write(
                lambda connection, c=company_id, d=day, s=seconds: outbound.add(connection, c, d, s)  # type: ignore[misc]
            )
            self._owed[company_id, day] -= seconds
            self._stored[company_id, day] = self._stored.get((company_id, day), 0) + seconds
            if not self._owed[company_id, day]:
                del self._owed[company_id, day]
