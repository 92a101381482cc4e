"""Addresses that subscribers name must say yes before a message goes there (rows 13, 15 and 16)."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from mail.invitation import Invitation
from mail.letter import Letter
from mail.outgoing import Outgoing
from tests.fakes.installation import DIRECTORY
from tests.fakes.mastering import mastered_here
from tests.fakes.rows import Marks, StandingClock, a_context, a_take, add_mailbox, one_mailbox
from voicebox.announcement import Change
from voicebox.confirmation import AGAIN_AFTER, ASKED_A_DAY, GOOD_FOR, AddressOf, Asked, Confirmations
from voicebox.copies import Copies, CopyOutcome
from voicebox.deposit import Deposits
from voicebox.directory_file import read_directory
from voicebox.events import Events
from voicebox.housekeeping import Housekeeping
from voicebox.links import Links
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Message
from voicebox.notices import tell_owner
from voicebox.pinhash import Cost, PinHasher
from voicebox.provisioning import Provisioner
from voicebox.storage import mailboxes, messages
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.storage.outbox import Entry, Kind
from voicebox.storage.tables import confirmed_address, outbox

STRANGER = "stranger@elsewhere.example"


@dataclass
class Desk:
    """One mailbox whose owner names addresses."""

    db: Database
    anna: Mailbox
    clock: StandingClock = field(default_factory=StandingClock)
    events: Events = field(default_factory=Events)

    def __post_init__(self) -> None:
        self.links = Links(b"k" * 32, "https://voicebox.example")
        self.confirmations = Confirmations(self.db, self.events, self.clock, self.links)
        self.outgoing = Outgoing(self.db, self.events, self.clock, links=self.links)
        self.deposits = Deposits(self.db, self.events, Marks(), self.clock)

    async def mailbox(self) -> Mailbox:
        async with self.db.read() as connection:
            found = await mailboxes.by_id(connection, self.anna.id)
        assert found is not None
        return found

    async def name(self, which: AddressOf, address: str | None = STRANGER) -> Asked:
        return (await self.confirmations.set_addresses(self.anna, {which: address}))[which]

    async def invitations(self) -> list[Invitation]:
        entries = await self.outgoing.claim(50)
        letters = [(entry, await self.outgoing.letter(entry)) for entry in entries]
        for entry, letter in letters:
            await self.outgoing.delivered(entry, letter)
        return [letter for _, letter in letters if isinstance(letter, Invitation)]

    async def token(self) -> str:
        (invitation,) = await self.invitations()
        return invitation.url.rpartition("/")[2]

    async def mails_of_a_message(self) -> tuple[Message, list[Entry]]:
        made = await self.deposits.accept(a_context(self.anna), a_take())
        assert made is not None
        return made, [entry for entry in await self.outgoing.claim(50) if entry.message_id == made.id]


@pytest.fixture
async def desk(db: Database) -> Desk:
    return Desk(db, await one_mailbox(db, email="anna@example.org"))


@pytest.mark.parametrize(
    ("which", "kind"),
    [
        (AddressOf.NOTIFY, Kind.MAIL_NOTIFY),
        (AddressOf.COPY, Kind.MAIL_COPY),
        (AddressOf.REDIRECT, Kind.MAIL_REDIRECT),
    ],
)
async def test_no_message_goes_to_an_address_before_it_said_yes(desk: Desk, which: AddressOf, kind: Kind) -> None:
    assert await desk.name(which) is Asked.SENT
    assert getattr(await desk.mailbox(), which.value) == STRANGER
    made, mails = await desk.mails_of_a_message()
    assert mails == []
    async with desk.db.read() as connection:
        found = await messages.get(connection, made.id)
    assert found is not None, "also where messages are to go by e-mail only"
    assert found.warning == ("unconfirmed" if which is AddressOf.REDIRECT else None)

    desk.clock.advance(120)
    (invitation,) = await desk.invitations()
    assert invitation.to == STRANGER
    token = invitation.url.rpartition("/")[2]
    for _ in range(2):
        seen = await desk.confirmations.look(token)
        assert seen is not None
        assert (seen.address, seen.mailbox, seen.confirmed) == (STRANGER, "1001", False)
    confirmed = await desk.confirmations.confirm(token)
    assert confirmed is not None
    assert confirmed.confirmed
    assert await desk.confirmations.confirm(token) == confirmed, "twice is well"
    assert await desk.confirmations.pending(desk.anna) == []
    _, mails = await desk.mails_of_a_message()
    assert [(entry.kind, entry.payload["to"]) for entry in mails] == [(kind, STRANGER)]


async def test_the_secret_is_nowhere_in_the_database(desk: Desk) -> None:
    await desk.name(AddressOf.NOTIFY)
    entries = await desk.outgoing.claim(10)
    (letter,) = [each for entry in entries if isinstance(each := await desk.outgoing.letter(entry), Invitation)]
    token = letter.url.rpartition("/")[2]
    async with desk.db.read() as connection:
        stored = [*await connection.execute(select(confirmed_address)), *await connection.execute(select(outbox))]
    assert token not in repr(stored)
    assert token not in repr(letter)


async def test_a_link_is_good_for_48_hours_and_a_new_one_ends_the_old(desk: Desk) -> None:
    await desk.name(AddressOf.NOTIFY)
    old = await desk.token()
    desk.clock.advance(AGAIN_AFTER.total_seconds())
    assert await desk.confirmations.request(desk.anna, STRANGER) is Asked.SENT
    new = await desk.token()
    assert await desk.confirmations.look(old) is None
    assert await desk.confirmations.confirm(old) is None
    desk.clock.advance(GOOD_FOR.total_seconds() - 1)
    assert await desk.confirmations.look(new) is not None
    desk.clock.advance(1)
    assert await desk.confirmations.confirm(new) is None
    (waiting,) = await desk.confirmations.pending(desk.anna)
    assert waiting.address == STRANGER
    assert await desk.confirmations.request(desk.anna, STRANGER) is Asked.SENT


async def test_an_address_is_not_asked_again_and_again(desk: Desk) -> None:
    assert await desk.name(AddressOf.NOTIFY) is Asked.SENT
    assert await desk.name(AddressOf.COPY) is Asked.WAITING, "one mail is enough for both"
    assert (await desk.mailbox()).copy_email == STRANGER
    assert await desk.confirmations.request(desk.anna, STRANGER) is Asked.TOO_MANY
    assert len(await desk.invitations()) == 1


async def test_a_mailbox_has_ten_strangers_asked_a_day_at_most(desk: Desk) -> None:
    for n in range(ASKED_A_DAY):
        assert await desk.name(AddressOf.NOTIFY, f"s{n}@example.net") is Asked.SENT
    assert await desk.name(AddressOf.NOTIFY, "one-more@example.net") is Asked.TOO_MANY
    assert (await desk.mailbox()).notify_email == f"s{ASKED_A_DAY - 1}@example.net"
    desk.clock.advance(86400)
    assert await desk.name(AddressOf.NOTIFY, "one-more@example.net") is Asked.SENT


async def test_what_an_administrator_set_needs_no_asking(desk: Desk) -> None:
    assert await desk.name(AddressOf.NOTIFY, "Anna@example.org") is Asked.CONFIRMED
    _, mails = await desk.mails_of_a_message()
    assert [entry.payload["to"] for entry in mails] == ["Anna@example.org"]


@pytest.mark.parametrize("address", ["", "anna", "a@b\r\nBcc: c@d.example", "a b@example.org", "x@" + "y" * 300])
async def test_what_is_no_address_is_refused(desk: Desk, address: str) -> None:
    assert await desk.name(AddressOf.NOTIFY, address) is Asked.REFUSED
    assert (await desk.mailbox()).notify_email is None
    assert await desk.outgoing.claim(1) == []


async def test_an_address_is_taken_away_without_asking(desk: Desk) -> None:
    await desk.name(AddressOf.NOTIFY)
    assert await desk.name(AddressOf.NOTIFY, None) is Asked.CONFIRMED
    assert (await desk.mailbox()).notify_email is None


async def test_an_unused_address_is_forgotten_and_a_used_one_stays_unconfirmed(desk: Desk) -> None:
    await desk.name(AddressOf.NOTIFY)
    desk.clock.advance(GOOD_FOR.total_seconds())
    housekeeping = Housekeeping(desk.db, desk.clock)
    assert await housekeeping.tidy() == 0, "else it would count as an administrator's"
    await desk.name(AddressOf.NOTIFY, None)
    assert await housekeeping.tidy() == 1


async def test_a_copy_on_demand_goes_to_no_address_that_has_not_confirmed(desk: Desk) -> None:
    made, _ = await desk.mails_of_a_message()
    await desk.name(AddressOf.OWN)
    copies = Copies(desk.db, desk.events, desk.clock)
    assert await copies.mail(desk.anna, made) is CopyOutcome.NO_ADDRESS
    await desk.confirmations.confirm(await desk.token())
    assert await copies.mail(desk.anna, made) is CopyOutcome.QUEUED


async def test_a_notice_of_a_change_goes_to_no_address_that_has_not_confirmed(desk: Desk) -> None:
    await desk.name(AddressOf.OWN)

    async def told(notice_id: str) -> bool:
        anna, now = await desk.mailbox(), desk.clock.now()
        return await desk.db.write(
            lambda connection: tell_owner(connection, anna, Change.AWAY_ON, now, notice_id=notice_id)
        )

    assert not await told("first")
    await desk.confirmations.confirm(await desk.token())
    assert await told("second")


async def test_what_waits_for_the_mail_server_goes_to_no_new_address_that_has_not_confirmed(db: Database) -> None:
    desk = Desk(db, await one_mailbox(db, redirect_email="anna@example.org"))
    _, (entry,) = await desk.mails_of_a_message()
    await desk.name(AddressOf.REDIRECT)
    letter = await desk.outgoing.letter(entry)
    assert isinstance(letter, Letter)
    assert letter.to == "anna@example.org"


async def test_a_foreign_mailbox_is_not_confirmed_by_the_same_address(desk: Desk) -> None:
    async with desk.db.read() as connection:
        (company,) = await mailboxes.companies(connection)
    ben = await add_mailbox(desk.db, company, "1002")
    await desk.name(AddressOf.NOTIFY)
    await desk.confirmations.confirm(await desk.token())
    asked = await desk.confirmations.set_addresses(ben, {AddressOf.NOTIFY: STRANGER})
    assert asked == {AddressOf.NOTIFY: Asked.SENT}
    (waiting,) = await desk.confirmations.pending(ben)
    assert waiting.mailbox_id == ben.id


async def test_a_directory_file_that_names_the_address_confirms_it(db: Database, tmp_path: Path) -> None:
    clock = StandingClock()
    store = AudioStore.open((tmp_path / "audio").as_uri())
    hasher = PinHasher(bytes(32), Cost(memory_kib=8, passes=1))
    provisioner = Provisioner(db, store, hasher, clock, realm="r", master=mastered_here)
    path = tmp_path / "directory.toml"
    path.write_text(DIRECTORY, encoding="utf-8")
    await provisioner.apply(read_directory(path))
    async with db.read() as connection:
        companies: list[Company] = await mailboxes.companies(connection)
        anna = await mailboxes.by_extension(connection, companies[0].id, "1001")
    assert anna is not None
    desk = Desk(db, anna, clock)
    assert await desk.name(AddressOf.NOTIFY) is Asked.SENT
    path.write_text(DIRECTORY.replace('email = "anna', f'notify_email = "{STRANGER.upper()}"\nemail = "anna', 1))
    applied = await provisioner.apply(read_directory(path))
    assert [(each.subject, each.field) for each in applied.changes if each.field == "confirmed"] == [
        ("mailbox 1001", "confirmed")
    ]
    assert await desk.confirmations.pending(anna) == []
    assert (await provisioner.apply(read_directory(path))).changes == ()
