"""`voicebox mailbox add|list|show|reset-pin`."""

import re
from datetime import UTC, datetime

import pytest

from tests.fakes.installation import Installation
from voicebox.access import Access, Outcome
from voicebox.clock import SystemClock
from voicebox.devices import Ha1
from voicebox.identity import Source
from voicebox.pinhash import PinHasher, load_key
from voicebox.storage import credentials, mailboxes
from voicebox.storage.database import AsyncConnection, Database


def login(installation: Installation, number: str, pin: str) -> tuple[Outcome, bool]:
    async def ask(db: Database) -> tuple[Outcome, bool]:
        hasher = PinHasher(load_key(installation.folder / "var"))
        async with db.read() as connection:
            mailbox = await mailboxes.by_extension(connection, 1, number)
        result = await Access(db, hasher, SystemClock()).login(
            company_id=1, mailbox=mailbox, pin=pin, source=Source("test", shared=False)
        )
        hasher.close()
        return result.outcome, result.must_change

    return installation.ask(ask)


def test_list_shows_the_mailboxes_by_number(company: Installation) -> None:
    shown = company.run("mailbox", "list").stdout
    assert re.search(r"1001\s+Anna Beispiel\s+\+492115551001\s+anna@example.org\s+on\s+0\s+0", shown)
    assert "Ben [bold] Beispiel" in shown
    listed = company.json("mailbox", "list")["mailboxes"]
    assert [each["number"] for each in listed] == ["1001", "1002"]
    assert listed[0]["messages"] == {"new": 0, "saved": 0}
    assert not {"id", "company_id"} & set(listed[0])


def test_show_tells_everything_but_secrets(company: Installation) -> None:
    shown = company.json("mailbox", "show", "1001")
    assert shown["name"] == "Anna Beispiel"
    assert shown["aliases"] == ["+491701234567"]
    assert shown["devices"] == [{"username": "1001", "realm": "voicebox.internal"}]
    assert (shown["pin"], shown["locked_until"]) == ("set", None)
    assert shown["messages"] == {"new": 0, "saved": 0, "deleted": 0}
    text = company.run("mailbox", "show", "1001").stdout
    assert re.search(r"^pin +set$", text, re.MULTILINE)
    assert re.search(r"^used s +0.0$", text, re.MULTILINE)
    assert "argon2" not in text + str(shown)
    assert Ha1.of("1001", "voicebox.internal", "phone-1001").md5 not in text + str(shown)
    assert company.json("mailbox", "show", "1002")["pin"] == "none"


def test_show_says_that_a_mailbox_is_locked(company: Installation) -> None:
    until = datetime(2999, 1, 1, tzinfo=UTC)

    async def lock(db: Database) -> None:
        async def work(connection: AsyncConnection) -> None:
            attempt = await credentials.begin_attempt(
                connection, company_id=1, mailbox_id=1, source_key=None, now=datetime.now(UTC)
            )
            await credentials.store_counters(connection, attempt, mailbox=credentials.Counter(3, 1, until, None))

        await db.write(work)

    company.ask(lock)
    assert company.json("mailbox", "show", "1001")["locked_until"] == "2999-01-01T00:00:00Z"
    company.run("mailbox", "reset-pin", "1001")
    assert company.json("mailbox", "show", "1001")["locked_until"] is None


def test_show_finds_by_any_number(company: Installation) -> None:
    assert company.json("mailbox", "show", "0170/1234567")["number"] == "1001"
    assert "no mailbox '9'" in company.run("mailbox", "show", "9", expect=3).stderr


def test_reset_pin_prints_a_one_time_pin_once(company: Installation) -> None:
    result = company.run("mailbox", "reset-pin", "1001")
    pin = result.stdout.strip()
    assert re.fullmatch(r"\d{6}", pin)
    assert pin not in result.stderr
    assert pin.encode() not in company.everything_stored()
    assert login(company, "1001", "274913") == (Outcome.WRONG, False)
    assert login(company, "1001", pin) == (Outcome.OK, True)
    assert set(company.json("mailbox", "reset-pin", "1001")) == {"number", "pin", "one_time"}


def test_add_makes_a_mailbox_that_its_pin_opens(company: Installation) -> None:
    made = company.json(
        *("mailbox", "add", "1003", "--name", 'Carla "C" Beispiel', "--phone", "0211-555-1003", "--alias", "02115559"),
        *("--alias", "+49 170 7654321", "--email", "carla@example.org", "--language", "en"),
    )
    assert made["mailbox"]["name"] == 'Carla "C" Beispiel'
    assert made["mailbox"]["phone"] == "+492115551003"
    assert made["mailbox"]["language"] == "en"
    assert made["device_password"] is None
    assert login(company, "1003", made["pin"]) == (Outcome.OK, True)
    shown = company.json("mailbox", "show", "1003")
    assert (shown["aliases"], shown["pin"]) == (["+492115559", "+491707654321"], "one-time")
    assert company.json("mailbox", "show", "1001")["aliases"] == ["+491701234567"]


def test_add_makes_a_password_for_a_phone(company: Installation) -> None:
    made = company.json("mailbox", "add", "1003", "--name", "Carla", "--device", "--no-pin")
    assert made["pin"] is None

    async def ask(db: Database) -> mailboxes.Device | None:
        async with db.read() as connection:
            return await mailboxes.device_by_username(connection, "1003", "voicebox.internal")

    device = company.ask(ask)
    assert device is not None
    assert device.ha1_md5 == Ha1.of("1003", "voicebox.internal", made["device_password"]).md5
    assert company.json("mailbox", "show", "1003")["pin"] == "none"


def test_add_says_what_to_give_the_phone_and_the_subscriber(company: Installation) -> None:
    lines = company.run("mailbox", "add", "1003", "--name", "Carla", "--device").stdout.splitlines()
    assert lines[0] == "mailbox 1003 (Carla): added"
    assert re.fullmatch(r"one-time PIN: \d{6}", lines[1])
    assert re.fullmatch(r"phone: user 1003, password \S{20}, domain voicebox.internal", lines[2])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["1001", "--name", "Zweite"], 1, "has a mailbox with the number 1001 already"),
        (["10o1", "--name", "Carla"], 2, "NUMBER: '10o1' is not an extension"),
        (["1003", "--name", "Carla", "--phone", "+49 211 555 1001"], 1, "+492115551001"),
        (["1003", "--name", "Carla", "--phone", "00211"], 2, "--phone: '00211' begins with more than one 0"),
        (["1003", "--name", "Carla", "--alias", "x"], 2, "--alias: 'x'"),
        (["1003", "--name", "Carla", "--email", "nobody"], 2, "--email: 'nobody' is not an e-mail address"),
        (["1003", "--name", "Carla", "--time-zone", "Mars"], 2, "--time-zone: 'Mars' is not a time zone"),
        (["1003", "--name", ""], 2, "--name"),
        (["1003"], 2, "--name"),
    ],
)
def test_add_refuses_what_apply_refuses(options: list[str], code: int, said: str, company: Installation) -> None:
    result = company.run("mailbox", "add", *options, expect=code)
    assert said in result.stderr
    assert "directory.toml" not in result.stderr
    assert len(company.json("mailbox", "list")["mailboxes"]) == 2
