"""Greetings: kept before anybody is told, chosen, compared with what was seen, told to their owner (rows 11, 12)."""

import asyncio
import io
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.fakes.mastering import Spoken, mastered_here, spoken
from tests.fakes.rows import NOW, Marks, StandingClock, a_take, add_company, add_mailbox
from voicebox.ageing import Ageing
from voicebox.announcement import Change, Kind, User
from voicebox.announcements import AnnouncementInUse, Announcements, Scope
from voicebox.deposit import Deposits
from voicebox.errors import Conflict, DatabaseUnavailable, RecordingBroken, RecordingElsewhere, StoreUnavailable
from voicebox.events import Event, Events, OutboxGrew
from voicebox.greeting_file import Fault, GreetingRefused
from voicebox.greetings import Greetings
from voicebox.i18n import Language
from voicebox.library import AudioLibrary
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Take
from voicebox.settings.retention import Retention
from voicebox.storage import announcements, audio, mailboxes, outbox
from voicebox.storage.audio import AudioState
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.takes import OwnContext


@dataclass
class Studio:
    """Greetings over a real database and store."""

    db: Database
    company: Company
    anna: Mailbox
    folder: Path
    events: Events
    heard: list[Event] = field(default_factory=list)
    clock: StandingClock = field(default_factory=StandingClock)
    faults: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events.subscribe(self.heard.append)
        self.store = AudioStore.open(self.folder.as_uri())
        self.greetings = Greetings(
            self.db, self.store, self.assemble, mastered_here, events=self.events, clock=self.clock
        )
        self.announcements = Announcements(self.db, self.store, mastered_here, events=self.events, clock=self.clock)
        self.library = AudioLibrary(self.db, self.store, self.assemble)

    async def assemble(self, take_id: str, samples: int) -> Spoken:
        if self.faults:
            raise self.faults.pop(0)
        return await spoken(take_id, samples)

    async def now(self, mailbox: Mailbox | None = None) -> Mailbox:
        return await self.greetings.present(mailbox or self.anna)

    async def mails(self) -> list[tuple[str, str]]:
        """What owners are told, the oldest first."""
        async with self.db.read() as connection:
            rows = await outbox.page(connection, unfinished=False)
        return [(row.payload["change"], row.payload["detail"]) for row in reversed(rows) if row.kind == "mail-changed"]

    def blobs(self) -> int:
        return len(list(self.folder.rglob("*.flac")))


@pytest.fixture
async def studio(db: Database, tmp_path: Path) -> Studio:
    company = await add_company(db)
    anna = await add_mailbox(db, company, email="anna@example.org")
    return Studio(db, company, anna, tmp_path / "audio", Events())


def a_file(length_s: float = 2.0, seed: int = 3) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(seed).normal(0, 0.1, round(8000 * length_s)), 8000, format="WAV")
    return file.getvalue()


RECORDED = [
    (Kind.BUSY, "busy_greeting", Change.BUSY_RECORDED, "Besetzt"),
    (Kind.NO_ANSWER, "no_answer_greeting", Change.NO_ANSWER_RECORDED, "Keine Antwort"),
    (Kind.AWAY, "away_greeting", Change.AWAY_RECORDED, "Längere Abwesenheit"),
]


@pytest.mark.parametrize(("kind", "field_name", "change", "name"), RECORDED)
async def test_a_recorded_greeting_plays_is_listed_and_its_owner_is_told(
    studio: Studio, kind: Kind, field_name: str, change: Change, name: str
) -> None:
    after = await studio.greetings.record(studio.anna, kind, a_take(3))
    assert after is not None
    audio_id = getattr(after, field_name)
    assert after == await studio.now()
    samples, rate_hz = await studio.library.pcm(audio_id)
    assert rate_hz == 16_000
    assert len(samples) == pytest.approx(3.25 * 16_000, rel=0.02)
    choice = (await studio.greetings.choices(studio.anna))[kind]
    assert (choice.name, choice.audio_id, choice.changed_at) == (name, audio_id, NOW)
    assert await studio.mails() == [(change, name)]
    assert studio.heard == [OutboxGrew("mail-changed")]


