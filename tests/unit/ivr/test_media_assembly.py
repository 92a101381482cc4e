"""From the spool to samples and files, in the worker process."""

import asyncio
import io
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.media.assembly import assemble, flac_of, peaks_of, samples_of
from ivr.media.g711 import Pcm, decode
from ivr.media.spool import Spool
from ivr.media.spoolfile import Audio
from ivr.media.spoolread import SpooledRecording
from ivr.media.worker import Assembler, Worker, WorkerDied
from voicebox.codec import Codec
from voicebox.errors import RecordingBroken, RecordingElsewhere

EVERY = bytes(range(256)) * 40


def recording(*audio: Audio, samples: int | None = None) -> SpooledRecording:
    return SpooledRecording("00" * 16, audio=list(audio), samples=samples)


def audio(position: int, payload: bytes, codec: Codec = Codec.PCMU) -> Audio:
    return Audio(codec, position, 160, payload)


def read(flac: bytes) -> tuple[Pcm, int]:
    pcm, rate_hz = soundfile.read(io.BytesIO(flac), dtype="int16")
    return pcm, rate_hz


def test_a_clean_stream_equals_its_decode_sample_for_sample() -> None:
    parts = [audio(at, EVERY[at : at + 4000]) for at in range(0, len(EVERY), 4000)]
    pcm = samples_of(recording(*parts, samples=len(EVERY)))
    assert np.array_equal(pcm, decode(EVERY, Codec.PCMU))
    assert np.array_equal(read(flac_of(pcm, 8000))[0], pcm)


def test_gaps_are_silence_and_order_does_not_matter() -> None:
    pcm = samples_of(recording(audio(800, b"\x00" * 160), audio(0, b"\x80" * 160), samples=1000))
    assert np.array_equal(pcm[:160], decode(b"\x80" * 160, Codec.PCMU))
    assert not pcm[160:800].any()
    assert np.array_equal(pcm[800:960], decode(b"\x00" * 160, Codec.PCMU))
    assert len(pcm) == 1000


def test_a_codec_that_changes_in_mid_call_is_decoded_by_its_own_law() -> None:
    pcm = samples_of(recording(audio(0, EVERY), audio(len(EVERY), EVERY, Codec.PCMA), samples=2 * len(EVERY)))
    assert np.array_equal(pcm, np.concatenate([decode(EVERY, Codec.PCMU), decode(EVERY, Codec.PCMA)]))


def test_nothing_is_longer_than_was_decided() -> None:
    pcm = samples_of(recording(audio(0, EVERY), audio(2**40, EVERY), samples=500))
    assert np.array_equal(pcm, decode(EVERY[:500], Codec.PCMU))


def test_a_recording_without_an_end_is_trimmed_by_the_rules() -> None:
    pcm = samples_of(recording(audio(0, b"\x00\x80" * 8000), audio(16_000, b"\xff" * 16_000)))
    assert len(pcm) == 20_000


def test_no_audio_is_broken() -> None:
    with pytest.raises(RecordingBroken):
        samples_of(recording())


def test_peaks_follow_the_sound() -> None:
    pcm = np.concatenate([np.zeros(8000), np.full(8000, 32_767), np.full(8000, -16_384)]).astype(np.int16)
    peaks = peaks_of(pcm)
    assert len(peaks) == 200
    assert (peaks[30], peaks[100], peaks[180]) == (0, 255, 127)
    assert peaks_of(np.zeros(0, np.int16)) == b""


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool.open(tmp_path / "spool", floor_bytes=0, segment_bytes=1 << 20)
    yield opened
    opened.close()


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    made = Worker()
    yield made
    made.close()


async def spooled(spool: Spool) -> str:
    take_id = uuid.uuid4().hex
    spool.begin(take_id, b"")
    spool.append(take_id, Codec.PCMU, 0, EVERY, 160)
    spool.end(take_id, 9000)
    await spool.sync()
    return take_id


async def test_a_take_is_assembled_in_another_process_at_a_lower_priority(spool: Spool, worker: Worker) -> None:
    take_id = await spooled(spool)
    whole = await Assembler(spool, worker)(take_id, 9000)
    assert (whole.samples, whole.rate_hz, len(whole.peaks)) == (9000, 8000, 200)
    assert np.array_equal(read(whole.flac)[0], decode(EVERY[:9000], Codec.PCMU))
    assert await worker.run(os.getpid) != os.getpid()
    assert await worker.run(os.nice, 0) == os.nice(0) + 10


async def test_a_take_can_be_heard_at_once(spool: Spool, worker: Worker) -> None:
    pcm, rate_hz = await Assembler(spool, worker).pcm(await spooled(spool))
    assert (len(pcm), rate_hz) == (9000, 8000)


async def test_a_take_that_is_not_there_is_broken(spool: Spool, worker: Worker) -> None:
    with pytest.raises(RecordingElsewhere, match="not in the spool"):
        await Assembler(spool, worker)(uuid.uuid4().hex, 100)


async def test_a_worker_that_died_is_replaced_and_the_job_done(worker: Worker) -> None:
    first = await worker.run(os.getpid)
    os.kill(first, 9)
    assert await worker.run(os.getpid) != first
    assert worker.restarts == 1


async def test_a_job_that_kills_every_worker_is_given_up(worker: Worker) -> None:
    with pytest.raises(WorkerDied):
        await worker.run(os._exit, 3)
    assert await worker.run(abs, -5) == 5


async def test_the_error_of_a_job_comes_back(worker: Worker) -> None:
    with pytest.raises(RecordingBroken, match="holds no audio"):
        await worker.run(assemble, ".", "00" * 16, b"", 100)


async def test_many_jobs_wait_at_the_door(worker: Worker) -> None:
    assert await asyncio.gather(*[worker.run(abs, -each) for each in range(100)]) == list(range(100))


async def test_another_speed_is_made_in_the_worker(worker: Worker) -> None:
    pcm = (8000 * np.sin(np.arange(16_000) / 5)).astype(np.int16)
    assert len(await worker.encode_clip(pcm, 8000, Codec.PCMA, 2.0)) == 8000
