"""`GET /api/v1/announcements/{announcement}/audio`: the stored recording, as callers hear it, whole or in ranges."""

from aiohttp import web
from pydantic import Field

from webmanager.api import reach
from webmanager.api.playing import played
from webmanager.api.querying import CompanyQuery
from webmanager.renderings import Format


class AnnouncementAudioQuery(CompanyQuery):
    """In which form."""

    format: Format = Field(
        default=Format.WAV, description="wav: PCM, 16 bits, as it is stored; mp3: small, plays everywhere."
    )


async def show_announcement_audio(request: web.Request, query: AnnouncementAudioQuery) -> web.StreamResponse:
    """Send what callers hear: level, without silence around it. Every playback is logged."""
    found = (await reach.announcement(request, request.match_info["announcement"], query.company)).announcement
    facts = {"announcement": found.id, "company": found.company_id}
    return await played(
        request,
        (found.audio_id,),
        query.format,
        name=f"announcement-{found.id}",
        event="announcement_played",
        facts=facts,
    )
