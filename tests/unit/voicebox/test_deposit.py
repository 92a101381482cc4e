"""Leaving a message: what is written, that it is written once, and that it outlives a database that is away."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tests.fakes.rows import (
    NOW,
    Hanging,
    Marks,
    StandingClock,
    a_context,
    a_take,
    add_company,
    add_mailbox,
    one_mailbox,
)
from voicebox.deposit import DepositContext, Deposits, Flags
from voicebox.errors import DatabaseUnavailable
from voicebox.events import AudioSpooled, DatabaseBack, Event, Events, MailboxChanged, OutboxGrew
from voicebox.inbox import Inbox
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Counts, Message, Reason, State, Take
from voicebox.storage import audio, messages, outbox, tables
from voicebox.storage.audio import AudioState
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Kind
from voicebox.takes import OwnContext


@dataclass(frozen=True)
class Lost:
    take: Take
    context: bytes
    ended: bool = True
    accepted: bytes | None = None


class House:
    """Deposits with a spool that remembers, and every event."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.spool = Marks()
        self.events = Events()
        self.heard: list[Event] = []
        self.events.subscribe(self.heard.append)
        self.clock = StandingClock()
        self.deposits = Deposits(db, self.events, self.spool, self.clock)

    async def messages(self, mailbox: Mailbox, state: State = State.NEW) -> list[Message]:
        return await Inbox(self.db, self.events, self.clock, mailbox).messages(state)

    async def outbox(self) -> list[outbox.Entry]:
        async with self.db.read() as connection:
            return list(reversed(await outbox.page(connection, unfinished=False, limit=1000)))

    async def audio(self, audio_id: str) -> audio.AudioRow | None:
        async with self.db.read() as connection:
            return await audio.get(connection, audio_id)


