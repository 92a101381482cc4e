"""E-mail only (voicemail.md, rows 13 and 14): what the light shows, what counts, and what switching the mode does."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mail.letter import Letter
from mail.outgoing import Outgoing
from tests.fakes.rows import NOW, Marks, StandingClock, a_context, a_take, one_mailbox
from voicebox.deposit import Deposits
from voicebox.events import Events
from voicebox.inbox import Inbox
from voicebox.light import Light, LightState
from voicebox.mailbox import Mailbox
from voicebox.message import Message, State
from voicebox.storage import mailboxes, messages, outbox
from voicebox.storage.database import Database
from voicebox.storage.outbox import Entry, Kind

ANNA = "anna@example.org"


@dataclass
class Post:
    """A mailbox, its mails and its light."""

    db: Database
    mailbox: Mailbox
    clock: StandingClock = field(default_factory=StandingClock)
    events: Events = field(default_factory=Events)
    lit: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deposits = Deposits(self.db, self.events, Marks(), self.clock)
        self.outgoing = Outgoing(self.db, self.events, self.clock)
        self.light = Light(self.db, self.events, self.clock, self._show)

    async def _show(self, state: LightState) -> None:
        self.lit.append(state.lit)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.db, self.events, self.clock, self.mailbox)

    async def deposit(self, seconds: float = 10.0, **flags: Any) -> Message:
        made = await self.deposits.accept(a_context(self.mailbox), a_take(seconds), **flags)
        assert made is not None
        return made

    async def switch(self, **changes: Any) -> None:
        before = self.mailbox
        self.mailbox = await self.db.write(
            lambda connection: mailboxes.change_mailbox(connection, before, changes, self.clock.now())
        )

    async def mail(self) -> Entry:
        (entry,) = await self.outgoing.claim(10)
        return entry

    async def found(self, made: Message) -> Message | None:
        async with self.db.read() as connection:
            return await messages.get(connection, made.id)

    async def shown(self) -> int:
        state = await self.light.state(self.mailbox.id)
        assert state is not None
        return state.counts.new


@pytest.fixture
async def post(db: Database) -> Post:
    return Post(db, await one_mailbox(db, redirect_email=ANNA))


async def test_row_14_what_could_not_be_mailed_lights_the_lamp_until_it_is_heard(post: Post) -> None:
    made = await post.deposit()
    assert await post.shown() == 0
    await post.outgoing.refused(await post.mail(), "550 no such user")
    await post.light.send_due()
    found = await post.found(made)
    assert found is not None
    assert (found.state, found.warning) == (State.NEW, "mail-refused")
    assert await post.inbox.heard(made.id)
    await post.light.send_due()
    assert post.lit == [True, False]
    async with post.db.read() as connection:
        assert [row for row in await outbox.page(connection) if row.kind == Kind.MWI] == []


async def test_row_14_switching_to_email_only_clears_the_light_and_back_lights_it(db: Database) -> None:
    post = Post(db, await one_mailbox(db))
    made = await post.deposit()
    await post.light.send_due()
    await post.switch(redirect_email=ANNA)
    await post.light.send_due()
    assert (await post.found(made)) is not None, "what is in the mailbox stays there"
    await post.switch(redirect_email=None)
    await post.light.send_due()
    assert post.lit == [True, False, True]


async def test_row_13_switching_back_brings_what_waits_for_the_mail_server_into_the_mailbox(post: Post) -> None:
    made = await post.deposit()
    await post.switch(redirect_email=None)
    await post.light.send_due()
    found = await post.found(made)
    assert found is not None
    assert (found.state, found.warning) == (State.NEW, None)
    assert post.lit == [True]
    assert await post.outgoing.claim(10) == [], "its mail is withdrawn"
    await post.switch(redirect_email=ANNA)
    assert await post.found(made) == found, "and it stays where it is"
    later = await post.deposit()
    assert (await post.mail()).message_id == later.id


async def test_row_13_a_mail_under_way_while_the_mode_is_switched_loses_nothing(post: Post) -> None:
    made = await post.deposit()
    entry = await post.mail()
    letter = await post.outgoing.letter(entry)
    assert isinstance(letter, Letter)
    await post.switch(redirect_email=None)
    await post.outgoing.delivered(entry, replace(letter, mp3=b"ID3"))
    found = await post.found(made)
    assert found is not None
    assert found.state is State.NEW, "it is in the mailbox as well as in the mail"
    await post.outgoing.refused(entry, "550")
    assert await post.found(made) == found


async def test_row_13_a_new_address_gets_what_waits(post: Post) -> None:
    await post.deposit()
    await post.switch(redirect_email="new@example.org")
    letter = await post.outgoing.letter(await post.mail())
    assert letter is not None
    assert letter.to == "new@example.org"


async def test_row_21_mailed_messages_take_no_room_but_waiting_and_refused_ones_do(db: Database) -> None:
    post = Post(db, await one_mailbox(db, quota_s=600))
    await post.deposit(100)
    await post.switch(redirect_email=ANNA)
    assert (await post.deposits.room(post.mailbox)).left_s == 600, "what lay there before stays out of it"
    await post.deposit(200)
    assert (await post.deposits.room(post.mailbox)).left_s == 400
    entry = await post.mail()
    letter = await post.outgoing.letter(entry)
    assert isinstance(letter, Letter)
    await post.outgoing.delivered(entry, replace(letter, mp3=b"ID3"))
    assert (await post.deposits.room(post.mailbox)).left_s == 600
    await post.deposit(150)
    await post.outgoing.refused(await post.mail(), "550")
    assert (await post.deposits.room(post.mailbox)).left_s == 450
    await post.switch(redirect_email=None)
    assert (await post.deposits.room(post.mailbox)).left_s == 350


async def test_security_row_21_every_light_is_told_again_after_a_restart(db: Database) -> None:
    post = Post(db, await one_mailbox(db))
    await post.deposit()
    await post.light.send_due()
    told = asyncio.Event()

    async def show(state: LightState) -> None:
        post.lit.append(state.lit)
        told.set()

    running = asyncio.create_task(Light(db, Events(), StandingClock(NOW), show).run())
    async with asyncio.timeout(20):
        await told.wait()
    running.cancel()
    await asyncio.wait({running})
    assert post.lit == [True, True]
