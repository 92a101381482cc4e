"""What mailboxes hold: how many messages of each folder, and how long they are together."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Float, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.message import Counts, State
from voicebox.storage.batches import in_batches
from voicebox.storage.messages import PENDING, VISIBLE
from voicebox.storage.tables import message

_COUNTS: Final = (
    select(message.c.state, message.c.urgent, func.count())
    .where(message.c.mailbox_id == bindparam("of_mailbox"), VISIBLE)
    .group_by(message.c.state, message.c.urgent)
)
_UNDELIVERED: Final = _COUNTS.where(message.c.warning.is_not(None))
_USED_S: Final = select(func.coalesce(func.sum(cast(message.c.samples, Float) / message.c.rate_hz), 0.0)).where(
    message.c.mailbox_id == bindparam("of_mailbox"), message.c.state.in_([State.NEW, State.SAVED])
)
_BY_MAIL: Final = (message.c.state == PENDING) | (
    message.c.state.in_([State.NEW, State.SAVED]) & message.c.warning.is_not(None)
)
"""Of a mailbox that is e-mail only: what waits for the mail server, and what it did not take."""
_UNDELIVERED_S: Final = select(func.coalesce(func.sum(cast(message.c.samples, Float) / message.c.rate_hz), 0.0)).where(
    message.c.mailbox_id == bindparam("of_mailbox"), _BY_MAIL
)
_OF_EACH: Final = (
    select(message.c.mailbox_id, func.sum(cast(message.c.samples, Float) / message.c.rate_hz))
    .where(message.c.mailbox_id.in_(bindparam("of_mailboxes", expanding=True)))
    .group_by(message.c.mailbox_id)
)
_USED_OF_EACH: Final = _OF_EACH.where(message.c.state.in_([State.NEW, State.SAVED]))
_UNDELIVERED_OF_EACH: Final = _OF_EACH.where(_BY_MAIL)


async def counts(connection: AsyncConnection, mailbox_id: int, *, undelivered: bool = False) -> Counts:
    """Count a mailbox's messages, all figures of one moment; or only those that should have gone by e-mail."""
    statement = _UNDELIVERED if undelivered else _COUNTS
    rows = (await connection.execute(statement, {"of_mailbox": mailbox_id})).all()
    return counted([(state, urgent, how_many) for state, urgent, how_many in rows])


def counted(rows: Sequence[tuple[str, bool, int]]) -> Counts:
    """Add up rows of (state, urgent, how many)."""
    total = {(State(state), bool(urgent)): how_many for state, urgent, how_many in rows}

    def both(state: State) -> int:
        return total.get((state, False), 0) + total.get((state, True), 0)

    return Counts(
        new=both(State.NEW),
        saved=both(State.SAVED),
        new_urgent=total.get((State.NEW, True), 0),
        saved_urgent=total.get((State.SAVED, True), 0),
        deleted=both(State.DELETED),
    )


async def used_s(connection: AsyncConnection, mailbox_id: int, *, by_mail: bool = False) -> float:
    """Return the length of a mailbox's new and saved messages together, in seconds, from samples.

    `by_mail`, of one that is e-mail only: of what waits for the mail server or could not be mailed.
    """
    return float(await connection.scalar(_UNDELIVERED_S if by_mail else _USED_S, {"of_mailbox": mailbox_id}) or 0.0)


async def used_by(
    connection: AsyncConnection, mailbox_ids: Sequence[int], *, by_mail: bool = False
) -> dict[int, float]:
    """Return `used_s` of many mailboxes at once, of all of them."""
    used = dict.fromkeys(mailbox_ids, 0.0)
    statement = _UNDELIVERED_OF_EACH if by_mail else _USED_OF_EACH
    for batch in in_batches(mailbox_ids):
        rows = await connection.execute(statement, {"of_mailboxes": batch})
        used |= {mailbox_id: float(seconds) for mailbox_id, seconds in rows}
    return used
