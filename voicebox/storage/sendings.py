"""Sendings: what a subscriber sent to others, its copies, and what became of it, recipient by recipient (row 20)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.message import MessageKind, State
from voicebox.storage.tables import message, sending, sending_result
from voicebox.storage.upsert import Upsert


class Delivery(StrEnum):
    """What became of a sending at one recipient."""

    SENT = "sent"
    FULL = "full"
    """The copy did not fit into the mailbox any more."""
    OFF = "off"
    """The mailbox is switched off."""
    UNKNOWN = "unknown"
    """The mailbox has gone between the choice and the sending."""
    RECALLED = "recalled"
    """The sender took the copy back before anybody heard it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One message sent by a subscriber to others."""

    id: str
    """32 hex digits."""
    company_id: int
    mailbox_id: int
    """Who sent it."""
    kind: MessageKind
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a sending at one recipient."""

    recipient: str
    """The extension."""
    mailbox_id: int | None
    outcome: Delivery
    message_id: str | None = None
    """The copy; None where there is none (any more)."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A copy that was taken back."""

    mailbox_id: int
    message_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How the copies of a sending stand."""

    copies: int
    """Delivered, and not taken back."""
    unheard: int
    """Of these, what nobody has heard, claimed or handled: it can be taken back."""
    heard: int
    """Of these, what was heard to its end, and is still there."""
    recalled: int


_ADD: Final = Upsert(lambda insert: insert(sending).on_conflict_do_nothing(index_elements=["id"]))
_ADD_RESULT: Final = Upsert(
    lambda insert: insert(sending_result).on_conflict_do_nothing(index_elements=["sending_id", "recipient"])
)
_COLUMNS: Final = (sending.c.id, sending.c.company_id, sending.c.mailbox_id, sending.c.kind, sending.c.created_at)
_GET: Final = select(*_COLUMNS).where(sending.c.id == bindparam("of_sending"))
_OF_SENDER: Final = (
    select(*_COLUMNS)
    .where(sending.c.mailbox_id == bindparam("of_mailbox"))
    .order_by(sending.c.created_at.desc(), sending.c.id)
    .limit(bindparam("most"))
)
_ANY_REACHED: Final = select(
    exists()
    .where(sending.c.mailbox_id == bindparam("of_mailbox"))
    .where(sending_result.c.sending_id == sending.c.id)
    .where(sending_result.c.outcome.in_((Delivery.SENT, Delivery.RECALLED)))
)
_RESULTS: Final = (
    select(
        sending_result.c.recipient,
        sending_result.c.mailbox_id,
        sending_result.c.outcome,
        sending_result.c.message_id,
    )
    .where(sending_result.c.sending_id == bindparam("of_sending"))
    .order_by(sending_result.c.recipient)
)
_IS_UNHEARD: Final = (
    message.c.sending_id == bindparam("of_sending"),
    message.c.state == State.NEW,
    message.c.heard_at.is_(None),
    message.c.claimed_by.is_(None),
    message.c.handled_by.is_(None),
)
_COUNT_UNHEARD: Final = select(func.count()).where(*_IS_UNHEARD)
_COUNT_HEARD: Final = select(func.count()).where(
    message.c.sending_id == bindparam("of_sending"), message.c.heard_at.is_not(None)
)
_OUTCOMES: Final = (
    select(sending_result.c.outcome, func.count())
    .where(sending_result.c.sending_id == bindparam("of_sending"))
    .group_by(sending_result.c.outcome)
)
_UNHEARD: Final = (
    select(message.c.id, message.c.mailbox_id)
    .where(*_IS_UNHEARD)
    .with_for_update()  # PostgreSQL: nobody may hear it between this and its removal
)
_NOTE_RECALL: Final = (
    update(sending_result)
    .where(sending_result.c.sending_id == bindparam("of_sending"), sending_result.c.message_id == bindparam("of_copy"))
    .values(outcome=Delivery.RECALLED, message_id=None)
)
_REMOVE: Final = delete(message).where(message.c.id == bindparam("of_copy"))


def _to_sending(row: Any) -> Sending:
    return Sending(row[0], row[1], row[2], MessageKind(row[3]), row[4])


async def add(connection: AsyncConnection, made: Sending) -> bool:
    """Write a sending; False if there is one of its id: then it has been done before, with all its copies."""
    values = {
        "id": made.id,
        "company_id": made.company_id,
        "mailbox_id": made.mailbox_id,
        "kind": made.kind,
        "created_at": made.created_at,
    }
    return bool((await connection.execute(_ADD.on(connection), values)).rowcount)


async def add_results(connection: AsyncConnection, of: Sending, found: Sequence[Result]) -> None:
    """Write what became of a sending; its copies must be there."""
    rows = [
        {
            "sending_id": of.id,
            "recipient": each.recipient,
            "company_id": of.company_id,
            "mailbox_id": each.mailbox_id,
            "message_id": each.message_id,
            "outcome": each.outcome,
        }
        for each in found
    ]
    if rows:
        await connection.execute(_ADD_RESULT.on(connection), rows)


async def get(connection: AsyncConnection, sending_id: str) -> Sending | None:
    """Return a sending, of whomever: the caller checks whose it is."""
    row = (await connection.execute(_GET, {"of_sending": sending_id})).one_or_none()
    return None if row is None else _to_sending(row)


async def of_sender(connection: AsyncConnection, mailbox_id: int, *, limit: int) -> list[Sending]:
    """Return what a mailbox sent, the latest first."""
    rows = await connection.execute(_OF_SENDER, {"of_mailbox": mailbox_id, "most": limit})
    return [_to_sending(row) for row in rows]


async def results(connection: AsyncConnection, sending_id: str) -> list[Result]:
    """Return what became of a sending, by extension."""
    rows = await connection.execute(_RESULTS, {"of_sending": sending_id})
    return [Result(row[0], row[1], Delivery(row[2]), row[3]) for row in rows]


async def any_reached(connection: AsyncConnection, mailbox_id: int) -> bool:
    """Tell whether any copy of what a mailbox sent was delivered, taken back since or not."""
    return bool(await connection.scalar(_ANY_REACHED, {"of_mailbox": mailbox_id}))


async def standing(connection: AsyncConnection, sending_id: str) -> Standing:
    """Count a sending's copies as they are now."""
    of_sending = {"of_sending": sending_id}
    outcomes = {row[0]: row[1] for row in await connection.execute(_OUTCOMES, of_sending)}
    return Standing(
        copies=outcomes.get(Delivery.SENT, 0),
        recalled=outcomes.get(Delivery.RECALLED, 0),
        unheard=await connection.scalar(_COUNT_UNHEARD, of_sending) or 0,
        heard=await connection.scalar(_COUNT_HEARD, of_sending) or 0,
    )


async def recall(connection: AsyncConnection, sending_id: str) -> list[Recalled]:
    """Remove the copies that nobody has heard, claimed or handled; return them.

    Mails that are still to be sent of them find their message gone, and are dropped.
    """
    rows = (await connection.execute(_UNHEARD, {"of_sending": sending_id})).all()
    found = [Recalled(mailbox_id, message_id) for message_id, mailbox_id in rows]
    if found:
        copies = [{"of_sending": sending_id, "of_copy": each.message_id} for each in found]
        await connection.execute(_NOTE_RECALL, copies)
        await connection.execute(_REMOVE, [{"of_copy": each.message_id} for each in found])
    return found
