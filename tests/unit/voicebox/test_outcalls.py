"""Calls that a mailbox pays for: whose number it is, what was used, and what two at the same moment get."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.fakes.rows import StandingClock, add_company, add_mailbox
from voicebox.directory import Directory
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Company, Mailbox
from voicebox.outbound import Dial, Refusal, Refused
from voicebox.outcalls import ASK_AGAIN_S, OutCalls, Permit
from voicebox.settings.outbound import Outbound
from voicebox.storage import mailboxes, outbound
from voicebox.storage.database import Database

OUTSIDE = "+492115559999"
LATE = datetime(2026, 11, 22, 22, 59, 50, tzinfo=UTC)
"""Ten seconds before midnight in Berlin."""
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 23)


class Stage:
    """A company with two mailboxes that may call to Germany."""

    def __init__(self, db: Database, company: Company, anna: Mailbox, bert: Mailbox, **settings: object) -> None:
        self.db, self.company, self.anna, self.bert = db, company, anna, bert
        self.clock = StandingClock(LATE)
        self.now = 1000.0
        options = {"peer": "pbx", "allow": ("+49",), "max_calls": 2, "daily_budget_min": 2} | settings
        self.calls = OutCalls(
            db, Directory(db), self.clock, Outbound.model_validate(options), monotonic=lambda: self.now
        )

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.clock.advance(seconds)

    async def permit(self, number: str = OUTSIDE) -> Permit:
        found = await self.calls.admit(self.anna, number)
        assert isinstance(found, Permit)
        return found

    async def used(self, day: date) -> int:
        async with self.db.read() as connection:
            return await outbound.used_s(connection, self.company.id, day)


async def stage_of(db: Database, **settings: object) -> Stage:
    company = await add_company(db)
    anna = await add_mailbox(db, company, "1001", phone="+492115551001")
    bert = await add_mailbox(db, company, "100200", phone="+492115551002")
    await db.write(lambda connection: mailboxes.add_alias(connection, anna, "+491701234567", LATE))
    return Stage(db, company, anna, bert, **settings)


async def gone(*_: object, **__: object) -> None:
    """Write into a database that is away."""
    raise DatabaseUnavailable("down")


async def test_numbers_are_read_as_people_write_them(db: Database) -> None:
    stage = await stage_of(db)
    for spelling in ("0211-555-9999", "+49 211 5559999", "5559999", "00492115559999"):
        permit = await stage.permit(spelling)
        assert permit.dial == Dial(OUTSIDE, internal=False)
        await permit.end()
    assert (await stage.permit("100200")).dial == Dial("100200", stage.bert)
    assert (await stage.permit("0211-555-1002")).dial == Dial("100200", stage.bert)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("1001", Refusal.OWN_NUMBER),
        ("0211 5551001", Refusal.OWN_NUMBER),
        ("0170 1234567", Refusal.OWN_NUMBER),
        ("112", Refusal.EMERGENCY),
        ("116117", Refusal.EMERGENCY),
        ("116 117", Refusal.EMERGENCY),
        ("0900 1234567", Refusal.PREMIUM),
        ("+442079460000", Refusal.NOT_ALLOWED),
        ("00442079460000", Refusal.NOT_ALLOWED),
        ("anonymous", Refusal.NOT_A_NUMBER),
        ("tel:100200;phone-context=elsewhere.example", Refusal.NOT_A_NUMBER),
        ("", Refusal.NOT_A_NUMBER),
    ],
)
async def test_what_is_refused(db: Database, number: str, why: Refusal) -> None:
    stage = await stage_of(db)
    assert await stage.calls.admit(stage.anna, number) == Refused(why)
    assert not await stage.calls.would_admit(stage.anna, number)


async def test_seconds_count_from_the_answer_on_the_companys_day(db: Database) -> None:
    stage = await stage_of(db)
    permit = await stage.permit()
    stage.pass_by(8.0)  # it rings
    permit.answered()
    stage.pass_by(29.5)  # over midnight
    await permit.end()
    await permit.end()
    assert await stage.used(TODAY) == 30
    assert await stage.used(TOMORROW) == 0
    second = await stage.permit()
    second.answered()
    stage.pass_by(1.0)
    await second.end()
    assert (await stage.used(TODAY), await stage.used(TOMORROW)) == (30, 1)


async def test_where_the_companys_zone_is_not_known_the_day_is_that_of_utc(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:
        stage = await stage_of(db)
        astray = replace(stage.company, time_zone="Mars/Olympus")
        stage.pass_by(60)
        assert (stage.calls.day_of(stage.company), stage.calls.day_of(astray)) == (TOMORROW, TODAY)


async def test_what_nobody_answered_costs_nothing(db: Database) -> None:
    stage = await stage_of(db)
    permit = await stage.permit()
    stage.pass_by(5.0)
    await permit.end()
    assert await stage.used(TODAY) == 0


async def test_the_days_budget_ends_and_begins_anew(db: Database) -> None:
    stage = await stage_of(db)
    stage.clock.moment = NOON
    permit = await stage.permit()
    permit.answered()
    stage.pass_by(100)
    other = await stage.permit()  # while the first one still talks
    await other.end()
    stage.pass_by(20)
    assert await stage.calls.admit(stage.anna, OUTSIDE) == Refused(Refusal.BUDGET_SPENT)
    await permit.end()
    assert await stage.calls.admit(stage.anna, OUTSIDE) == Refused(Refusal.BUDGET_SPENT)
    assert (await stage.permit("100200")).dial.internal
    stage.clock.moment = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)  # midnight in Berlin
    assert not (await stage.permit()).dial.internal


async def test_security_row_3_calls_at_the_same_time_share_what_is_left_of_the_day(db: Database) -> None:
    stage = await stage_of(db)
    stage.clock.moment = NOON
    calls = [await stage.permit(), await stage.permit()]
    for each in calls:
        each.answered()
    stage.pass_by(50)
    assert [each.lease_s() for each in calls] == [ASK_AGAIN_S, ASK_AGAIN_S]
    stage.pass_by(8)
    assert [each.lease_s() for each in calls] == [2.0, 2.0]  # of the four that are left
    stage.pass_by(2)
    assert [each.lease_s() for each in calls] == [0.0, 0.0]
    for each in calls:
        await each.end()
    assert await stage.used(TODAY) == 120


async def test_what_a_call_that_has_ended_used_is_not_left_to_the_others(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await stage_of(db)
    stage.clock.moment = NOON
    long, short = await stage.permit(), await stage.permit()
    long.answered()
    short.answered()
    stage.pass_by(30)

    with monkeypatch.context() as away:
        away.setattr(db, "write", gone)
        await short.end()
        stage.pass_by(59)
        assert long.lease_s() == 1.0
    await stage.permit()  # settles what was owed
    assert long.lease_s() == 1.0
    stage.pass_by(1)
    assert long.lease_s() == 0.0


async def test_security_row_3_what_is_just_being_written_counts_for_who_asks_meanwhile(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await stage_of(db)
    permit = await stage.permit()
    permit.answered()
    stage.now += 120
    write, writing, may_write = db.write, asyncio.Event(), asyncio.Event()

    async def slow(work: Any) -> Any:
        writing.set()
        await may_write.wait()
        return await write(work)

    monkeypatch.setattr(db, "write", slow)
    ending = asyncio.create_task(permit.end())
    await writing.wait()
    asking = asyncio.create_task(stage.calls.admit(stage.anna, OUTSIDE))
    for _ in range(5):  # who did not wait for the writing would have the answer by now
        assert await stage.used(TODAY) == 0
    may_write.set()
    assert await asking == Refused(Refusal.BUDGET_SPENT)
    await ending


async def test_a_call_over_midnight_stays_on_the_budget_of_its_own_day(db: Database) -> None:
    stage = await stage_of(db)
    late = await stage.permit()
    late.answered()
    stage.pass_by(110)
    early = await stage.permit()
    early.answered()
    stage.pass_by(9)
    assert (late.lease_s(), early.lease_s()) == (1.0, ASK_AGAIN_S)
    stage.pass_by(1)
    assert (late.lease_s(), early.lease_s()) == (0.0, ASK_AGAIN_S)
    await late.end()
    stage.pass_by(109)
    assert early.lease_s() == 1.0


async def test_two_at_the_same_moment_are_not_both_the_last_one(db: Database) -> None:
    stage = await stage_of(db, max_calls=1)
    found = await asyncio.gather(*(stage.calls.admit(stage.anna, OUTSIDE) for _ in range(5)))
    permits = [each for each in found if isinstance(each, Permit)]
    assert len(permits) == 1 == len(stage.calls)
    assert found.count(Refused(Refusal.TOO_MANY_CALLS)) == 4
    await permits[0].end()
    assert len(stage.calls) == 0
    await stage.permit()


async def test_asking_whether_it_would_be_allowed_holds_nothing(db: Database) -> None:
    stage = await stage_of(db, max_calls=1)
    assert await stage.calls.would_admit(stage.anna, OUTSIDE)
    assert len(stage.calls) == 0


async def test_calls_of_colleagues_neither_cost_nor_count(db: Database) -> None:
    stage = await stage_of(db, max_calls=1)
    permit = await stage.permit("100200")
    permit.answered()
    stage.pass_by(50)
    await permit.end()
    assert permit.lease_s() is None
    assert len(stage.calls) == 0
    assert await stage.used(TODAY) == 0


async def test_what_the_database_does_not_take_is_counted_later(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = await stage_of(db)
    permit = await stage.permit()
    permit.answered()
    stage.pass_by(9)

    with monkeypatch.context() as away:
        away.setattr(db, "write", gone)
        await permit.end()
        assert not await stage.calls.would_admit(stage.anna, OUTSIDE)
        with pytest.raises(DatabaseUnavailable):
            await stage.calls.admit(stage.anna, OUTSIDE)
        assert (await stage.permit("100200")).dial.internal  # colleagues cost nothing
    await stage.permit()
    assert await stage.used(TODAY) == 9


async def test_use_is_kept_over_a_restart(db: Database) -> None:
    stage = await stage_of(db)
    stage.clock.moment = NOON
    permit = await stage.permit()
    permit.answered()
    stage.pass_by(7)
    await permit.end()
    after = Stage(db, stage.company, stage.anna, stage.bert)
    after.clock.moment = NOON
    permit = await after.permit()
    permit.answered()
    after.pass_by(112)
    assert permit.lease_s() == 1.0