async def test_a_recording_replaces_the_one_before_wherever_it_plays(studio: Studio) -> None:
    first = await studio.greetings.record(studio.anna, Kind.BUSY, a_take(3))
    assert first is not None
    choice = (await studio.greetings.choices(first))[Kind.BUSY]
    assert choice.announcement_id is not None
    assert await studio.announcements.choose(first, Kind.ALTERNATIVE_2, choice.announcement_id)
    both = await studio.greetings.choose_alternative(first, 2)
    assert both is not None
    assert both.no_answer_greeting == both.busy_greeting
    second = await studio.greetings.record(both, Kind.BUSY, a_take(4))
    assert second is not None
    assert second.busy_greeting == second.no_answer_greeting != first.busy_greeting
    assert len(await studio.announcements.visible(Scope(studio.company.id, studio.anna.id))) == 1


async def test_an_alternative_plays_once_it_is_chosen(studio: Studio) -> None:
    assert await studio.greetings.choose_alternative(studio.anna, 1) is None
    shared = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    assert await studio.announcements.choose(studio.anna, Kind.ALTERNATIVE_1, shared.id)
    assert (await studio.now()).no_answer_greeting is None
    chosen = await studio.greetings.choose_alternative(studio.anna, 1)
    assert chosen is not None
    assert chosen.no_answer_greeting == shared.audio_id
    assert [change for change, _ in await studio.mails()] == ["alternative-chosen", "no-answer-alternative"]


async def test_an_alternative_that_is_recorded_plays_in_the_place_of_what_did(studio: Studio) -> None:
    own = await studio.greetings.record(studio.anna, Kind.NO_ANSWER, a_take(3))
    assert own is not None
    recorded = await studio.greetings.record(own, Kind.ALTERNATIVE_1, a_take(4))
    assert recorded is not None
    choices = await studio.greetings.choices(recorded)
    assert set(choices) == {Kind.ALTERNATIVE_1}
    assert recorded.no_answer_greeting == choices[Kind.ALTERNATIVE_1].audio_id != own.no_answer_greeting
    assert await studio.greetings.record(own, Kind.ALTERNATIVE_1, a_take(5)) is None, "somebody else was quicker"
    assert (await studio.now()).no_answer_greeting == recorded.no_answer_greeting
    again = await studio.greetings.record(recorded, Kind.ALTERNATIVE_1, a_take(6))
    assert again is not None
    assert again.no_answer_greeting == (await studio.greetings.choices(again))[Kind.ALTERNATIVE_1].audio_id
    assert [change for change, _ in await studio.mails()] == ["no-answer-recorded", *["alternative-recorded"] * 2]


async def test_the_default_is_restored_and_the_own_greeting_stays_in_the_list(studio: Studio) -> None:
    recorded = await studio.greetings.record(studio.anna, Kind.BUSY, a_take(3))
    assert recorded is not None
    after = await studio.greetings.use_default(recorded, Kind.BUSY)
    assert after is not None
    assert after.busy_greeting is None
    assert await studio.greetings.choices(after) == {}, "what does not play is not in use"
    (own,) = await studio.announcements.visible(Scope(studio.company.id, studio.anna.id))
    assert own.audio_id == recorded.busy_greeting
    assert await studio.announcements.remove(Scope(studio.company.id, studio.anna.id), own.id) == ()
    again = await studio.greetings.use_default(after, Kind.BUSY)
    assert again is not None
    assert [change for change, _ in await studio.mails()] == ["busy-recorded", "busy-default"], "nothing to tell twice"


async def test_away_is_switched_and_the_owner_told(studio: Studio) -> None:
    on = await studio.greetings.set_away(studio.anna, on=True)
    assert on is not None
    closed = await studio.greetings.set_away_recording(on, on=False)
    assert closed is not None
    assert (closed.away, closed.away_recording) == (True, False)
    off = await studio.greetings.set_away(closed, on=False)
    assert off is not None
    assert not off.away
    assert [change for change, _ in await studio.mails()] == ["away-on", "away-off"]


async def test_a_name_is_recorded_and_removed(studio: Studio) -> None:
    named = await studio.greetings.record_name(studio.anna, a_take(1))
    assert named is not None
    assert named.name_recording is not None
    assert await studio.library.length_s(named.name_recording) == pytest.approx(1.25, abs=0.1)
    gone = await studio.greetings.remove_name(named)
    assert gone is not None
    assert gone.name_recording is None
    assert [change for change, _ in await studio.mails()] == ["name-recorded", "name-removed"]


