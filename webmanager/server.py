"""The web side's server: health, readiness, figures, and whatever `webmanager.api` adds."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from voicebox.clock import Clock
from voicebox.config import Config
from voicebox.directory import Directory
from voicebox.library import AudioLibrary
from voicebox.metrics import Metrics
from voicebox.storage.database import Database

Check = Callable[[], Awaitable[None]]
"""Raises, with a reason fit for an operator, while its part does not work."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """What the web side is made of."""

    config: Config
    db: Database
    directory: Directory
    library: AudioLibrary
    clock: Clock
    metrics: Metrics
    checks: Mapping[str, Check]
    """What `/readyz` asks, by name."""


PARTS: Final = web.AppKey("parts", WebParts)


def make_app(parts: WebParts) -> web.Application:
    """Return the application with every route."""
    app = web.Application()
    app[PARTS] = parts
    return app


@asynccontextmanager
async def served(parts: WebParts) -> AsyncIterator[str]:
    """Serve while the context is open; yields the address that answers, such as `http://127.0.0.1:8080`."""
    runner = web.AppRunner(make_app(parts), access_log=None)
    await runner.setup()
    listen = parts.config.web.listen
    site = web.TCPSite(runner, str(listen.host), listen.port)
    try:
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()
