"""What age takes away: messages by their mailbox's rules, audio that nothing refers to, old records (row 21).

Each function does one bounded batch in its caller's transaction and names what it did, so that it is called until it
finds nothing. Conditions stand in the statements themselves: two nodes at once, or a subscriber who restores a message
meanwhile, take nothing from each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.errors import Conflict
from voicebox.message import State
from voicebox.storage import outbox as queue
from voicebox.storage.audio import AudioState
from voicebox.storage.outbox import Draft, Kind
from voicebox.storage.tables import (
    announcement,
    audio,
    call_record,
    distribution_list,
    mailbox,
    message,
    message_segment,
    outbox,
    sending,
)

_OPEN: Final = outbox.c.done_at.is_(None) & outbox.c.given_up_at.is_(None)
_LIMIT: Final[BindParameter[Any]] = bindparam("most")

_TERMS: Final = (
    select(mailbox.c.retention_days)
    .where(mailbox.c.company_id == bindparam("of_company"), mailbox.c.retention_days > 0)
    .distinct()
)
_SAVED_TOO_LONG: Final = (
    select(message.c.id)
    .join(mailbox, mailbox.c.id == message.c.mailbox_id)
    .where(
        mailbox.c.company_id == bindparam("of_company"),
        mailbox.c.retention_days == bindparam("days"),
        message.c.state == State.SAVED,
        message.c.state_changed_at <= bindparam("until"),
    )
    .limit(_LIMIT)
    .with_for_update(of=message, skip_locked=True)  # PostgreSQL: another node takes others; SQLite has one writer
)
_RETIRE: Final = (
    update(message)
    .where(message.c.id.in_(_SAVED_TOO_LONG.cte("due").select()), message.c.state == State.SAVED)
    .values(state=State.DELETED, previous_state=State.SAVED, state_changed_at=bindparam("now"))
    .returning(message.c.mailbox_id)
)
_DELETED_TOO_LONG: Final = (
    select(message.c.id)
    .where(
        message.c.company_id == bindparam("of_company"),
        message.c.received_at <= bindparam("until"),  # implied by the next but one, and found by an index
        message.c.state == State.DELETED,
        message.c.state_changed_at <= bindparam("until"),
        # What a mail still has to carry stays until it is sent or given up.
        ~exists().where(outbox.c.message_id == message.c.id, _OPEN),
    )
    .limit(_LIMIT)
    .with_for_update(of=message, skip_locked=True)
)
_PURGE: Final = (
    delete(message)
    .where(message.c.id.in_(_DELETED_TOO_LONG.cte("due").select()), message.c.state == State.DELETED)
    .returning(message.c.id)
)


def _in_use() -> Select[Any]:
    """Return the audio of mailboxes, lists and announcements: few rows, so that one list of them is enough."""
    own = (
        *(mailbox.c.busy_greeting, mailbox.c.no_answer_greeting, mailbox.c.away_greeting, mailbox.c.name_recording),
        distribution_list.c.recording,
    )
    used = [select(column.label("id")).where(column.is_not(None)) for column in own]
    together = union_all(*used, select(announcement.c.audio_id.label("id"))).subquery("used")
    return select(together.c.id)


def _unreferenced() -> ColumnElement[bool]:
    return and_(
        audio.c.state != AudioState.SPOOL,  # what is on its way into the store is looked at when it is there
        audio.c.created_at <= bindparam("before"),
        ~exists().where(message.c.audio_id == audio.c.id),
        ~exists().where(message_segment.c.audio_id == audio.c.id),
        audio.c.id.not_in(_in_use()),
    )


ORPHANS: Final = (
    select(audio.c.id).where(audio.c.id > bindparam("after"), _unreferenced()).order_by(audio.c.id).limit(_LIMIT)
)
_REMOVE: Final = (
    delete(audio)
    .where(audio.c.id.in_(bindparam("ids", expanding=True)), _unreferenced())
    .returning(audio.c.id, audio.c.company_id, audio.c.blob_key)
)
_HAS_AUDIO: Final = select(exists().where(audio.c.id == bindparam("of_audio")))

# What was deleted is counted by what comes back: SQLite's driver counts no rows of a statement that begins with WITH.
_OLD_CALLS: Final = (
    delete(call_record)
    .where(
        call_record.c.id.in_(
            select(call_record.c.id)
            .where(call_record.c.ended_at <= bindparam("until"))
            .order_by(call_record.c.ended_at)
            .limit(_LIMIT)
            .cte("due")
            .select()
        )
    )
    .returning(call_record.c.id)
)
_FINISHED: Final = (
    delete(outbox)
    .where(
        outbox.c.id.in_(
            select(outbox.c.id)
            .where(
                outbox.c.created_at <= bindparam("until"),
                or_(outbox.c.done_at <= bindparam("until"), outbox.c.given_up_at <= bindparam("until")),
                outbox.c.kind != Kind.MWI,  # one row a mailbox, used again and again
            )
            .order_by(outbox.c.id)
            .limit(_LIMIT)
            .cte("due")
            .select()
        )
    )
    .returning(outbox.c.id)
)
_OLD_SENDINGS: Final = (
    delete(sending)
    .where(
        sending.c.id.in_(
            select(sending.c.id)
            .where(sending.c.created_at <= bindparam("until"), ~exists().where(message.c.sending_id == sending.c.id))
            .limit(_LIMIT)
            .cte("due")
            .select()
        )
    )
    .returning(sending.c.id)
)


@dataclass(frozen=True, slots=True)
class Removal:
    """Audio that no row refers to any more, to be removed from where it lies."""

    audio_id: str
    blob_key: str | None
    """None: it never came into the store, and lies broken in the spool."""


async def retire(
    connection: AsyncConnection, company_id: int, *, until: datetime, now: datetime, most: int
) -> list[int]:
    """Move saved messages whose time was over by `until` to the deleted ones; return their mailboxes, one each."""
    terms = [row[0] for row in await connection.execute(_TERMS, {"of_company": company_id})]
    found: list[int] = []
    for days in sorted(terms):
        values = {
            "of_company": company_id,
            "days": days,
            "until": until - timedelta(days=days),
            "now": now,
            "most": most - len(found),
        }
        if len(found) < most:
            found += [row[0] for row in await connection.execute(_RETIRE, values)]
    return found


async def purge(connection: AsyncConnection, company_id: int, *, until: datetime, most: int) -> int:
    """Delete messages for good that have been among the deleted ones since `until`; return how many."""
    values = {"of_company": company_id, "until": until, "most": most}
    return len((await connection.execute(_PURGE, values)).all())


async def orphans(connection: AsyncConnection, *, before: datetime, after: str, most: int) -> list[str]:
    """Return audio made before a moment that nothing refers to, by id from the one after `after`."""
    rows = await connection.execute(ORPHANS, {"before": before, "after": after, "most": most})
    return [row[0] for row in rows]


async def remove(connection: AsyncConnection, audio_ids: Sequence[str], *, before: datetime, now: datetime) -> int:
    """Delete the rows of audio that nothing refers to, and have the sound itself removed by the outbox.

    Raises:
        Conflict: somebody has just referred to one of them; nothing was deleted.
    """
    try:
        rows = (await connection.execute(_REMOVE, {"ids": list(audio_ids), "before": before})).all()
    except IntegrityError as error:
        raise Conflict("audio", "in use again") from error
    for audio_id, company_id, blob_key in rows:
        draft = Draft(company_id, Kind.AUDIO_REMOVAL, removal_key(audio_id), payload={"blob": blob_key})
        await queue.remind(connection, draft, now)
    return len(rows)


def removal_key(audio_id: str) -> str:
    """Return the outbox's key for the removal of a piece of audio."""
    return f"{Kind.AUDIO_REMOVAL}:{audio_id}"


