"""`GET /api/v1/announcements`."""

from aiohttp import web

from voicebox.storage import announcements
from webmanager.api import reach
from webmanager.api.greeting_shapes import AnnouncementOut, AnnouncementsOut
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.bearer import viewer_of, web_parts


async def list_announcements(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """List a company's announcements with its mailboxes' own; for a mailbox token, the company's and its own."""
    company = await reach.company(request, query.company)
    own = viewer_of(request).mailbox
    async with web_parts(request).db.read() as connection:
        found = await announcements.listed(
            connection, company.id, own.id if own is not None else None, everything=own is None
        )
    return answer(AnnouncementsOut(announcements=[AnnouncementOut.of(each) for each in found]))
