"""One plain page: a heading, some lines, at most a button or a player; it loads nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from voicebox.errors import DatabaseUnavailable, StoreUnavailable
from voicebox.i18n import Language
from webmanager.language import language_of
from webmanager.pages.wording import Text, text_of

log = structlog.get_logger("voicebox.web.pages")

_CSS: Final = """
:root{color-scheme:light dark;--ground:#f2f4f5;--card:#fff;--ink:#171b1f;--line:#dfe4e7;--accent:#1f7a6c}
@media (prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1d2127;--ink:#eef1f4;--line:#2c323a;--accent:#2f8576}}
body{margin:0;background:var(--ground);color:var(--ink);font:17px/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:4rem auto;padding:2rem;background:var(--card)}
main{border:1px solid var(--line);border-radius:14px}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}p{margin:.75rem 0;overflow-wrap:anywhere}
button{margin-top:1rem;padding:.75rem 1.5rem;border:0;border-radius:10px}
button{background:var(--accent);color:#fff;font:inherit}
button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}audio{width:100%;margin-top:1rem}
"""
_CSS_HASH: Final = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_CSS_HASH}'; media-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_TEMPLATES: Final = Environment(
    loader=PackageLoader("webmanager"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows."""

    heading: str
    lines: tuple[str, ...] = ()
    button: str = ""
    """Sends the page's own address by POST."""
    sound: str = ""
    """What a player plays."""
    status: int = 200

    def response(self, language: Language) -> web.Response:
        """Return it as HTML."""
        shown = _TEMPLATES.get_template("page.html.jinja2").render(
            language=language.value,
            heading=self.heading,
            lines=self.lines,
            button=self.button,
            sound=self.sound,
            css=_CSS,
        )
        headers = {"Content-Security-Policy": _POLICY, "Content-Language": language.value}
        return web.Response(text=shown, status=self.status, content_type="text/html", charset="utf-8", headers=headers)


def refusal(request: web.Request, text: Text, *, status: int) -> web.Response:
    """Return a page that says why there is nothing to see."""
    language = language_of(request)
    return Page(text_of(text, language), status=status).response(language)


def for_people(handler: Handler) -> Handler:
    """Answer by a page, and not by JSON, while the database or the audio store is away."""

    async def handled(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (DatabaseUnavailable, StoreUnavailable) as error:
            log.warning("page_unavailable", why=str(error))
            return refusal(request, Text.LATER, status=503)

    return handled
