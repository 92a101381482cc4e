"""Rows 1 to 6 of the mailbox rules and the security rows about logins, with the seed's examples, on a real database.

The finer points are tested where the code is; here each row is held as it is written.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.rows import StandingClock, add_company, add_mailbox
from voicebox import passcode
from voicebox.access import Access, Ask, Line, LoginResult, Outcome, Source, identify
from voicebox.directory import Directory
from voicebox.directory_file import read_directory
from voicebox.directory_plan import DirectoryError
from voicebox.errors import Conflict
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller
from voicebox.numbers import DialPlan, NumberRefused, parse_strict
from voicebox.passcode import PinProblem
from voicebox.pinhash import Cost, PinHasher
from voicebox.storage import mailboxes
from voicebox.storage.database import Database
from voicebox.storage.tables import metadata

PLAN = DialPlan("49", "211")
PIN = "123567"


@dataclass
class House:
    """A company with Anna's mailbox, and what opens it."""

    db: Database
    company: Company
    anna: Mailbox
    hasher: PinHasher
    clock: StandingClock

    @property
    def access(self) -> Access:
        """The use case, as a fresh process makes it."""
        return Access(self.db, self.hasher, self.clock, monotonic=lambda: 0.0)

    async def login(self, pin: str, caller: str = "+4930999", *, mailbox: Mailbox | None = None) -> LoginResult:
        source = Source(f"number:{caller}")
        return await self.access.login(
            company_id=self.company.id, mailbox=mailbox or self.anna, pin=pin, source=source, typed="1001"
        )

    async def asked(self, line: Line, caller: Caller, device: str | None = None) -> tuple[Ask, str | None]:
        found = await identify(
            company_id=self.company.id,
            plan=PLAN,
            line=line,
            device=device,
            caller=caller,
            directory=Directory(self.db),
        )
        return found.ask, found.mailbox.number if found.mailbox else None


@pytest.fixture
async def house(db: Database) -> AsyncIterator[House]:
    company = await add_company(db)
    anna = await add_mailbox(db, company, phone="+492115551001")
    hasher = PinHasher(b"k" * 32, Cost(memory_kib=8, passes=1))
    yield House(db, company, anna, hasher, StandingClock())
    hasher.close()


# --- rows 1 and 2: the PIN


@pytest.mark.parametrize("pin", ["123567", "987123", "135790"])
def test_row_1_accepts(pin: str) -> None:
    assert passcode.check(pin, ["1001"]) == []


@pytest.mark.parametrize(
    ("pin", "problem"),
    [
        ("123456", PinProblem.RUN),
        ("123485", PinProblem.RUN),
        ("976543", PinProblem.RUN),
        ("12356", PinProblem.TOO_SHORT),
        ("112222", PinProblem.EQUAL_DIGITS),
        ("121212", PinProblem.REPEATED_BLOCK),
        ("123123", PinProblem.REPEATED_BLOCK),
        ("1" * 31, PinProblem.TOO_LONG),
        ("12a567", PinProblem.NOT_DIGITS),
    ],
)
def test_row_1_refuses(pin: str, problem: PinProblem) -> None:
    assert problem in passcode.check(pin, ["1001"])


async def test_row_1_refuses_the_own_numbers_and_the_last_five(house: House) -> None:
    for own in ("02115551001", "10015551120"):
        assert await house.access.set_pin(house.anna, own) == [PinProblem.OWN_NUMBER]
    pins = ["271830", "314159", "161803", "141421", "173205", "908172"]
    for pin in pins:
        assert await house.access.set_pin(house.anna, pin) == []
    for pin in pins[1:]:
        assert await house.access.check_pin(house.anna, pin) == [PinProblem.RECENT]
    assert await house.access.check_pin(house.anna, pins[0]) == []


