"""`GET /api/v1/announcements/{announcement}/audio`: the stored recording, as callers hear it, whole or in ranges."""

from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from voicebox.errors import NoAudio
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.bearer import audit
from webmanager.problems import Problem
from webmanager.ranged import first_byte, ranged
from webmanager.renderings import RENDERINGS, Format
from webmanager.wording import Code


class AnnouncementAudioQuery(CompanyQuery):
    """In which form."""

    format: Format = Field(
        default=Format.WAV, description="wav: PCM, 16 bits, as it is stored; mp3: small, plays everywhere."
    )


async def show_announcement_audio(request: web.Request, query: AnnouncementAudioQuery) -> web.StreamResponse:
    """Send what callers hear: level, without silence around it. Every playback is logged."""
    found = (await reach.announcement(request, request.match_info["announcement"], query.company)).announcement
    try:
        file = await request.app[RENDERINGS].get((found.audio_id,), query.format)
    except NoAudio:
        raise Problem(Code.NO_AUDIO) from None
    headers = {
        "Cache-Control": "private, no-cache",  # as for a message: kept, but asked for each time
        "Content-Disposition": f'attachment; filename="announcement-{found.id}.{query.format.value}"',
    }
    response = ranged(request, file, query.format.content_type, headers=headers)
    if request.method == "GET" and response.status != HTTPStatus.NOT_MODIFIED:
        facts = {
            "announcement": found.id,
            "company": found.company_id,
            "format": query.format.value,
            "from_byte": first_byte(response),
        }
        audit("announcement_played", request, facts)
    return response
