"""`GET /api/v1/messages/{id}/audio`: a message to listen to, whole or in ranges (RFC 9110 section 14)."""

import re
from http import HTTPStatus
from typing import Final

from aiohttp import web
from pydantic import Field

from voicebox.errors import NoAudio
from voicebox.message import Message
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.bearer import audit
from webmanager.problems import Problem
from webmanager.ranged import first_byte, ranged
from webmanager.renderings import RENDERINGS, Format
from webmanager.wording import Code

_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z+]")


class AudioQuery(CompanyQuery):
    """In which form."""

    format: Format = Field(
        default=Format.WAV, description="wav: PCM, 16 bits, at the call's own rate; mp3: small, plays everywhere."
    )


async def show_audio(request: web.Request, query: AudioQuery) -> web.StreamResponse:
    """Send a message's audio. Every playback is logged."""
    found = await reach.message(request, request.match_info["id"], query.company)
    try:
        file = await request.app[RENDERINGS].get(found.message.audio_ids, query.format)
    except NoAudio:
        raise Problem(Code.NO_AUDIO) from None
    headers = {
        "Cache-Control": "private, no-cache",  # the browser may keep it, and asks us each time whether it may play it
        "Content-Disposition": f'attachment; filename="{file_name(found.message, query.format)}"',
    }
    response = ranged(request, file, query.format.content_type, headers=headers)
    if request.method == "GET" and response.status != HTTPStatus.NOT_MODIFIED:
        facts = {
            "message": found.message.id,
            "mailbox": found.mailbox.number,
            "company": found.message.company_id,
            "format": query.format.value,
            "from_byte": first_byte(response),
        }
        audit("message_played", request, facts)
    return response


def file_name(message: Message, format_: Format) -> str:
    """Return what a download is called: when and who, in ASCII without anything that needs quoting."""
    number = None if message.caller.withheld else message.caller.number
    who = _NOT_IN_NAMES.sub("", number or "") or "anonymous"
    return f"{message.received_at:%Y%m%d-%H%M%SZ}-{who[:40]}.{format_.value}"