async def test_who_has_no_address_is_told_nothing(studio: Studio) -> None:
    ben = await add_mailbox(studio.db, studio.company, "1002")
    assert await studio.greetings.record(ben, Kind.BUSY, a_take(3)) is not None
    assert await studio.mails() == []
    assert studio.heard == []


# --- nothing half done


@pytest.mark.parametrize("keep", ["greeting", "name"])
async def test_a_recording_that_cannot_be_read_or_played_changes_nothing(studio: Studio, keep: str) -> None:
    async def kept(take: Take) -> Mailbox | None:
        if keep == "name":
            return await studio.greetings.record_name(studio.anna, take)
        return await studio.greetings.record(studio.anna, Kind.BUSY, take)

    for fault in (RecordingBroken("noise"), RecordingElsewhere("gone")):
        studio.faults = [fault]
        with pytest.raises(GreetingRefused) as refused:
            await kept(a_take(3))
        assert refused.value.fault is Fault.UNREADABLE
    with pytest.raises(GreetingRefused) as refused:
        await kept(a_take(0.1))
    assert refused.value.fault is Fault.EMPTY
    assert await studio.now() == studio.anna
    assert studio.blobs() == 0


async def test_a_store_that_is_away_changes_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> str:
        raise StoreUnavailable("no space left")

    monkeypatch.setattr(studio.store, "put", away)
    with pytest.raises(StoreUnavailable):
        await studio.greetings.record(studio.anna, Kind.BUSY, a_take(3))
    assert await studio.now() == studio.anna


@pytest.mark.parametrize(("writes", "blobs"), [(0, 0), (1, 1)])
async def test_a_database_that_goes_away_leaves_the_old_greeting_and_nothing_for_ever(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, writes: int, blobs: int
) -> None:
    take, write, left = a_take(3), studio.db.write, [writes]

    async def goes(work: Any, **options: Any) -> Any:
        if not left[0]:
            raise DatabaseUnavailable("gone")
        left[0] -= 1
        return await write(work, **options)

    with monkeypatch.context() as patch:
        patch.setattr(studio.db, "write", goes)
        with pytest.raises(DatabaseUnavailable):
            await studio.greetings.record(studio.anna, Kind.BUSY, take)
    assert studio.blobs() == blobs
    assert await studio.now() == studio.anna
    assert await studio.mails() == []
    assert await recovered(studio, take) == [("discard", take.id)]
    await swept(studio)
    assert studio.blobs() == 0


async def test_a_crash_after_the_commit_loses_nothing_but_the_take(studio: Studio) -> None:
    take = a_take(3)
    after = await studio.greetings.record(studio.anna, Kind.BUSY, take)
    assert await recovered(studio, take) == [("discard", take.id)]
    assert after is not None
    assert after.busy_greeting is not None
    assert len(await studio.library.flac(after.busy_greeting)) > 1000


@dataclass(frozen=True)
class Lost:
    take: Take
    context: bytes
    ended: bool = True
    accepted: bytes | None = None


async def recovered(studio: Studio, take: Take) -> list[tuple[str, str]]:
    """Return what the spool is told at the next start about a greeting's take."""
    marks = Marks()
    deposits = Deposits(studio.db, Events(), marks, studio.clock)
    context = OwnContext(studio.company.id, studio.anna.id, "c" * 32, "greeting")
    assert await deposits.recover(Lost(take, context.to_bytes())) == 0
    return marks.told


# --- two people at once


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(studio: Studio) -> None:
    seen = studio.anna
    theirs = await studio.greetings.record(seen, Kind.BUSY, a_take(3))
    assert theirs is not None
    assert await studio.greetings.record(seen, Kind.BUSY, a_take(4)) is None
    assert await studio.greetings.use_default(seen, Kind.BUSY) is None
    assert await studio.now() == theirs
    assert (await studio.greetings.choices(seen))[Kind.BUSY].audio_id == theirs.busy_greeting
    assert len(await studio.mails()) == 1


async def test_of_many_who_record_at_once_one_is_kept(studio: Studio) -> None:
    kept = await asyncio.gather(
        *(studio.greetings.record(studio.anna, Kind.BUSY, a_take(1 + each / 10)) for each in range(6))
    )
    (winner,) = [each for each in kept if each is not None]
    assert await studio.now() == winner
    assert len(await studio.mails()) == 1


