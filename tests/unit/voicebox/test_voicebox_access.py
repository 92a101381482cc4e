"""Logins and PINs, on a real database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from voicebox.access import ANSWER_S, GHOSTS_MAX, Access, LoginResult, Outcome, Source
from voicebox.errors import DatabaseUnavailable
from voicebox.i18n import Language
from voicebox.lockout import Tally
from voicebox.mailbox import Mailbox
from voicebox.passcode import PinProblem, check
from voicebox.pinhash import Cost, PinHasher
from voicebox.storage import credentials, mailboxes
from voicebox.storage.database import Database
from voicebox.storage.tables import metadata

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HOME = Source("number:+4930999")
AWAY = Source("number:+4940888")
WITHHELD = Source("withheld:pbx", shared=True)
PIN, OTHER_PIN, WRONG = "274913", "860275", "000001"


class StillClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = START
        self.ticks_s = 100.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.ticks_s

    def move(self, by: timedelta) -> None:
        self.moment += by


class WatchedHasher(PinHasher):
    """The real one, which notes what it was asked to verify."""

    def __init__(self) -> None:
        super().__init__(b"k" * 32, Cost(memory_kib=8, passes=1))
        self.verified: list[bool] = []
        self.before_verifying: Callable[[], Awaitable[None]] | None = None

    async def verify(self, stored: str | None, secret: str) -> bool:
        if self.before_verifying is not None:
            await self.before_verifying()
        self.verified.append(stored is not None)
        return await super().verify(stored, secret)


class Scene:
    """An installation with two mailboxes, of which the first has a PIN."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = StillClock()
        self.hasher = WatchedHasher()
        self.access = self.restarted()
        self.anna: Mailbox
        self.bert: Mailbox

    def restarted(self) -> Access:
        return Access(self.db, self.hasher, self.clock, monotonic=self.clock.monotonic)

    async def furnish(self) -> None:
        settings = {"language": Language.DE, "time_zone": "Europe/Berlin"}

        async def work(connection: Any) -> list[Mailbox]:
            company = await mailboxes.add_company(
                connection, now=START, name="Beispiel", country_code="49", area_code="211", **settings
            )
            boxes = [
                await mailboxes.add_mailbox(
                    connection, now=START, company_id=company.id, number=number, phone=phone, name="A", **settings
                )
                for number, phone in (("1001", "+492115551001"), ("1002", None))
            ]
            await mailboxes.add_alias(connection, boxes[0], "+491708529637", START)
            return boxes

        self.anna, self.bert = await self.db.write(work)
        assert await self.access.set_pin(self.anna, PIN) == []
        self.hasher.verified.clear()

    async def login(
        self, pin: str, source: Source = HOME, *, mailbox: Mailbox | None = None, typed: str = "1001"
    ) -> LoginResult:
        return await self.access.login(
            company_id=self.anna.company_id,
            mailbox=self.anna if mailbox is None else mailbox,
            pin=pin,
            source=source,
            typed=typed,
        )

    async def login_nowhere(self, pin: str, source: Source = HOME, typed: str = "9999") -> LoginResult:
        return await self.access.login(
            company_id=self.anna.company_id, mailbox=None, pin=pin, source=source, typed=typed
        )

    async def failures(self) -> int:
        """Count as another connection sees it: what is committed."""
        async with self.db.read() as connection:
            found = await credentials.load(connection, self.anna.id)
        assert found is not None
        return found.counter.failures


@pytest.fixture
async def scene(db: Database) -> AsyncIterator[Scene]:
    made = Scene(db)
    await made.furnish()
    yield made
    made.hasher.close()


async def rows(db: Database) -> list[Any]:
    """Return everything that is stored."""
    async with db.read() as connection:
        return [list(await connection.execute(table.select())) for table in metadata.sorted_tables]


async def outcomes(scene: Scene, times: int, pin: str = WRONG, source: Source = HOME) -> list[Outcome]:
    return [(await scene.login(pin, source)).outcome for _ in range(times)]


