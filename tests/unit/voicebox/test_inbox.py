"""One mailbox's messages: folders, two people at once, paging, and the light's row with every change."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.fakes.rows import NOW, Marks, StandingClock, a_context, a_take, add_company, add_mailbox
from voicebox.access import Access, Source
from voicebox.deposit import Deposits
from voicebox.events import Event, Events, MailboxChanged
from voicebox.inbox import Inbox, cursor_of
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Counts, Message, State
from voicebox.pinhash import Cost, PinHasher
from voicebox.storage import outbox
from voicebox.storage.database import Database
from voicebox.storage.tables import message as message_table

PIN = "274913"


class Office:
    """Two mailboxes of a company, and who works on them."""

    def __init__(self, db: Database, company: Company, anna: Mailbox, bert: Mailbox) -> None:
        self.db = db
        self.company = company
        self.events = Events()
        self.clock = StandingClock()
        self.anna, self.bert = anna, bert
        self.deposits = Deposits(db, self.events, Marks(), self.clock)

    def inbox(self, mailbox: Mailbox | None = None) -> Inbox:
        return Inbox(self.db, self.events, self.clock, mailbox or self.anna)

    async def leave(self, mailbox: Mailbox | None = None, *, urgent: bool = False, at_s: float = 0.0) -> Message:
        context = a_context(mailbox or self.anna, received_at=NOW + timedelta(seconds=at_s))
        message = await self.deposits.accept(context, a_take(), urgent=urgent)
        assert message is not None
        return message

    async def light_version(self) -> int:
        async with self.db.read() as connection:
            entries = await outbox.page(connection, unfinished=False)
        return next((entry.version for entry in entries if entry.mailbox_id == self.anna.id), 0)


@pytest.fixture
async def office(db: Database) -> Office:
    company = await add_company(db)
    return Office(db, company, await add_mailbox(db, company, "1001"), await add_mailbox(db, company, "1002"))


async def test_counts_tell_folders_and_urgent_ones_apart(office: Office) -> None:
    inbox = office.inbox()
    assert await inbox.counts() == Counts(0, 0, 0, 0, 0)
    left = [await office.leave(urgent=urgent) for urgent in (True, False, True, False, False)]
    await office.leave(office.bert)
    await inbox.save(left[0].id)
    await inbox.delete(left[1].id)
    assert await inbox.counts() == Counts(new=3, saved=1, new_urgent=1, saved_urgent=1, deleted=1)


@pytest.mark.parametrize("steps", [["heard"], ["save"]])
async def test_a_message_heard_or_saved_is_saved(office: Office, steps: list[str]) -> None:
    message = await office.leave()
    moved = await getattr(office.inbox(), steps[0])(message.id)
    assert moved.state is State.SAVED
    assert await office.inbox().get(message.id) == moved


async def test_hearing_is_noted_once(office: Office) -> None:
    message = await office.leave()
    inbox = office.inbox()
    await inbox.heard(message.id)
    office.clock.advance(60)
    assert await inbox.heard(message.id) is None
    async with office.db.read() as connection:
        assert await connection.scalar(select(message_table.c.heard_at)) == NOW


@pytest.mark.parametrize("before", [State.NEW, State.SAVED])
async def test_a_deleted_message_comes_back_where_it_was(office: Office, before: State) -> None:
    message, inbox = await office.leave(), office.inbox()
    if before is State.SAVED:
        await inbox.save(message.id)
    deleted = await inbox.delete(message.id)
    assert deleted is not None
    assert deleted.state is State.DELETED
    restored = await inbox.restore(message.id)
    assert restored is not None
    assert restored.state is before


async def test_a_saved_message_is_kept_as_new(office: Office) -> None:
    message, inbox = await office.leave(), office.inbox()
    assert await inbox.keep_new(message.id) is None
    await inbox.heard(message.id)
    kept = await inbox.keep_new(message.id)
    assert kept is not None
    assert kept.state is State.NEW


async def test_what_is_not_where_it_must_be_is_left_alone(office: Office) -> None:
    message, inbox = await office.leave(), office.inbox()
    assert await inbox.restore(message.id) is None
    await inbox.delete(message.id)
    version = await office.light_version()
    assert await inbox.delete(message.id) is None
    assert await inbox.save(message.id) is None
    assert await inbox.heard(message.id) is None
    assert await inbox.keep_new(message.id) is None
    assert await inbox.delete("0" * 32) is None
    assert await inbox.delete_all() == 0
    assert await office.light_version() == version


async def test_of_two_people_who_delete_one_message_one_is_told_it_is_gone(office: Office) -> None:
    message = await office.leave()
    one, two = office.inbox(), office.inbox()
    results = await asyncio.gather(*(inbox.delete(message.id) for inbox in (one, two) for _ in range(3)))
    assert sum(result is not None for result in results) == 1


async def test_one_who_saves_and_one_who_deletes_agree_in_the_end(office: Office) -> None:
    for _ in range(5):
        message = await office.leave()
        saved, deleted = await asyncio.gather(office.inbox().save(message.id), office.inbox().delete(message.id))
        assert deleted is not None
        found = await office.inbox().get(message.id)
        assert found is not None
        assert found.state is State.DELETED
        restored = await office.inbox().restore(message.id)
        assert restored is not None
        assert restored.state is (State.SAVED if saved is not None else State.NEW)


async def test_another_mailboxs_message_is_nobodys(office: Office) -> None:
    message, stranger = await office.leave(), office.inbox(office.bert)
    assert await stranger.get(message.id) is None
    for change in (stranger.heard, stranger.save, stranger.delete, stranger.restore, stranger.keep_new):
        assert await change(message.id) is None
    assert await stranger.delete_all() == 0
    assert (await office.inbox().counts()).new == 1


async def test_deleting_all_takes_new_and_saved_and_each_comes_back_where_it_was(office: Office) -> None:
    inbox = office.inbox()
    new, saved, gone = [await office.leave() for _ in range(3)]
    await inbox.save(saved.id)
    await inbox.delete(gone.id)
    assert await inbox.delete_all() == 2
    assert await inbox.counts() == Counts(0, 0, 0, 0, deleted=3)
    for message, state in ((new, State.NEW), (saved, State.SAVED), (gone, State.NEW)):
        restored = await inbox.restore(message.id)
        assert restored is not None
        assert restored.state is state


async def test_a_message_that_came_after_the_question_is_not_deleted(office: Office) -> None:
    old = await office.leave()
    office.clock.advance(10)
    asked_at = office.clock.now()
    office.clock.advance(5)
    late = await office.leave(at_s=-60)  # its recording began before the question, and ended after it
    assert await office.inbox().delete_all(there_until=asked_at) == 1
    assert [message.id for message in await office.inbox().messages(State.NEW)] == [late.id]
    assert [message.id for message in await office.inbox().messages(State.DELETED)] == [old.id]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_cover_a_folder_once_in_order(office: Office, newest_first: bool) -> None:
    left = [await office.leave(at_s=number // 3) for number in range(11)]  # three at the same moment
    expected = sorted(left, key=lambda message: (message.received_at, message.id), reverse=newest_first)
    inbox = office.inbox()
    pages: list[list[Message]] = []
    after = None
    while page := await inbox.messages(State.NEW, after=after, limit=4, newest_first=newest_first):
        pages.append(page)
        after = cursor_of(page[-1])
    assert [len(page) for page in pages] == [4, 4, 3]
    assert [message for page in pages for message in page] == expected


async def test_every_change_tells_the_light_and_the_process(office: Office) -> None:
    inbox, told = office.inbox(), list[Event]()
    message = await office.leave()
    office.events.subscribe(told.append)
    version = await office.light_version()
    for change in (inbox.heard, inbox.keep_new, inbox.save, inbox.delete, inbox.restore):
        assert await change(message.id) is not None
        version += 1
        assert await office.light_version() == version
    await inbox.delete_all()
    assert await office.light_version() == version + 1
    assert told.count(MailboxChanged(office.anna.company_id, office.anna.id)) == 6


async def test_a_mailbox_without_light_writes_no_row_for_it(db: Database) -> None:
    company = await add_company(db)
    mailbox = await add_mailbox(db, company, mwi=False)
    office = Office(db, company, mailbox, mailbox)
    message = await office.leave()
    await office.inbox().delete(message.id)
    assert await office.light_version() == 0


async def test_a_message_is_claimed_once_however_many_try(office: Office) -> None:
    left = await office.leave()
    members = [await add_mailbox(office.db, office.company, str(2001 + n)) for n in range(5)]
    claimed = await asyncio.gather(*(office.inbox().claim(left.id, member) for member in members))
    (won,) = [each for each in claimed if each is not None]
    present = await office.inbox().get(left.id)
    assert present == won
    assert present.claimed_by in {member.id for member in members}
    assert present.state is State.NEW


async def test_a_message_is_handled_once_also_by_another_than_who_claimed_it(office: Office) -> None:
    left = await office.leave()
    inbox = office.inbox()
    assert await inbox.claim(left.id, office.bert)
    handled = await inbox.handled(left.id, office.anna)
    assert handled is not None
    assert (handled.claimed_by, handled.handled_by) == (office.bert.id, office.anna.id)
    assert await inbox.handled(left.id, office.bert) is None
    assert await inbox.claim(left.id, office.bert) is None


async def test_claims_and_handling_are_told_and_change_no_light(office: Office) -> None:
    left = await office.leave()
    told: list[Event] = []
    office.events.subscribe(told.append)
    version = await office.light_version()
    await office.inbox().claim(left.id, office.bert)
    await office.inbox().handled(left.id, office.bert)
    assert told == [MailboxChanged(office.anna.company_id, office.anna.id)] * 2
    assert await office.light_version() == version


async def test_what_is_deleted_or_elsewhere_is_neither_claimed_nor_handled(office: Office) -> None:
    left = await office.leave()
    assert await office.inbox(office.bert).claim(left.id, office.bert) is None
    assert await office.inbox(office.bert).handled(left.id, office.bert) is None
    await office.inbox().delete(left.id)
    assert await office.inbox().claim(left.id, office.bert) is None
    assert await office.inbox().handled(left.id, office.bert) is None


async def test_security_row_14_fifty_parallel_deposits_are_fifty_messages_while_ten_people_work(office: Office) -> None:
    first = [await office.leave(at_s=n) for n in range(10)]
    members = [await add_mailbox(office.db, office.company, str(2001 + n)) for n in range(10)]
    access = Access(office.db, PinHasher(b"k" * 32, Cost(memory_kib=64, passes=1)), office.clock)
    assert await access.set_pin(office.anna, PIN) == []

    async def work(member: Mailbox, at: int) -> int:
        """Log in to the one mailbox, claim all, handle one's own, save one, delete another: as everybody else does."""
        source = Source(f"number:{member.number}")
        login = await access.login(company_id=office.company.id, mailbox=office.anna, pin=PIN, source=source)
        assert login.ok
        inbox = office.inbox()
        won = [each for each in first if await inbox.claim(each.id, member) is not None]
        for each in won:
            handled = await inbox.handled(each.id, member)
            assert handled is not None or each is first[0]  # which somebody may have deleted meanwhile
        await inbox.save(first[at].id)
        await inbox.delete(first[0].id)
        return len(won)

    async with asyncio.TaskGroup() as group:
        working = [group.create_task(work(member, at)) for at, member in enumerate(members)]
        leaving = [group.create_task(office.leave(at_s=100 + n)) for n in range(50)]
    assert sum(task.result() for task in working) <= 10
    left = {task.result().id for task in leaving}
    assert len(left) == 50
    new = await office.inbox().messages(State.NEW, limit=500)
    assert left <= {each.id for each in new}
    counts = await office.inbox().counts()
    assert (counts.new, counts.saved, counts.deleted) == (50, 9, 1)
    saved = await office.inbox().messages(State.SAVED)
    assert all(each.handled_by == each.claimed_by is not None for each in saved)
