"""The spool: what was synced is there after a restart, whatever happened in between."""

import asyncio
import errno
import os
import random
import shutil
import threading
import uuid
from collections.abc import Awaitable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media import spoolwriter
from ivr.media.spool import BYTES_PER_S, Spool
from ivr.media.spoolfile import (
    Accept,
    Audio,
    Begin,
    Body,
    Discard,
    End,
    Settled,
    pack,
    records,
    segment_numbers,
    segment_path,
)
from ivr.media.spoolwriter import SpoolError, SpoolFull
from tests.fakes.disk import Disk, ForgetfulDisk
from voicebox.codec import Codec

SEGMENT = 64 * 1024
LOUD = np.tile(np.frombuffer(bytes([0x00, 0x80]), np.uint8), 4000).tobytes()
"""A second at full level."""

bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(Begin, st.integers(0, 48_000), st.binary(max_size=50)),
    st.builds(Audio, st.sampled_from(list(Codec)), st.integers(0, 2**40), st.integers(0, 1500), st.binary(max_size=50)),
    st.builds(End, st.integers(0, 2**40)),
    st.builds(Accept, st.binary(max_size=20)),
    st.just(Discard()),
    st.just(Settled()),
)


def new_id() -> str:
    return uuid.uuid4().hex


def open_spool(folder: Path) -> Spool:
    return Spool.open(folder, segment_bytes=SEGMENT, floor_bytes=0)


def fill(spool: Spool, take_id: str, seconds: int) -> None:
    for second in range(seconds):
        spool.append(take_id, Codec.PCMU, second * 8000, LOUD, 160)


# The format


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), bodies), max_size=10), st.integers(0, 300))
def test_records_survive_the_disk(written: list[tuple[bytes, Body]], zeros: int) -> None:
    data = b"".join(pack(recording, body) for recording, body in written) + bytes(zeros)
    assert [(record.recording, record.body) for record in records(data)] == written


@given(
    st.lists(st.tuples(st.binary(min_size=16, max_size=16), bodies), min_size=1, max_size=6),
    st.data(),
)
def test_damage_costs_only_the_damaged_record(written: list[tuple[bytes, Body]], data: st.DataObject) -> None:
    packed = [pack(recording, body) for recording, body in written]
    hurt = data.draw(st.integers(0, len(packed) - 1))
    at = data.draw(st.integers(0, len(packed[hurt]) - 1))
    damaged = bytearray(packed[hurt])
    damaged[at] ^= 0xFF
    found = [record.body for record in records(b"".join([*packed[:hurt], bytes(damaged), *packed[hurt + 1 :]]))]
    assert found == [body for index, (_, body) in enumerate(written) if index != hurt]


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), bodies), min_size=1, max_size=4), st.integers(1, 40))
def test_a_torn_tail_is_tolerated(written: list[tuple[bytes, Body]], torn: int) -> None:
    data = b"".join(pack(recording, body) for recording, body in written)
    assert [record.body for record in records(data[:-torn])] == [
        record.body for record in records(data) if record.end <= len(data) - torn
    ]


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    list(records(data))
    list(records(b"VBX1" + data))


# A recording's way


async def test_a_recording_is_read_back_while_its_segment_is_written(tmp_path: Path) -> None:
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"who and where")
    fill(spool, take_id, 20)  # three segments
    spool.end(take_id, 150_000)
    await spool.sync()
    found = spool.read(take_id)
    assert (found.context, found.rate_hz, found.samples, found.end) == (b"who and where", 8000, 150_000, 160_000)
    assert b"".join(part.payload for part in found.audio) == LOUD * 20
    assert len(segment_numbers(tmp_path)) == 3
    spool.close()