def removal_of(entry: queue.Entry) -> Removal:
    """Read a row that `remove` wrote."""
    return Removal(entry.key.partition(":")[2], entry.payload.get("blob"))


async def was_removed(connection: AsyncConnection, audio_id: str) -> bool:
    """Tell whether audio of this id was removed: a recording in the spool that must not come back as a message."""
    found = await connection.scalar(select(exists().where(outbox.c.key == removal_key(audio_id))))
    return bool(found)


async def is_there(connection: AsyncConnection, audio_id: str) -> bool:
    """Tell whether there is a row of this id again: a greeting file that was applied anew has its old id."""
    return bool(await connection.scalar(_HAS_AUDIO, {"of_audio": audio_id}))


async def forget_calls(connection: AsyncConnection, *, until: datetime, most: int) -> int:
    """Delete the records of calls that ended by `until`; return how many."""
    return len((await connection.execute(_OLD_CALLS, {"until": until, "most": most})).all())


async def forget_finished(connection: AsyncConnection, *, until: datetime, most: int) -> int:
    """Delete rows of the outbox that were done or given up by `until`; return how many."""
    return len((await connection.execute(_FINISHED, {"until": until, "most": most})).all())


async def forget_sendings(connection: AsyncConnection, *, until: datetime, most: int) -> int:
    """Delete sendings from before `until` of which no copy is left, with their results; return how many."""
    return len((await connection.execute(_OLD_SENDINGS, {"until": until, "most": most})).all())
