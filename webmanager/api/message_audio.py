"""`GET /api/v1/messages/{id}/audio`: a message to listen to, whole or in ranges (RFC 9110 section 14)."""

import re
from typing import Final

from aiohttp import web
from pydantic import Field

from voicebox.message import Message
from webmanager.api import reach
from webmanager.api.playing import played
from webmanager.api.querying import CompanyQuery
from webmanager.renderings import Format

_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z+]")


class AudioQuery(CompanyQuery):
    """In which form."""

    format: Format = Field(
        default=Format.WAV, description="wav: PCM, 16 bits, at the call's own rate; mp3: small, plays everywhere."
    )


async def show_audio(request: web.Request, query: AudioQuery) -> web.StreamResponse:
    """Send a message's audio. Every playback is logged."""
    found = await reach.message(request, request.match_info["id"], query.company)
    message = found.message
    facts = {"message": message.id, "mailbox": found.mailbox.number, "company": message.company_id}
    return await played(
        request,
        message.audio_ids,
        query.format,
        name=file_stem(message),
        event="message_played",
        facts=facts,
    )


def file_stem(message: Message) -> str:
    """Return what a download is called: when and who, in ASCII without anything that needs quoting."""
    number = None if message.caller.withheld else message.caller.number
    who = _NOT_IN_NAMES.sub("", number or "") or "anonymous"
    return f"{message.received_at:%Y%m%d-%H%M%SZ}-{who[:40]}"
