"""Bodies come when they are wanted, also of clients that ask first (`Expect: 100-continue`, RFC 9110 section 10.1.1).

aiohttp asks those for the body as soon as the route is known. Here they wait until somebody wants it: who is refused
before, by token, size or number, has sent nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from webmanager.guard import Handler
from webmanager.language import language_of
from webmanager.problems import Problem
from webmanager.wording import Code

_WAITS: Final = web.RequestKey("waits", bool)
"""Whether its client waits to be asked."""


async def expected(request: web.Request) -> web.StreamResponse | None:
    """Keep the client waiting (the routes' handler of expectations); refuse with 417 what else it may expect."""
    request[_WAITS] = True
    if request.headers[hdrs.EXPECT].lower() == "100-continue":
        return None
    return _last(Problem(Code.REFUSED, status=417).response(language_of(request)))


@asynccontextmanager
async def receiving(request: web.Request, within_s: float) -> AsyncIterator[None]:
    """Ask for the body, which is read in this context.

    Raises:
        Problem: 408, it did not come in time; 400, it broke off.
    """
    try:
        async with asyncio.timeout(within_s):
            await _ask(request)
            yield
    except TimeoutError:
        raise Problem(Code.REFUSED, status=408) from None
    except (ConnectionError, web.RequestPayloadError):
        raise Problem(Code.REFUSED) from None


@web.middleware
async def unasked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """End a connection on which nobody was asked to send: whether a body comes all the same, nobody can know."""
    response = await handler(request)
    return _last(response) if request.get(_WAITS, False) else response


def _last(response: web.StreamResponse) -> web.StreamResponse:
    response.force_close()
    return response


async def _ask(request: web.Request) -> None:
    if not request.get(_WAITS, False):
        return
    request[_WAITS] = False
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer has been sent yet
        await request.writer.drain()
