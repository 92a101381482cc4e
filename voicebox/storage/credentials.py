"""PINs as hashes, and the counters of failed logins. Numbers and times only: the rules are in `voicebox.access`.

Every function takes part in the caller's transaction (`Database.write`). An attempt is counted by one UPDATE, before
the PIN is looked at: SQLite runs one unit at a time, and PostgreSQL holds the row until the transaction ends, so two
calls at once see different counts and can never share a try.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.storage.tables import credential, source_failure
from voicebox.storage.upsert import Upsert, overwrite


@dataclass(frozen=True, slots=True)
class Counter:
    """Failed attempts, of a mailbox or of a source."""

    failures: int
    lock_count: int
    """How often it was locked since the last success: each lock doubles the next."""
    locked_until: datetime | None
    last_failure_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A mailbox's PIN and its counter."""

    mailbox_id: int
    company_id: int
    pin_hash: str | None
    """None: no PIN is set, and so no login."""
    one_time: bool
    history: tuple[str, ...]
    """Hashes of earlier PINs, the newest first."""
    counter: Counter
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has been counted already, as if it had failed."""

    company_id: int
    mailbox_id: int | None
    source_key: str | None
    mailbox: Counter | None
    """Its failures include this attempt; None if there is no such mailbox or it never had a credential."""
    source: Counter | None
    """Likewise; None for a source that is not counted (withheld callers)."""


_COUNTER: Final = (
    credential.c.failures,
    credential.c.lock_count,
    credential.c.locked_until,
    credential.c.last_failure_at,
)
_LOAD: Final = select(
    credential.c.mailbox_id,
    credential.c.company_id,
    credential.c.pin_hash,
    credential.c.one_time,
    credential.c.history,
    credential.c.changed_at,
    *_COUNTER,
).where(credential.c.mailbox_id == bindparam("of_mailbox"))
_COUNT: Final = (
    update(credential)
    .where(credential.c.mailbox_id == bindparam("of_mailbox"))
    .values(failures=credential.c.failures + 1)
    .returning(*_COUNTER)
)
# The time of the failure before this one is what the rule needs, so it is stored by `store_counters`.
_COUNT_SOURCE: Final = Upsert(
    lambda insert: (
        insert(source_failure)
        .on_conflict_do_update(
            index_elements=["company_id", "source_key"],
            set_={"failures": source_failure.c.failures + 1},
        )
        .returning(
            source_failure.c.failures,
            source_failure.c.lock_count,
            source_failure.c.locked_until,
            source_failure.c.last_failure_at,
        )
    )
)
_STORE: Final = (
    update(credential)
    .where(credential.c.mailbox_id == bindparam("of_mailbox"))
    .values(
        failures=bindparam("new_failures"),
        lock_count=bindparam("new_lock_count"),
        locked_until=bindparam("new_locked_until"),
        last_failure_at=bindparam("new_last_failure_at"),
    )
)
_OF_SOURCE: Final = (source_failure.c.company_id == bindparam("of_company")) & (
    source_failure.c.source_key == bindparam("of_source")
)
_STORE_SOURCE: Final = (
    update(source_failure)
    .where(_OF_SOURCE)
    .values(
        failures=bindparam("new_failures"),
        lock_count=bindparam("new_lock_count"),
        locked_until=bindparam("new_locked_until"),
        last_failure_at=bindparam("new_last_failure_at"),
    )
)
_CLEAR: Final = (
    update(credential)
    .where(credential.c.mailbox_id == bindparam("of_mailbox"))
    .values(failures=0, lock_count=0, locked_until=None, last_failure_at=None)
)
_TAKE_BACK: Final = (
    update(source_failure)
    .where(_OF_SOURCE, source_failure.c.failures > 0)
    .values(failures=source_failure.c.failures - 1)
)
_SET_PIN: Final = overwrite(
    credential,
    ["mailbox_id"],
    ["pin_hash", "one_time", "history", "changed_at"],
    failures=0,
    lock_count=0,
    locked_until=None,
    last_failure_at=None,
)


async def load(connection: AsyncConnection, mailbox_id: int) -> Credential | None:
    """Return a mailbox's credential; None if it never had one."""
    row = (await connection.execute(_LOAD, {"of_mailbox": mailbox_id})).one_or_none()
    if row is None:
        return None
    return Credential(
        mailbox_id=row.mailbox_id,
        company_id=row.company_id,
        pin_hash=row.pin_hash,
        one_time=row.one_time,
        history=tuple(row.history),
        counter=Counter(row.failures, row.lock_count, row.locked_until, row.last_failure_at),
        changed_at=row.changed_at,
    )


