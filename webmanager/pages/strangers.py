"""Who comes with links that are none: bounded by address, as wrong tokens are."""

import asyncio
from typing import Final

import structlog
from aiohttp import web

from webmanager.origin import origin_of
from webmanager.throttle import Throttle

log = structlog.get_logger("voicebox.web.pages")


class Strangers:
    """Counts wrong links."""

    def __init__(self) -> None:
        self._throttle: Throttle | None = None

    def wait_s(self, request: web.Request) -> int:
        """Return for how many seconds this address may not try; 0 if it may."""
        now_s = asyncio.get_running_loop().time()
        self._throttle = self._throttle or Throttle(now_s)
        return self._throttle.wait_s(origin_of(request).address, now_s)

    def wrong(self, request: web.Request) -> None:
        """Count a wrong link."""
        origin, now_s = origin_of(request), asyncio.get_running_loop().time()
        self._throttle = self._throttle or Throttle(now_s)
        self._throttle.failed(origin.address, now_s)
        log.warning("link_refused", ip=str(origin.address))  # fail2ban goes by this line


STRANGERS: Final = web.AppKey("strangers", Strangers)
