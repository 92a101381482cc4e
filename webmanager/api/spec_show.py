"""`GET /api/openapi.json`: the description of all this, made of the same table."""

from typing import Final

from aiohttp import web

from webmanager.api.querying import AnyQuery

SPEC: Final = web.AppKey("spec", bytes)


async def show_spec(request: web.Request, query: AnyQuery) -> web.StreamResponse:
    """Describe the API (OpenAPI 3.1)."""
    del query
    return web.Response(body=request.app[SPEC], content_type="application/json", headers={"Cache-Control": "no-cache"})
