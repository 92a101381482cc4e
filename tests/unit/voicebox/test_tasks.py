"""Errands and jobs: their faults are theirs alone."""

import asyncio

import pytest

from voicebox import tasks
from voicebox.tasks import Errands, tireless


async def test_an_errand_that_fails_takes_nobody_along() -> None:
    finished: list[str] = []

    async def fails() -> None:
        raise ValueError("an errand's own fault")

    async def works() -> None:
        await asyncio.sleep(0)
        finished.append("works")

    async with asyncio.TaskGroup() as group:
        errands = Errands(group)
        failing = errands.spawn(fails())
        errands.spawn(works())
        await failing
        assert failing.exception() is None
    assert finished == ["works"]
    assert len(errands) == 0


async def test_errands_that_take_too_long_are_cancelled_at_the_end() -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        errands = Errands(group)
        quick = errands.spawn(asyncio.sleep(0))
        endless = errands.spawn(asyncio.sleep(3600))
        await errands.finish(within_s=0.01)
        await asyncio.sleep(0)
        assert not quick.cancelled()
    assert endless.cancelled()


async def test_a_job_that_fails_begins_again_until_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AGAIN_S", 0.0)
    begun = 0
    enough = asyncio.Event()

    async def job() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise LookupError("today it does not want to")
        enough.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(tireless("job", job))
    async with asyncio.timeout(20):
        await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert begun == 3
