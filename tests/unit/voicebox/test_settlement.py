"""Settlement: the order of its steps, what it tries again, what it gives up, and that it can be heard all the time."""

import asyncio
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy import select, update

from tests.fakes.rows import NOW, Marks, StandingClock, a_context, a_take, one_mailbox
from tests.fakes.sounds import stored
from voicebox.deposit import Deposits
from voicebox.errors import DatabaseUnavailable, NoAudio, RecordingBroken, RecordingElsewhere, StoreUnavailable
from voicebox.events import AudioStored, Event, Events
from voicebox.library import AudioLibrary, Samples, decode, encode
from voicebox.mailbox import Mailbox
from voicebox.message import Take
from voicebox.settlement import OVERDUE_AFTER, TRIES, Settlement, pause_s
from voicebox.storage import audio, blobs
from voicebox.storage.audio import AudioState
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.tables import audio as audio_table


@dataclass(frozen=True)
class Whole:
    flac: bytes
    samples: int
    rate_hz: int = 8000
    peaks: bytes = b"\x01\x02"


@dataclass
class Assembler:
    """Makes a ramp of every take that its spool holds, or fails as told."""

    steps: list[str]
    spool: Marks
    faults: dict[str, Exception] = field(default_factory=dict)

    async def __call__(self, take_id: str, samples: int) -> Whole:
        self.steps.append("assemble")
        if take_id in self.faults:
            raise self.faults[take_id]
        if take_id not in self.spool.held:
            raise RecordingElsewhere(take_id)
        return Whole(encode(ramp(samples), 8000, "FLAC"), samples)


def ramp(samples: int) -> Samples:
    return (np.arange(samples) % 2000 - 1000).astype(np.int16)


