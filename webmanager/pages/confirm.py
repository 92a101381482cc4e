"""`/confirm/{token}`: whether an address wants a mailbox's messages. Looking changes nothing; the button does."""

from typing import Final

import structlog
from aiohttp import web

from voicebox.confirmation import Confirmations, Request
from webmanager.origin import origin_of
from webmanager.pages.page import Page, refusal
from webmanager.pages.strangers import STRANGERS
from webmanager.pages.wording import Text, text_of

log = structlog.get_logger("voicebox.web.pages")

CONFIRMATIONS: Final = web.AppKey("confirmations", Confirmations)


async def show_confirm(request: web.Request) -> web.StreamResponse:
    """Ask."""
    return await _answer(request, confirming=False)


async def do_confirm(request: web.Request) -> web.StreamResponse:
    """Confirm; doing so twice is well."""
    return await _answer(request, confirming=True)


async def _answer(request: web.Request, *, confirming: bool) -> web.Response:
    strangers, known = request.app[STRANGERS], request.app[CONFIRMATIONS]
    if wait_s := strangers.wait_s(request):
        response = refusal(request, Text.TOO_OFTEN, status=429)
        response.headers["Retry-After"] = str(wait_s)
        return response
    token = request.match_info["token"]
    asked = await (known.confirm(token) if confirming else known.look(token))
    if asked is None:
        strangers.wrong(request)
        return refusal(request, Text.LINK_OVER, status=404)
    if confirming:
        log.info("address_confirmed", mailbox=asked.mailbox, ip=str(origin_of(request).address))
    return _page(asked).response(asked.language)


def _page(asked: Request) -> Page:
    language = asked.language
    facts = {"mailbox": asked.mailbox, "owner": asked.owner, "company": asked.company, "address": asked.address}
    if asked.confirmed:
        return Page(text_of(Text.CONFIRMED_HEADING, language), (text_of(Text.CONFIRMED_WHAT, language, **facts),))
    return Page(
        text_of(Text.CONFIRM_HEADING, language),
        (text_of(Text.CONFIRM_WHAT, language, **facts), text_of(Text.CONFIRM_NOTHING, language)),
        button=text_of(Text.CONFIRM_BUTTON, language),
    )