async def test_a_restart_finds_what_was_neither_settled_nor_discarded(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    ids = {name: new_id() for name in ("talking", "ended", "accepted", "settled", "discarded")}
    for name, take_id in ids.items():
        spool.begin(take_id, name.encode())
        fill(spool, take_id, 3)
        if name != "talking":
            spool.end(take_id, 20_000)
    await spool.accept(ids["accepted"], b"urgent")
    await spool.accept(ids["settled"], b"")
    await spool.settled(ids["settled"])
    await spool.discard(ids["discarded"])
    spool.close()

    again = open_spool(tmp_path)
    lost = {take.context.decode(): take for take in again.recover()}
    assert set(lost) == {"talking", "ended", "accepted"}
    assert (lost["talking"].ended, lost["talking"].take.samples) == (False, 24_000)
    assert (lost["ended"].ended, lost["ended"].take.samples, lost["ended"].accepted) == (True, 20_000, None)
    assert lost["accepted"].accepted == b"urgent"
    assert lost["ended"].take.id == lost["ended"].id == ids["ended"]
    for take in lost.values():
        await again.settled(take.id)
    assert again.recover() == []
    again.close()
    last = open_spool(tmp_path)
    assert last.recover() == []
    last.close()


async def test_it_tells_what_it_keeps_without_what_is_being_recorded(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    ended, settled, discarded, recording = (new_id() for _ in range(4))
    for take_id in (ended, settled, discarded, recording):
        spool.begin(take_id, b"")
        fill(spool, take_id, 1)
    assert spool.kept() == []
    for take_id in (settled, discarded, ended):
        spool.end(take_id, 8000)
    assert spool.kept() == [ended, settled, discarded]
    await spool.settled(settled)
    await spool.discard(discarded)
    assert spool.kept() == [ended]
    spool.close()
    again = open_spool(tmp_path)
    assert again.kept() == [ended, recording], "which nobody records any more"
    again.close()


async def test_recovery_trims_by_the_same_rules(tmp_path: Path) -> None:
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"")
    fill(spool, take_id, 2)
    spool.append(take_id, Codec.PCMU, 16_000, b"\xff" * 32_000, 160)
    await spool.sync()
    spool.close()
    again = open_spool(tmp_path)
    assert again.recover()[0].take.samples == 20_000
    again.close()


async def test_segments_go_once_nothing_in_them_is_wanted(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    ids = [new_id() for _ in range(30)]
    for take_id in ids:
        spool.begin(take_id, b"")
        fill(spool, take_id, 4)
        spool.end(take_id, 32_000)
    await spool.sync()
    assert len(segment_numbers(tmp_path)) > 10
    for take_id in ids:
        await spool.settled(take_id)
    await spool.sync()
    await spool.sync()
    assert len(segment_numbers(tmp_path)) == 1
    spool.close()


async def test_a_mark_outlives_the_audio_it_speaks_of(tmp_path: Path) -> None:
    """A wanted recording keeps an old segment, in which an unwanted one lies too: its mark must not go before."""
    spool, kept, gone = open_spool(tmp_path), new_id(), new_id()
    spool.begin(kept, b"kept")
    spool.begin(gone, b"gone")
    fill(spool, gone, 1)
    fill(spool, kept, 1)
    for _ in range(5):  # on to other segments, in which the mark of `gone` comes to lie
        filler = new_id()
        spool.begin(filler, b"")
        fill(spool, filler, 9)
        await spool.discard(gone)
        await spool.discard(filler)
    await spool.sync()
    spool.close()
    again = open_spool(tmp_path)
    assert [take.context for take in again.recover()] == [b"kept"]
    assert len(segment_numbers(tmp_path)) <= 3
    again.close()


async def test_marks_of_unknown_recordings_do_nothing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await spool.accept(new_id(), b"")
    await spool.discard(new_id())
    await spool.settled(new_id())
    assert spool.recover() == []
    with pytest.raises(KeyError):
        spool.read(new_id())
    spool.close()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    with pytest.raises(SpoolError, match="in use by another process"):
        open_spool(tmp_path)
    spool.close()


async def test_damage_in_a_segment_becomes_silence(tmp_path: Path) -> None:
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"context")
    fill(spool, take_id, 3)
    await spool.sync()
    spool.close()
    path = segment_path(tmp_path, 1)
    data = bytearray(path.read_bytes())
    data[9000] ^= 0xFF  # in the second second
    path.write_bytes(data)
    again = open_spool(tmp_path)
    assert [part.position for part in again.read(take_id).audio] == [0, 16_000]
    again.close()


# Time and space


async def test_many_wait_for_one_sync(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    ids = [new_id() for _ in range(50)]
    for take_id in ids:
        spool.begin(take_id, b"")
    before = spool.syncs
    waiting = [spool.sync() for _ in ids]
    for each in waiting:
        await each
    assert spool.syncs - before <= 3
    spool.close()


async def test_the_loop_thread_never_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writers: set[int] = set()
    write = os.pwritev

    def watched(file: int, buffers: list[bytes], offset: int) -> int:
        writers.add(threading.get_ident())
        return write(file, buffers, offset)

    monkeypatch.setattr(os, "pwritev", watched)
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"")
    fill(spool, take_id, 10)
    await spool.sync()
    assert writers
    assert threading.get_ident() not in writers
    spool.close()


async def test_a_full_disk_is_told_and_nothing_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, take_id = open_spool(tmp_path), new_id()
    full = True
    write = os.pwritev

    def sometimes(file: int, buffers: list[bytes], offset: int) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, buffers, offset)

    monkeypatch.setattr(os, "pwritev", sometimes)
    spool.begin(take_id, b"context")
    fill(spool, take_id, 2)
    with pytest.raises(SpoolFull):
        await spool.sync()
    trouble = spool.failing
    assert trouble is not None
    full = False
    await spool.sync()
    assert spool.failing is None
    assert spool.read(take_id).end == 16_000
    spool.close()