async def test_the_right_pin_opens_and_a_wrong_one_does_not(scene: Scene) -> None:
    assert (await scene.login(PIN)).ok
    wrong = await scene.login(WRONG)
    assert wrong.outcome is Outcome.WRONG
    assert not wrong.ok
    assert not wrong.locks


async def test_five_failures_lock_whoever_calls_and_whatever_is_typed(scene: Scene) -> None:
    assert await outcomes(scene, 4) == [Outcome.WRONG] * 4
    fifth = await scene.login(WRONG)
    assert (fifth.outcome, fifth.locks) == (Outcome.WRONG, True)
    locked = await scene.login(PIN, AWAY)
    assert (locked.outcome, locked.locks) == (Outcome.LOCKED, False)


async def test_the_lock_survives_a_restart_and_ends(scene: Scene) -> None:
    await outcomes(scene, 5)
    scene.access = scene.restarted()
    assert (await scene.login(PIN, AWAY)).outcome is Outcome.LOCKED
    scene.clock.move(timedelta(minutes=15))
    assert (await scene.login(PIN, AWAY)).ok


async def test_the_second_lock_is_twice_as_long(scene: Scene) -> None:
    await outcomes(scene, 5)
    scene.clock.move(timedelta(minutes=15))
    await outcomes(scene, 5)
    scene.clock.move(timedelta(minutes=29))
    assert (await scene.login(PIN)).outcome is Outcome.LOCKED
    scene.clock.move(timedelta(minutes=1))
    assert (await scene.login(PIN)).ok


async def test_a_right_pin_clears_the_count(scene: Scene) -> None:
    for _ in range(3):
        await outcomes(scene, 4, source=WITHHELD)
        assert (await scene.login(PIN, WITHHELD)).ok
    assert await scene.failures() == 0


async def test_the_right_pin_on_the_fifth_try_opens_and_locks_nobody(scene: Scene) -> None:
    await outcomes(scene, 4)
    assert (await scene.login(PIN)).ok
    assert (await scene.login(PIN)).ok
    # The source keeps its four failures: one more locks it, here and elsewhere.
    assert (await scene.login(WRONG)).locks
    assert (await scene.login(PIN)).outcome is Outcome.LOCKED
    assert (await scene.login(PIN, AWAY)).ok


async def test_trying_while_locked_counts_nowhere(scene: Scene) -> None:
    await outcomes(scene, 5)
    assert await outcomes(scene, 30, source=AWAY) == [Outcome.LOCKED] * 30
    scene.clock.move(timedelta(minutes=15))
    assert (await scene.login(PIN, AWAY)).ok


async def test_an_attempt_is_on_disk_before_its_pin_is_looked_at(scene: Scene) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(await scene.failures())

    scene.hasher.before_verifying = look
    await scene.login(WRONG)
    await scene.login(PIN)
    assert seen == [1, 2]
    assert await scene.failures() == 0


async def test_parallel_calls_do_not_exceed_the_limit(scene: Scene) -> None:
    callers = [Source(f"number:{number}") for number in range(20)]
    results = await asyncio.gather(*(scene.login(WRONG, source) for source in callers))
    assert sorted(result.outcome for result in results) == [Outcome.LOCKED] * 15 + [Outcome.WRONG] * 5
    assert scene.hasher.verified.count(True) == 5


async def test_a_source_is_locked_for_all_mailboxes_and_no_other_source_with_it(scene: Scene) -> None:
    await scene.access.set_pin(scene.bert, OTHER_PIN)
    await outcomes(scene, 3)
    for _ in range(2):
        await scene.login(WRONG, mailbox=scene.bert)
    assert (await scene.login(OTHER_PIN, mailbox=scene.bert)).outcome is Outcome.LOCKED
    assert (await scene.login(PIN)).outcome is Outcome.LOCKED
    assert (await scene.login(OTHER_PIN, AWAY, mailbox=scene.bert)).ok
    assert (await scene.login(PIN, AWAY)).ok


