"""The message light: told at once, told again after a failure or a restart, and dark where it is switched off."""

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.fakes.rows import NOW, Marks, StandingClock, a_context, a_take, add_company, add_mailbox, one_mailbox
from voicebox.deposit import Deposits
from voicebox.events import Events, MailboxChanged
from voicebox.inbox import Inbox
from voicebox.light import DARK, Light, LightState
from voicebox.mailbox import Mailbox
from voicebox.storage import mailboxes, outbox
from voicebox.storage.database import Database
from voicebox.storage.outbox import Entry


@dataclass
class Phones:
    """Phones that note what they are told."""

    told: list[tuple[str, bool, int]] = field(default_factory=list)
    fault: Exception | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, state: LightState) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append((state.mailbox.number, state.lit, state.counts.new))
        self.heard.set()


class Hall:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.events = Events()
        self.clock = StandingClock()
        self.phones = Phones()
        self.light = Light(db, self.events, self.clock, self.phones)
        self.deposits = Deposits(db, self.events, Marks(), self.clock)

    async def leave(self, mailbox: Mailbox) -> str:
        take = a_take()
        await self.deposits.accept(a_context(mailbox), take)
        return take.id

    async def open_rows(self) -> list[Entry]:
        async with self.db.read() as connection:
            return await outbox.page(connection)


@pytest.fixture
def hall(db: Database) -> Hall:
    return Hall(db)


async def test_the_light_is_lit_exactly_while_there_is_a_new_message(hall: Hall) -> None:
    mailbox = await one_mailbox(hall.db)
    message = await hall.leave(mailbox)
    await hall.light.send_due()
    inbox = Inbox(hall.db, hall.events, hall.clock, mailbox)
    for change in (inbox.heard, inbox.keep_new, inbox.delete, inbox.restore):
        await change(message)
        await hall.light.send_due()
    assert hall.phones.told == [
        ("1001", True, 1),
        ("1001", False, 0),
        ("1001", True, 1),
        ("1001", False, 0),
        ("1001", True, 1),
    ]
    assert await hall.open_rows() == []
    assert await hall.light.send_due() == 0


async def test_a_light_left_over_from_before_a_restart_is_sent(hall: Hall) -> None:
    company = await add_company(hall.db)
    for number in ("1001", "1002"):
        await hall.leave(await add_mailbox(hall.db, company, number))
    assert await hall.light.send_due() == 2
    assert sorted(told[:2] for told in hall.phones.told) == [("1001", True), ("1002", True)]  # told side by side


async def test_a_light_that_could_not_be_sent_is_sent_again_later(hall: Hall) -> None:
    mailbox = await one_mailbox(hall.db)
    await hall.leave(mailbox)
    hall.phones.fault = ConnectionError("unreachable")
    assert await hall.light.send_due() == 0
    (row,) = await hall.open_rows()
    assert (row.attempts, row.last_error) == (1, "ConnectionError: unreachable")
    hall.phones.fault = None
    assert await hall.light.send_due() == 0, "not due yet"
    hall.clock.advance(5)
    assert await hall.light.send_due() == 1
    assert await hall.open_rows() == []


async def test_a_change_while_it_is_sent_is_sent_too(hall: Hall) -> None:
    mailbox = await one_mailbox(hall.db)
    told: list[int] = []

    async def phones(state: LightState) -> None:
        told.append(state.counts.new)
        if len(told) == 1:
            await hall.leave(mailbox)

    light = Light(hall.db, hall.events, hall.clock, phones)
    await hall.leave(mailbox)
    await light.send_due()
    assert len(await hall.open_rows()) == 1
    await light.send_due()
    assert told == [1, 2]
    assert await hall.open_rows() == []


@pytest.mark.parametrize("changes", [{"mwi": False}, {"redirect_email": "anna@example.org"}])
async def test_switching_it_off_clears_it(hall: Hall, changes: dict[str, object]) -> None:
    mailbox = await one_mailbox(hall.db)
    await hall.leave(mailbox)
    await hall.light.send_due()
    await hall.db.write(lambda connection: mailboxes.change_mailbox(connection, mailbox, changes, NOW))
    await hall.light.send_due()
    assert hall.phones.told == [("1001", True, 1), ("1001", False, 0)]
    state = await hall.light.state(mailbox.id)
    assert state is not None
    assert state.counts == DARK


async def test_a_phone_that_asks_is_told_the_whole_state(hall: Hall) -> None:
    mailbox = await one_mailbox(hall.db)
    await hall.leave(mailbox)
    state = await hall.light.state(mailbox.id)
    assert state is not None
    assert (state.mailbox, state.lit, state.counts.new) == (mailbox, True, 1)
    assert await hall.light.state(999) is None


async def test_running_it_tells_a_change_at_once(hall: Hall) -> None:
    mailbox = await one_mailbox(hall.db)
    running = asyncio.create_task(hall.light.run())
    await asyncio.sleep(0)  # it runs up to its first wait, and so listens
    hall.events.publish(MailboxChanged(mailbox.company_id, mailbox.id))
    async with asyncio.timeout(20):
        await hall.phones.heard.wait()
    assert hall.phones.told == [("1001", False, 0)]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert hall.events._subscribers == []


async def test_a_dead_phone_keeps_no_other_light_waiting(hall: Hall) -> None:
    """Told side by side; a change while one is being told is told right after."""
    company = await add_company(hall.db)
    dead, alive = [await add_mailbox(hall.db, company, number) for number in ("1001", "1002")]
    begun, answered, told = asyncio.Event(), asyncio.Event(), asyncio.Queue[tuple[str, int]]()

    async def send(state: LightState) -> None:
        if state.mailbox.number == "1001" and not answered.is_set():
            begun.set()
            await answered.wait()
        told.put_nowait((state.mailbox.number, state.counts.new))

    light = Light(hall.db, hall.events, hall.clock, send)
    running = asyncio.create_task(light.run())
    try:
        async with asyncio.timeout(20):
            await hall.leave(dead)
            await begun.wait()
            await hall.leave(alive)
            assert await told.get() == ("1002", 1)
            await hall.leave(dead)
            answered.set()
            assert await told.get() == ("1001", 1)
            assert await told.get() == ("1001", 2)
    finally:
        running.cancel()
        await asyncio.wait({running})
