"""Files that are sent as the body of a request, received within limits of size, time and number.

A file is in memory as a whole while it is worked on, so few are received at once; the others wait, and their senders
with them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from webmanager.problems import Problem
from webmanager.wording import Code

AT_ONCE: Final = 4
"""Of 10 MB each, twice while one is handed to the worker."""
RECEIVE_MAX_S: Final = 120.0
"""10 MB at 700 kbit/s: the slowest line that somebody might still upload by. It also ends what is no chunked body, of
which aiohttp does not tell."""


class TooLarge(Exception):  # noqa: N818 - what is wrong with it
    """More was sent than may be."""


class Uploads:
    """Receives files."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def received(self, request: web.Request, most_bytes: int) -> AsyncIterator[bytes]:
        """Receive a request's body, and keep others waiting while it is worked on.

        Raises:
            TooLarge: it is larger than `most_bytes`; the rest was not read.
            Problem: 408, it took too long; 400, it broke off.
        """
        if request.content_length is not None and request.content_length > most_bytes:
            raise TooLarge
        async with self._turn:
            try:
                async with asyncio.timeout(RECEIVE_MAX_S):
                    data = await _read(request, most_bytes)
            except TimeoutError:
                raise Problem(Code.REFUSED, status=408) from None
            except (ConnectionError, web.RequestPayloadError):
                raise Problem(Code.REFUSED) from None
            yield data


async def _read(request: web.Request, most_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > most_bytes:
            raise TooLarge
    return bytes(data)


UPLOADS: Final = web.AppKey("uploads", Uploads)