async def test_row_2_a_generated_pin_changes_nothing_until_it_is_saved(house: House) -> None:
    assert await house.access.set_pin(house.anna, PIN) == []
    made = await house.access.generate_pin(house.anna)
    assert passcode.check(made, ["1001"]) == []
    assert (await house.login(made)).outcome is Outcome.WRONG
    assert (await house.login(PIN)).ok


async def test_row_2_a_reset_pin_is_one_time_until_it_is_replaced(house: House) -> None:
    one_time = await house.access.reset_pin(house.anna)
    assert await house.access.is_one_time(house.anna)
    assert (await house.login(one_time)).must_change
    assert (await house.login(one_time)).must_change, "logging in alone does not make it final"
    assert await house.access.set_pin(house.anna, PIN) == []
    assert not await house.access.is_one_time(house.anna)
    assert not (await house.login(PIN)).must_change


# --- rows 3 and 4: who is asked for what

OWN, ALIAS, STRANGER = Caller("+492115551001"), Caller("+491701234567"), Caller("+4930123456")


async def test_row_3_automatic_login_takes_a_digest_or_a_verified_trunk(house: House) -> None:
    ben = await add_mailbox(house.db, house.company, "1002", phone="+492115551002", auto_login=True)
    own = Caller(ben.phone)
    assert await house.asked(Line.DEVICE, STRANGER, device="1002") == (Ask.NOTHING, "1002")
    assert await house.asked(Line.TRUNK, own) == (Ask.NOTHING, "1002")
    assert await house.asked(Line.CLAIMED, own) == (Ask.PIN, "1002")  # security row 2: anybody can claim a number
    assert await house.asked(Line.TRUNK, OWN) == (Ask.PIN, "1001"), "not switched on"


@pytest.mark.parametrize(
    ("caller", "asked"),
    [
        (OWN, (Ask.PIN, "1001")),
        (ALIAS, (Ask.PIN, "1001")),
        (Caller("0170 1234567"), (Ask.PIN, "1001")),
        (STRANGER, (Ask.NUMBER_AND_PIN, None)),
        (Caller(None), (Ask.NUMBER_AND_PIN, None)),
        (Caller("+491701234567", withheld=True), (Ask.NUMBER_AND_PIN, None)),
    ],
)
async def test_row_4_an_alias_spares_the_number_and_never_the_pin(
    house: House, caller: Caller, asked: tuple[Ask, str | None]
) -> None:
    await house.db.write(
        lambda connection: mailboxes.add_alias(connection, house.anna, "+491701234567", house.clock.now())
    )
    assert await house.asked(Line.CLAIMED, caller) == asked


# --- rows 5 and 6: aliases

EXAMPLES = ["+49 2115551111", "02115551111", "0211-555-1111"]


@pytest.mark.parametrize("text", EXAMPLES)
def test_row_5_accepts_and_stores_one_number(text: str) -> None:
    assert parse_strict(text, PLAN) == "+492115551111"


@pytest.mark.parametrize(
    "text",
    [
        *("00492115551111", "++492115551111", "+02115551111", "+49(0)2115551111", "0211/5551111", "0211--5551111"),
        *("-02115551111", "02115551111-", "0211555111a", ""),
    ],
)
def test_row_5_refuses(text: str) -> None:
    with pytest.raises(NumberRefused):
        parse_strict(text, PLAN)


async def test_row_6_an_alias_is_unique_in_its_company_whatever_its_spelling(house: House) -> None:
    ben = await add_mailbox(house.db, house.company, "1002")
    other = await add_company(house.db, "Andere GmbH")
    theirs = await add_mailbox(house.db, other)

    async def add(owner: Mailbox, text: str) -> None:
        now = house.clock.now()
        await house.db.write(lambda c: mailboxes.add_alias(c, owner, parse_strict(text, PLAN), now))

    await add(house.anna, EXAMPLES[0])
    for owner in (house.anna, ben):
        for text in EXAMPLES:
            with pytest.raises(Conflict):
                await add(owner, text)
    with pytest.raises(Conflict):
        await add(ben, "+49 211 5551001")  # Anna's own number
    await add(theirs, EXAMPLES[1])


