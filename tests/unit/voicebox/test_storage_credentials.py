"""Counting logins before they are looked at: no two attempts share a try."""

import asyncio
from datetime import timedelta

from tests.fakes.rows import NOW, one_mailbox
from voicebox.mailbox import Mailbox
from voicebox.storage import credentials
from voicebox.storage.credentials import Attempt, Counter
from voicebox.storage.database import Database


async def set_pin(db: Database, mailbox: Mailbox, pin_hash: str | None = "hash", *history: str) -> None:
    await db.write(
        lambda connection: credentials.set_pin(
            connection,
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id,
            pin_hash=pin_hash,
            one_time=True,
            history=history,
            now=NOW,
        )
    )


async def attempt(db: Database, mailbox: Mailbox, source: str | None = "ip:192.0.2.1", known: bool = True) -> Attempt:
    return await db.write(
        lambda connection: credentials.begin_attempt(
            connection,
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id if known else None,
            source_key=source,
            now=NOW,
        )
    )


async def load(db: Database, mailbox: Mailbox) -> credentials.Credential | None:
    async with db.read() as connection:
        return await credentials.load(connection, mailbox.id)


async def test_a_pin_is_kept_with_its_history(db: Database) -> None:
    mailbox = await one_mailbox(db)
    assert await load(db, mailbox) is None
    await set_pin(db, mailbox, "first")
    await set_pin(db, mailbox, "second", "first", "earlier")
    found = await load(db, mailbox)
    assert found is not None
    assert (found.pin_hash, found.one_time, found.history) == ("second", True, ("first", "earlier"))
    assert (found.company_id, found.changed_at) == (mailbox.company_id, NOW)
    await set_pin(db, mailbox, None)
    found = await load(db, mailbox)
    assert found is not None
    assert found.pin_hash is None


async def test_parallel_attempts_are_counted_one_by_one(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await set_pin(db, mailbox)
    attempts = await asyncio.gather(*(attempt(db, mailbox) for _ in range(20)))
    for counters in ([a.mailbox for a in attempts], [a.source for a in attempts]):
        assert sorted(counter.failures for counter in counters if counter is not None) == list(range(1, 21))


async def test_what_the_rule_decides_is_kept(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await set_pin(db, mailbox)
    begun = await attempt(db, mailbox)
    assert begun.mailbox == Counter(1, 0, None, None)
    assert begun.source == Counter(1, 0, None, NOW)
    locked = Counter(0, 2, NOW + timedelta(minutes=30), NOW)
    await db.write(lambda connection: credentials.store_counters(connection, begun, mailbox=locked, source=locked))
    again = await attempt(db, mailbox)
    assert again.mailbox == again.source == Counter(1, 2, NOW + timedelta(minutes=30), NOW)


async def test_a_right_pin_clears_the_mailbox_and_takes_back_one_try_of_the_source(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await set_pin(db, mailbox)
    for _ in range(3):
        begun = await attempt(db, mailbox)
    await db.write(lambda connection: credentials.attempt_succeeded(connection, begun))
    again = await attempt(db, mailbox)
    assert again.mailbox is not None
    assert again.source is not None
    assert (again.mailbox.failures, again.source.failures) == (1, 3)


async def test_unknown_mailboxes_and_uncounted_sources_count_nothing(db: Database) -> None:
    mailbox = await one_mailbox(db)
    unknown = await attempt(db, mailbox, known=False)
    assert unknown.mailbox is None
    assert unknown.source == Counter(1, 0, None, NOW)
    without = await attempt(db, mailbox, source=None)
    assert (without.mailbox, without.source) == (None, None)
    await db.write(lambda connection: credentials.attempt_succeeded(connection, without))
    await db.write(lambda connection: credentials.store_counters(connection, without, mailbox=Counter(9, 9, None, NOW)))


async def test_a_new_pin_and_an_unlock_clear_the_counter(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await set_pin(db, mailbox)
    for way in ("pin", "unlock"):
        await attempt(db, mailbox)
        await attempt(db, mailbox)
        if way == "pin":
            await set_pin(db, mailbox, "new")
        else:
            await db.write(lambda connection: credentials.unlock(connection, mailbox.id))
        found = await load(db, mailbox)
        assert found is not None
        assert found.counter == Counter(0, 0, None, None)


async def test_sources_are_forgotten_in_time(db: Database) -> None:
    mailbox = await one_mailbox(db)
    await attempt(db, mailbox, "a" * 300)
    await attempt(db, mailbox, "a" * 300)
    assert await db.write(lambda connection: credentials.forget_sources(connection, NOW)) == 0
    later = NOW + timedelta(days=1)
    assert await db.write(lambda connection: credentials.forget_sources(connection, later)) == 1
