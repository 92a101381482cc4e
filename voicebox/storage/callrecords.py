"""Call records: what happened on each call, newest first."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.message import Reason
from voicebox.storage.tables import call_record
from voicebox.storage.text import clipped, storable_json
from voicebox.storage.upsert import Upsert

_COLUMNS: Final = (
    call_record.c.id,
    call_record.c.company_id,
    call_record.c.mailbox,
    call_record.c.caller,
    call_record.c.called,
    call_record.c.reason,
    call_record.c.deflected_by,
    call_record.c.started_at,
    call_record.c.answered_at,
    call_record.c.ended_at,
    call_record.c.rtp,
    call_record.c.trace,
)
_ADD: Final = Upsert(lambda insert: insert(call_record).on_conflict_do_nothing(index_elements=["id"]))
_GET: Final = select(*_COLUMNS).where(call_record.c.id == bindparam("of_call"))


@dataclass(frozen=True, slots=True)
class CallCursor:
    """A place in the list: the call a page ended with."""

    ended: datetime
    id: str


async def add(connection: AsyncConnection, record: CallRecord) -> bool:
    """Write a call's record; False if there is one of its id."""
    values = {
        "id": record.id,
        "company_id": record.company_id,
        "mailbox": clipped(record.mailbox, 20),
        "caller": clipped(record.caller, 80),
        "called": clipped(record.called, 80),
        "reason": record.reason,
        "deflected_by": clipped(record.deflected_by, 80),
        "started_at": record.started,
        "answered_at": record.answered,
        "ended_at": record.ended,
        "rtp": asdict(record.rtp),
        "trace": storable_json(record.trace),
    }
    return bool((await connection.execute(_ADD.on(connection), values)).rowcount)


async def get(connection: AsyncConnection, call_id: str) -> CallRecord | None:
    """Return a call's record, of whatever company: the caller checks whose it is."""
    row = (await connection.execute(_GET, {"of_call": call_id})).one_or_none()
    return None if row is None else _to_record(row)


async def page(
    connection: AsyncConnection,
    *,
    company_id: int | None = None,
    mailbox: str | None = None,
    after: CallCursor | None = None,
    limit: int = 50,
) -> list[CallRecord]:
    """List calls, the last to end first, from the one after the cursor; `company_id` None is all (operators)."""
    statement = select(*_COLUMNS).order_by(call_record.c.ended_at.desc(), call_record.c.id.desc()).limit(limit)
    if company_id is not None:
        statement = statement.where(call_record.c.company_id == company_id)
    if mailbox is not None:
        statement = statement.where(call_record.c.mailbox == mailbox)
    if after is not None:
        types = [call_record.c.ended_at.type, call_record.c.id.type]
        place = tuple_(call_record.c.ended_at, call_record.c.id)
        statement = statement.where(place < tuple_(after.ended, after.id, types=types))
    return [_to_record(row) for row in await connection.execute(statement)]


def _to_record(row: Any) -> CallRecord:
    return CallRecord(
        id=row.id,
        company_id=row.company_id,
        mailbox=row.mailbox,
        caller=row.caller,
        called=row.called,
        reason=None if row.reason is None else Reason(row.reason),
        deflected_by=row.deflected_by,
        started=row.started_at,
        answered=row.answered_at,
        ended=row.ended_at,
        rtp=RtpFigures(**row.rtp),
        trace=row.trace,
    )
