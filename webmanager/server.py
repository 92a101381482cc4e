"""The web side's server: the routes of `webmanager.api`, behind the guard, on one socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import MappingProxyType

from aiohttp import web

from webmanager.api.openapi import describe
from webmanager.api.ready import READINESS, Readiness
from webmanager.api.routes import ROUTES
from webmanager.api.spec_show import SPEC
from webmanager.bearer import BEARERS, Bearers
from webmanager.guard import ACCESS, guard, problems
from webmanager.headers import add_headers
from webmanager.listening import listening
from webmanager.parts import PARTS, Check, WebParts
from webmanager.renderings import RENDERINGS, Renderings

__all__ = ["PARTS", "Check", "WebParts", "make_app", "served"]


def make_app(parts: WebParts) -> web.Application:
    """Return the application with every route."""
    app = web.Application(middlewares=[problems, guard])
    app[PARTS] = parts
    app[BEARERS] = Bearers(parts)
    app[READINESS] = Readiness(parts)
    app[RENDERINGS] = Renderings(parts.library)
    app[ACCESS] = MappingProxyType({route.path: route.access for route in ROUTES})
    app[SPEC] = json.dumps(describe(ROUTES), ensure_ascii=False).encode()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    app.on_response_prepare.append(add_headers)
    return app


@asynccontextmanager
async def served(parts: WebParts) -> AsyncIterator[str]:
    """Serve while the context is open; yields the address that answers, such as `http://127.0.0.1:8080`.

    Raises:
        PortTaken: the port is held by somebody, who is named.
        CannotListen: the address or the certificate cannot be used.
    """
    async with listening(make_app(parts), parts.config.web) as address:
        yield address
