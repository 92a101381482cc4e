"""Sending recordings to be listened to, whole or in ranges (RFC 9110 section 14). Every playback is logged."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from voicebox.errors import NoAudio
from webmanager.bearer import audit
from webmanager.problems import Problem
from webmanager.ranged import first_byte, ranged
from webmanager.renderings import RENDERINGS, Format
from webmanager.wording import Code


async def played(
    request: web.Request, audio_ids: Sequence[str], format_: Format, *, name: str, event: str, facts: Mapping[str, Any]
) -> web.StreamResponse:
    """Send recordings, joined, as a file.

    Args:
        request: who asks, and for which range.
        audio_ids: what is played, one after the other.
        format_: in which form.
        name: what a download is called, without what its form adds; ASCII that needs no quoting.
        event: how the log calls a playback.
        facts: what the log tells of it.

    Raises:
        Problem: 404 where there is nothing to play; 416.
    """
    try:
        file = await request.app[RENDERINGS].get(tuple(audio_ids), format_)
    except NoAudio:
        raise Problem(Code.NO_AUDIO) from None
    headers = {
        "Cache-Control": "private, no-cache",  # the browser may keep it, and asks us each time whether it may play it
        "Content-Disposition": f'attachment; filename="{name}.{format_.value}"',
    }
    response = ranged(request, file, format_.content_type, headers=headers)
    if request.method == "GET" and response.status != HTTPStatus.NOT_MODIFIED:
        audit(event, request, {**facts, "format": format_.value, "from_byte": first_byte(response)})
    return response
