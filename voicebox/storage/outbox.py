"""The outbox: everything that must happen outside the database, written in the same transaction as its cause.

A row is claimed by pushing its next attempt into the future (a lease): a worker that dies leaves nothing to clean up,
the row is simply due again. A row with the key of an existing one is not written twice; the light's row (`remind`) is
made due again instead, with a higher version, so that a change between claim and `done` is not lost. Rows are never
deleted by a failure: they carry their last error, for the administrator to see, until done or given up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import bindparam, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.backoff import doubled_s
from voicebox.mailbox import Mailbox
from voicebox.storage.tables import outbox
from voicebox.storage.text import error_line
from voicebox.storage.upsert import Upsert, overwrite

FIRST_DELAY_S: Final = 5.0
DELAY_MAX_S: Final = 3600.0
_RETRIED_AT: Final = "retried_at"
"""In the payload: `created_at` must stay, since it is a mail's date, and says which request an invitation is for."""


class Kind(StrEnum):
    """What a row asks for."""

    MAIL_NOTIFY = "mail-notify"
    """Row 15: a mail without audio."""
    MAIL_COPY = "mail-copy"
    """Row 16: a mail with the audio."""
    MAIL_REDIRECT = "mail-redirect"
    """Row 13: the message itself, e-mail only."""
    MAIL_REQUEST = "mail-request"
    """A copy that its owner asked for by phone."""
    MAIL_CHANGED = "mail-changed"
    """Security row 4: tells the owner that what callers hear, or where they get, was changed."""
    MAIL_CONFIRM = "mail-confirm"
    """Asks an address that a subscriber named whether it wants mails."""
    MWI = "mwi"
    """Row 14: the mailbox's light, one row per mailbox."""
    AUDIO_REMOVAL = "audio-removal"
    """Row 21: sound whose row is gone, to be taken out of the store; done, it says that it must not come back."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the outbox, as claimed or listed."""

    id: int
    company_id: int
    kind: str
    key: str
    mailbox_id: int | None
    message_id: str | None
    payload: dict[str, Any]
    version: int
    attempts: int
    """Counted when claimed, so the first attempt sees 1."""
    next_attempt_at: datetime
    last_error: str | None
    created_at: datetime
    done_at: datetime | None
    given_up_at: datetime | None

    @property
    def tried_since(self) -> datetime:
        """When its attempts began: when it was written, or an administrator had it tried anew (`retry`)."""
        retried_at = self.payload.get(_RETRIED_AT)
        return self.created_at if retried_at is None else datetime.fromisoformat(retried_at)


@dataclass(frozen=True, slots=True)
class Draft:
    """A row to be written; `key` is unique for ever and names the effect, such as `mail-notify:<message id>`."""

    company_id: int
    kind: str
    key: str
    mailbox_id: int | None = None
    message_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


_COLUMNS: Final = [outbox.c[f.name] for f in fields(Entry)]
_OPEN: Final = outbox.c.done_at.is_(None) & outbox.c.given_up_at.is_(None)

