"""`GET /api/v1/mailboxes/{number}/lists`."""

from aiohttp import web

from voicebox.distribution import Distribution
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.sending_shapes import ListOut, ListsOut
from webmanager.bearer import web_parts


async def list_lists(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """List the distribution lists a mailbox can send to: its own, and shared ones by numbers it has not itself."""
    parts = web_parts(request)
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    found = await Distribution(parts.db, parts.events, parts.clock).lists_for(mailbox)
    extensions = await parts.directory.numbers(
        each for made in found for each in (made.mailbox_id, *(made.members if made.mailbox_id == mailbox.id else ()))
    )
    return answer(ListsOut(lists=[ListOut.of(each, extensions, own=each.mailbox_id == mailbox.id) for each in found]))
