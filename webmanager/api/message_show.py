"""`GET /api/v1/messages/{id}`."""

from aiohttp import web

from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.shapes import MessageDetailOut
from webmanager.bearer import web_parts


async def show_message(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """Show a message; hearing and showing leave it in its folder."""
    found = await reach.message(request, request.match_info["id"], query.company)
    extensions = await web_parts(request).directory.extensions([found.message])
    return answer(MessageDetailOut.whole(found.message, extensions, found.mailbox.number))