async def test_what_a_failed_sync_lost_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ForgetfulDisk(monkeypatch)
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"context")
    fill(spool, take_id, 20)  # three segments
    with pytest.raises(SpoolError):
        await spool.sync()
    disk.fails = False
    await spool.sync()
    found = spool.read(take_id)
    assert (found.context, found.end) == (b"context", 160_000)
    spool.close()


@pytest.mark.parametrize("fails", ["none", "first", "second"])
async def test_what_comes_during_a_slow_sync_is_written_and_kept_until_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    disk = held_disk(monkeypatch)
    disk.fails = fails == "first"
    spool, take_id, slow = await syncing(tmp_path, disk)
    for second in range(1, 12):  # on to another segment
        spool.append(take_id, Codec.PCMU, second * 8000, LOUD, 160)
    later = spool.sync()
    await is_written(spool, take_id, 96_000)
    assert not slow.done()
    disk.turns.release()
    await outcome(slow, lost=fails == "first")
    await disk.begins()  # what came meanwhile has a sync of its own
    assert not later.done()
    assert spool._writer.waiting_bytes() > 11 * len(LOUD)
    disk.held, disk.fails = False, fails == "second"
    disk.turns.release()
    await outcome(later, lost=fails == "second")
    disk.fails = False
    await spool.sync()
    assert spool._writer.waiting_bytes() == 0
    found = spool.read(take_id)
    assert (found.context, b"".join(part.payload for part in found.audio)) == (b"context", LOUD * 12)
    spool.close()


def held_disk(monkeypatch: pytest.MonkeyPatch) -> ForgetfulDisk:
    """Let syncs wait for their turn; there are none but those that are asked for."""
    monkeypatch.setattr(spoolwriter, "SYNC_EVERY_S", 3600.0)
    disk = ForgetfulDisk(monkeypatch)
    disk.held, disk.fails = True, False
    return disk


async def syncing(folder: Path, disk: ForgetfulDisk) -> tuple[Spool, str, asyncio.Future[None]]:
    """Open a spool with a second of a recording, whose sync waits for its turn."""
    spool, take_id = open_spool(folder), new_id()
    spool.begin(take_id, b"context")
    fill(spool, take_id, 1)
    slow = spool.sync()
    await disk.begins()
    return spool, take_id, slow


async def outcome(sync: Awaitable[None], *, lost: bool) -> None:
    with pytest.raises(SpoolError) if lost else nullcontext():
        await sync


async def test_a_spool_that_is_closed_during_a_slow_sync_has_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = held_disk(monkeypatch)
    spool, take_id, slow = await syncing(tmp_path, disk)
    spool.append(take_id, Codec.PCMU, 8000, LOUD, 160)
    closing = asyncio.create_task(asyncio.to_thread(spool.close))
    async with asyncio.timeout(60):
        while not spool._writer._stop:  # noqa: ASYNC110 - the thread tells nobody
            await asyncio.sleep(0.005)
    disk.held = False
    disk.turns.release()
    await slow
    await closing
    again = open_spool(tmp_path)
    assert again.read(take_id).end == 16_000
    again.close()


async def test_without_a_thread_for_it_a_sync_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, take_id = open_spool(tmp_path), new_id()

    def refuse(*_: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(spool._writer._helper, "submit", refuse)
    spool.begin(take_id, b"context")
    fill(spool, take_id, 1)
    await spool.sync()
    assert spool._writer.waiting_bytes() == 0
    spool.close()


async def test_a_disk_that_fills_up_during_a_slow_sync_costs_nothing_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = held_disk(monkeypatch)
    spool, take_id, slow = await syncing(tmp_path, disk)
    with monkeypatch.context() as patch:
        refused = threading.Event()

        def full(*_: object) -> int:
            refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "pwritev", full)
        spool.append(take_id, Codec.PCMU, 8000, LOUD, 160)
        assert await asyncio.to_thread(refused.wait, 60)
    disk.held = False
    disk.turns.release()
    await slow
    await spool.sync()
    assert spool.read(take_id).end == 16_000
    spool.close()


