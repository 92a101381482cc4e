"""Messages. Every change of state is a compare-and-set, since two people may share a mailbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, Update, bindparam, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.message import Caller, Message, MessageKind, Reason, State
from voicebox.storage import segments
from voicebox.storage.tables import message
from voicebox.storage.text import clipped
from voicebox.storage.upsert import Upsert

PENDING: Final = "pending"
"""E-mail only, not yet taken by the mail server (row 13): in no folder, counted nowhere."""

_COLUMNS: Final = (
    message.c.id,
    message.c.company_id,
    message.c.mailbox_id,
    message.c.audio_id,
    message.c.caller_number,
    message.c.caller_name,
    message.c.caller_withheld,
    message.c.reason,
    message.c.received_at,
    message.c.samples,
    message.c.rate_hz,
    message.c.urgent,
    message.c.confidential,
    message.c.interrupted,
    message.c.state,
    message.c.call_id,
    message.c.warning,
    message.c.kind,
    message.c.sender_mailbox_id,
    message.c.sending_id,
    message.c.claimed_by,
    message.c.handled_by,
)
VISIBLE: Final = message.c.state.in_([State.NEW, State.SAVED, State.DELETED])
"""In a folder."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a folder: the message a page ended with."""

    received_at: datetime
    id: str


_ADD: Final = Upsert(lambda insert: insert(message).on_conflict_do_nothing(index_elements=["id"]))
_GET: Final = select(*_COLUMNS).where(message.c.id == bindparam("of_message"), VISIBLE)
_ANY: Final = select(*_COLUMNS, message.c.state).where(message.c.id == bindparam("of_message"))


def _move(*from_states: State, to: Any) -> Update:
    return (
        update(message)
        .where(
            message.c.id == bindparam("of_message"),
            message.c.mailbox_id == bindparam("of_mailbox"),
            message.c.state.in_(from_states),
        )
        .values(state=to, previous_state=message.c.state, state_changed_at=bindparam("now"))
        .returning(*_COLUMNS)
    )


_SAVE: Final = _move(State.NEW, to=State.SAVED)
_HEARD: Final = _SAVE.values(heard_at=bindparam("now"))
_KEEP_NEW: Final = _move(State.SAVED, to=State.NEW)
_DELETE: Final = _move(State.NEW, State.SAVED, to=State.DELETED)
_RESTORE: Final = _move(State.DELETED, to=func.coalesce(message.c.previous_state, State.SAVED.value))
_RELEASE: Final = (
    update(message)
    .where(message.c.id == bindparam("of_message"), message.c.state == PENDING)
    .values(state=State.NEW, previous_state=None, state_changed_at=bindparam("now"), warning=bindparam("why"))
    .returning(*_COLUMNS)
)
_SENT: Final = (
    update(message)
    .where(message.c.id == bindparam("of_message"), message.c.state == PENDING)
    .values(state=State.DELETED, previous_state=State.SAVED, state_changed_at=bindparam("now"))
)
_RELEASE_ALL: Final = (
    update(message)
    .where(message.c.mailbox_id == bindparam("of_mailbox"), message.c.state == PENDING)
    .values(state=State.NEW, previous_state=None, state_changed_at=bindparam("now"))
)
_CLAIM: Final = (
    update(message)
    .where(
        message.c.id == bindparam("of_message"),
        message.c.mailbox_id == bindparam("of_mailbox"),
        message.c.state.in_([State.NEW, State.SAVED]),
        message.c.claimed_by.is_(None),
        message.c.handled_by.is_(None),
    )
    .values(claimed_by=bindparam("by_mailbox"), claimed_at=bindparam("now"))
    .returning(*_COLUMNS)
)
_HANDLE: Final = (
    update(message)
    .where(
        message.c.id == bindparam("of_message"),
        message.c.mailbox_id == bindparam("of_mailbox"),
        message.c.state.in_([State.NEW, State.SAVED]),
        message.c.handled_by.is_(None),
    )
    .values(handled_by=bindparam("by_mailbox"), handled_at=bindparam("now"))
    .returning(*_COLUMNS)
)


