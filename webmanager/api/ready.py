"""`GET /readyz`: whether calls are taken and messages kept. 503 names what is not ready, or that the server stops."""

import asyncio
from typing import Final

import structlog
from aiohttp import web

from webmanager.api.querying import AnyQuery
from webmanager.api.route import answer
from webmanager.api.shapes import ReadyOut
from webmanager.bearer import web_parts
from webmanager.parts import Check, WebParts
from webmanager.problems import Problem
from webmanager.wording import Code

log = structlog.get_logger("voicebox.web.ready")

CHECK_MAX_S: Final = 3.0
"""A part that does not answer by then is not ready; probes wait for five seconds or more."""
FRESH_S: Final = 0.25
"""Everybody may ask, so the parts are asked at most four times a second."""
RETRY_AFTER_S: Final = 5


class Readiness:
    """Asks every part, one round at a time."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()
        self._asked_at: float | None = None
        self._missing: tuple[str, ...] = ()

    async def missing(self) -> tuple[str, ...]:
        """Return the parts that do not work now, by name."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._asked_at is None or loop.time() - self._asked_at >= FRESH_S:
                checks = self._parts.checks
                worked = await asyncio.gather(*(_works(name, check) for name, check in checks.items()))
                missing = tuple(name for name, works in zip(checks, worked, strict=True) if not works)
                if missing != self._missing:
                    log.warning("readiness_changed", missing=list(missing))
                self._missing, self._asked_at = missing, loop.time()
            return self._missing


READINESS: Final = web.AppKey("readiness", Readiness)


async def ready(request: web.Request, query: AnyQuery) -> web.StreamResponse:
    """Say whether calls are taken and messages kept."""
    del query
    missing = await request.app[READINESS].missing()
    if missing:
        # Names only: reasons may hold addresses and are in the log.
        raise Problem(Code.NOT_READY, not_ready=missing, headers={"Retry-After": str(RETRY_AFTER_S)})
    return answer(ReadyOut(checks=dict.fromkeys(web_parts(request).checks, "ready")))


async def _works(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_MAX_S):
            await check()
    except TimeoutError:
        log.info("check_timed_out", part=name)
        return False
    except Exception as error:  # noqa: BLE001 - whatever it is, the part does not work
        log.info("check_failed", part=name, why=f"{type(error).__name__}: {error}")
        return False
    return True