_ADD: Final = Upsert(lambda insert: insert(outbox).on_conflict_do_nothing(index_elements=["key"]))
_REMIND: Final = overwrite(
    outbox,
    ["key"],
    ["next_attempt_at", "payload"],  # removed again, sound may lie under another key
    version=outbox.c.version + 1,
    attempts=0,
    last_error=None,
    done_at=None,
    given_up_at=None,
)
_DUE: Final = (
    select(outbox.c.id)
    .where(outbox.c.kind == bindparam("due_kind"), _OPEN, outbox.c.next_attempt_at <= bindparam("due_at"))
    .order_by(outbox.c.next_attempt_at, outbox.c.id)
    .limit(bindparam("due_limit"))
    .with_for_update(skip_locked=True)  # PostgreSQL: several nodes claim at once; SQLite has one writer anyway
    .cte("due")  # which PostgreSQL runs once; a subquery it may run for each row, with a new limit each time
)
_CLAIM: Final = (
    update(outbox)
    .where(outbox.c.id.in_(select(_DUE.c.id)))
    .values(next_attempt_at=bindparam("leased_until"), attempts=outbox.c.attempts + 1)
    .returning(*_COLUMNS)
)
_SAME: Final = (outbox.c.id == bindparam("row_id")) & (outbox.c.version == bindparam("row_version")) & _OPEN
_DONE: Final = update(outbox).where(_SAME).values(done_at=bindparam("now"), last_error=None)
_FAILED: Final = update(outbox).where(_SAME).values(last_error=bindparam("error"), next_attempt_at=bindparam("next_at"))
_RENEW: Final = update(outbox).where(_SAME).values(next_attempt_at=bindparam("next_at"))
_GIVE_UP: Final = update(outbox).where(_SAME).values(last_error=bindparam("error"), given_up_at=bindparam("now"))
_WITHDRAW: Final = (
    update(outbox)
    .where(outbox.c.mailbox_id == bindparam("of_mailbox"), outbox.c.kind == bindparam("of_kind"), _OPEN)
    .values(done_at=bindparam("now"), last_error=bindparam("error"))
)
_NEXT_DUE: Final = (
    select(outbox.c.next_attempt_at)
    .where(outbox.c.kind.in_(bindparam("kinds", expanding=True)), _OPEN)
    .order_by(outbox.c.next_attempt_at)
    .limit(1)
)


def backoff_s(attempts: int) -> float:
    """Return how long a row rests after its `attempts`-th failure: 5 s, doubled each time, at most an hour."""
    return doubled_s(attempts, first_s=FIRST_DELAY_S, most_s=DELAY_MAX_S)


async def add(connection: AsyncConnection, drafts: Sequence[Draft], now: datetime) -> None:
    """Write rows that are due at once; a key that exists is left as it is."""
    if drafts:
        await connection.execute(_ADD.on(connection), [_values(draft, now) for draft in drafts])


async def remind(connection: AsyncConnection, draft: Draft, now: datetime) -> None:
    """Write a row, or make the one with its key due again, as if it had never been done."""
    await connection.execute(_REMIND.on(connection), _values(draft, now))


async def retry(connection: AsyncConnection, entry: Entry, now: datetime) -> None:
    """Make a row due again, given up or not, with as many attempts before it as a new one has."""
    payload = entry.payload | {_RETRIED_AT: now.isoformat()}
    draft = Draft(entry.company_id, entry.kind, entry.key, entry.mailbox_id, entry.message_id, payload)
    await remind(connection, draft, now)


async def remind_light(connection: AsyncConnection, company_id: int, mailbox_id: int, now: datetime) -> None:
    """Have the mailbox's light sent again: its counts or its switch changed in this transaction."""
    draft = Draft(company_id, Kind.MWI, light_key(mailbox_id), mailbox_id)
    await remind(connection, draft, now)


async def remind_lights(connection: AsyncConnection, mailboxes: Sequence[Mailbox], now: datetime) -> None:
    """Do as `remind_light` for many mailboxes at once; in one order, so that two such units never block each other."""
    ordered = sorted(mailboxes, key=lambda each: each.id)
    drafts = [Draft(each.company_id, Kind.MWI, light_key(each.id), each.id) for each in ordered]
    if drafts:
        await connection.execute(_REMIND.on(connection), [_values(draft, now) for draft in drafts])


def light_key(mailbox_id: int) -> str:
    """Return the key of the one row a mailbox has for its light."""
    return f"{Kind.MWI}:{mailbox_id}"


async def claim_due(
    connection: AsyncConnection, kind: str, *, limit: int, now: datetime, lease_s: float
) -> list[Entry]:
    """Take at most `limit` due rows, the longest due first, and nobody else gets them for `lease_s` seconds."""
    rows = await connection.execute(
        _CLAIM,
        {
            "due_kind": kind,
            "due_at": now,
            "due_limit": limit,
            "leased_until": now + timedelta(seconds=lease_s),
        },
    )
    return sorted((Entry(*row) for row in rows), key=lambda entry: entry.id)


