"""The outbox: claims, leases, failures that stay visible, and the light's row that is due again."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from tests.fakes.rows import NOW, one_mailbox
from voicebox.mailbox import Mailbox
from voicebox.storage import outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Entry, Kind, backoff_s
from voicebox.storage.text import error_line

LATER = NOW + timedelta(seconds=60)


async def write(db: Database, mailbox: Mailbox, *keys: str) -> None:
    drafts = [Draft(mailbox.company_id, Kind.MAIL_NOTIFY, key, mailbox.id, payload={"to": "a@b"}) for key in keys]
    await db.write(lambda connection: outbox.add(connection, drafts, NOW))


async def claim(db: Database, *, limit: int = 10, after_s: float = 0.0, lease_s: float = 60.0) -> list[Entry]:
    now = NOW + timedelta(seconds=after_s)
    return await db.write(
        lambda connection: outbox.claim_due(connection, Kind.MAIL_NOTIFY, limit=limit, now=now, lease_s=lease_s)
    )


async def rows(db: Database, *, unfinished: bool = True) -> list[Entry]:
    async with db.read() as connection:
        return await outbox.page(connection, unfinished=unfinished)


async def test_a_row_is_claimed_once_until_its_lease_ends(db: Database) -> None:
    await write(db, await one_mailbox(db), "a", "b")
    first = await claim(db)
    assert [(entry.key, entry.attempts, entry.payload) for entry in first] == [
        ("a", 1, {"to": "a@b"}),
        ("b", 1, {"to": "a@b"}),
    ]
    assert await claim(db, after_s=59) == []
    assert [entry.attempts for entry in await claim(db, after_s=60)] == [2, 2]


async def test_claims_at_once_share_the_rows(db: Database) -> None:
    await write(db, await one_mailbox(db), *(f"k{number}" for number in range(40)))
    claims = await asyncio.gather(*(claim(db, limit=7) for _ in range(8)))
    keys = [entry.key for entries in claims for entry in entries]
    assert len(keys) == len(set(keys))
    rest = await claim(db, limit=40)
    assert sorted([*keys, *(entry.key for entry in rest)]) == sorted(f"k{number}" for number in range(40))


async def test_a_claim_keeps_to_its_limit_whatever_the_plan(db: Database) -> None:
    await write(db, await one_mailbox(db), *(f"k{number}" for number in range(40)))

    async def work(connection: AsyncConnection) -> list[Entry]:
        if connection.dialect.name == "postgresql":
            for way in ("hashagg", "hashjoin", "mergejoin", "sort", "material", "memoize"):  # leaves a nested loop
                await connection.execute(text(f"SET LOCAL enable_{way} = off"))
        return await outbox.claim_due(connection, Kind.MAIL_NOTIFY, limit=7, now=NOW, lease_s=60)

    assert len(await db.write(work)) == 7


async def test_the_longest_due_are_claimed_first(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await write(db, mailbox, "a", "b", "c")
    (a, *_) = await claim(db, limit=1)
    await db.write(lambda connection: outbox.failed(connection, a, "x", NOW + timedelta(seconds=5)))
    assert [entry.key for entry in await claim(db, after_s=10, limit=2)] == ["b", "c"]


async def test_a_key_is_written_once_for_ever(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await write(db, mailbox, "a")
    (entry,) = await claim(db)
    assert await db.write(lambda connection: outbox.done(connection, entry, NOW))
    await write(db, mailbox, "a")
    assert await claim(db, after_s=1e6) == []
    assert await rows(db) == []
    assert [entry.done_at for entry in await rows(db, unfinished=False)] == [NOW]


async def test_a_failure_is_visible_and_due_again(db: Database) -> None:
    await write(db, await one_mailbox(db), "a")
    (entry,) = await claim(db)
    await db.write(lambda connection: outbox.failed(connection, entry, "450 try later", LATER))
    (seen,) = await rows(db)
    assert (seen.last_error, seen.next_attempt_at, seen.attempts) == ("450 try later", LATER, 1)
    assert await claim(db, after_s=59) == []
    (again,) = await claim(db, after_s=60)
    assert again.attempts == 2


async def test_what_is_given_up_stays_visible_and_is_never_claimed(db: Database) -> None:
    await write(db, await one_mailbox(db), "a")
    (entry,) = await claim(db)
    await db.write(lambda connection: outbox.give_up(connection, entry, "550 no such user", NOW))
    assert await claim(db, after_s=1e6) == []
    (seen,) = await rows(db)
    assert (seen.last_error, seen.given_up_at, seen.done_at) == ("550 no such user", NOW, None)


async def test_a_reminder_between_claim_and_done_is_not_lost(db: Database) -> None:
    mailbox = await one_mailbox(db)
    draft = Draft(mailbox.company_id, Kind.MAIL_NOTIFY, "light", mailbox.id)
    for _ in range(2):
        await db.write(lambda connection: outbox.remind(connection, draft, NOW))
    (entry,) = await claim(db)
    assert entry.version == 2
    await db.write(lambda connection: outbox.remind(connection, draft, NOW))
    assert not await db.write(lambda connection: outbox.done(connection, entry, NOW))
    (again,) = await claim(db)
    assert (again.version, again.attempts) == (3, 1)
    assert await db.write(lambda connection: outbox.done(connection, again, NOW))
    await db.write(lambda connection: outbox.remind(connection, draft, NOW))
    assert len(await claim(db)) == 1


async def test_when_something_is_due_next_is_known(db: Database) -> None:
    async def next_due() -> object:
        async with db.read() as connection:
            return await outbox.next_due_at(connection, [Kind.MAIL_NOTIFY, Kind.MAIL_COPY])

    assert await next_due() is None
    await write(db, await one_mailbox(db), "a")
    assert await next_due() == NOW
    await claim(db, lease_s=60)
    assert await next_due() == LATER


async def test_pages_go_backwards_by_id(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await write(db, mailbox, *"abcde")
    async with db.read() as connection:
        first = await outbox.page(connection, company_id=mailbox.company_id, limit=3)
        rest = await outbox.page(connection, company_id=mailbox.company_id, limit=3, before_id=first[-1].id)
        assert await outbox.page(connection, company_id=mailbox.company_id + 1) == []
    assert [entry.key for entry in [*first, *rest]] == ["e", "d", "c", "b", "a"]


def test_waits_double_up_to_an_hour() -> None:
    assert [backoff_s(attempts) for attempts in (1, 2, 3, 10_000)] == [5.0, 10.0, 20.0, 3600.0]


@pytest.mark.parametrize(
    "error",
    [
        "535 AUTH PLAIN AHVzZXIAaHVudGVyMg== failed",
        "smtp://user:AHVzZXIAaHVudGVyMg==@host refused",
        "password=AHVzZXIAaHVudGVyMg==",
        "Authorization: Basic AHVzZXIAaHVudGVyMg==",
    ],
)
def test_errors_are_kept_without_secrets(error: str) -> None:
    assert "AHVz" not in error_line(error)


@given(st.text(max_size=2000))
def test_any_error_becomes_one_short_line(error: str) -> None:
    line = error_line(error)
    assert len(line) <= 500
    assert "\n" not in line
    assert "\x00" not in line
    line.encode()


async def test_a_reminder_tells_what_holds_now(db: Database) -> None:
    mailbox = await one_mailbox(db)
    for key in ("first", "second"):
        draft = Draft(mailbox.company_id, Kind.AUDIO_REMOVAL, "audio", payload={"blob": key})
        await db.write(lambda connection, draft=draft: outbox.remind(connection, draft, NOW))  # type: ignore[misc]
    async with db.read() as connection:
        (entry,) = await outbox.page(connection)
    assert entry.payload == {"blob": "second"}
