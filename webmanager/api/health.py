"""`GET /healthz`: the process is alive. Asks nothing, so that a slow database does not get it restarted."""

from aiohttp import web

from webmanager.api.querying import AnyQuery
from webmanager.api.route import answer
from webmanager.api.shapes import HealthOut


async def health(request: web.Request, query: AnyQuery) -> web.StreamResponse:
    """Say that the process is alive."""
    del request, query
    return answer(HealthOut())
