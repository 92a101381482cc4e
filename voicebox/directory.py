"""Who is who: companies, mailboxes by any of their numbers, devices, and the phones that are registered.

While the database is away or hangs, what was last known of a mailbox still answers, so that callers can leave
messages: they are kept in the spool until the database is back (security.md, "faults we survive"). Who is no caller
would rather be told that it is away: the web side asks without memory.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Message
from voicebox.numbers import Number
from voicebox.storage import mailboxes, registrations
from voicebox.storage.database import Database
from voicebox.storage.mailboxes import Device, Line, NumberKind
from voicebox.storage.registrations import Binding

__all__ = ["Binding", "Device", "Directory", "Line", "NumberKind"]

T = TypeVar("T")

REMEMBERED_MAX: Final = 10_000
"""Answers kept for when the database is away: at about 1 KiB each, 10 MiB."""
ANSWERED_S: Final = 1.0
"""How long a question waits where there is a remembered answer: a caller hears nothing meanwhile."""


class Directory:
    """Answers from the database, or from memory while it is away."""

    def __init__(self, db: Database, *, from_memory: bool = True) -> None:
        """Make one; with `from_memory=False` there are only answers of the database, or DatabaseUnavailable."""
        self._db = db
        self._remembers = from_memory
        self._last: OrderedDict[Hashable, Any] = OrderedDict()

    async def companies(self) -> list[Company]:
        """Return all companies, the oldest first."""

        async def ask() -> list[Company]:
            async with self._db.read() as connection:
                return await mailboxes.companies(connection)

        return await self._answer(("companies",), ask) or []

    async def company(self, name: str | None) -> Company | None:
        """Return a company by its name; None for a name is the only company there is, if there is only one."""
        listed = await self.companies()
        if name is None:
            return listed[0] if len(listed) == 1 else None
        return next((company for company in listed if company.name == name), None)

    async def mailbox(self, company_id: int, number: str) -> Mailbox | None:
        """Return a company's mailbox by its extension."""

        async def ask() -> Mailbox | None:
            async with self._db.read() as connection:
                return await mailboxes.by_extension(connection, company_id, number)

        return await self._answer(("mailbox", company_id, number), ask)

    async def by_id(self, mailbox_id: int) -> Mailbox | None:
        """Return a mailbox by its key."""

        async def ask() -> Mailbox | None:
            async with self._db.read() as connection:
                return await mailboxes.by_id(connection, mailbox_id)

        return await self._answer(("id", mailbox_id), ask)

    async def extensions(self, messages: Iterable[Message]) -> dict[int, str]:
        """Return the extensions of the colleagues who sent, claimed or handled these messages, by mailbox key."""
        return await self.numbers(each for message in messages for each in message.colleagues)

    async def numbers(self, mailbox_ids: Iterable[int]) -> dict[int, str]:
        """Return the extensions of mailboxes, by key; of those that are gone none."""
        wanted = sorted(set(mailbox_ids))
        if not wanted:
            return {}
        async with self._db.read() as connection:
            return {each.id: each.number for each in (await mailboxes.by_ids(connection, wanted)).values()}

    async def page(self, company_id: int, *, after: str | None = None, limit: int = 100) -> list[Mailbox]:
        """List a company's mailboxes by extension, from the one after `after`."""
        async with self._db.read() as connection:
            return await mailboxes.page(connection, company_id, after=after, limit=limit)

    async def find(self, company_id: int, number: Number) -> Mailbox | None:
        """Return the mailbox a signalled number belongs to: as its extension, its full number, or an alias."""
        line = await self.find_line(company_id, number)
        return None if line is None else line.mailbox

    async def find_line(self, company_id: int, number: Number) -> Line | None:
        """Do as `find`, and say which of its numbers it was (row 4: an alias is asked for its PIN too)."""
        return (await self.find_lines(company_id, [number])).get(number)

    async def find_all(self, company_id: int, numbers: Sequence[Number]) -> dict[Number, Mailbox]:
        """Do as `find` for several numbers in one query; those that belong to nobody are left out."""
        return {number: line.mailbox for number, line in (await self.find_lines(company_id, numbers)).items()}

    async def find_lines(self, company_id: int, numbers: Sequence[Number]) -> dict[Number, Line]:
        """Do as `find_line` for several numbers in one query; those that belong to nobody are left out."""
        readings = tuple(sorted({reading for number in numbers for reading in _readings(number)}))

        async def ask() -> dict[str, Line]:
            async with self._db.read() as connection:
                return await mailboxes.by_numbers(connection, company_id, readings)

        found = await self._answer(("numbers", company_id, readings), ask) or {}
        lines: dict[Number, Line] = {}
        for number in numbers:
            for reading in _readings(number):
                if reading in found:
                    lines[number] = found[reading]
                    break
        return lines

    async def device(self, username: str, realm: str) -> Device | None:
        """Return the device that authenticates under this name in this realm."""

        async def ask() -> Device | None:
            async with self._db.read() as connection:
                return await mailboxes.device_by_username(connection, username, realm)

        return await self._answer(("device", username, realm), ask)

    async def bindings(self, now: datetime, *, aor: str | None = None) -> list[Binding]:
        """Return the registrations that have not expired: of one address of record, or all of them (at start)."""
        async with self._db.read() as connection:
            return await registrations.load(connection, now, aor=aor)

    async def save_binding(self, binding: Binding) -> None:
        """Keep a registration over restarts."""
        await self._db.write(lambda connection: registrations.save(connection, binding))

    async def remove_binding(self, aor: str, contact: str | None = None) -> None:
        """Forget one contact, or (None) all of an address of record."""
        await self._db.write(lambda connection: registrations.remove(connection, aor, contact))

    async def _answer(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Ask the database; where it is away or hangs, return what it last said to the same question.

        Raises:
            DatabaseUnavailable: it is away and was never asked this, or nothing is remembered.
        """
        if not self._remembers:
            return await ask()
        try:
            async with asyncio.timeout(ANSWERED_S if key in self._last else None):
                answer = await ask()
        except (DatabaseUnavailable, TimeoutError):
            if key not in self._last:
                raise
            known: T = self._last[key]
            return known
        if answer is None or answer == {}:  # a mailbox that is gone must not come back when the database goes
            self._last.pop(key, None)
        else:
            self._last[key] = answer
            self._last.move_to_end(key)
            if len(self._last) > REMEMBERED_MAX:
                self._last.popitem(last=False)
        return answer


def _readings(number: Number) -> tuple[str, ...]:
    """Return what a number may be stored as: an extension goes before a full number."""
    return tuple(reading for reading in (number.digits, number.e164) if reading)
