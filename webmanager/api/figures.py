"""`GET /metrics`: the process's figures for Prometheus.

What the database knows is asked for at the scrape, one grouped walk along an index of unfinished rows each; while it is
away, its figures keep their last values and the others are shown all the same.
"""

import asyncio
from typing import Final

import structlog
from aiohttp import web

from voicebox.errors import DatabaseUnavailable
from voicebox.metrics import CONTENT_TYPE
from voicebox.storage import audio, outbox
from voicebox.storage.audio import AudioState
from webmanager.api.querying import AnyQuery
from webmanager.bearer import web_parts
from webmanager.parts import WebParts

log = structlog.get_logger("voicebox.web.figures")

DATABASE_MAX_S: Final = 3.0
"""Prometheus gives up after ten."""


async def figures(request: web.Request, query: AnyQuery) -> web.StreamResponse:
    """Show the process's figures."""
    del query
    parts = web_parts(request)
    parts.collect()
    try:
        async with asyncio.timeout(DATABASE_MAX_S):
            await _ask_database(parts)
    except (DatabaseUnavailable, TimeoutError) as error:
        log.warning("figures_without_database", why=str(error) or "it does not answer")
    return web.Response(body=parts.metrics.render(), headers={"Content-Type": CONTENT_TYPE})


async def _ask_database(parts: WebParts) -> None:
    async with parts.db.read() as connection:
        rows = await outbox.backlog(connection)
        unsettled = await audio.backlog(connection)
    now = parts.clock.now()
    for kind in outbox.Kind:
        backlog = rows.get(kind)
        since = backlog.since if backlog is not None else now
        parts.metrics.outbox(
            kind, depth=backlog.rows if backlog is not None else 0, oldest_s=max(0.0, (now - since).total_seconds())
        )
    parts.metrics.audio_backlog(waiting=unsettled.get(AudioState.SPOOL, 0), broken=unsettled.get(AudioState.BROKEN, 0))
