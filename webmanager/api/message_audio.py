"""`GET /api/v1/messages/{id}/audio`: a message to listen to, whole or in ranges (RFC 9110 section 14)."""

import re
from typing import Final

from aiohttp import web
from pydantic import Field

from voicebox.errors import NoAudio
from voicebox.message import Message
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.bearer import audit
from webmanager.problems import Problem
from webmanager.ranges import NotSatisfiable, matches, parse_range
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
        "ETag": file.etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",  # the browser may keep it, and asks us each time whether it may play it
        "Content-Disposition": f'attachment; filename="{file_name(found.message, query.format)}"',
    }
    if matches(request.headers.get("If-None-Match"), file.etag, weak=True):
        return web.Response(status=304, headers=headers)
    wanted = request.headers.get("Range") if request.method == "GET" else None
    if "If-Range" in request.headers and not matches(request.headers["If-Range"], file.etag, weak=False):
        wanted = None
    size = len(file.data)
    try:
        span = parse_range(wanted, size)
    except NotSatisfiable:
        raise Problem(
            Code.RANGE_NOT_SATISFIABLE,
            headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"},
            size=str(size),
        ) from None
    if request.method == "GET":
        facts = {
            "message": found.message.id,
            "mailbox": found.mailbox.number,
            "company": found.message.company_id,
            "format": query.format.value,
            "from_byte": 0 if span is None else span.start,
        }
        audit("message_played", request, facts)
    headers["Content-Type"] = query.format.content_type
    if span is None:
        return web.Response(body=file.data, headers=headers)
    headers["Content-Range"] = span.content_range(size)
    return web.Response(status=206, body=file.data[span.start : span.stop], headers=headers)


def file_name(message: Message, format_: Format) -> str:
    """Return what a download is called: when and who, in ASCII without anything that needs quoting."""
    number = None if message.caller.withheld else message.caller.number
    who = _NOT_IN_NAMES.sub("", number or "") or "anonymous"
    return f"{message.received_at:%Y%m%d-%H%M%SZ}-{who[:40]}.{format_.value}"
