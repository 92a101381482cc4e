"""`GET /api/v1/mailboxes/{number}/greetings`."""

from aiohttp import web

from voicebox.storage import announcements
from webmanager.api import reach
from webmanager.api.greeting_shapes import GreetingsOut
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.bearer import web_parts


async def show_greetings(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """Show what callers of a mailbox hear, and what there is to choose."""
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    async with web_parts(request).db.read() as connection:
        choices = await announcements.choices(connection, mailbox.id)
    return answer(GreetingsOut.of(mailbox, list(choices.values())))