async def begin_attempt(
    connection: AsyncConnection, *, company_id: int, mailbox_id: int | None, source_key: str | None, now: datetime
) -> Attempt:
    """Count an attempt as failed and return the counters with it, for the rule to judge in the same transaction.

    The rule's verdict (a lock, a window that began anew, an attempt that does not count because it is locked already)
    is written back by `store_counters`. `source_key` None counts no source; `mailbox_id` None no mailbox. `now` becomes
    the last failure of a source that is new.
    """
    mailbox = None
    if mailbox_id is not None:
        row = (await connection.execute(_COUNT, {"of_mailbox": mailbox_id})).one_or_none()
        mailbox = None if row is None else Counter(*row)
    source = None
    if source_key is not None:
        values: dict[str, Any] = {
            "company_id": company_id,
            "source_key": source_key[:200],
            "failures": 1,
            "lock_count": 0,
            "last_failure_at": now,
        }
        source = Counter(*(await connection.execute(_COUNT_SOURCE.on(connection), values)).one())
    return Attempt(company_id, mailbox_id, source_key, mailbox, source)


async def store_counters(
    connection: AsyncConnection, attempt: Attempt, *, mailbox: Counter | None = None, source: Counter | None = None
) -> None:
    """Write what the rule decided about an attempt; None leaves that counter as it is."""
    if mailbox is not None and attempt.mailbox_id is not None:
        await connection.execute(_STORE, _new(mailbox) | {"of_mailbox": attempt.mailbox_id})
    if source is not None and attempt.source_key is not None:
        where = {"of_company": attempt.company_id, "of_source": attempt.source_key[:200]}
        await connection.execute(_STORE_SOURCE, _new(source) | where)


async def attempt_succeeded(connection: AsyncConnection, attempt: Attempt) -> None:
    """Clear the mailbox's counter, since the PIN was right, and take this attempt back from its source's.

    The source's earlier failures stay: else a stranger with one mailbox of his own could try four PINs of others, log
    in to his, and go on for ever.
    """
    if attempt.mailbox_id is not None:
        await connection.execute(_CLEAR, {"of_mailbox": attempt.mailbox_id})
    if attempt.source_key is not None:
        where = {"of_company": attempt.company_id, "of_source": attempt.source_key[:200]}
        await connection.execute(_TAKE_BACK, where)


async def unlock(connection: AsyncConnection, mailbox_id: int) -> None:
    """Clear a mailbox's counter: its owner signed in on the web, or an administrator asked for it."""
    await connection.execute(_CLEAR, {"of_mailbox": mailbox_id})


async def set_pin(
    connection: AsyncConnection,
    *,
    company_id: int,
    mailbox_id: int,
    pin_hash: str | None,
    one_time: bool,
    history: Sequence[str],
    now: datetime,
) -> None:
    """Set a PIN (by its hash; None takes it away) with the hashes of earlier ones, and clear the counter."""
    values = {
        "company_id": company_id,
        "mailbox_id": mailbox_id,
        "pin_hash": pin_hash,
        "one_time": one_time,
        "history": list(history),
        "changed_at": now,
    }
    await connection.execute(_SET_PIN.on(connection), values)


async def forget_sources(connection: AsyncConnection, before: datetime) -> int:
    """Drop counters of sources whose last failure is older than `before`; returns how many."""
    statement = delete(source_failure).where(source_failure.c.last_failure_at < before)
    return (await connection.execute(statement)).rowcount


def _new(counter: Counter) -> dict[str, Any]:
    return {
        "new_failures": counter.failures,
        "new_lock_count": counter.lock_count,
        "new_locked_until": counter.locked_until,
        "new_last_failure_at": counter.last_failure_at,
    }
