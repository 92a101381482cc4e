"""Judging that nothing came only after what lies in the sockets has been read.

A process that was held up finds both at once: a time that has run out, and what came before it did. uvloop runs timers
before it looks at the sockets (libuv's order), asyncio's own loop after. So whoever judges gives the loop a few turns:
to read, and to hand on what was read.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

TURNS: Final = 8
"""One turn reads up to 64 datagrams of a socket (`ivr.sip.udp`); from a response to who waits for it are three."""


async def caught_up() -> None:
    """Wait until what has come is read."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def once_read(then: Callable[..., object], *args: object) -> None:
    """Call `then` when what has come is read: for timers. It cannot be called off any more."""
    _after(TURNS, partial(then, *args))


async def done_within(future: asyncio.Future[Any], within_s: float | None) -> bool:
    """Wait until a future is done, or for so long; tell whether it is, also by what came in time and was read late."""
    await asyncio.wait([future], timeout=within_s)
    if not future.done():
        await caught_up()
    return future.done()


def _after(turns: int, then: Callable[[], object]) -> None:
    if turns:
        asyncio.get_running_loop().call_soon(_after, turns - 1, then)
    else:
        then()
