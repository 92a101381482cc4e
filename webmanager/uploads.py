"""Files that are sent as the body of a request, received within limits of size, time and number.

A file is in memory as a whole until it is worked on, so few are held at once, and of one token still fewer: who sends
slowly, or much, leaves room for others. What has been received is worked on one after another, so that greetings by
phone, messages and MP3s get their turn of the worker process in between.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiohttp import web

from webmanager.bearer import viewer_of
from webmanager.expecting import receiving
from webmanager.problems import Problem
from webmanager.wording import Code

EACH_MAX: Final = 2
"""Of one token: while one is worked on, the next is received."""
ALL_MAX: Final = 8
"""Of 10 MB each, and one of them twice while it is handed to the worker."""
RECEIVE_MAX_S: Final = 120.0
"""10 MB at 700 kbit/s: the slowest line that somebody might still upload by. It also ends what is no chunked body, of
which aiohttp does not tell."""
RETRY_AFTER_S: Final = 10
"""Three minutes of audio are worked on for about half as long."""


class TooLarge(Exception):  # noqa: N818 - what is wrong with it
    """More was sent than may be."""


class Uploads:
    """Receives files."""

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()
        """Files received or waiting, by the token that sends them."""
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def received(self, request: web.Request, most_bytes: int) -> AsyncIterator[bytes]:
        """Receive a request's body, and keep others waiting while it is worked on.

        Raises:
            TooLarge: it is larger than `most_bytes`; the rest was not read.
            Problem: 429, its token sends too many at once; 503, all together do; 408, it took too long; 400, it broke
                off.
        """
        if request.content_length is not None and request.content_length > most_bytes:
            raise TooLarge
        with self._place(viewer_of(request).token.id):
            async with receiving(request, RECEIVE_MAX_S):
                data = await _read(request, most_bytes)
            async with self._turn:
                yield data

    @contextmanager
    def _place(self, token_id: int) -> Iterator[None]:
        if self._held[token_id] >= EACH_MAX:
            raise _too_many(429)
        if self._held.total() >= ALL_MAX:
            raise _too_many(503)
        self._held[token_id] += 1
        try:
            yield
        finally:
            self._held[token_id] -= 1
            self._held += Counter()  # forgets the tokens that send nothing any more


def _too_many(status: int) -> Problem:
    wait_s = str(RETRY_AFTER_S)
    return Problem(Code.TOO_MANY_UPLOADS, status=status, headers={"Retry-After": wait_s}, retry_after_s=wait_s)


async def _read(request: web.Request, most_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > most_bytes:
            raise TooLarge
    return bytes(data)


UPLOADS: Final = web.AppKey("uploads", Uploads)
