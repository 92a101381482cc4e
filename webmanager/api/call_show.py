"""`GET /api/v1/calls/{id}`."""

from aiohttp import web

from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.shapes import CallDetailOut


async def show_call(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """Show a call with its trace: what was heard, pressed and recorded, and why it went where it went."""
    record, company = await reach.call(request, request.match_info["id"], query.company)
    return answer(CallDetailOut.whole(record, company))
