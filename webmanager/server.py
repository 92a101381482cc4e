"""The web side's server: the routes of `webmanager.api`, behind the guard, on one socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import MappingProxyType

from aiohttp import web

from voicebox.confirmation import Confirmations
from voicebox.links import Links
from voicebox.pinhash import load_key
from webmanager.api.openapi import describe
from webmanager.api.ready import READINESS, Readiness
from webmanager.api.routes import ROUTES
from webmanager.api.spec_show import SPEC
from webmanager.bearer import BEARERS, Bearers
from webmanager.expecting import expected, unasked
from webmanager.guard import ACCESS, Access, Handler, guard, problems
from webmanager.headers import add_headers
from webmanager.listening import listening
from webmanager.pages.confirm import CONFIRMATIONS
from webmanager.pages.listen import LINKS
from webmanager.pages.routes import PAGES
from webmanager.pages.strangers import STRANGERS, Strangers
from webmanager.parts import PARTS, Check, WebParts
from webmanager.renderings import RENDERINGS, Renderings
from webmanager.uploads import UPLOADS, Uploads

__all__ = ["PARTS", "Check", "WebParts", "make_app", "served"]


def make_app(parts: WebParts) -> web.Application:
    """Return the application with every route and page."""
    app = web.Application(middlewares=[unasked, problems, guard])
    app[PARTS] = parts
    app[BEARERS] = Bearers(parts)
    app[READINESS] = Readiness(parts)
    app[RENDERINGS] = Renderings(parts.library)
    app[UPLOADS] = Uploads()
    app[ACCESS] = MappingProxyType(
        {route.path: route.access for route in ROUTES} | {path: Access.PUBLIC for _, path, _ in PAGES}
    )
    app[SPEC] = json.dumps(describe(ROUTES), ensure_ascii=False).encode()
    for route in ROUTES:
        _serve(app, route.method, route.path, route.handler)
    links = Links(load_key(parts.config.data_dir), parts.config.web.public_url)
    app[LINKS] = links
    app[CONFIRMATIONS] = Confirmations(parts.db, parts.events, parts.clock, links)
    app[STRANGERS] = Strangers()
    for method, path, handler in PAGES:
        _serve(app, method, path, handler)
    app.on_response_prepare.append(add_headers)
    return app


def _serve(app: web.Application, method: str, path: str, handler: Handler) -> None:
    for each in (method, "HEAD") if method == "GET" else (method,):
        app.router.add_route(each, path, handler, expect_handler=expected)


@asynccontextmanager
async def served(parts: WebParts) -> AsyncIterator[str]:
    """Serve while the context is open; yields the address that answers, such as `http://127.0.0.1:8080`.

    Raises:
        PortTaken: the port is held by somebody, who is named.
        CannotListen: the address or the certificate cannot be used.
    """
    async with listening(make_app(parts), parts.config.web) as address:
        yield address
