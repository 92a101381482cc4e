"""A company with a mailbox in a database, and what is left in it."""

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from voicebox.deposit import DepositContext
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Reason, Take
from voicebox.storage import mailboxes
from voicebox.storage.database import AsyncConnection, Database

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@dataclass
class StandingClock:
    """Stands still until it is set."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Hanging:
    """In the place of `Database.read`: a database that takes the question and never answers."""

    async def __aenter__(self) -> AsyncConnection:
        await asyncio.Event().wait()
        raise AssertionError("it answered")

    async def __aexit__(self, *_: object) -> None:
        return


@dataclass
class Marks:
    """A spool that only remembers what it was told, in order, and what it holds by that."""

    told: list[tuple[str, str]] = field(default_factory=list)
    error: Exception | None = None
    held: list[str] = field(default_factory=list)
    """What lies in it, the oldest first."""

    async def accept(self, take_id: str, flags: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(("accept", take_id))
        if take_id not in self.held:
            self.held.append(take_id)

    async def discard(self, take_id: str) -> None:
        self.told.append(("discard", take_id))
        self._forget(take_id)

    async def settled(self, audio_id: str) -> None:
        self.told.append(("settled", audio_id))
        self._forget(audio_id)

    def kept(self) -> list[str]:
        return list(self.held)

    def _forget(self, take_id: str) -> None:
        if take_id in self.held:
            self.held.remove(take_id)


async def add_company(db: Database, name: str = "Beispiel GmbH", *, language: str = "de") -> Company:
    return await db.write(
        lambda connection: mailboxes.add_company(
            connection,
            now=NOW,
            name=name,
            language=language,
            time_zone="Europe/Berlin",
            country_code="49",
            area_code="211",
        )
    )


async def add_mailbox(db: Database, company: Company, number: str = "1001", **values: Any) -> Mailbox:
    facts = {"name": "Anna Beispiel", "language": "de", "time_zone": "Europe/Berlin"} | values
    return await db.write(
        lambda connection: mailboxes.add_mailbox(connection, now=NOW, company_id=company.id, number=number, **facts)
    )


async def one_mailbox(db: Database, **values: Any) -> Mailbox:
    return await add_mailbox(db, await add_company(db), **values)


def a_take(seconds: float = 10.0, take_id: str | None = None) -> Take:
    return Take(take_id or uuid.uuid4().hex, int(seconds * 8000), 8000)


def a_context(mailbox: Mailbox, *, received_at: datetime = NOW, replaces: str | None = None) -> DepositContext:
    return DepositContext(
        company_id=mailbox.company_id,
        mailbox_id=mailbox.id,
        call_id=uuid.uuid4().hex,
        caller=Caller("+491701234567", "Kundin"),
        reason=Reason.BUSY,
        received_at=received_at,
        replaces=replaces,
    )
