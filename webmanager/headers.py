"""What every answer says to browsers, and what no answer says about us."""

from types import MappingProxyType
from typing import Final

from aiohttp import web

from webmanager.parts import PARTS

CONTENT_SECURITY_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Of an API's answers, which load nothing. Pages bring their own."""

_ALWAYS: Final = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",  # messages are nobody else's business, least of all a shared cache's
    }
)
_HSTS: Final = "max-age=31536000"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what an action did not set itself, and take the server's name off."""
    response.headers.popall("Server", None)
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if request.secure or request.app[PARTS].config.web.public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
