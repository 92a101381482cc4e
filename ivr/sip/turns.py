"""Judging that nothing came only after what lies in the sockets has been read.

A process that was held up finds both at once: a time that has run out, and what came before it did. uvloop runs timers
before it looks at the sockets (libuv's order), asyncio's own loop after.
"""

import asyncio
from collections.abc import Callable
from typing import Any


def once_read(then: Callable[[], object]) -> None:
    """Call `then` after the loop has looked at its sockets: from a timer, the turn after next."""
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, then)


async def done_within(future: asyncio.Future[Any], within_s: float) -> bool:
    """Wait until a future is done, or for so long; tell whether it is, also by what came in time and was read late."""
    await asyncio.wait([future], timeout=within_s)
    for _ in range(2):
        if not future.done():
            await asyncio.sleep(0)
    return future.done()