async def test_changes_of_different_things_do_not_hinder_each_other(studio: Studio) -> None:
    assert await studio.greetings.record(studio.anna, Kind.BUSY, a_take(3)) is not None
    assert await studio.greetings.record(studio.anna, Kind.AWAY, a_take(3)) is not None
    assert await studio.greetings.set_away(studio.anna, on=True) is not None
    assert await studio.greetings.record_name(studio.anna, a_take(1)) is not None


# --- the store of announcements


async def test_row_12_everybody_sees_the_company_s_and_their_own(studio: Studio) -> None:
    ben = await add_mailbox(studio.db, studio.company, "1002")
    other = await add_company(studio.db, "Andere GmbH")
    shared = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    mine = await studio.announcements.add(Scope(studio.company.id, studio.anna.id), "Urlaub", a_file())
    theirs = await studio.announcements.add(Scope(studio.company.id, ben.id), "Urlaub", a_file())
    await studio.announcements.add(Scope(other.id), "Betriebsferien", a_file())
    assert await studio.announcements.visible(Scope(studio.company.id, studio.anna.id)) == [shared, mine]
    assert await studio.announcements.visible(Scope(studio.company.id, ben.id)) == [shared, theirs]
    assert await studio.announcements.visible(Scope(studio.company.id)) == [shared]
    assert not await studio.announcements.choose(studio.anna, Kind.BUSY, theirs.id)
    assert not await studio.announcements.remove(Scope(studio.company.id, studio.anna.id), theirs.id)
    assert not await studio.announcements.remove(Scope(studio.company.id, studio.anna.id), shared.id)


@pytest.mark.parametrize("own", [True, False])
async def test_a_name_is_taken_once(studio: Studio, own: bool) -> None:
    scope = Scope(studio.company.id, studio.anna.id if own else None)
    await studio.announcements.add(scope, "Urlaub", a_file())
    with pytest.raises(Conflict):
        await studio.announcements.add(scope, "Urlaub", a_file())
    for name in ("", " ", "x" * 81, " Urlaub", "Ur\nlaub", "\0", "\ud800"):
        with pytest.raises(ValueError, match="1 to 80"):
            await studio.announcements.add(scope, name, a_file())


async def test_row_12_what_is_no_announcement_is_refused(studio: Studio) -> None:
    with pytest.raises(GreetingRefused):
        await studio.announcements.add(Scope(studio.company.id), "Text", b"no audio")
    assert await studio.announcements.visible(Scope(studio.company.id)) == []


async def test_row_12_deleting_one_in_use_names_its_users_and_offers_the_default(studio: Studio) -> None:
    scope = Scope(studio.company.id)
    shared = await studio.announcements.add(scope, "Betriebsferien", a_file())
    ben = await add_mailbox(studio.db, studio.company, "1002", email="ben@example.org")
    for owner in (studio.anna, ben):
        assert await studio.announcements.choose(owner, Kind.ALTERNATIVE_1, shared.id)
    assert await studio.greetings.choose_alternative(studio.anna, 1) is not None
    with pytest.raises(AnnouncementInUse, match=r"1001 \(alternative-1\), 1002 \(alternative-1\)") as in_use:
        await studio.announcements.remove(scope, shared.id)
    assert [user.number for user in in_use.value.users] == ["1001", "1002"]
    assert (await studio.now()).no_answer_greeting == shared.audio_id
    assert await studio.announcements.remove(scope, shared.id, replace_by_default=True) == in_use.value.users
    assert (await studio.now()).no_answer_greeting is None
    assert await studio.greetings.choices(ben) == {}
    assert [change for change, _ in await studio.mails()] == [
        *["alternative-chosen"] * 2,
        "no-answer-alternative",
        "no-answer-default",
    ]
    assert await studio.announcements.remove(scope, shared.id) is None


async def test_one_that_nobody_uses_is_deleted(studio: Studio) -> None:
    scope = Scope(studio.company.id, studio.anna.id)
    made = await studio.announcements.add(scope, "Urlaub", a_file())
    assert await studio.announcements.remove(scope, made.id) == ()
    async with studio.db.read() as connection:
        assert await announcements.get(connection, made.id) is None


CHOSEN = [
    (Kind.BUSY, "busy_greeting", Change.BUSY_CHOSEN, Change.BUSY_DEFAULT),
    (Kind.NO_ANSWER, "no_answer_greeting", Change.NO_ANSWER_CHOSEN, Change.NO_ANSWER_DEFAULT),
    (Kind.AWAY, "away_greeting", Change.AWAY_CHOSEN, Change.AWAY_DEFAULT),
]