async def test_row_6_of_two_who_take_a_number_at_once_one_gets_it(house: House) -> None:
    ben = await add_mailbox(house.db, house.company, "1002")
    now = house.clock.now()

    async def take(owner: Mailbox) -> object:
        return await house.db.write(lambda connection: mailboxes.add_alias(connection, owner, "+492115551111", now))

    results = await asyncio.gather(*(take(owner) for owner in (house.anna, ben) * 3), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in results) == 5


def test_row_6_at_most_ten(tmp_path: Path) -> None:
    def file(count: int) -> Path:
        aliases = ", ".join(f'"0211 55511{number:02}"' for number in range(count))
        path = tmp_path / "directory.toml"
        path.write_text(
            '[company]\nname = "B"\narea_code = "211"\n[[mailbox]]\nnumber = "1001"\nname = "A"\n'
            f"aliases = [{aliases}]\n"
        )
        return path

    assert len(read_directory(file(10)).mailboxes[0].aliases or ()) == 10
    with pytest.raises(DirectoryError, match="11 aliases"):
        read_directory(file(11))


# --- security


async def test_security_row_1_failures_count_across_calls_sources_and_restarts(house: House) -> None:
    assert await house.access.set_pin(house.anna, PIN) == []
    for each in range(5):  # each from somebody else, each after a restart
        assert (await house.login("000001", f"+49301{each}")).outcome is Outcome.WRONG
    assert (await house.login(PIN, "+4930777")).outcome is Outcome.LOCKED
    house.clock.advance(timedelta(minutes=16).total_seconds())
    assert (await house.login(PIN, "+4930777")).ok


async def test_security_row_1_parallel_calls_do_not_exceed_the_limit(house: House) -> None:
    assert await house.access.set_pin(house.anna, PIN) == []
    access = house.access
    results = await asyncio.gather(
        *(
            access.login(
                company_id=house.company.id, mailbox=house.anna, pin="000001", source=Source(f"number:+49302{each}")
            )
            for each in range(20)
        )
    )
    assert sum(result.outcome is Outcome.WRONG for result in results) == 5


async def test_security_row_1_ten_who_know_the_pin_do_not_lock_one_another_out(house: House) -> None:
    assert await house.access.set_pin(house.anna, PIN) == []
    access = house.access
    results = await asyncio.gather(
        *(
            access.login(company_id=house.company.id, mailbox=house.anna, pin=PIN, source=Source(f"number:+4930{each}"))
            for each in range(10)
        )
    )
    assert all(result.ok for result in results)


@pytest.mark.parametrize("typed", ["", "0", "123567", "none", "*", "#", " "])
async def test_security_row_5_no_pin_set_is_no_login(house: House, typed: str) -> None:
    assert not (await house.login(typed)).ok


async def test_security_row_6_no_pin_is_in_the_database(house: House) -> None:
    assert await house.access.set_pin(house.anna, "908172") == []
    await house.login("908172")
    await house.login("615243")
    async with house.db.read() as connection:
        stored = [str(row) for table in metadata.sorted_tables for row in await connection.execute(table.select())]
    assert any("argon2id" in row for row in stored)
    assert not any(pin in row for row in stored for pin in ("908172", "615243"))


async def test_security_row_7_a_mailbox_that_does_not_exist_answers_alike(house: House) -> None:
    assert await house.access.set_pin(house.anna, PIN) == []
    access = house.access

    async def tried(mailbox: Mailbox | None) -> list[tuple[Outcome, float]]:
        results = [
            await access.login(
                company_id=house.company.id,
                mailbox=mailbox,
                pin="000001",
                source=Source(f"number:+4930{each}"),
                typed="4711",
            )
            for each in range(7)
        ]
        return [(result.outcome, result.answer_after_s) for result in results]

    assert await tried(None) == await tried(house.anna)