def _to_message(row: Sequence[Any]) -> Message:
    return Message(
        id=row[0],
        company_id=row[1],
        mailbox_id=row[2],
        audio_id=row[3],
        caller=Caller(row[4], row[5], withheld=row[6]),
        reason=Reason(row[7]),
        received_at=row[8],
        samples=row[9],
        rate_hz=row[10],
        urgent=row[11],
        confidential=row[12],
        interrupted=row[13],
        state=State.NEW if row[14] == PENDING else State(row[14]),
        call_id=row[15],
        warning=row[16],
        kind=MessageKind(row[17]),
        sender_id=row[18],
        sending_id=row[19],
        claimed_by=row[20],
        handled_by=row[21],
    )


async def _one(connection: AsyncConnection, row: Sequence[Any]) -> Message:
    (found,) = await segments.with_comments(connection, [_to_message(row)])
    return found


async def add(connection: AsyncConnection, made: Message, now: datetime, *, pending: bool = False) -> bool:
    """Write a message; False if there is one of its id."""
    result = await connection.execute(_ADD.on(connection), _values(made, now, pending=pending))
    await segments.add(connection, [made])
    return bool(result.rowcount)


async def add_copies(connection: AsyncConnection, made: Sequence[tuple[Message, bool]], now: datetime) -> None:
    """Write the copies of a sending, each with whether it is pending; thousands in one go."""
    if made:
        values = [_values(each, now, pending=pending) for each, pending in made]
        await connection.execute(_ADD.on(connection), values)
        await segments.add(connection, [each for each, _ in made])


def _values(made: Message, now: datetime, *, pending: bool) -> dict[str, Any]:
    return {
        "id": made.id,
        "company_id": made.company_id,
        "mailbox_id": made.mailbox_id,
        "audio_id": made.audio_id,
        "call_id": clipped(made.call_id, 32),
        "caller_number": clipped(made.caller.number, 40),
        "caller_name": clipped(made.caller.name, 80),
        "caller_withheld": made.caller.withheld,
        "reason": made.reason,
        "received_at": made.received_at,
        "samples": made.samples,
        "rate_hz": made.rate_hz,
        "urgent": made.urgent,
        "confidential": made.confidential,
        "interrupted": made.interrupted,
        "state": PENDING if pending else made.state,
        "warning": clipped(made.warning, 40),
        "state_changed_at": now,
        "kind": made.kind,
        "sender_mailbox_id": made.sender_id,
        "sending_id": made.sending_id,
    }


async def get(connection: AsyncConnection, message_id: str) -> Message | None:
    """Return a message that is in a folder, of whatever mailbox: the caller checks whose it is."""
    row = (await connection.execute(_GET, {"of_message": message_id})).one_or_none()
    return None if row is None else await _one(connection, row)


async def get_any(connection: AsyncConnection, message_id: str) -> tuple[Message, bool] | None:
    """Return a message and whether it is pending (e-mail only, shown as new): for who delivers it by mail."""
    row = (await connection.execute(_ANY, {"of_message": message_id})).one_or_none()
    return None if row is None else (await _one(connection, row), row[-1] == PENDING)


async def page(
    connection: AsyncConnection,
    mailbox_id: int,
    state: State,
    *,
    after: Cursor | None = None,
    limit: int = 50,
    newest_first: bool = False,
) -> list[Message]:
    """Return a folder's messages by time, from the one after the cursor in that direction.

    One walk along an index, however long the folder is.
    """
    statement: Select[Any] = select(*_COLUMNS).where(message.c.mailbox_id == mailbox_id, message.c.state == state)
    place = tuple_(message.c.received_at, message.c.id)
    if newest_first:
        statement = statement.order_by(message.c.received_at.desc(), message.c.id.desc())
    else:
        statement = statement.order_by(message.c.received_at, message.c.id)
    if after is not None:
        types = [message.c.received_at.type, message.c.id.type]
        mark = tuple_(after.received_at, after.id, types=types)
        statement = statement.where(place < mark if newest_first else place > mark)
    rows = (await connection.execute(statement.limit(limit))).all()
    return await segments.with_comments(connection, [_to_message(row) for row in rows])