@pytest.mark.parametrize(("kind", "field_name", "chosen", "default"), CHOSEN)
async def test_row_12_what_is_chosen_plays_until_the_default_is_back_and_its_owner_is_told_of_both(
    studio: Studio, kind: Kind, field_name: str, chosen: Change, default: Change
) -> None:
    shared = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    for _ in range(2):  # again, it changes nothing, and nobody is told
        assert await studio.announcements.choose(studio.anna, kind, shared.id)
    assert getattr(await studio.now(), field_name) == shared.audio_id
    assert (await studio.greetings.choices(studio.anna))[kind].announcement_id == shared.id
    assert await studio.mails() == [(chosen, "Betriebsferien")]
    assert studio.heard == [OutboxGrew("mail-changed")]
    for _ in range(2):
        await studio.announcements.use_default(studio.anna, kind)
    assert getattr(await studio.now(), field_name) is None
    assert await studio.greetings.choices(studio.anna) == {}
    assert await studio.mails() == [(chosen, "Betriebsferien"), (default, "")]
    assert await studio.announcements.remove(Scope(studio.company.id), shared.id) == ()


async def test_row_12_what_was_chosen_before_plays_again_after_the_default_was_set_by_phone(studio: Studio) -> None:
    shared = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    assert await studio.announcements.choose(studio.anna, Kind.BUSY, shared.id)
    assert await studio.greetings.use_default(await studio.now(), Kind.BUSY) is not None
    assert await studio.announcements.choose(studio.anna, Kind.BUSY, shared.id)
    assert (await studio.now()).busy_greeting == shared.audio_id
    assert [change for change, _ in await studio.mails()] == ["busy-chosen", "busy-default", "busy-chosen"]


async def test_row_12_another_alternative_plays_at_once_in_the_place_of_the_one_that_plays(studio: Studio) -> None:
    first = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    second = await studio.announcements.add(Scope(studio.company.id, studio.anna.id), "Urlaub", a_file(seed=4))
    assert await studio.announcements.choose(studio.anna, Kind.ALTERNATIVE_2, first.id)
    assert (await studio.now()).no_answer_greeting is None
    assert await studio.greetings.choose_alternative(studio.anna, 2) is not None
    assert await studio.announcements.choose(studio.anna, Kind.ALTERNATIVE_2, second.id)
    assert (await studio.now()).no_answer_greeting == second.audio_id
    await studio.announcements.use_default(studio.anna, Kind.ALTERNATIVE_2)
    assert (await studio.now()).no_answer_greeting is None
    assert await studio.greetings.choices(studio.anna) == {}
    assert [change for change, _ in await studio.mails()][-1] == "no-answer-default"


async def test_row_12_an_alternative_taken_back_leaves_what_was_chosen_for_no_answer_itself(studio: Studio) -> None:
    shared = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    for kind in (Kind.NO_ANSWER, Kind.ALTERNATIVE_1):
        assert await studio.announcements.choose(studio.anna, kind, shared.id)
    await studio.announcements.use_default(studio.anna, Kind.ALTERNATIVE_1)
    assert (await studio.now()).no_answer_greeting == shared.audio_id
    async with studio.db.read() as connection:
        assert await announcements.users(connection, shared.id) == [User("1001", Kind.NO_ANSWER)]
    assert [change for change, _ in await studio.mails()] == ["no-answer-chosen", "alternative-chosen"]


async def test_row_12_an_alternative_chosen_by_phone_takes_the_place_of_what_was_chosen_for_no_answer(
    studio: Studio,
) -> None:
    shared = await studio.announcements.add(Scope(studio.company.id), "Betriebsferien", a_file())
    for kind in (Kind.NO_ANSWER, Kind.ALTERNATIVE_1):
        assert await studio.announcements.choose(studio.anna, kind, shared.id)
    assert await studio.greetings.choose_alternative(await studio.now(), 1) is not None
    assert set(await studio.greetings.choices(studio.anna)) == {Kind.ALTERNATIVE_1}
    await studio.announcements.use_default(studio.anna, Kind.ALTERNATIVE_1)
    assert (await studio.now()).no_answer_greeting is None


