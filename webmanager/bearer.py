"""Who asks: bearer tokens (RFC 6750), as made by `voicebox token`.

Wrong ones are throttled by address. A token that was right lately is looked up even so, for those who share an address
with a guesser; that tells the guesser nothing, since only whoever has the token can ask for it.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from voicebox.mailbox import Mailbox
from voicebox.storage import mailboxes, tokens
from voicebox.storage.tokens import Scope, Token
from webmanager.origin import Origin, origin_of
from webmanager.parts import PARTS, WebParts
from webmanager.problems import Problem
from webmanager.throttle import Throttle
from webmanager.wording import Code

log = structlog.get_logger("voicebox.web.bearer")

GOOD_MAX: Final = 1000
"""Tokens remembered as right, by their hash."""

_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]{8,200}=*)", re.IGNORECASE)
_CHALLENGE: Final = 'Bearer realm="voicebox"'


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what for he may."""

    token: Token
    mailbox: Mailbox | None
    """The one mailbox of a mailbox token."""

    @property
    def scope(self) -> Scope:
        """What the token may do."""
        return self.token.scope

    def __str__(self) -> str:
        return f"{self.scope.value} #{self.token.id}"


VIEWER: Final = web.RequestKey("viewer", Viewer)


class Bearers:
    """Knows who presents a token."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._throttle: Throttle | None = None
        self._good: OrderedDict[str, None] = OrderedDict()

    async def viewer_of(self, request: web.Request) -> Viewer:
        """Return who asks.

        Raises:
            Problem: 401 without a token or with a wrong one; 429 where there were too many wrong ones.
            DatabaseUnavailable: nobody can be told.
        """
        headers = request.headers.getall("Authorization", [])
        if not headers:
            raise Problem(Code.TOKEN_MISSING, headers={"WWW-Authenticate": _CHALLENGE})
        origin, now_s = origin_of(request), asyncio.get_running_loop().time()
        if self._throttle is None:
            self._throttle = Throttle(now_s)
        wait_s = self._throttle.wait_s(origin.address, now_s)
        found = _BEARER.fullmatch(headers[0].strip()) if len(headers) == 1 else None
        digest = tokens.digest(found[1]) if found is not None else ""
        if wait_s and digest not in self._good:
            raise Problem(Code.TOO_MANY_ATTEMPTS, headers={"Retry-After": str(wait_s)}, retry_after_s=str(wait_s))
        viewer = await self._look_up(found[1]) if found is not None else None
        if viewer is None:
            self._good.pop(digest, None)
            self._throttle.failed(origin.address, now_s)
            _note_refusal(origin)
            raise Problem(Code.TOKEN_REFUSED, headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
        self._good[digest] = None
        self._good.move_to_end(digest)
        if len(self._good) > GOOD_MAX:
            self._good.popitem(last=False)
        return viewer

    async def _look_up(self, text: str) -> Viewer | None:
        async with self._parts.db.read() as connection:
            token = await tokens.find(connection, text, self._parts.clock.now())
            if token is None:
                return None
            if token.scope is not Scope.MAILBOX:
                return Viewer(token, None)
            owner = await mailboxes.by_id(connection, token.mailbox_id) if token.mailbox_id is not None else None
            return None if owner is None else Viewer(token, owner)


BEARERS: Final = web.AppKey("bearers", Bearers)


def viewer_of(request: web.Request) -> Viewer:
    """Return who the guard let in."""
    return request[VIEWER]


def audit(event: str, request: web.Request, facts: Mapping[str, object]) -> None:
    """Log what somebody did with what is personal (security.md, row 26)."""
    log.info(event, by=str(viewer_of(request)), ip=str(origin_of(request).address), **facts)


def _note_refusal(origin: Origin) -> None:
    log.warning("api_sign_in_refused", ip=str(origin.address))  # fail2ban goes by this line


def admin_only(viewer: Viewer) -> None:
    """Raise the 403 for a token that is good for one mailbox only."""
    if viewer.scope is Scope.MAILBOX:
        raise Problem(Code.TOKEN_TOO_NARROW)


def web_parts(request: web.Request) -> WebParts:
    """Return what the web side is made of."""
    return request.app[PARTS]