async def test_a_locked_source_does_not_lock_the_mailboxes_it_tries(scene: Scene) -> None:
    for number in range(5):
        await scene.login_nowhere(WRONG, typed=str(number))
    assert await outcomes(scene, 20) == [Outcome.LOCKED] * 20
    assert await scene.failures() == 0
    assert (await scene.login(PIN, AWAY)).ok


async def test_a_mailbox_of_ones_own_does_not_clear_the_source(scene: Scene) -> None:
    await scene.access.set_pin(scene.bert, OTHER_PIN)
    results = []
    for _ in range(3):
        results += await outcomes(scene, 2)
        results.append((await scene.login(OTHER_PIN, mailbox=scene.bert)).outcome)
    assert results.count(Outcome.WRONG) <= 5
    assert results[-1] is Outcome.LOCKED


async def test_withheld_callers_are_slowed_and_never_locked(scene: Scene) -> None:
    waits = []
    for number in range(20):
        result = await scene.login_nowhere(WRONG, WITHHELD, typed=str(number))
        assert result.outcome is Outcome.WRONG
        waits.append(result.answer_after_s)
    assert waits[0] == ANSWER_S
    assert waits == sorted(waits)
    assert 5 < waits[-1] < 15
    assert (await scene.login(PIN, WITHHELD)).ok
    scene.clock.move(timedelta(minutes=15))
    assert (await scene.login(PIN, WITHHELD)).answer_after_s == ANSWER_S


async def test_a_mailbox_that_does_not_exist_answers_like_one_that_does(scene: Scene) -> None:
    known, unknown, without_pin = [], [], []
    for call in range(12):
        source = Source(f"number:{call}")
        known.append(await scene.login(WRONG, source))
        unknown.append(await scene.login_nowhere(WRONG, source=Source(f"number:a{call}")))
        without_pin.append(await scene.login(WRONG, Source(f"number:b{call}"), mailbox=scene.bert))
    assert known == unknown == without_pin
    assert {result.answer_after_s for result in known} == {ANSWER_S}
    assert [result.outcome for result in known] == [Outcome.WRONG] * 5 + [Outcome.LOCKED] * 7


async def test_every_attempt_costs_one_hash(scene: Scene) -> None:
    await outcomes(scene, 8)
    await scene.login_nowhere(WRONG, AWAY)
    await scene.login(WRONG, AWAY, mailbox=scene.bert)
    assert len(scene.hasher.verified) == 10


@pytest.mark.parametrize(("took_s", "left_s"), [(0.0, 0.4), (0.15, 0.25), (0.4, 0.0), (3.0, 0.0)])
@pytest.mark.parametrize("pin", [PIN, WRONG])
async def test_the_answer_comes_at_a_fixed_time(scene: Scene, pin: str, took_s: float, left_s: float) -> None:
    started_s = scene.clock.ticks_s

    async def take_time() -> None:
        scene.clock.ticks_s = started_s + took_s

    scene.hasher.before_verifying = take_time
    result = await scene.access.login(company_id=1, mailbox=scene.anna, pin=pin, source=HOME, started_s=started_s)
    assert result.answer_after_s == pytest.approx(left_s)


@pytest.mark.parametrize("pin", ["", "0", "*", "1" * 1000, "\x00", "\ud800", "'; --"])
async def test_without_a_pin_set_nothing_opens(scene: Scene, pin: str) -> None:
    assert (await scene.login(pin, mailbox=scene.bert)).outcome is Outcome.WRONG
    assert (await scene.login_nowhere(pin)).outcome is Outcome.WRONG
    assert (await scene.login(pin)).outcome is Outcome.WRONG


async def test_unlocking_opens_at_once(scene: Scene) -> None:
    await outcomes(scene, 5)
    await scene.access.unlock(scene.anna)
    assert (await scene.login(PIN, AWAY)).ok