async def done(connection: AsyncConnection, entry: Entry, now: datetime) -> bool:
    """Mark a claimed row as done; False if it was made due again meanwhile, and so stays."""
    result = await connection.execute(_DONE, _same(entry) | {"now": now})
    return bool(result.rowcount)


async def failed(connection: AsyncConnection, entry: Entry, error: str, next_attempt_at: datetime) -> None:
    """Note why a claimed row failed, and when it is due again."""
    await connection.execute(_FAILED, _same(entry) | {"error": error_line(error), "next_at": next_attempt_at})


async def renew(connection: AsyncConnection, entry: Entry, next_attempt_at: datetime) -> None:
    """Keep a claimed row for longer; nothing else of it changes."""
    await connection.execute(_RENEW, _same(entry) | {"next_at": next_attempt_at})


async def give_up(connection: AsyncConnection, entry: Entry, error: str, now: datetime) -> None:
    """Mark a claimed row as never to be tried again, with the reason."""
    await connection.execute(_GIVE_UP, _same(entry) | {"error": error_line(error), "now": now})


async def withdraw(connection: AsyncConnection, kind: str, mailbox_id: int, why: str, now: datetime) -> int:
    """Close a mailbox's open rows of a kind, which are no longer wanted; returns how many that were."""
    values = {"of_mailbox": mailbox_id, "of_kind": kind, "error": error_line(f"withdrawn: {why}"), "now": now}
    return (await connection.execute(_WITHDRAW, values)).rowcount


async def next_due_at(connection: AsyncConnection, kinds: Sequence[str]) -> datetime | None:
    """Return when the next row of these kinds is due (maybe in the past); None if nothing is open."""
    moment: datetime | None = await connection.scalar(_NEXT_DUE, {"kinds": list(kinds)})
    return moment


async def page(
    connection: AsyncConnection,
    *,
    company_id: int | None = None,
    unfinished: bool = True,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """List rows for an administrator, newest first: unfinished ones (open or given up), or all of them."""
    statement = select(*_COLUMNS).order_by(outbox.c.id.desc()).limit(limit)
    if company_id is not None:
        statement = statement.where(outbox.c.company_id == company_id)
    if unfinished:
        statement = statement.where(or_(outbox.c.done_at.is_(None), outbox.c.given_up_at.is_not(None)))
    if before_id is not None:
        statement = statement.where(outbox.c.id < before_id)
    return [Entry(*row) for row in await connection.execute(statement)]


def _same(entry: Entry) -> dict[str, Any]:
    return {"row_id": entry.id, "row_version": entry.version}


def _values(draft: Draft, now: datetime) -> dict[str, Any]:
    return {
        "company_id": draft.company_id,
        "kind": draft.kind,
        "key": draft.key,
        "mailbox_id": draft.mailbox_id,
        "message_id": draft.message_id,
        "payload": dict(draft.payload),
        "next_attempt_at": now,
        "created_at": now,
    }


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is open of one kind."""

    rows: int
    since: datetime
    """When the oldest was written. A light's one row is used again and again: there, since when it is due."""


_BACKLOG: Final = (
    select(
        outbox.c.kind,
        func.count(),
        func.min(case((outbox.c.kind == Kind.MWI, outbox.c.next_attempt_at), else_=outbox.c.created_at)),
    )
    .where(_OPEN)
    .group_by(outbox.c.kind)
)


async def backlog(connection: AsyncConnection) -> dict[str, Backlog]:
    """Return how much is open of each kind, neither done nor given up, and since when: a metric."""
    return {row[0]: Backlog(row[1], row[2]) for row in await connection.execute(_BACKLOG)}