async def save(connection: AsyncConnection, mailbox_id: int, message_id: str, now: datetime) -> Message | None:
    """Move a new message to the saved ones; None if it is not there and new."""
    return await _moved(connection, _SAVE, mailbox_id, message_id, now)


async def heard(connection: AsyncConnection, mailbox_id: int, message_id: str, now: datetime) -> Message | None:
    """Do as `save`, and note when it was first heard to its end."""
    return await _moved(connection, _HEARD, mailbox_id, message_id, now)


async def keep_new(connection: AsyncConnection, mailbox_id: int, message_id: str, now: datetime) -> Message | None:
    """Move a saved message back to the new ones; None if it is not there and saved."""
    return await _moved(connection, _KEEP_NEW, mailbox_id, message_id, now)


async def delete(connection: AsyncConnection, mailbox_id: int, message_id: str, now: datetime) -> Message | None:
    """Move a new or saved message to the deleted ones, which remember where it was; None if it is in neither."""
    return await _moved(connection, _DELETE, mailbox_id, message_id, now)


async def restore(connection: AsyncConnection, mailbox_id: int, message_id: str, now: datetime) -> Message | None:
    """Move a deleted message back to where it was; None if it is not there and deleted."""
    return await _moved(connection, _RESTORE, mailbox_id, message_id, now)


async def delete_all(
    connection: AsyncConnection,
    mailbox_id: int,
    *,
    states: Sequence[State],
    until: datetime,
    now: datetime,
) -> int:
    """Delete all messages that have been in these folders since `until` or longer; returns how many."""
    statement = (
        update(message)
        .where(
            message.c.mailbox_id == mailbox_id,
            message.c.state.in_([state.value for state in states]),
            # Not received_at: a message is received when its recording begins, and comes minutes later.
            message.c.state_changed_at <= until,
        )
        .values(state=State.DELETED, previous_state=message.c.state, state_changed_at=now)
    )
    return (await connection.execute(statement)).rowcount


async def claim(
    connection: AsyncConnection, mailbox_id: int, message_id: str, by: int, now: datetime
) -> Message | None:
    """Note who takes care of a message; None where it is claimed or handled already, or in no such folder."""
    return await _moved(connection, _CLAIM, mailbox_id, message_id, now, by_mailbox=by)


async def handle(
    connection: AsyncConnection, mailbox_id: int, message_id: str, by: int, now: datetime
) -> Message | None:
    """Note who has dealt with a message; None where somebody has already, or it is in no such folder."""
    return await _moved(connection, _HANDLE, mailbox_id, message_id, now, by_mailbox=by)


async def release(connection: AsyncConnection, message_id: str, why: str, now: datetime) -> Message | None:
    """Put a message that could not be mailed into its mailbox, with a warning (row 13); None if not pending."""
    row = (
        await connection.execute(_RELEASE, {"of_message": message_id, "why": clipped(why, 40), "now": now})
    ).one_or_none()
    return None if row is None else await _one(connection, row)


async def release_all(connection: AsyncConnection, mailbox_id: int, now: datetime) -> int:
    """Put what waits to be mailed into its mailbox, which is no longer e-mail only; returns how many that were."""
    return (await connection.execute(_RELEASE_ALL, {"of_mailbox": mailbox_id, "now": now})).rowcount


async def redirected(connection: AsyncConnection, message_id: str, now: datetime) -> bool:
    """Note that the mail server took an e-mail-only message: it ages out with the deleted ones (row 13)."""
    return bool((await connection.execute(_SENT, {"of_message": message_id, "now": now})).rowcount)


async def _moved(
    connection: AsyncConnection, statement: Update, mailbox_id: int, message_id: str, now: datetime, **more: Any
) -> Message | None:
    values = {"of_mailbox": mailbox_id, "of_message": message_id, "now": now, **more}
    row = (await connection.execute(statement, values)).one_or_none()
    return None if row is None else await _one(connection, row)