async def is_written(spool: Spool, take_id: str, end: int) -> None:
    """Wait until so much of a recording is written, as who is killed leaves it."""
    async with asyncio.timeout(20):
        while not written(spool, take_id) >= end:  # noqa: ASYNC110 - the thread tells nobody
            await asyncio.sleep(0.005)


def written(spool: Spool, take_id: str) -> int:
    found = [
        record.body.position + len(record.body.payload)
        for number in segment_numbers(spool.folder)
        for record in records(segment_path(spool.folder, number).read_bytes())
        if record.recording.hex() == take_id and isinstance(record.body, Audio)
    ]
    return max(found, default=0)


async def test_segments_go_in_spite_of_failed_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ForgetfulDisk(monkeypatch)
    spool, kept = open_spool(tmp_path), new_id()
    for _ in range(3):
        gone = new_id()
        spool.begin(gone, b"")
        fill(spool, gone, 20)
        spool.forget(gone)
    spool.begin(kept, b"kept")
    for _ in range(2):
        with pytest.raises(SpoolError):
            await spool.sync()
    assert len(segment_numbers(tmp_path)) > 5
    disk.fails = False
    await spool.sync()
    assert len(segment_numbers(tmp_path)) == 1
    assert spool.read(kept).context == b"kept"
    spool.close()


async def test_what_is_not_synced_counts_as_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ForgetfulDisk(monkeypatch)
    monkeypatch.setattr("ivr.media.spool.PENDING_MAX_BYTES", 100_000)
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"")
    fill(spool, take_id, 12)
    with pytest.raises(SpoolError):
        await spool.sync()
    assert not spool.append(take_id, Codec.PCMU, 96_000, LOUD, 160)
    disk.fails = False
    await spool.sync()
    assert spool.append(take_id, Codec.PCMU, 96_000, LOUD, 160)
    spool.close()


async def test_a_segment_whose_folder_was_not_synced_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, take_id = open_spool(tmp_path), new_id()
    disk = Disk(monkeypatch, spoolwriter, "sync_folder", OSError(errno.EIO, "Input/output error"))
    spool.begin(take_id, b"context")
    with pytest.raises(SpoolError):
        await spool.sync()
    disk.fails = False
    await spool.sync()
    assert spool.read(take_id).context == b"context"
    assert segment_numbers(tmp_path) == [1]
    spool.close()


@pytest.mark.parametrize("name", ["pwritev", "fdatasync", "posix_fallocate"])
async def test_a_fault_of_ours_ends_neither_the_thread_nor_a_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    disk = Disk(monkeypatch, os, name, ValueError("a fault"))
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"context")
    async with asyncio.timeout(20):
        with pytest.raises(SpoolError, match="a fault"):
            await spool.sync()
        with pytest.raises(SpoolError, match="a fault"):
            await spool.ping()
        if name == "posix_fallocate":
            with pytest.raises(SpoolError, match="a fault"):
                await spool.reserve(60)
        disk.fails = False
        await spool.sync()
    await spool.ping()
    assert spool.read(take_id).context == b"context"
    spool.close()


async def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwritev

    def short(file: int, buffers: list[bytes], offset: int) -> int:
        return write(file, [b"".join(buffers)[:100]], offset)

    monkeypatch.setattr(os, "pwritev", short)
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"")
    fill(spool, take_id, 3)
    await spool.sync()
    assert b"".join(part.payload for part in spool.read(take_id).audio) == LOUD * 3
    spool.close()


