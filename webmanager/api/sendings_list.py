"""`GET /api/v1/mailboxes/{number}/sendings`."""

from aiohttp import web

from voicebox.distribution import Distribution
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.sending_shapes import SendingOut, SendingsOut
from webmanager.bearer import web_parts


async def list_sendings(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """List what a mailbox's owner sent to others, the latest 100, the last one first."""
    parts = web_parts(request)
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    found = await Distribution(parts.db, parts.events, parts.clock).sent(mailbox)
    return answer(SendingsOut(sendings=[SendingOut.of(each, results) for each, results in found]))
