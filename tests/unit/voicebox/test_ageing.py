"""Row 21: messages age out by their mailbox's days, deleted ones go after 14, and sound with its last reference."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from tests.fakes.rows import NOW, Marks, StandingClock, a_context, add_company, add_mailbox
from tests.fakes.sounds import stored
from voicebox.ageing import DELETED_FOR, Ageing, last_night
from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.deposit import Deposits
from voicebox.errors import Conflict, StoreUnavailable
from voicebox.events import Event, Events, MailboxChanged
from voicebox.ids import new_id
from voicebox.inbox import Inbox
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Message, Reason, State, Take
from voicebox.settings.retention import Retention
from voicebox.storage import ageing as storage_ageing
from voicebox.storage import audio, callrecords, lists, messages, outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Kind
from voicebox.storage.tables import announcement, message_segment, metadata, sending, sending_result
from voicebox.storage.tables import audio as audio_table
from voicebox.storage.tables import call_record as call_table
from voicebox.storage.tables import mailbox as mailbox_table
from voicebox.storage.tables import message as message_table
from voicebox.storage.tables import outbox as outbox_table

DAY_S = 86400.0
SOUND = np.zeros(1600, dtype=np.int16)


@dataclass
class Archive:
    """Two mailboxes with real rows and real files, and a clock to turn."""

    db: Database
    store: AudioStore
    folder: Path
    company: Company
    anna: Mailbox
    ben: Mailbox
    clock: StandingClock = field(default_factory=StandingClock)
    events: Events = field(default_factory=Events)
    spool: Marks = field(default_factory=Marks)
    published: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events.subscribe(self.published.append)

    @property
    def ageing(self) -> Ageing:
        """Ageing as a fresh process has it: it makes up for the last night."""
        return Ageing(self.db, self.store, Retention(), events=self.events, clock=self.clock, spool=self.spool)

    def inbox(self, mailbox: Mailbox | None = None) -> Inbox:
        return Inbox(self.db, self.events, self.clock, mailbox or self.anna)

    async def message(self, mailbox: Mailbox | None = None, *, of: str | None = None, pending: bool = False) -> Message:
        """A new message; `of` is the audio it shares with another one."""
        owner = mailbox or self.anna
        made = Message(
            id=new_id(),
            company_id=owner.company_id,
            mailbox_id=owner.id,
            audio_id=of or await self.sound(),
            caller=Caller("+4915155500001"),
            reason=Reason.BUSY,
            received_at=self.clock.now(),
            samples=1600,
            rate_hz=8000,
        )
        await self.db.write(lambda connection: messages.add(connection, made, self.clock.now(), pending=pending))
        return made

    async def sound(self) -> str:
        return await stored(self.db, self.store, self.company.id, SOUND, now=self.clock.now())

    async def state(self, made: Message) -> str | None:
        async with self.db.read() as connection:
            found: str | None = await connection.scalar(
                select(message_table.c.state).where(message_table.c.id == made.id)
            )
        return found

    async def set(self, owner: Mailbox, **values: Any) -> None:
        statement = update(mailbox_table).where(mailbox_table.c.id == owner.id).values(values)
        await self.do(lambda connection: connection.execute(statement))

    async def do(self, work: Callable[[AsyncConnection], Awaitable[Any]]) -> None:
        async def nothing_back(connection: AsyncConnection) -> None:
            await work(connection)

        await self.db.write(nothing_back)

    async def has(self, audio_id: str) -> bool:
        """Whether audio is there whole: row and file, or neither."""
        async with self.db.read() as connection:
            row = await audio.get(connection, audio_id)
        there = [path.stem for path in self.folder.rglob("*.flac")]
        assert (row is not None) == (audio_id in there)
        return row is not None

    def days(self, days: float) -> None:
        self.clock.advance(days * DAY_S)


@pytest.fixture
async def archive(db: Database, tmp_path: Path) -> Archive:
    return await an_archive(db, tmp_path)


@pytest.fixture
async def lite(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Archive]:
    async with await Database.open(sqlite_url) as opened:
        yield await an_archive(opened, tmp_path)


async def an_archive(db: Database, folder: Path) -> Archive:
    company = await add_company(db)
    anna, ben = [await add_mailbox(db, company, number) for number in ("1001", "1002")]
    store = AudioStore.open((folder / "audio").as_uri())
    return Archive(db, store, folder / "audio", company, anna, ben)


# --- the night


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-11-22T09:30", "2026-11-22T02:00"),
        ("2026-11-22T02:00", "2026-11-22T02:00"),
        ("2026-11-22T01:59", "2026-11-21T02:00"),
        # The clocks change: summer time begins on 29 March 2026 at 02:00, ends on 25 October at 03:00.
        ("2026-03-29T00:59", "2026-03-28T02:00"),
        ("2026-03-29T01:00", "2026-03-29T01:00"),
        ("2026-10-25T00:59", "2026-10-24T01:00"),
        ("2026-10-25T01:59", "2026-10-24T01:00"),
        ("2026-10-25T02:00", "2026-10-25T02:00"),
    ],
)
def test_the_night_is_three_o_clock_by_the_companys_clocks(now: str, night: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert last_night(ZoneInfo("Europe/Berlin"), at) == datetime.fromisoformat(night).replace(tzinfo=UTC)


# --- messages


@pytest.mark.parametrize("days", [7, 15, 30, 60])
async def test_row_21_a_saved_message_ages_out_after_its_mailboxs_days(archive: Archive, days: int) -> None:
    await archive.set(archive.anna, retention_days=days)
    made = await archive.message()
    archive.days(3)
    assert await archive.inbox().save(made.id)
    archive.clock.moment = last_night(ZoneInfo("Europe/Berlin"), archive.clock.now()) + timedelta(days=days)
    await archive.ageing.catch_up()
    assert await archive.state(made) == State.SAVED, "the night before its days are over"
    archive.days(1)
    archive.published.clear()
    assert (await archive.ageing.catch_up()).retired == 1
    assert await archive.state(made) == State.DELETED
    assert MailboxChanged(archive.company.id, archive.anna.id) in archive.published
    async with archive.db.read() as connection:
        assert [row.kind for row in await outbox.page(connection)] == [Kind.MWI], "the light's counts changed"


async def test_row_21_zero_days_is_never_and_new_ones_never_age_out(archive: Archive) -> None:
    await archive.set(archive.ben, retention_days=0)
    new, saved = await archive.message(), await archive.message(archive.ben)
    await archive.inbox(archive.ben).save(saved.id)
    archive.days(4000)
    await archive.ageing.catch_up()
    assert (await archive.state(new), await archive.state(saved)) == (State.NEW, State.SAVED)


async def test_row_21_deleted_messages_can_be_restored_for_14_days_and_then_are_gone(archive: Archive) -> None:
    made, other = await archive.message(), await archive.message()
    for each in (made, other):
        await archive.inbox().delete(each.id)
    archive.clock.moment = last_night(ZoneInfo("Europe/Berlin"), archive.clock.now() + DELETED_FOR)
    await archive.ageing.catch_up()
    assert await archive.inbox().restore(made.id)
    archive.days(1)
    total = await archive.ageing.catch_up()
    assert (total.purged, total.audio) == (1, 1)
    assert await archive.state(other) is None
    assert await archive.state(made) == State.NEW
    assert not await archive.has(other.audio_id)
    assert await archive.has(made.audio_id)


async def test_row_21_what_aged_out_can_be_restored_for_14_days_and_gets_its_days_anew(archive: Archive) -> None:
    made = await archive.message()
    await archive.inbox().save(made.id)
    archive.days(31)
    await archive.ageing.catch_up()
    archive.days(13)
    await archive.ageing.catch_up()
    restored = await archive.inbox().restore(made.id)
    assert restored is not None
    assert restored.state is State.SAVED
    archive.days(29)
    assert (await archive.ageing.catch_up()).retired == 0
    archive.days(2)
    assert (await archive.ageing.catch_up()).retired == 1


async def test_row_21_what_waits_to_be_mailed_is_not_touched(archive: Archive) -> None:
    pending, copied = await archive.message(pending=True), await archive.message()
    await archive.inbox().delete(copied.id)
    draft = Draft(archive.company.id, Kind.MAIL_COPY, "mail-copy:1", archive.anna.id, copied.id, {"to": "a@b.example"})
    await archive.do(lambda connection: outbox.add(connection, [draft], archive.clock.now()))
    archive.days(400)
    assert (await archive.ageing.catch_up()).purged == 0
    assert await archive.state(pending) == "pending"
    assert await archive.state(copied) == State.DELETED
    assert await archive.has(copied.audio_id)
    (entry,) = await archive.db.write(
        lambda connection: outbox.claim_due(connection, Kind.MAIL_COPY, limit=1, now=archive.clock.now(), lease_s=60)
    )
    await archive.do(lambda connection: outbox.done(connection, entry, archive.clock.now()))
    archive.days(1)
    assert (await archive.ageing.catch_up()).purged == 1
    assert not await archive.has(copied.audio_id)
    assert await archive.has(pending.audio_id)


async def test_a_missed_night_is_made_up_for_as_if_at_three(archive: Archive) -> None:
    made = await archive.message()
    await archive.inbox().delete(made.id)
    night = last_night(ZoneInfo("Europe/Berlin"), archive.clock.now() + DELETED_FOR)
    archive.clock.moment = night + timedelta(hours=23)
    await archive.ageing.catch_up()
    assert await archive.state(made) == State.DELETED, "not yet due last night"
    archive.days(20)
    assert (await archive.ageing.catch_up()).purged == 1


async def test_it_runs_once_a_night_and_a_second_node_finds_nothing(archive: Archive) -> None:
    one, other = archive.ageing, archive.ageing
    made = await archive.message()
    await archive.inbox().delete(made.id)
    archive.days(20)
    assert (await one.catch_up()).purged == 1
    assert (await other.catch_up()).purged == 0
    later = await archive.message()
    await archive.inbox().delete(later.id)
    await archive.do(
        lambda connection: connection.execute(
            update(message_table).values(state_changed_at=NOW, received_at=NOW).where(message_table.c.id == later.id)
        )
    )
    assert (await one.catch_up()).purged == 0, "this night was done"
    archive.days(1)
    assert (await one.catch_up()).purged == 1


# --- sound


async def test_row_21_sound_goes_with_its_last_reference_only(archive: Archive) -> None:
    made = await archive.message()
    copy = await archive.message(archive.ben, of=made.audio_id)
    comment = await archive.sound()
    values = {"message_id": copy.id, "position": 0, "company_id": archive.company.id, "audio_id": comment}
    await archive.do(lambda connection: connection.execute(insert(message_segment).values(values)))
    await archive.inbox().delete(made.id)
    archive.days(20)
    total = await archive.ageing.catch_up()
    assert (total.purged, total.audio) == (1, 0)
    assert await archive.has(made.audio_id)
    assert await archive.has(comment)
    await archive.inbox(archive.ben).delete(copy.id)
    archive.days(20)
    total = await archive.ageing.catch_up()
    assert (total.purged, total.audio) == (1, 2)
    assert not await archive.has(made.audio_id)
    assert not await archive.has(comment)


@pytest.mark.parametrize("column", ["busy_greeting", "no_answer_greeting", "away_greeting", "name_recording"])
async def test_row_21_greetings_and_names_keep_their_sound(lite: Archive, column: str) -> None:
    old, new = await lite.sound(), await lite.sound()
    await lite.set(lite.anna, **{column: old})
    lite.days(500)
    assert (await lite.ageing.catch_up()).audio == 1, "the other one, which nobody plays"
    assert await lite.has(old)
    assert not await lite.has(new)
    await lite.set(lite.anna, **{column: None})
    lite.days(1)
    assert (await lite.ageing.catch_up()).audio == 1
    assert not await lite.has(old)


async def test_row_21_lists_keep_the_sound_of_their_description(lite: Archive) -> None:
    kept = await lite.sound()
    made = await lite.db.write(
        lambda connection: lists.add(
            connection, lite.anna, number=1, description="Team", shared=False, members=[lite.ben.id], recording=kept
        )
    )
    lite.days(500)
    assert (await lite.ageing.catch_up()).audio == 0
    await lite.do(
        lambda connection: lists.change(connection, made, description="Team", shared=False, members=[lite.ben.id])
    )
    lite.days(1)
    assert (await lite.ageing.catch_up()).audio == 1
    assert not await lite.has(kept)


async def test_row_21_announcements_keep_their_sound(lite: Archive) -> None:
    kept = await lite.sound()
    values = {"company_id": lite.company.id, "name": "Weihnachten", "audio_id": kept, "created_at": NOW}
    await lite.do(lambda connection: connection.execute(insert(announcement).values(values)))
    lite.days(500)
    assert (await lite.ageing.catch_up()).audio == 0
    assert await lite.has(kept)


async def test_sound_that_is_referred_to_anew_while_it_is_taken_away_stays(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = await archive.sound()
    archive.days(2)
    referring, go_on, found = asyncio.Event(), asyncio.Event(), asyncio.Event()
    look = storage_ageing.orphans

    async def orphans(connection: AsyncConnection, **values: Any) -> list[str]:
        listed = await look(connection, **values)
        found.set()
        return listed

    monkeypatch.setattr(storage_ageing, "orphans", orphans)

    async def refer(connection: AsyncConnection) -> None:
        statement = update(mailbox_table).where(mailbox_table.c.id == archive.anna.id).values(name_recording=sound)
        await connection.execute(statement)
        referring.set()
        await go_on.wait()

    async def sweep() -> int:
        try:
            return (await archive.ageing.sweep(archive.clock.now())).audio
        except Conflict:
            return 0

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(archive.do(refer))
        await referring.wait()
        swept = group.create_task(sweep())
        await found.wait()  # nothing refers to it yet, as far as anybody can see
        go_on.set()
    assert swept.result() == 0
    await archive.ageing.catch_up()
    assert await archive.has(sound)


async def test_two_nodes_at_once_take_each_thing_once(archive: Archive) -> None:
    await archive.set(archive.anna, retention_days=7)
    for n in range(12):
        made = await archive.message()
        await (archive.inbox().save if n % 2 else archive.inbox().delete)(made.id)
    archive.days(40)
    totals = await asyncio.gather(*(archive.ageing.catch_up() for _ in range(3)))
    assert (sum(each.retired for each in totals), sum(each.purged for each in totals)) == (6, 6)
    await archive.ageing.catch_up()
    assert len(list(archive.folder.rglob("*.flac"))) == 6
    async with archive.db.read() as connection:
        assert [row for row in await outbox.page(connection) if row.kind == Kind.AUDIO_REMOVAL] == []


def test_every_column_that_refers_to_audio_is_known_to_ageing() -> None:
    """A new one that it did not know of would lose its sound at night."""
    known = str(storage_ageing.ORPHANS.compile())
    referring = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if any(foreign.column.table is audio_table for foreign in column.foreign_keys)
    ]
    assert len(referring) >= 7
    assert [each for each in referring if each not in known] == []


async def test_new_sound_has_a_day_to_be_referred_to(lite: Archive) -> None:
    kept = await lite.sound()
    lite.days(1)
    assert (await lite.ageing.catch_up()).audio == 0
    lite.days(1)
    assert (await lite.ageing.catch_up()).audio == 1
    assert not await lite.has(kept)


async def test_a_store_that_is_away_is_asked_again(lite: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = await lite.sound()
    real, failures = lite.store.delete, [StoreUnavailable("away")]

    async def away(key: str) -> None:
        if failures:
            raise failures.pop()
        await real(key)

    monkeypatch.setattr(lite.store, "delete", away)
    lite.days(2)
    ageing = lite.ageing
    await ageing.catch_up()
    assert list(lite.folder.rglob("*.flac")), "it is there still"
    assert await ageing.remove_sound() == 0, "not yet"
    lite.clock.advance(5)
    assert await ageing.remove_sound() == 1
    assert not await lite.has(kept)


async def test_a_greeting_file_that_is_applied_anew_keeps_its_sound(lite: Archive) -> None:
    kept = await lite.sound()
    async with lite.db.read() as connection:
        row = await audio.get(connection, kept)
    assert row is not None
    lite.days(2)
    await lite.ageing.sweep(lite.clock.now())

    async def again(connection: AsyncConnection) -> None:
        await audio.add(
            connection,
            audio_id=kept,
            company_id=lite.company.id,
            samples=1600,
            rate_hz=8000,
            now=lite.clock.now(),
            blob_key=row.blob_key,
        )

    await lite.do(again)
    assert await lite.ageing.remove_sound() == 0
    assert await lite.has(kept)
    lite.days(2)
    await lite.ageing.catch_up()
    assert not await lite.has(kept), "and goes when it is an orphan again"


async def test_a_broken_recording_goes_from_the_spool_and_does_not_come_back(archive: Archive) -> None:
    deposits = Deposits(archive.db, archive.events, archive.spool, archive.clock)
    take = Take(uuid.uuid4().hex, 80000, 8000)
    context = a_context(archive.anna)
    made = await deposits.accept(context, take)
    assert made is not None
    await archive.do(lambda connection: audio.failed(connection, take.id, "broken", broken=True))
    await archive.inbox().delete(made.id)
    archive.days(20)
    await archive.ageing.catch_up()
    assert ("discard", take.id) in archive.spool.told
    assert await deposits.accept(context, take) == made
    assert await archive.state(made) is None, "as after a crash that forgot the mark in the spool"
    assert archive.spool.told[-1] == ("settled", take.id)


async def test_what_lies_in_another_nodes_spool_is_not_taken_away(archive: Archive) -> None:
    made = await Deposits(archive.db, archive.events, Marks(), archive.clock).accept(
        a_context(archive.anna), Take(uuid.uuid4().hex, 80000, 8000)
    )
    assert made is not None
    await archive.inbox().delete(made.id)
    archive.days(20)
    total = await archive.ageing.catch_up()
    assert (total.purged, total.audio) == (1, 0)
    async with archive.db.read() as connection:
        assert await audio.get(connection, made.audio_id) is not None
    assert archive.spool.told == []


# --- records


async def test_old_calls_finished_mails_and_sendings_are_forgotten(archive: Archive) -> None:
    made = await archive.message()

    async def fill(connection: AsyncConnection) -> None:
        record = CallRecord(
            id=new_id(),
            company_id=archive.company.id,
            mailbox="1001",
            caller="1",
            called="2",
            reason=None,
            deflected_by=None,
            started=NOW,
            answered=NOW,
            ended=NOW,
            rtp=RtpFigures(0, 0, 0.0),
            trace=[],
        )
        await callrecords.add(connection, record)
        drafts = [
            Draft(archive.company.id, Kind.MAIL_NOTIFY, f"k{n}", archive.anna.id, made.id, {"to": "a@b.example"})
            for n in range(3)
        ]
        await outbox.add(connection, drafts, NOW)
        await outbox.remind_light(connection, archive.company.id, archive.anna.id, NOW)
        entries = await outbox.claim_due(connection, Kind.MAIL_NOTIFY, limit=2, now=NOW, lease_s=60)
        await outbox.done(connection, entries[0], NOW)
        await outbox.give_up(connection, entries[1], "550", NOW)
        for _ in range(2):
            values = {
                "id": new_id(),
                "company_id": archive.company.id,
                "mailbox_id": archive.anna.id,
                "kind": "forward",
                "created_at": NOW,
            }
            await connection.execute(insert(sending).values(values))
            result = {"sending_id": values["id"], "recipient": "1002", "company_id": 1, "outcome": "sent"}
            await connection.execute(insert(sending_result).values(result | {"company_id": archive.company.id}))
        kept = update(message_table).where(message_table.c.id == made.id).values(sending_id=values["id"])
        await connection.execute(kept)

    await archive.do(fill)

    async def left() -> tuple[int, int, int]:
        async with archive.db.read() as connection:
            tables = (call_table, outbox_table, sending)
            counts = [len((await connection.execute(select(table.c.id))).all()) for table in tables]
        return counts[0], counts[1], counts[2]

    archive.days(30)
    await archive.ageing.catch_up()
    assert await left() == (1, 4, 2)
    archive.days(1)
    await archive.ageing.catch_up()
    assert await left() == (1, 2, 2), "what is open stays, and the light's row"
    archive.days(60)
    await archive.ageing.catch_up()
    assert await left() == (0, 2, 1), "a sending of which a copy is left stays"


async def test_many_are_aged_in_batches(lite: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebox.ageing.BATCH", 3)
    await lite.set(lite.anna, retention_days=7)
    for n in range(11):
        owner = (lite.anna, lite.ben)[n % 2]
        made = await lite.message(owner)
        await lite.inbox(owner).save(made.id)
    lite.days(40)
    assert (await lite.ageing.catch_up()).retired == 11
    lite.days(15)
    total = await lite.ageing.catch_up()
    assert (total.purged, total.audio) == (11, 11)
    assert not list(lite.folder.rglob("*.flac"))
    async with lite.db.read() as connection:
        assert (await connection.execute(select(audio_table.c.id))).all() == []
