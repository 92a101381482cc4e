"""Changing what subscribers set about their mailbox: compare-and-set, field by field.

Two people may look at one mailbox, by phone and on the web. A change holds only where what it replaces is still what
its maker saw; the other one is told. PostgreSQL looks at the row again once it holds it, SQLite has one writer.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.mailbox import Mailbox
from voicebox.storage.mailboxes import MAILBOX_COLUMNS, to_mailbox
from voicebox.storage.tables import mailbox


async def swap(connection: AsyncConnection, seen: Mailbox, changes: Mapping[str, Any], now: datetime) -> Mailbox | None:
    """Change fields of a mailbox that are still as `seen`; return it as it is then, or None where one is not."""
    statement = (
        update(mailbox)
        .where(mailbox.c.id == seen.id)
        .where(*(mailbox.c[name].is_not_distinct_from(getattr(seen, name)) for name in changes))
        .values(dict(changes) | {"updated_at": now})
        .returning(*MAILBOX_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else to_mailbox(row)
