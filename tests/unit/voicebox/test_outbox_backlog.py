"""What the outbox owes, by kind and since when: on SQLite and PostgreSQL."""

from datetime import timedelta

from tests.fakes.rows import NOW, one_mailbox
from voicebox.storage import outbox
from voicebox.storage.database import Database
from voicebox.storage.outbox import Backlog, Draft, Kind


async def backlog(db: Database) -> dict[str, Backlog]:
    async with db.read() as connection:
        return await outbox.backlog(connection)


async def test_open_rows_are_counted_by_kind_with_the_oldest(db: Database) -> None:
    mailbox = await one_mailbox(db)
    assert await backlog(db) == {}
    for n in range(3):
        drafts = [
            Draft(mailbox.company_id, Kind.MAIL_NOTIFY, f"n{n}"),
            Draft(mailbox.company_id, Kind.MAIL_COPY, f"c{n}"),
        ]
        at = NOW + timedelta(seconds=n)
        await db.write(lambda connection, drafts=drafts, at=at: outbox.add(connection, drafts, at))  # type: ignore[misc]
    assert await backlog(db) == {Kind.MAIL_NOTIFY: Backlog(3, NOW), Kind.MAIL_COPY: Backlog(3, NOW)}


async def test_a_failing_row_keeps_its_age_and_a_finished_one_is_gone(db: Database) -> None:
    mailbox = await one_mailbox(db)
    drafts = [Draft(mailbox.company_id, Kind.MAIL_NOTIFY, f"n{n}") for n in range(3)]
    await db.write(lambda connection: outbox.add(connection, drafts, NOW))
    first, second, third = await db.write(
        lambda connection: outbox.claim_due(connection, Kind.MAIL_NOTIFY, limit=9, now=NOW, lease_s=60)
    )
    later = NOW + timedelta(hours=1)
    await db.write(lambda connection: outbox.failed(connection, first, "450", later))
    await db.write(lambda connection: outbox.done(connection, second, later))
    await db.write(lambda connection: outbox.give_up(connection, third, "550", later))
    assert await backlog(db) == {Kind.MAIL_NOTIFY: Backlog(1, NOW)}


async def test_a_lights_row_that_is_used_again_is_as_young_as_its_last_change(db: Database) -> None:
    mailbox = await one_mailbox(db)
    later = NOW + timedelta(days=30)
    for at in (NOW, later):
        await db.write(
            lambda connection, at=at: outbox.remind_light(connection, mailbox.company_id, mailbox.id, at)  # type: ignore[misc]
        )
    assert await backlog(db) == {Kind.MWI: Backlog(1, later)}