async def test_memory_is_bounded_while_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(file: int, buffers: list[bytes], offset: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    spool, take_id = open_spool(tmp_path), new_id()
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", failing)
        patched.setattr("ivr.media.spool.PENDING_MAX_BYTES", 100_000)
        spool.begin(take_id, b"")
        taken = [spool.append(take_id, Codec.PCMU, second * 8000, LOUD, 160) for second in range(30)]
        assert taken.count(True) == 12
        assert spool.refused_bytes == 18 * 8000
        with pytest.raises(SpoolError):
            await spool.sync()
    spool.close()


async def test_space_is_reserved_before_a_call_is_answered(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    reservation = await spool.reserve(60)
    held = sum(segment_path(tmp_path, each).stat().st_size for each in segment_numbers(tmp_path))
    assert held >= 60 * BYTES_PER_S
    assert spool.reserved_bytes >= 60 * BYTES_PER_S
    reservation.release()
    reservation.release()
    assert spool.reserved_bytes == 0
    spool.close()


async def test_no_space_is_a_refusal(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, segment_bytes=SEGMENT, floor_bytes=2**60)
    assert spool.free_s() == 0
    with pytest.raises(SpoolFull):
        await spool.reserve(60)
    assert spool.reserved_bytes == 0
    spool.close()


async def test_a_disk_that_fills_up_under_a_reservation_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spool = open_spool(tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(SpoolFull):
        await spool.reserve(60)
    assert spool.reserved_bytes == 0
    assert segment_numbers(tmp_path) == []
    spool.close()


async def test_every_new_segment_is_made_durable_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    sync_folder = spoolwriter.sync_folder

    def watched(folder: Path) -> None:
        synced.append(folder)
        sync_folder(folder)

    spool, take_id = open_spool(tmp_path), new_id()
    monkeypatch.setattr(spoolwriter, "sync_folder", watched)
    spool.begin(take_id, b"")
    fill(spool, take_id, 20)
    await spool.sync()
    assert len(synced) == len(segment_numbers(tmp_path)) == 3
    spool.close()


async def test_a_recording_id_is_used_once(tmp_path: Path) -> None:
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"")
    with pytest.raises(ValueError, match="exists already"):
        spool.begin(take_id, b"")
    spool.close()


async def test_a_recording_in_progress_is_synced_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power loss costs it at most five seconds: a sync comes every second, here every 50 ms."""
    assert spoolwriter.SYNC_EVERY_S + spoolwriter.WRITE_EVERY_S <= 5
    monkeypatch.setattr(spoolwriter, "SYNC_EVERY_S", 0.05)
    monkeypatch.setattr(spoolwriter, "WRITE_EVERY_S", 0.01)
    spool, take_id = open_spool(tmp_path), new_id()
    spool.begin(take_id, b"")
    for second in range(4):
        before = spool.syncs
        spool.append(take_id, Codec.PCMU, second * 8000, LOUD, 160)
        async with asyncio.timeout(20):
            while spool.syncs == before:  # noqa: ASYNC110 - the thread tells nobody
                await asyncio.sleep(0.005)
    spool.close()


async def test_a_crash_at_any_moment_leaves_what_was_synced(tmp_path: Path) -> None:
    """Random work; after each sync the folder is copied, as a crash would leave it, and opened."""
    rng = random.Random(8)
    spool = open_spool(tmp_path / "spool")
    expected: dict[str, tuple[int, bool, bytes | None]] = {}
    for crash in range(25):
        for _ in range(rng.randrange(1, 12)):
            take_id = rng.choice([*expected, ""]) or new_id()
            seconds, ended, flags = expected.get(take_id, (0, False, None))
            match rng.randrange(6):
                case 0 | 1 | 2 if take_id not in expected:
                    spool.begin(take_id, take_id.encode())
                    expected[take_id] = (0, False, None)
                case 0 | 1 | 2 if not ended:
                    spool.append(take_id, Codec.PCMU, seconds * 8000, LOUD, 160)
                    expected[take_id] = (seconds + 1, False, None)
                case 3 if take_id in expected and not ended:
                    spool.end(take_id, seconds * 8000)
                    expected[take_id] = (seconds, True, None)
                case 4 if ended:
                    await spool.accept(take_id, b"flags")
                    expected[take_id] = (seconds, True, b"flags")
                case 5 if take_id in expected and rng.random() < 0.7:
                    await (spool.settled(take_id) if flags else spool.discard(take_id))
                    del expected[take_id]
        await spool.sync()
        copied = tmp_path / f"crash{crash}"
        shutil.copytree(tmp_path / "spool", copied)
        after = open_spool(copied)
        found = {lost.id: (lost.take.samples // 8000, lost.ended, lost.accepted) for lost in after.recover()}
        assert found == expected
        for take_id, (seconds, _, _) in expected.items():
            assert b"".join(part.payload for part in after.read(take_id).audio) == LOUD * seconds
        after.close()
    assert len(segment_numbers(tmp_path / "spool")) < 25
    spool.close()