class Workshop:
    """Settlement with everything real but the assembler and the spool's marks; every step is noted."""

    def __init__(self, db: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.db = db
        self.steps: list[str] = []
        self.spool = Marks()
        self.events, self.heard = Events(), list[Event]()
        self.events.subscribe(self.heard.append)
        self.clock = StandingClock()
        self.folder = folder
        self.store = AudioStore.open(folder.as_uri())
        self.assembler = Assembler(self.steps, self.spool)
        self.deposits = Deposits(db, self.events, self.spool, self.clock)
        self.settlement = self.started()
        self.library = AudioLibrary(db, self.store, self.assembler)
        self._note(monkeypatch, blobs, "sync_path", lambda path: f"sync {os.path.relpath(path, folder)}")
        self._note(monkeypatch, audio, "stored", lambda *_: "swap")
        self._note(monkeypatch, self.spool, "settled", lambda _: "settled")

    def started(self) -> Settlement:
        """Settlement as a fresh process has it."""
        return Settlement(self.db, self.store, self.assembler, self.spool, events=self.events, clock=self.clock)

    def _note(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, say: Callable[..., str]) -> None:
        whole = getattr(owner, name)

        def noted(*arguments: Any, **named: Any) -> Any:
            self.steps.append(say(*arguments))
            return whole(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)

    async def leave(self, mailbox_values: dict[str, Any] | None = None) -> Take:
        mailbox = await one_mailbox(self.db, **(mailbox_values or {}))
        return await self.leave_in(mailbox)

    async def leave_in(self, mailbox: Mailbox) -> Take:
        take = a_take(3)
        await self.deposits.accept(a_context(mailbox), take)
        self.heard.clear()
        self.spool.told.clear()
        return take

    async def row(self, audio_id: str) -> audio.AudioRow:
        async with self.db.read() as connection:
            row = await audio.get(connection, audio_id)
        assert row is not None
        return row


@pytest.fixture
def shop(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(db, tmp_path / "audio", monkeypatch)


async def test_the_blob_is_on_disk_before_the_row_is_swapped_and_the_spool_forgets(shop: Workshop) -> None:
    take = await shop.leave()
    assert await shop.settlement.settle_due() == 1
    key = f"1/26/11/{take.id}.flac"
    assert shop.steps == [
        "assemble",
        f"sync {key}",
        "sync 1/26/11",
        "sync 1/26",
        "sync 1",
        "sync .",
        "swap",
        "settled",
    ]
    row = await shop.row(take.id)
    assert (row.state, row.blob_key) == (AudioState.STORED, key)
    async with shop.db.read() as connection:
        assert await connection.scalar(select(audio_table.c.peaks)) == b"\x01\x02"
    assert shop.heard == [AudioStored(take.id)]
    assert (shop.folder / key).read_bytes().startswith(b"fLaC")


async def test_settling_again_does_nothing(shop: Workshop) -> None:
    await shop.leave()
    await shop.settlement.settle_due()
    shop.steps.clear()
    assert await shop.settlement.settle_due() == 0
    assert shop.steps == []


async def test_a_store_that_is_away_is_tried_again_and_loses_nothing(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = await shop.leave()
    with monkeypatch.context() as patch:
        patch.setattr(blobs, "sync_path", _fail_with(OSError(28, "No space left on device")))
        with pytest.raises(StoreUnavailable, match="No space left"):
            await shop.settlement.settle_due()
    assert (await shop.row(take.id)).state is AudioState.SPOOL
    assert "swap" not in shop.steps
    assert shop.spool.told == []
    assert await shop.settlement.settle_due() == 1


def _fail_with(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


async def test_a_database_that_is_away_after_the_blob_is_tried_again(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = await shop.leave()

    async def away(_work: object) -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(shop.db, "write", away)
        with pytest.raises(DatabaseUnavailable):
            await shop.settlement.settle_due()
    assert shop.spool.told == []
    assert await shop.settlement.settle_due() == 1
    assert (await shop.row(take.id)).state is AudioState.STORED


async def test_what_can_never_be_assembled_is_broken_and_stays_in_the_spool(shop: Workshop) -> None:
    take = await shop.leave()
    shop.assembler.faults[take.id] = RecordingBroken("nothing but noise")
    assert await shop.settlement.settle_due() == 0
    row = await shop.row(take.id)
    assert (row.state, row.last_error, row.attempts) == (AudioState.BROKEN, "nothing but noise", 1)
    assert shop.heard == []
    assert shop.settlement.broken == 1
    assert shop.spool.told == []
    with pytest.raises(NoAudio):
        await shop.library.flac(take.id)
    assert await shop.library.length_s(take.id) is None


async def test_a_broken_recording_gets_another_chance_at_the_next_start_without_a_second_alarm(shop: Workshop) -> None:
    take = await shop.leave()
    shop.assembler.faults[take.id] = RecordingBroken("a bug of ours")
    await shop.settlement.settle_due()
    await shop.settlement.settle_due()
    assert shop.steps.count("assemble") == 1, "not again in this life"
    started = shop.started()
    await started.settle_due()
    assert shop.steps.count("assemble") == 2
    assert (shop.settlement.broken, started.broken) == (1, 0)
    shop.assembler.faults.clear()
    assert await shop.started().settle_due() == 1
    assert (await shop.row(take.id)).state is AudioState.STORED


async def test_a_failing_assembler_is_tried_with_growing_pauses_then_given_up(shop: Workshop) -> None:
    take = await shop.leave()
    shop.assembler.faults[take.id] = OSError("worker died")
    for tried in range(1, TRIES + 1):
        await shop.settlement.settle_due()
        assert shop.steps.count("assemble") == tried
        await shop.settlement.settle_due()
        assert shop.steps.count("assemble") == tried, "it rests"
        shop.clock.advance(pause_s(tried))
    row = await shop.row(take.id)
    assert (row.state, row.last_error) == (AudioState.BROKEN, "OSError: worker died")


async def test_one_broken_recording_holds_up_nobody(shop: Workshop) -> None:
    mailbox = await one_mailbox(shop.db)
    takes = [a_take(3) for _ in range(5)]
    for take in takes:
        await shop.deposits.accept(a_context(mailbox), take)
    shop.assembler.faults[takes[0].id] = RecordingBroken("x")
    shop.assembler.faults[takes[1].id] = ValueError("y")
    assert await shop.settlement.settle_due() == 3


async def test_troubles_with_what_is_settled_or_gone_are_forgotten(shop: Workshop) -> None:
    mailbox = await one_mailbox(shop.db)
    settled, discarded = await shop.leave_in(mailbox), await shop.leave_in(mailbox)
    hopeless = await shop.leave_in(mailbox)
    shop.assembler.faults = {settled.id: OSError(), discarded.id: OSError(), hopeless.id: RecordingBroken("noise")}
    await shop.settlement.settle_due()
    assert set(shop.settlement._troubles) == {settled.id, discarded.id}
    assert shop.settlement._given_up == {hopeless.id}
    await shop.db.write(
        lambda connection: audio.stored(
            connection, settled.id, blob_key="k", size_bytes=1, peaks=b"", now=shop.clock.now()
        )
    )
    await shop.spool.discard(discarded.id)
    await shop.spool.discard(hopeless.id)
    shop.clock.advance(pause_s(1))
    await shop.settlement.settle_due()
    assert (shop.settlement._troubles, shop.settlement._given_up) == ({}, set())


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 1.0), (2, 2.0), (6, 32.0), (7, 60.0), (10_000, 60.0)])
def test_pauses_double_up_to_a_minute(failures: int, wait_s: float) -> None:
    assert pause_s(failures) == wait_s


async def test_running_it_settles_what_was_left_and_what_comes(shop: Workshop) -> None:
    stored = asyncio.Queue[str]()
    shop.events.subscribe(lambda event: stored.put_nowait(event.audio_id) if isinstance(event, AudioStored) else None)
    mailbox = await one_mailbox(shop.db)
    first, second = a_take(3), a_take(3)
    await shop.deposits.accept(a_context(mailbox), first)
    running = asyncio.create_task(shop.settlement.run())
    assert await stored.get() == first.id
    await shop.deposits.accept(a_context(mailbox), second)
    assert await stored.get() == second.id
    running.cancel()
    await asyncio.wait({running})


# --- several nodes, each with a spool of its own


@pytest.fixture
def other(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Another node on the same database and audio store."""
    return Workshop(shop.db, shop.folder, monkeypatch)


async def test_what_another_nodes_spool_holds_is_left_alone_and_is_not_to_be_had_now(
    shop: Workshop, other: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    take = await shop.leave()
    before = await shop.row(take.id)
    for _ in range(TRIES + 1):
        assert await other.settlement.settle_due() == 0
        other.clock.advance(60)
    assert await shop.row(take.id) == before
    assert (before.state, before.attempts, before.last_error) == (AudioState.SPOOL, 0, None)
    assert (other.heard, other.settlement.broken, caplog.messages) == ([], 0, [])
    with pytest.raises(StoreUnavailable):
        await other.library.mp3(take.id)
    assert await shop.settlement.settle_due() == 1
    samples, _ = await other.library.pcm(take.id)
    assert np.array_equal(samples, ramp(take.samples))


async def test_many_recordings_elsewhere_hold_up_none_of_ours(
    shop: Workshop, other: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.settlement.BATCH", 2)
    mailbox = await one_mailbox(shop.db)
    theirs = [await other.leave_in(mailbox) for _ in range(5)]
    ours = [await shop.leave_in(mailbox) for _ in range(5)]
    assert await shop.settlement.settle_due() == 5
    assert [(await shop.row(each.id)).state for each in ours] == [AudioState.STORED] * 5
    assert [(await shop.row(each.id)).state for each in theirs] == [AudioState.SPOOL] * 5


async def test_what_no_node_brings_for_a_day_is_broken_until_its_node_is_back(
    shop: Workshop, other: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.settlement.BATCH", 2)
    mailbox = await one_mailbox(shop.db)
    takes = [await shop.leave_in(mailbox) for _ in range(5)]
    other.clock.advance(OVERDUE_AFTER.total_seconds() - 1)
    await other.settlement.settle_due()
    assert other.heard == []
    other.clock.advance(1)
    for _ in range(2):
        await other.settlement.settle_due()
        assert other.settlement.broken == 5, "one alarm each"
    assert [(await shop.row(each.id)).state for each in takes] == [AudioState.BROKEN] * 5
    row = await shop.row(takes[0].id)
    assert (row.state, row.last_error) == (AudioState.BROKEN, "no node has brought it from its spool for a day")
    with pytest.raises(NoAudio):
        await other.library.flac(takes[0].id)
    assert await shop.started().settle_due() == 5
    assert set(shop.heard) == {AudioStored(each.id) for each in takes}
    row = await shop.row(takes[0].id)
    assert (row.state, row.last_error) == (AudioState.STORED, None)
    assert len(await other.library.flac(takes[0].id)) > 1000


async def aged(connection: AsyncConnection, audio_id: str) -> None:
    """Make a row a day older."""
    earlier = NOW - OVERDUE_AFTER
    await connection.execute(update(audio_table).where(audio_table.c.id == audio_id).values(created_at=earlier))


async def test_what_our_own_spool_holds_is_not_overdue_however_long_the_store_is_away(
    shop: Workshop, other: Workshop
) -> None:
    mailbox = await one_mailbox(shop.db)
    resting, fine = await shop.leave_in(mailbox), await shop.leave_in(mailbox)
    shop.assembler.faults[resting.id] = OSError("worker died")
    await shop.settlement.settle_due()
    await shop.db.write(lambda connection: aged(connection, resting.id))
    await shop.settlement.settle_due()
    assert (await shop.row(resting.id)).state is AudioState.SPOOL
    await other.settlement.settle_due()
    assert (await shop.row(resting.id)).state is AudioState.BROKEN
    shop.assembler.faults.clear()
    shop.clock.advance(pause_s(1))
    assert await shop.settlement.settle_due() == 1, "its node has not given it up, and needs no restart"
    assert (await shop.row(fine.id)).state is (await shop.row(resting.id)).state is AudioState.STORED


async def test_what_its_own_node_settles_while_we_look_is_not_lost(
    shop: Workshop, other: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = await shop.leave()
    overdue = audio.overdue

    async def and_settled(*arguments: Any, **named: Any) -> list[str]:
        found = await overdue(*arguments, **named)
        if found:
            await shop.settlement.settle_due()
        return found

    other.clock.advance(OVERDUE_AFTER.total_seconds())
    monkeypatch.setattr(audio, "overdue", and_settled)
    await other.settlement.settle_due()
    assert (await shop.row(take.id)).state is AudioState.STORED
    assert other.heard == []


async def test_what_is_discarded_while_we_look_is_left_alone(shop: Workshop) -> None:
    take = await shop.leave()
    before = await shop.row(take.id)
    shop.assembler.faults[take.id] = RecordingElsewhere("discarded")
    assert await shop.settlement.settle_due() == 0
    assert await shop.row(take.id) == before
    assert shop.heard == []


async def test_what_another_node_settled_is_not_given_up_by_ours(shop: Workshop, other: Workshop) -> None:
    take = await shop.leave()
    other.spool.held.append(take.id)  # a spool that was copied
    other.assembler.faults[take.id] = RecordingBroken("torn")
    rows = other.settlement._unsettled

    async def and_settled(audio_ids: Any) -> list[audio.AudioRow]:
        found = await rows(audio_ids)
        await shop.settlement.settle_due()
        return found

    other.settlement._unsettled = and_settled  # type: ignore[method-assign] # between its look and its verdict
    await other.settlement.settle_due()
    assert (await shop.row(take.id)).state is AudioState.STORED
    assert other.heard == []


# --- hearing it


@pytest.mark.parametrize("settled", [False, True])
async def test_a_message_can_be_heard_before_and_after_it_is_settled(shop: Workshop, settled: bool) -> None:
    take = await shop.leave()
    if settled:
        await shop.settlement.settle_due()
    samples, rate_hz = await shop.library.pcm(take.id)
    assert rate_hz == 8000
    assert samples.dtype == np.int16
    assert np.array_equal(samples, ramp(take.samples))
    wav, wav_rate = soundfile.read(io.BytesIO(await shop.library.wav(take.id)), dtype="int16")
    assert (wav_rate, len(wav)) == (8000, take.samples)
    assert np.array_equal(wav, samples)
    mp3 = soundfile.info(io.BytesIO(await shop.library.mp3(take.id)))
    assert (mp3.format, mp3.samplerate, mp3.channels) == ("MP3", 8000, 1)
    assert abs(mp3.frames - take.samples) < 8000 * 0.2
    assert await shop.library.length_s(take.id) == 3.0


@pytest.mark.parametrize("fault", [RecordingBroken("segments gone"), RecordingElsewhere("not in the spool")])
async def test_a_message_that_is_settled_while_it_is_asked_for_is_found_in_the_store(
    shop: Workshop, fault: Exception
) -> None:
    take = await shop.leave()

    async def forgotten(take_id: str, samples: int) -> Whole:
        await shop.settlement.settle_due()
        raise fault

    library = AudioLibrary(shop.db, shop.store, forgotten)
    samples, _ = await library.pcm(take.id)
    assert len(samples) == take.samples


async def test_unknown_audio_is_no_audio(shop: Workshop) -> None:
    with pytest.raises(NoAudio):
        await shop.library.pcm("0" * 32)
    assert await shop.library.length_s("0" * 32) is None


async def test_a_comment_and_its_message_are_one_file_wherever_each_lies(shop: Workshop) -> None:
    mailbox = await one_mailbox(shop.db)
    comment, own = await shop.leave_in(mailbox), await shop.leave_in(mailbox)
    assert await shop.settlement.settle_due() == 2
    newest = await shop.leave_in(mailbox)  # still in the spool
    joined, rate_hz = decode(await shop.library.joined(newest.id, comment.id, own.id))
    whole = np.concatenate([ramp(each.samples) for each in (newest, comment, own)])
    assert rate_hz == 8000
    assert np.array_equal(joined, whole)
    assert soundfile.info(io.BytesIO(await shop.library.wav(comment.id, own.id))).frames == len(whole) - newest.samples
    seconds = soundfile.info(io.BytesIO(await shop.library.mp3(newest.id, comment.id, own.id))).duration
    assert seconds == pytest.approx(len(whole) / 8000, abs=0.2)


async def test_a_comment_of_another_rate_is_brought_to_the_higher_one(shop: Workshop) -> None:
    mailbox = await one_mailbox(shop.db)
    own = await shop.leave_in(mailbox)
    wide = np.zeros(32_000, np.int16)
    comment = await stored(shop.db, shop.store, mailbox.company_id, wide, 16_000)
    joined, rate_hz = decode(await shop.library.joined(comment, own.id))
    assert (len(joined), rate_hz) == (32_000 + 2 * own.samples, 16_000)


async def test_a_broken_comment_is_left_out_and_a_broken_message_is_no_audio(shop: Workshop) -> None:
    mailbox = await one_mailbox(shop.db)
    comment, own = await shop.leave_in(mailbox), await shop.leave_in(mailbox)
    shop.assembler.faults[comment.id] = RecordingBroken("nothing but noise")
    await shop.settlement.settle_due()
    joined, _ = decode(await shop.library.joined(comment.id, own.id))
    assert np.array_equal(joined, ramp(own.samples))
    with pytest.raises(NoAudio):
        await shop.library.joined(own.id, comment.id)


async def test_a_comment_that_is_elsewhere_is_waited_for(shop: Workshop, other: Workshop) -> None:
    mailbox = await one_mailbox(shop.db)
    comment, own = await other.leave_in(mailbox), await shop.leave_in(mailbox)
    with pytest.raises(StoreUnavailable):
        await shop.library.wav(comment.id, own.id)
    await other.settlement.settle_due()
    assert len(await shop.library.wav(comment.id, own.id)) > 2 * (comment.samples + own.samples)
