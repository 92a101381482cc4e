"""The end of a recording: on disk when its owner gets it, and nobody's when the disk refused it."""

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from ivr.media.intake import Run
from ivr.media.recorder import Recorder, RecordingHandle
from ivr.media.recording import Ending, Limits, RecordingRules
from ivr.media.spool import Spool
from ivr.media.spoolread import LostTake
from ivr.media.spoolwriter import SpoolError
from tests.fakes.disk import ForgetfulDisk
from voicebox.codec import Codec

LOUD, QUIET = b"\x00\x80" * 4000, b"\xff" * 8000
"""A second at full level, and one of silence."""


def a_recorder(spool: Spool, context: bytes, *, sound: bytes = LOUD) -> Recorder:
    """Return a recorder that has heard a second."""
    take_id, done = uuid.uuid4().hex, asyncio.get_running_loop().create_future()
    rules = RecordingRules(Limits(max_s=60), 0.0, 8000)
    recorder = Recorder(spool, RecordingHandle(take_id, done, lambda by: None), rules)
    spool.begin(take_id, context)
    recorder.take([Run(Codec.PCMU, 0, sound, 160, [0.02 * each for each in range(50)])])
    return recorder


class Recovery:
    """What recovery was given, call by call; it fails the first `failures` times."""

    def __init__(self, failures: int = 0) -> None:
        self.given: list[list[LostTake]] = []
        self.called = asyncio.Event()
        self._failures = failures

    async def __call__(self, lost: Sequence[LostTake]) -> None:
        self.given.append(list(lost))
        self.called.set()
        if len(self.given) <= self._failures:
            raise RuntimeError("the database hiccups")


async def recovered(spool: Spool, recovery: Recovery) -> None:
    """Let the spool's job run until it has called recovery."""
    recovery.called.clear()
    job = asyncio.create_task(spool.recover_abandoned(recovery))
    async with asyncio.timeout(20):
        await recovery.called.wait()
    job.cancel()
    await asyncio.wait({job})


async def test_a_recording_whose_end_was_refused_is_recovered_once_the_disk_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(tmp_path, segment_bytes=1 << 16, floor_bytes=0)
    in_hand = a_recorder(spool, b"in its caller's hand")
    in_hand.finish(Ending.KEY, "#", 8000)
    await in_hand.handle.done
    disk = ForgetfulDisk(monkeypatch)
    monkeypatch.setattr("ivr.media.spool.RETRY_S", 0.001)
    refused, silent = a_recorder(spool, b"refused"), a_recorder(spool, b"silent", sound=QUIET)
    for recorder in (refused, silent):
        recorder.finish(Ending.HANGUP, "", 8000)
    for recorder in (refused, silent):
        with pytest.raises(SpoolError):
            await recorder.handle.done
    recovery = Recovery(failures=1)
    job = asyncio.create_task(spool.recover_abandoned(recovery))
    with pytest.raises(SpoolError):
        await spool.sync()  # the job asks in vain, too
    assert recovery.given == []
    disk.fails = False
    async with asyncio.timeout(20):
        await asyncio.wait({job})
    assert isinstance(job.exception(), RuntimeError)
    await recovered(spool, recovery)  # begun again, as the service does
    for lost in recovery.given:
        assert [(take.context, take.ended, take.take.samples) for take in lost] == [(b"refused", True, 8000)]
    assert spool.read(refused.handle.id).end == 8000
    assert len(recovery.given) == 2
    spool.close()


async def test_what_was_recovered_is_not_recovered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, recovery = Spool.open(tmp_path, segment_bytes=1 << 16, floor_bytes=0), Recovery()
    for context in (b"first", b"second"):
        with monkeypatch.context() as patched:
            ForgetfulDisk(patched)
            recorder = a_recorder(spool, context)
            recorder.finish(Ending.KEY, "#", 8000)
            with pytest.raises(SpoolError):
                await recorder.handle.done
        await recovered(spool, recovery)
    assert [[take.context for take in lost] for lost in recovery.given] == [[b"first"], [b"second"]]
    spool.close()