async def test_row_12_one_that_is_chosen_while_it_is_deleted_is_never_played_by_half(studio: Studio) -> None:
    for at in range(10):
        shared = await studio.announcements.add(Scope(studio.company.id), f"Ferien {at}", a_file())
        outcomes = await asyncio.gather(
            studio.announcements.choose(studio.anna, Kind.BUSY, shared.id),
            studio.announcements.remove(Scope(studio.company.id), shared.id),
            return_exceptions=True,
        )
        plays = (await studio.now()).busy_greeting == shared.audio_id
        assert outcomes[0] is plays
        assert isinstance(outcomes[1], AnnouncementInUse) is plays


async def test_row_12_a_taken_name_is_told_before_the_file_is_decoded(studio: Studio) -> None:
    await studio.announcements.add(Scope(studio.company.id), "Urlaub", a_file())
    with pytest.raises(Conflict):
        await studio.announcements.add(Scope(studio.company.id), "Urlaub", b"no audio")


async def swept(studio: Studio) -> None:
    """Have a night come that takes away what nothing refers to."""
    studio.clock.moment += timedelta(days=2)
    await Ageing(studio.db, studio.store, Retention(), events=studio.events, clock=studio.clock).catch_up()


@pytest.mark.parametrize("nth", [1, 2])
async def test_row_12_an_upload_that_meets_an_outage_leaves_nothing_for_ever(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    write, scope, asked = studio.db.write, Scope(studio.company.id), count(1)

    async def now_and_then(work: Any) -> Any:
        if next(asked) == nth:
            raise DatabaseUnavailable("gone")
        return await write(work)

    with monkeypatch.context() as patch:
        patch.setattr(studio.db, "write", now_and_then)
        with pytest.raises(DatabaseUnavailable):
            await studio.announcements.add(scope, "Urlaub", a_file())
    assert studio.blobs() == nth - 1
    made = await studio.announcements.add(scope, "Urlaub", a_file())
    await swept(studio)
    assert studio.blobs() == 1
    assert len(await studio.library.flac(made.audio_id)) > 1000


async def test_row_12_an_upload_that_is_not_stored_leaves_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> str:
        raise StoreUnavailable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(studio.store, "put", away)
        with pytest.raises(StoreUnavailable):
            await studio.announcements.add(Scope(studio.company.id), "Urlaub", a_file())
    assert await studio.announcements.visible(Scope(studio.company.id)) == []
    await swept(studio)
    assert (await studio.announcements.add(Scope(studio.company.id), "Urlaub", a_file())).name == "Urlaub"


async def test_row_12_of_two_at_once_one_is_kept_and_nothing_of_the_other_stays(studio: Studio) -> None:
    scope = Scope(studio.company.id)

    async def add(seed: int) -> Any:
        return await studio.announcements.add(scope, "Urlaub", a_file(seed=seed))

    outcomes = await asyncio.gather(add(1), add(2), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in outcomes) == 1
    assert len(await studio.announcements.visible(scope)) == 1
    await swept(studio)
    assert studio.blobs() == 1


async def test_a_choice_can_be_taken_away(studio: Studio) -> None:
    await studio.greetings.record(studio.anna, Kind.ALTERNATIVE_3, a_take(3))

    async def forgotten(connection: Any) -> list[bool]:
        return [await announcements.forget(connection, studio.anna, Kind.ALTERNATIVE_3) for _ in range(2)]

    assert await studio.db.write(forgotten) == [True, False]
    assert await studio.greetings.choices(studio.anna) == {}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", Kind)
async def test_every_recording_has_a_name_in_every_language(studio: Studio, language: Language, kind: Kind) -> None:
    ben = await add_mailbox(studio.db, studio.company, "1002", language=language.value)
    assert await studio.greetings.record(ben, kind, a_take(1)) is not None
    assert (await studio.greetings.choices(ben))[kind].name


async def test_the_audio_of_a_greeting_needs_no_settling(studio: Studio) -> None:
    after = await studio.greetings.record(studio.anna, Kind.BUSY, a_take(3))
    assert after is not None
    async with studio.db.read() as connection:
        row = await audio.get(connection, after.busy_greeting or "")
        assert await audio.unsettled(connection, [after.busy_greeting or ""]) == []
        assert (await mailboxes.by_id(connection, after.id)) == after
    assert row is not None
    assert row.state is AudioState.STORED
