"""The message lights' rows in the outbox: one per mailbox, made due again by every change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.mailbox import Mailbox
from voicebox.message import Counts
from voicebox.storage import holdings, mailboxes
from voicebox.storage.outbox import Kind, light_key
from voicebox.storage.tables import mailbox, outbox
from voicebox.storage.text import error_line


@dataclass(frozen=True, slots=True)
class LightRow:
    """A mailbox as its light needs it, and which version of its row that answers."""

    mailbox: Mailbox
    counts: Counts
    """Of one that is e-mail only: what could not be mailed."""
    version: int | None
    """None: no light was ever due."""
    attempts: int


_OPEN: Final = outbox.c.done_at.is_(None) & outbox.c.given_up_at.is_(None)
_LOOK: Final = (
    select(outbox.c.version, outbox.c.attempts, *mailboxes.MAILBOX_COLUMNS)
    .select_from(mailbox.outerjoin(outbox, and_(outbox.c.key == bindparam("of_key"))))
    .where(mailbox.c.id == bindparam("of_mailbox"))
)
_DUE: Final = (
    select(outbox.c.mailbox_id)
    .where(outbox.c.kind == Kind.MWI, _OPEN, outbox.c.next_attempt_at <= bindparam("now"))
    .order_by(outbox.c.next_attempt_at, outbox.c.id)
    .limit(bindparam("most"))
)
_EVERY: Final = select(outbox.c.mailbox_id).where(outbox.c.kind == Kind.MWI).order_by(outbox.c.id)
_SAME: Final = and_(outbox.c.key == bindparam("of_key"), outbox.c.version == bindparam("of_version"), _OPEN)
_DONE: Final = update(outbox).where(_SAME).values(done_at=bindparam("now"), last_error=None)
_FAILED: Final = (
    update(outbox)
    .where(_SAME)
    .values(attempts=outbox.c.attempts + 1, last_error=bindparam("error"), next_attempt_at=bindparam("next_at"))
)


async def look(connection: AsyncConnection, mailbox_id: int) -> LightRow | None:
    """Return a mailbox with its counts; None if there is none.

    The version is read before the counts: a change in between leaves the row open, and its light is sent once more.
    """
    values = {"of_mailbox": mailbox_id, "of_key": light_key(mailbox_id)}
    row = (await connection.execute(_LOOK, values)).one_or_none()
    if row is None:
        return None
    found = mailboxes.to_mailbox(row[2:])
    counts = await holdings.counts(connection, mailbox_id, undelivered=found.redirect_email is not None)
    return LightRow(found, counts, row[0], row[1] or 0)


async def every(connection: AsyncConnection) -> list[int]:
    """Return the mailboxes whose light was ever told."""
    return [row[0] for row in await connection.execute(_EVERY) if row[0] is not None]


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[int]:
    """Return the mailboxes whose light is due, the longest due first."""
    rows = await connection.execute(_DUE, {"now": now, "most": limit})
    return [row[0] for row in rows if row[0] is not None]


async def done(connection: AsyncConnection, sent: Sequence[LightRow], now: datetime) -> None:
    """Mark lights as sent; those that changed since stay due."""
    values = [
        {"of_key": light_key(row.mailbox.id), "of_version": row.version, "now": now}
        for row in sent
        if row.version is not None
    ]
    if values:
        await connection.execute(_DONE, values)


async def failed(connection: AsyncConnection, row: LightRow, error: str, next_attempt_at: datetime) -> None:
    """Note why a light could not be sent, and when it is due again."""
    if row.version is not None:
        values = {
            "of_key": light_key(row.mailbox.id),
            "of_version": row.version,
            "error": error_line(error),
            "next_at": next_attempt_at,
        }
        await connection.execute(_FAILED, values)