async def test_numbers_of_nobody_do_not_grow_without_bound(scene: Scene) -> None:
    scene.access._ghosts.update({(2, str(number)): Tally() for number in range(GHOSTS_MAX)})
    await scene.login_nowhere(WRONG, typed="9" * 1000)
    assert len(scene.access._ghosts) == GHOSTS_MAX
    assert all(len(typed) <= 40 for _, typed in scene.access._ghosts)


@pytest.mark.parametrize(
    ("pin", "problem"),
    [
        ("123456", PinProblem.RUN),
        ("12356", PinProblem.TOO_SHORT),
        ("", PinProblem.NOT_DIGITS),
        ("112222", PinProblem.EQUAL_DIGITS),
        ("5551001", PinProblem.OWN_NUMBER),
        ("02115551001", PinProblem.OWN_NUMBER),
        ("1001555", PinProblem.OWN_NUMBER),
        ("01708529637", PinProblem.OWN_NUMBER),
        ("7369258071", PinProblem.OWN_NUMBER),
        (PIN, PinProblem.RECENT),
    ],
)
async def test_a_new_pin_must_keep_the_rules(scene: Scene, pin: str, problem: PinProblem) -> None:
    assert problem in await scene.access.set_pin(scene.anna, pin)
    assert problem in await scene.access.check_pin(scene.anna, pin)
    assert (await scene.login(PIN)).ok


async def test_a_new_pin_replaces_the_old_and_ends_a_lock(scene: Scene) -> None:
    await outcomes(scene, 5)
    assert await scene.access.set_pin(scene.anna, OTHER_PIN) == []
    assert (await scene.login(OTHER_PIN, AWAY)).ok
    assert (await scene.login(PIN, AWAY)).outcome is Outcome.WRONG


async def test_the_last_five_pins_do_not_come_back(scene: Scene) -> None:
    pins = [PIN, "860275", "391846", "507284", "618390", "729405"]
    for pin in pins[1:5]:
        assert await scene.access.set_pin(scene.anna, pin) == []
    for pin in pins[:5]:
        assert await scene.access.set_pin(scene.anna, pin) == [PinProblem.RECENT]
    assert await scene.access.set_pin(scene.anna, pins[5]) == []
    assert await scene.access.set_pin(scene.anna, pins[0]) == []


async def test_a_one_time_pin_says_so_until_it_is_changed(scene: Scene) -> None:
    pin = await scene.access.reset_pin(scene.anna)
    assert check(pin) == []
    assert (await scene.login(PIN)).outcome is Outcome.WRONG
    assert (await scene.login(pin)).must_change
    assert (await scene.login(pin)).must_change
    assert await scene.access.set_pin(scene.anna, OTHER_PIN) == []
    result = await scene.login(OTHER_PIN)
    assert result.ok
    assert not result.must_change


async def test_a_generated_pin_is_only_shown(scene: Scene) -> None:
    pin = await scene.access.generate_pin(scene.anna)
    assert await scene.access.check_pin(scene.anna, pin) == []
    assert (await scene.login(PIN)).ok


async def test_no_pin_is_written_anywhere(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert await scene.access.set_pin(scene.anna, OTHER_PIN) == []
        await scene.login(OTHER_PIN)
        await scene.login("918273")
    stored = repr(await rows(scene.db))
    assert "argon2id" in stored
    for pin in (PIN, OTHER_PIN, "918273"):
        assert pin not in stored
        assert pin not in caplog.text


async def test_without_the_database_no_pin_is_looked_at(scene: Scene, tmp_path: Path) -> None:
    async with await Database.open(f"sqlite+aiosqlite:///{tmp_path}/gone/voicebox.db") as away:
        access = Access(away, scene.hasher, scene.clock)
        with pytest.raises(DatabaseUnavailable):
            await access.login(company_id=1, mailbox=scene.anna, pin=PIN, source=HOME)
    assert scene.hasher.verified == []
