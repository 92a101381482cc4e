"""Who is who: numbers that are unique in a company whatever they are, devices, and answers from memory."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.fakes.rows import NOW, Hanging, add_company, add_mailbox, one_mailbox
from voicebox.directory import Directory, NumberKind
from voicebox.errors import Conflict, DatabaseUnavailable
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.numbers import Number
from voicebox.storage import mailboxes, tables
from voicebox.storage.database import Database
from voicebox.storage.mailboxes import Device

PHONE = "+492115551001"
ALIAS = "+491701234567"


async def test_a_mailbox_comes_back_with_every_setting(db: Database) -> None:
    company = await add_company(db)
    settings = {
        "phone": PHONE,
        "name": "Anna Größe",
        "language": "en",
        "time_zone": "Europe/London",
        "enabled": False,
        "send_all": True,
        "send_busy": False,
        "send_no_answer": False,
        "dnd": True,
        "rings": 0,
        "forward_always": "+491",
        "forward_busy": "+492",
        "forward_no_answer": "+493",
        "forward_unreachable": "+494",
        "email": "a@example.org",
        "notify_email": "b@example.org",
        "copy_email": "c@example.org",
        "redirect_email": "d@example.org",
        "zero_out": "+495",
        "mwi": False,
        "auto_login": True,
        "away": True,
        "message_max_s": 600,
        "quota_s": 54_000,
        "retention_days": 7,
    }
    made = await add_mailbox(db, company, "1001", **settings)
    found = await Directory(db).by_id(made.id)
    assert found == made
    assert found == Mailbox(id=made.id, company_id=company.id, number="1001", **settings | {"language": Language.EN})  # type: ignore[arg-type]


async def test_a_mailbox_is_found_by_each_of_its_numbers_in_one_query(db: Database) -> None:
    company = await add_company(db)
    anna = await add_mailbox(db, company, "1001", phone=PHONE)
    bert = await add_mailbox(db, company, "1002")
    await db.write(lambda connection: mailboxes.add_alias(connection, bert, ALIAS, NOW))
    directory = Directory(db)
    extension, full, alias = Number("+492111001", "1001"), Number(PHONE, "02115551001"), Number(ALIAS, "")
    nobody = Number("+4912345678", "12345678")
    found = await directory.find_all(company.id, [extension, full, alias, nobody])
    assert found == {extension: anna, full: anna, alias: bert}
    kinds = {number: line.kind for number, line in (await directory.find_lines(company.id, list(found))).items()}
    assert kinds == {extension: NumberKind.EXTENSION, full: NumberKind.PHONE, alias: NumberKind.ALIAS}
    assert await directory.find(company.id, alias) == bert
    assert await directory.find(company.id, nobody) is None
    assert await directory.mailbox(company.id, "1002") == bert
    assert await directory.find_all(company.id, []) == {}


async def test_companies_have_the_same_extensions_and_keep_them_apart(db: Database) -> None:
    one, two = await add_company(db, "Eins"), await add_company(db, "Zwei")
    anna, zoe = await add_mailbox(db, one, "1001"), await add_mailbox(db, two, "1001")
    directory = Directory(db)
    assert await directory.find(one.id, Number(None, "1001")) == anna
    assert await directory.find(two.id, Number(None, "1001")) == zoe
    assert await directory.company("Zwei") == two
    assert await directory.company(None) is None
    assert await directory.company("Drei") is None
    assert await directory.companies() == [one, two]


async def test_the_only_company_needs_no_name(db: Database) -> None:
    company = await add_company(db)
    assert await Directory(db).company(None) == company


@pytest.mark.parametrize("taken", ["1001", PHONE, ALIAS])
async def test_a_number_is_taken_whatever_it_is(db: Database, taken: str) -> None:
    company = await add_company(db)
    anna = await add_mailbox(db, company, "1001", phone=PHONE)
    await db.write(lambda connection: mailboxes.add_alias(connection, anna, ALIAS, NOW))
    bert = await add_mailbox(db, company, "1002")
    with pytest.raises(Conflict, match="is taken"):
        await db.write(lambda connection: mailboxes.add_alias(connection, bert, taken, NOW))
    with pytest.raises(Conflict):
        await db.write(lambda connection: mailboxes.change_mailbox(connection, bert, {"phone": taken}, NOW))
    with pytest.raises(Conflict):
        await add_mailbox(db, company, taken)
    assert await Directory(db).by_id(bert.id) == bert


async def test_aliases_are_listed_and_removed_by_their_owner_only(db: Database) -> None:
    company = await add_company(db)
    anna, bert = await add_mailbox(db, company, "1001"), await add_mailbox(db, company, "1002")
    alias = await db.write(lambda connection: mailboxes.add_alias(connection, anna, ALIAS, NOW))
    async with db.read() as connection:
        assert await mailboxes.aliases(connection, anna.id) == [alias]
        extension = await connection.scalar(select(tables.number.c.id).where(tables.number.c.kind == "extension"))
    assert extension is not None
    assert not await db.write(lambda connection: mailboxes.remove_alias(connection, bert, alias.id))
    assert not await db.write(lambda connection: mailboxes.remove_alias(connection, anna, extension))
    assert await db.write(lambda connection: mailboxes.remove_alias(connection, anna, alias.id))
    assert await Directory(db).find(company.id, Number(ALIAS, "")) is None


async def test_a_changed_number_is_found_and_the_old_one_free(db: Database) -> None:
    company = await add_company(db)
    anna = await add_mailbox(db, company, "1001", phone=PHONE)
    changes = {"number": "1009", "phone": None}
    after = await db.write(lambda connection: mailboxes.change_mailbox(connection, anna, changes, NOW))
    directory = Directory(db)
    assert (after.number, after.phone) == ("1009", None)
    assert await directory.find(company.id, Number(None, "1009")) == after
    assert await directory.find(company.id, Number(PHONE, "1001")) is None
    await add_mailbox(db, company, "1001", phone=PHONE)


@pytest.mark.parametrize(
    ("changes", "due"),
    [({"mwi": False}, True), ({"redirect_email": "a@b"}, True), ({"name": "X"}, False), ({"mwi": True}, False)],
)
async def test_switching_the_light_sends_it_again(db: Database, changes: dict[str, object], due: bool) -> None:
    mailbox = await one_mailbox(db)
    await db.write(lambda connection: mailboxes.change_mailbox(connection, mailbox, changes, NOW))
    async with db.read() as connection:
        keys = list(await connection.scalars(select(tables.outbox.c.key)))
    assert keys == ([f"mwi:{mailbox.id}"] if due else [])


async def test_mailboxes_are_listed_by_extension(db: Database) -> None:
    company = await add_company(db)
    for number in ("1003", "1001", "1002"):
        await add_mailbox(db, company, number)
    directory = Directory(db)
    first = await directory.page(company.id, limit=2)
    assert [mailbox.number for mailbox in first] == ["1001", "1002"]
    assert [mailbox.number for mailbox in await directory.page(company.id, after="1002")] == ["1003"]


async def test_a_device_is_found_by_name_and_realm_and_belongs_to_one_mailbox(db: Database) -> None:
    company = await add_company(db)
    anna, bert = await add_mailbox(db, company, "1001"), await add_mailbox(db, company, "1002")
    device = Device(company.id, anna.id, "1001", "1001", "voicebox.example", "a" * 32, "b" * 64)
    await db.write(lambda connection: mailboxes.put_device(connection, device, NOW))
    directory = Directory(db)
    assert await directory.device("1001", "voicebox.example") == device
    assert await directory.device("1001", "other.example") is None
    changed = replace(device, ha1_md5="c" * 32, md5_only=True)
    await db.write(lambda connection: mailboxes.put_device(connection, changed, NOW))
    assert await directory.device("1001", "voicebox.example") == changed
    stolen = replace(device, mailbox_id=bert.id)
    with pytest.raises(Conflict):
        await db.write(lambda connection: mailboxes.put_device(connection, stolen, NOW))
    async with db.read() as connection:
        assert await mailboxes.devices(connection, anna.id) == [changed]
    assert await db.write(lambda connection: mailboxes.remove_devices(connection, anna.id)) == 1


async def test_what_was_known_answers_while_the_database_is_away(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    company = await add_company(db)
    anna = await add_mailbox(db, company, "1001", phone=PHONE)
    directory, asked = Directory(db), Number(PHONE, "1001")
    await directory.find(company.id, asked)
    await directory.by_id(anna.id)
    await directory.by_id(999)

    def away() -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(db, "read", away)
        assert await directory.find(company.id, asked) == anna
        assert await directory.by_id(anna.id) == anna
        for never_known in (directory.by_id(999), directory.find(company.id, Number(None, "2000"))):
            with pytest.raises(DatabaseUnavailable):
                await never_known
    with monkeypatch.context() as patch:
        patch.setattr(db, "read", Hanging)
        patch.setattr("voicebox.directory.ANSWERED_S", 0.01)
        assert await directory.find(company.id, asked) == anna, "a caller does not wait for a database that hangs"
    changed = await db.write(lambda connection: mailboxes.change_mailbox(connection, anna, {"name": "Neu"}, NOW))
    assert await directory.by_id(anna.id) == changed, "memory is asked only while the database is away"


async def test_who_is_no_caller_is_told_that_the_database_is_away(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = await add_company(db)
    anna = await add_mailbox(db, company, "1001", phone=PHONE)
    directory = Directory(db, from_memory=False)
    assert await directory.by_id(anna.id) == anna

    def away() -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(db, "read", away)
        with pytest.raises(DatabaseUnavailable):
            await directory.by_id(anna.id)
    monkeypatch.setattr("voicebox.directory.ANSWERED_S", 0.0)  # however long it takes: what it says now
    changed = await db.write(lambda connection: mailboxes.change_mailbox(connection, anna, {"name": "Neu"}, NOW))
    assert await directory.by_id(anna.id) == changed
