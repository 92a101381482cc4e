"""Tasks whose faults end with them: errands beside the calls, and jobs that run as long as the process.

A task group takes everything down when one of its tasks raises. That is right for parts of one piece of work and wrong
for a service, where a NOTIFY that cannot be built must not end the calls of everybody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

import structlog

AGAIN_S: Final = 1.0
"""Before a job that failed begins anew: a fault that lasts must not fill the log."""

log = structlog.get_logger("voicebox.tasks")


class Errands:
    """Starts tasks in a group; what one raises is logged, and that task alone is over."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._running)

    def spawn(self, work: Coroutine[object, object, object]) -> asyncio.Task[None]:
        """Start a task; awaiting it never raises what `work` raised."""
        task = self._group.create_task(_guarded(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def finish(self, within_s: float) -> None:
        """Wait for those under way, then cancel what is left: a BYE to a dead phone must not hold up a shutdown."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=within_s)
        for task in list(self._running):
            task.cancel()


async def tireless(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Run a job that ends by being cancelled only; one that fails is logged and begun again."""
    while True:
        try:
            await job()
        except Exception:  # where a job ends
            log.exception("job_failed", job=name)
        else:
            log.error("job_ended", job=name)
        await asyncio.sleep(AGAIN_S)


async def _guarded(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except Exception:  # where an errand ends
        log.exception("errand_failed", errand=getattr(work, "__qualname__", "?"))
