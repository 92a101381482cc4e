"""The web's listening socket, bounded so that it cannot take the files that calls need (`voicebox.app` counts them).

aiohttp waits without end for a connection's first request, and signs what it answers to broken ones with its own name
and version; both are mended here.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web

from voicebox.ports import CannotListen, bind
from voicebox.settings.web import Web

CONNECTIONS_MAX: Final = 200
"""Of the 300 files that are kept for all but calls."""
FIRST_REQUEST_MAX_S: Final = 20.0
IDLE_MAX_S: Final = 75.0
"""Longer than the 60 s a reverse proxy keeps its connections, so that it is the one to close them."""
LINGER_MAX_S: Final = 2.0
"""For the rest of a body that nobody reads."""
SHUTDOWN_MAX_S: Final = 5.0
HEADER_MAX_BYTES: Final = 8190

logger = logging.getLogger(__name__)


class _Connection(web.RequestHandler):
    """A connection whose first request must come soon."""

    __slots__ = ("_clock", "_first_timer")

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # how aiohttp's own runner says that there is none
            keepalive_timeout=IDLE_MAX_S,
            max_line_size=HEADER_MAX_BYTES,
            max_field_size=HEADER_MAX_BYTES,
            lingering_time=LINGER_MAX_S,
        )
        self._clock = loop
        self._first_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._first_timer = self._clock.call_later(FIRST_REQUEST_MAX_S, self._too_slow)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._first_timer is not None:
            self._first_timer.cancel()
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, without a word on what we run."""
        del message  # quotes what was sent
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("a request from %s failed", request.remote, exc_info=exc)
        else:
            logger.debug("no HTTP from %s: %s", request.remote, type(exc).__name__)
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")
        response.headers["Server"] = "voicebox"  # aiohttp would fill in its own
        response.force_close()
        return response


class _Full(asyncio.Protocol):
    """Closes a connection there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@asynccontextmanager
async def listening(app: web.Application, settings: Web) -> AsyncIterator[str]:
    """Serve an application while the context is open; yields its address, such as `http://127.0.0.1:8080`.

    Raises:
        PortTaken: the port is held by somebody, who is named.
        CannotListen: the address cannot be had for another reason, or the certificate cannot be used.
    """
    tls = _tls(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_MAX_S)
    await runner.setup()
    try:
        server = runner.server
        if server is None:
            raise RuntimeError("the runner was set up, yet has no server")
        loop = asyncio.get_running_loop()

        def connection() -> asyncio.Protocol:
            room = len(server.connections) < CONNECTIONS_MAX
            return _Connection(server, loop) if room else _Full()

        sock = bind("tcp", str(settings.listen.host), settings.listen.port)
        try:
            host, port = sock.getsockname()[:2]
            listener = await loop.create_server(connection, sock=sock, ssl=tls)
        except BaseException:
            sock.close()
            raise
        try:
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            yield f"{'https' if tls else 'http'}://{place}"
        finally:
            listener.close()
    finally:
        await runner.cleanup()


def _tls(settings: Web) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        why = f"the certificate {settings.certificate} and its key cannot be used: {error}"
        raise CannotListen(getattr(error, "errno", None) or 0, why) from error
    return context