class Away:
    """A database that can be taken away."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.away = False
        self.tries = 0
        self.asked_often = asyncio.Event()

    def read(self) -> Any:
        if self.away:
            raise DatabaseUnavailable("gone")
        return self.db.read()

    async def write(self, work: Any) -> Any:
        self.tries += 1
        if self.tries == 4:
            self.asked_often.set()
        if self.away:
            raise DatabaseUnavailable("gone")
        return await self.db.write(work)


@pytest.fixture
def house(db: Database) -> House:
    return House(db)


async def test_a_deposit_is_message_audio_and_light_in_one(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    context, take = a_context(mailbox), a_take(12.5)
    accepted = await house.deposits.accept(context, take, urgent=True)
    stored = await house.messages(mailbox)
    assert stored == [accepted]
    assert stored[0].id == stored[0].audio_id == take.id
    assert stored[0].caller == context.caller
    assert stored[0].duration_s == 12.5
    assert stored[0].urgent
    assert not stored[0].interrupted
    assert stored[0].call_id == context.call_id
    row = await house.audio(take.id)
    assert row is not None
    assert (row.state, row.samples, row.rate_hz) == (AudioState.SPOOL, 100_000, 8000)
    assert [(entry.kind, entry.key) for entry in await house.outbox()] == [("mwi", f"mwi:{mailbox.id}")]
    assert house.spool.told == [("accept", take.id)]
    assert house.heard == [
        AudioSpooled(take.id),
        MailboxChanged(mailbox.company_id, mailbox.id),
    ]


async def test_the_mails_of_rows_15_and_16_are_written_with_the_message(house: House) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org", copy_email="archive@example.org", mwi=False)
    take = a_take()
    await house.deposits.accept(a_context(mailbox), take)
    assert [(entry.kind, entry.key, entry.message_id, entry.payload) for entry in await house.outbox()] == [
        (Kind.MAIL_NOTIFY, f"mail-notify:{take.id}", take.id, {"to": "anna@example.org"}),
        (Kind.MAIL_COPY, f"mail-copy:{take.id}", take.id, {"to": "archive@example.org"}),
    ]


async def test_an_email_only_message_waits_unseen_and_lights_nothing(house: House) -> None:
    mailbox = await one_mailbox(house.db, redirect_email="anna@example.org")
    take = a_take()
    await house.deposits.accept(a_context(mailbox), take)
    assert [entry.key for entry in await house.outbox()] == [f"mail-redirect:{take.id}"]
    assert await house.messages(mailbox) == []
    inbox = Inbox(house.db, house.events, house.clock, mailbox)
    assert await inbox.counts() == Counts(0, 0, 0, 0)
    assert await inbox.get(take.id) is None
    assert await inbox.delete(take.id) is None
    assert house.heard == [AudioSpooled(take.id), OutboxGrew("mail-redirect")]
    async with house.db.read() as connection:
        found = await messages.get_any(connection, take.id)
    assert found is not None
    assert found[1]


async def test_an_email_only_message_that_is_refused_for_good_comes_into_the_mailbox(house: House) -> None:
    mailbox = await one_mailbox(house.db, redirect_email="anna@example.org")
    take = a_take()
    await house.deposits.accept(a_context(mailbox), take)
    released = await house.db.write(lambda connection: messages.release(connection, take.id, "550", NOW))
    assert released is not None
    assert await house.messages(mailbox) == [released]
    assert await house.db.write(lambda connection: messages.release(connection, take.id, "550", NOW)) is None
    assert not await house.db.write(lambda connection: messages.redirected(connection, take.id, NOW))


async def test_an_email_only_message_that_was_mailed_can_be_restored_for_a_while(house: House) -> None:
    mailbox = await one_mailbox(house.db, redirect_email="anna@example.org")
    take = a_take()
    await house.deposits.accept(a_context(mailbox), take)
    assert await house.db.write(lambda connection: messages.redirected(connection, take.id, NOW))
    assert [message.id for message in await house.messages(mailbox, State.DELETED)] == [take.id]


@pytest.mark.parametrize(("samples", "is_message"), [(0, False), (15_999, False), (16_000, True)])
async def test_less_than_two_seconds_is_no_message_and_no_mail(house: House, samples: int, *, is_message: bool) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org")
    take = replace(a_take(), samples=samples)
    message = await house.deposits.accept(a_context(mailbox), take)
    assert (message is not None) is is_message
    assert bool(await house.messages(mailbox)) is is_message
    assert bool(await house.outbox()) is is_message
    assert house.spool.told == [("accept" if is_message else "discard", take.id)]


async def test_accepting_twice_is_one_message_and_one_mail(house: House) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org")
    context, take = a_context(mailbox), a_take()
    for _ in range(3):
        await house.deposits.accept(context, take)
    await asyncio.gather(*(house.deposits.accept(context, take) for _ in range(5)))
    assert len(await house.messages(mailbox)) == 1
    entries = await house.outbox()
    assert [entry.kind for entry in entries] == [Kind.MAIL_NOTIFY, Kind.MWI]
    assert house.heard.count(OutboxGrew("mail-notify")) == 1


async def test_fifty_parallel_deposits_are_fifty_messages(house: House) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org")
    takes = [a_take(2 + number / 10) for number in range(50)]
    await asyncio.gather(*(house.deposits.accept(a_context(mailbox), take) for take in takes))
    assert {message.id: message.samples for message in await house.messages(mailbox)} == {
        take.id: take.samples for take in takes
    }
    assert sum(entry.kind == Kind.MAIL_NOTIFY for entry in await house.outbox()) == 50


async def test_a_take_recorded_again_goes_when_its_successor_is_accepted(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    old, new = a_take(), a_take()
    await house.deposits.accept(a_context(mailbox, replaces=old.id), new)
    assert house.spool.told == [("accept", new.id), ("discard", old.id)]


async def test_signalled_text_that_no_database_stores_does_not_lose_a_message(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    caller = Caller("+49" + "1" * 60, "A\x00B\udcff" + "n" * 200)
    context = replace(a_context(mailbox), caller=caller)
    await house.deposits.accept(DepositContext.from_bytes(context.to_bytes()), a_take())
    (stored,) = await house.messages(mailbox)
    assert len(stored.caller.name) == 80
    assert stored.caller.name.startswith("A\ufffdB")
    assert stored.caller.number == "+49" + "1" * 37


# --- room


async def test_room_counts_samples_of_new_and_saved_messages(house: House) -> None:
    mailbox = await one_mailbox(house.db, quota_s=600)
    inbox = Inbox(house.db, house.events, house.clock, mailbox)
    takes = [a_take(100), a_take(100), Take(a_take().id, 1_600_000, 16_000)]
    for take in takes:
        await house.deposits.accept(a_context(mailbox), take)
    room = await house.deposits.room(mailbox)
    assert (room.left_s, room.full) == (300.0, False)
    await inbox.save(takes[0].id)
    await inbox.delete(takes[1].id)
    assert (await house.deposits.room(mailbox)).left_s == 400.0


async def test_a_mailbox_without_room_for_the_shortest_message_is_full(house: House) -> None:
    mailbox = await one_mailbox(house.db, quota_s=600)
    await house.deposits.accept(a_context(mailbox), a_take(598))
    assert not (await house.deposits.room(mailbox)).full
    await house.deposits.accept(a_context(mailbox), a_take(2))
    room = await house.deposits.room(mailbox)
    assert (room.left_s, room.full) == (0.0, True)


# --- the database away


async def test_a_message_left_without_a_database_arrives_when_it_is_back(house: House) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org")
    away = Away(house.db)
    deposits = Deposits(away, house.events, house.spool, house.clock)  # type: ignore[arg-type]
    away.away = True
    takes = [a_take() for _ in range(120)]
    for take in takes:
        assert await deposits.accept(a_context(mailbox), take) is not None
    assert away.tries == 1, "callers do not wait for a database that was away a moment ago"
    assert deposits.waiting == 120
    assert house.spool.told == [("accept", take.id) for take in takes]
    assert not await deposits.retry()
    assert away.tries == 2
    away.away = False
    assert await deposits.retry()
    assert deposits.waiting == 0
    assert {message.id for message in await house.messages(mailbox)} == {take.id for take in takes}
    assert sum(entry.kind == Kind.MAIL_NOTIFY for entry in await house.outbox()) == 120


async def test_there_is_room_while_the_database_is_away(house: House) -> None:
    mailbox = await one_mailbox(house.db, message_max_s=180)
    away = Away(house.db)
    away.away = True
    deposits = Deposits(away, house.events, house.spool, house.clock)  # type: ignore[arg-type]
    room = await deposits.room(mailbox)
    assert (room.left_s, room.full) == (180.0, False)


async def test_what_waits_is_brought_in_the_background(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebox.deposit.RETRY_FIRST_S", 0.001)
    mailbox = await one_mailbox(house.db)
    away = Away(house.db)
    deposits = Deposits(away, house.events, house.spool, house.clock)  # type: ignore[arg-type]
    back = asyncio.Event()
    house.events.subscribe(lambda event: back.set() if event == DatabaseBack() else None)
    away.away = True
    await deposits.accept(a_context(mailbox), a_take())
    running = asyncio.create_task(deposits.run())
    await away.asked_often.wait()
    away.away = False
    await back.wait()
    assert len(await house.messages(mailbox)) == 1
    running.cancel()
    await asyncio.wait({running})


async def test_a_message_whose_mailbox_has_gone_stays_in_the_spool_and_holds_up_nobody(house: House) -> None:
    company = await add_company(house.db)
    gone, there = await add_mailbox(house.db, company, "1001"), await add_mailbox(house.db, company, "1002")
    await house.db.write(lambda connection: _drop(connection, gone))
    await house.deposits.accept(a_context(gone), a_take())
    await house.deposits.accept(a_context(there), a_take())
    assert house.deposits.stuck == 1
    assert house.deposits.waiting == 0
    assert len(await house.messages(there)) == 1
    assert not any(told[0] == "discard" for told in house.spool.told)


async def _drop(connection: AsyncConnection, mailbox: Mailbox) -> None:
    await connection.execute(delete(tables.mailbox).where(tables.mailbox.c.id == mailbox.id))


class SpoolError(Exception):
    pass


async def test_a_spool_that_cannot_mark_does_not_matter_while_the_database_can(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    house.spool.error = SpoolError("disk")
    assert await house.deposits.accept(a_context(mailbox), a_take()) is not None
    assert len(await house.messages(mailbox)) == 1


async def test_nothing_is_promised_when_neither_spool_nor_database_can_write(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    away = Away(house.db)
    away.away = True
    house.spool.error = SpoolError("disk")
    deposits = Deposits(away, house.events, house.spool, house.clock)  # type: ignore[arg-type]
    with pytest.raises(SpoolError):
        await deposits.accept(a_context(mailbox), a_take())


# --- after a crash


async def test_a_recording_cut_off_by_a_crash_is_a_message_marked_interrupted(house: House) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org")
    take = a_take(7)
    assert await house.deposits.recover(Lost(take, a_context(mailbox).to_bytes(), ended=False)) == 1
    (message,) = await house.messages(mailbox)
    assert message.interrupted
    assert message.duration_s == 7.0
    assert [entry.kind for entry in await house.outbox()] == [Kind.MAIL_NOTIFY, Kind.MWI]


async def test_recovering_twice_is_one_message_and_one_mail(house: House) -> None:
    mailbox = await one_mailbox(house.db, notify_email="anna@example.org")
    lost = Lost(a_take(), a_context(mailbox).to_bytes(), ended=False)
    assert await house.deposits.recover(lost) == 1
    assert await house.deposits.recover(lost) == 0
    assert len(await house.messages(mailbox)) == 1
    assert sum(entry.kind == Kind.MAIL_NOTIFY for entry in await house.outbox()) == 1


@pytest.mark.parametrize("accepted", [None, Flags(urgent=True, confidential=True).to_bytes()])
async def test_a_recording_that_had_ended_is_not_interrupted(house: House, accepted: bytes | None) -> None:
    mailbox = await one_mailbox(house.db)
    await house.deposits.recover(Lost(a_take(), a_context(mailbox).to_bytes(), ended=True, accepted=accepted))
    (message,) = await house.messages(mailbox)
    assert not message.interrupted
    assert message.urgent is message.confidential is (accepted is not None)


async def test_a_recovered_scrap_is_discarded(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    take = a_take(1.9)
    assert await house.deposits.recover(Lost(take, a_context(mailbox).to_bytes(), ended=False)) == 0
    assert house.spool.told == [("discard", take.id)]
    assert await house.messages(mailbox) == []


async def test_a_message_that_exists_is_left_to_settlement(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    context, take = a_context(mailbox), a_take()
    await house.deposits.accept(context, take)
    house.heard.clear()
    lost = Lost(take, context.to_bytes(), accepted=b"{}")
    assert await house.deposits.recover(lost) == 0, "nothing was lost: this is no alarm"
    assert house.heard == [AudioSpooled(take.id)]


async def test_a_message_whose_audio_is_stored_gets_the_spools_last_mark(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    context, take = a_context(mailbox), a_take()
    await house.deposits.accept(context, take)
    await house.db.write(
        lambda connection: audio.stored(
            connection, take.id, blob_key="k", size_bytes=1, peaks=b"", now=house.clock.now()
        )
    )
    assert await house.deposits.recover(Lost(take, context.to_bytes(), accepted=b"{}")) == 0
    assert house.spool.told[-1] == ("settled", take.id)


async def test_a_recording_without_readable_context_stays_in_the_spool(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    contexts = (b"", b"\xff", b"{}", b"[]", b'{"company": null}')
    for context in contexts:
        good = Lost(a_take(), a_context(mailbox).to_bytes())
        assert await house.deposits.recover(Lost(a_take(), context), good) == 1
    assert not any(told[0] == "discard" for told in house.spool.told)
    assert len(await house.messages(mailbox)) == len(contexts)


def own(mailbox: Mailbox) -> bytes:
    return OwnContext(mailbox.company_id, mailbox.id, "ca11" * 8, "greeting").to_bytes()


async def test_a_greeting_that_nobody_was_told_of_is_forgotten(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    take = a_take()
    assert await house.deposits.recover(Lost(take, own(mailbox))) == 0
    assert house.spool.told == [("discard", take.id)]
    assert await house.messages(mailbox) == []


@pytest.mark.parametrize("stored", [False, True])
async def test_a_greeting_that_was_kept_is_left_to_settlement(house: House, stored: bool) -> None:
    mailbox = await one_mailbox(house.db)
    take = a_take()

    async def keep(connection: AsyncConnection) -> None:
        await audio.add(
            connection,
            audio_id=take.id,
            company_id=mailbox.company_id,
            samples=take.samples,
            rate_hz=take.rate_hz,
            now=NOW,
        )
        if stored:
            await audio.stored(connection, take.id, blob_key="key", size_bytes=1, peaks=b"", now=NOW)

    await house.db.write(keep)
    assert await house.deposits.recover(Lost(take, own(mailbox))) == 0
    assert house.spool.told == ([("settled", take.id)] if stored else [])
    assert await house.messages(mailbox) == []


async def test_a_greeting_is_left_in_the_spool_while_the_database_is_away(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    away = Away(house.db)
    away.away = True
    deposits = Deposits(away, house.events, house.spool, house.clock)  # type: ignore[arg-type]
    assert await deposits.recover(Lost(a_take(), own(mailbox))) == 0
    assert house.spool.told == []


def chain(mailbox: Mailbox, *seconds: float) -> list[Lost]:
    """Takes recorded one instead of the other, the last of them cut off."""
    lost: list[Lost] = []
    for number, length in enumerate(seconds):
        replaces = lost[-1].take.id if lost else None
        context = a_context(mailbox, replaces=replaces)
        lost.append(Lost(a_take(length), context.to_bytes(), ended=number < len(seconds) - 1))
    return lost


@pytest.mark.parametrize(
    ("seconds", "survivor"),
    [((5, 6), 1), ((5, 1), 0), ((5, 6, 7), 2), ((5, 6, 1), 1), ((5, 1, 1), 0), ((1, 1), None), ((5, 1, 6), 2)],
)
async def test_of_takes_recorded_again_one_is_the_message(
    house: House, seconds: Sequence[float], survivor: int | None
) -> None:
    mailbox = await one_mailbox(house.db)
    lost = chain(mailbox, *seconds)
    await house.deposits.recover(*lost)
    expected = [] if survivor is None else [lost[survivor].take.id]
    assert [message.id for message in await house.messages(mailbox)] == expected
    discarded = {told[1] for told in house.spool.told if told[0] == "discard"}
    assert discarded == {item.take.id for item in lost} - set(expected)


async def test_an_accepted_take_is_a_message_whatever_came_after(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    first, second = chain(mailbox, 5, 6)
    await house.deposits.recover(replace(first, accepted=b"{}"), second)
    assert len(await house.messages(mailbox)) == 2


async def test_a_take_does_not_come_back_beside_the_grandchild_that_was_accepted(house: House) -> None:
    """Killed after the second take was discarded and before the first one was."""
    mailbox = await one_mailbox(house.db)
    context = a_context(mailbox)
    first, third = a_take(5), a_take(6)
    later = replace(context, received_at=context.received_at + timedelta(seconds=30), replaces="b" * 32)
    await house.deposits.recover(Lost(first, context.to_bytes()), Lost(third, later.to_bytes(), accepted=b"{}"))
    assert [message.id for message in await house.messages(mailbox)] == [third.id]
    assert ("discard", first.id) in [told[:2] for told in house.spool.told]


async def test_takes_that_replace_each_other_in_a_circle_end(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    one, two = a_take(), a_take()
    await house.deposits.recover(
        Lost(one, a_context(mailbox, replaces=two.id).to_bytes()),
        Lost(two, a_context(mailbox, replaces=one.id).to_bytes()),
    )
    assert len(await house.messages(mailbox)) == 1


async def test_a_database_that_hangs_has_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = await one_mailbox(house.db, quota_s=1)
    assert (await house.deposits.room(mailbox)).full

    monkeypatch.setattr(house.db, "read", Hanging)
    monkeypatch.setattr("voicebox.deposit.COUNTED_S", 0.01)
    assert not (await house.deposits.room(mailbox)).full


async def test_recovery_without_a_database_waits_for_it(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    away = Away(house.db)
    away.away = True
    deposits = Deposits(away, house.events, house.spool, house.clock)  # type: ignore[arg-type]
    assert await deposits.recover(Lost(a_take(), a_context(mailbox).to_bytes(), ended=False)) == 1
    assert deposits.waiting == 1
    away.away = False
    assert await deposits.retry()
    assert (await house.messages(mailbox))[0].interrupted


# --- what the spool keeps


@given(
    st.builds(
        DepositContext,
        company_id=st.integers(1, 2**40),
        mailbox_id=st.integers(1, 2**40),
        call_id=st.text(max_size=40),
        caller=st.builds(Caller, st.none() | st.text(max_size=40), st.text(max_size=90), withheld=st.booleans()),
        reason=st.sampled_from(Reason),
        received_at=st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds UTC
        replaces=st.none() | st.text("0123456789abcdef", min_size=32, max_size=32),
    )
)
def test_a_context_reads_as_it_was_written(context: DepositContext) -> None:
    assert DepositContext.from_bytes(context.to_bytes()) == context


@given(st.builds(OwnContext, st.integers(1, 2**40), st.integers(1, 2**40), st.text(max_size=40), st.text(max_size=9)))
def test_a_recording_of_ones_own_is_no_deposit(context: OwnContext) -> None:
    assert OwnContext.from_bytes(context.to_bytes()) == context
    with pytest.raises(ValueError, match="without a readable context"):
        DepositContext.from_bytes(context.to_bytes())


@given(st.binary(max_size=40))
def test_what_no_subscriber_recorded_is_no_recording_of_ones_own(data: bytes) -> None:
    assert OwnContext.from_bytes(data) is None


@given(st.booleans(), st.booleans())
def test_flags_read_as_they_were_written(urgent: bool, confidential: bool) -> None:
    flags = Flags(urgent=urgent, confidential=confidential)
    assert Flags.from_bytes(flags.to_bytes()) == flags


@given(st.binary(max_size=40))
def test_flags_that_cannot_be_read_are_none(data: bytes) -> None:
    assert isinstance(Flags.from_bytes(data), Flags)


async def test_messages_carry_the_company_of_their_mailbox(house: House) -> None:
    mailbox = await one_mailbox(house.db)
    await house.deposits.accept(a_context(mailbox), a_take())
    async with house.db.read() as connection:
        for table in (tables.message, tables.audio, tables.outbox):
            assert list(await connection.scalars(select(table.c.company_id).distinct())) == [mailbox.company_id]
