"""The middlewares around every action: refusals become problem details, and nobody gets past without a token.

A later kind of sign-in (the web manager's sessions) is one more `Access`, decided here in one place.
"""

import secrets
from collections.abc import Awaitable, Callable
from enum import Enum
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web

from voicebox.errors import DatabaseUnavailable, StoreUnavailable
from webmanager.bearer import BEARERS, VIEWER, admin_only
from webmanager.language import language_of
from webmanager.origin import origin_of
from webmanager.problems import Problem
from webmanager.wording import Code

log = structlog.get_logger("voicebox.web.guard")

RETRY_AFTER_S: Final = 10
"""What clients are told while the database or the audio store is away."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(Enum):
    """Who may do something."""

    PUBLIC = "public"
    """Everybody."""
    TOKEN = "token"  # noqa: S105 - a name, no secret
    """Whoever has a token; the action looks at what it is good for."""
    ADMIN_OR_LOCAL = "admin-or-local"
    """This machine itself, or a token that is not a mailbox's."""


ACCESS: Final = web.AppKey("access", MappingProxyType[str, Access])
"""By path as registered. What is not listed needs a token, above all what does not exist."""


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal and every fault as RFC 9457 says, in the caller's language."""
    language = language_of(request)
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(language)
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted(refusal.allowed_methods))
        return Problem(Code.METHOD_NOT_ALLOWED, headers={"Allow": allowed}, allowed=allowed).response(language)
    except web.HTTPNotFound:
        return Problem(Code.UNKNOWN_PATH).response(language)
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        return Problem(Code.REFUSED, status=refusal.status).response(language)
    except (DatabaseUnavailable, StoreUnavailable) as error:
        log.warning("http_unavailable", path=_place(request), why=str(error))
        return Problem(Code.UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_S)}).response(language)
    except Exception:  # where a request ends: one fault is one answer, and its id leads to the log
        fault = secrets.token_hex(8)
        log.exception("http_failed", fault=fault, method=request.method, path=_place(request))
        return Problem(Code.INTERNAL, instance=f"urn:voicebox:fault:{fault}").response(language)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let nobody in without a token but where everybody may."""
    access = _access_of(request)
    if access is Access.ADMIN_OR_LOCAL and origin_of(request).local:
        access = Access.PUBLIC
    if access is not Access.PUBLIC:
        viewer = request[VIEWER] = await request.app[BEARERS].viewer_of(request)
        if access is Access.ADMIN_OR_LOCAL:
            admin_only(viewer)
    return await handler(request)


def _place(request: web.Request) -> str:
    """Return what was asked for, for the log: a page's path holds a secret, and is named by its pattern."""
    resource = request.match_info.route.resource
    public = resource is not None and request.app[ACCESS].get(resource.canonical) is Access.PUBLIC
    return resource.canonical if resource is not None and public else request.path


def _access_of(request: web.Request) -> Access:
    """Return who may do this: by the route that was found, or by the bare path where only the method is wrong."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else request.rel_url.raw_path
    return request.app[ACCESS].get(path, Access.TOKEN)
