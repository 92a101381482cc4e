"""What can go wrong in the demo, each in words for a newcomer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class DemoError(Exception):
    """The demo cannot go on; the text says what did not happen."""


class TooLateError(DemoError):
    """Something did not happen in time."""


@asynccontextmanager
async def deadline(within_s: float | None, what: str) -> AsyncIterator[None]:
    """Bound a wait; None does not.

    Raises:
        TooLateError: it took longer; the text names `what` did not happen.
    """
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise TooLateError(f"within {within_s:.0f} s there was no {what}") from None
