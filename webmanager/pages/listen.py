"""`/listen/{id}/{until}/{signature}`: a confidential message by a link that is good for three days (row 16).

The mail's address is all that a reader needs, as with an attachment; but the recording never leaves the house, a
message that is deleted cannot be heard any more, and every playback is logged (security.md, row 26).
"""

from typing import Final

import structlog
from aiohttp import web

from voicebox.errors import NoAudio
from voicebox.links import Links
from voicebox.message import Message, State
from voicebox.storage import messages
from webmanager.language import language_of
from webmanager.origin import origin_of
from webmanager.pages.page import Page, refusal
from webmanager.pages.strangers import STRANGERS
from webmanager.pages.wording import Text, text_of
from webmanager.parts import PARTS
from webmanager.ranged import ranged
from webmanager.renderings import RENDERINGS, Format

log = structlog.get_logger("voicebox.web.pages")

LINKS: Final = web.AppKey("links", Links)


async def show_listen(request: web.Request) -> web.StreamResponse:
    """Show a player; a mail scanner that looks at the link hears nothing."""
    found = await _found(request)
    if isinstance(found, web.Response):
        return found
    language = language_of(request)
    return Page(
        text_of(Text.LISTEN_HEADING, language),
        (text_of(Text.LISTEN_CONFIDENTIAL, language),) if found.confidential else (),
        sound=f"{request.match_info['signature']}/sound.mp3",
    ).response(language)


async def play_linked(request: web.Request) -> web.StreamResponse:
    """Send the sound. Every playback is logged."""
    found = await _found(request)
    if isinstance(found, web.Response):
        return found
    try:
        file = await request.app[RENDERINGS].get(found.audio_ids, Format.MP3)
    except NoAudio:
        return refusal(request, Text.NOT_PLAYABLE, status=404)
    response = ranged(request, file, Format.MP3.content_type, headers={"Cache-Control": "private, no-store"})
    if request.method == "GET":
        log.info("message_played", by="link", ip=str(origin_of(request).address), message=found.id)
    return response


async def _found(request: web.Request) -> Message | web.Response:
    """Return the message a link is for, or the page that says why there is none."""
    strangers, parts = request.app[STRANGERS], request.app[PARTS]
    if wait_s := strangers.wait_s(request):
        response = refusal(request, Text.TOO_OFTEN, status=429)
        response.headers["Retry-After"] = str(wait_s)
        return response
    message_id, until, signature = (request.match_info[name] for name in ("id", "until", "signature"))
    links = request.app[LINKS]
    if not links.may_listen(message_id, until, signature, parts.clock.now()):
        strangers.wrong(request)
        return refusal(request, Text.LINK_OVER, status=404)
    async with parts.db.read() as connection:
        found = await messages.get(connection, message_id)
    if found is None or found.state is State.DELETED:
        return refusal(request, Text.LINK_OVER, status=404)
    return found
