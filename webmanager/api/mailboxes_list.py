"""`GET /api/v1/mailboxes`."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from webmanager.api import cursors, reach
from webmanager.api.querying import PAGE, CompanyQuery, Limit, cursor_param
from webmanager.api.route import answer
from webmanager.api.shapes import MailboxesOut, MailboxOut
from webmanager.bearer import viewer_of, web_parts

if TYPE_CHECKING:
    MailboxCursor = Any
else:
    MailboxCursor = cursor_param(cursors.mailbox_cursor, "mailboxes")


class MailboxesQuery(CompanyQuery):
    """Which mailboxes."""

    limit: Limit = PAGE
    cursor: MailboxCursor = None


async def list_mailboxes(request: web.Request, query: MailboxesQuery) -> web.StreamResponse:
    """List a company's mailboxes by number; for a mailbox token, its own."""
    company = await reach.company(request, query.company)
    own = viewer_of(request).mailbox
    if own is not None:
        return answer(MailboxesOut(mailboxes=[MailboxOut.of(own)], next=None))
    found = await web_parts(request).directory.page(company.id, after=query.cursor, limit=query.limit + 1)
    shown, more = found[: query.limit], len(found) > query.limit
    return answer(
        MailboxesOut(
            mailboxes=[MailboxOut.of(each) for each in shown],
            next=cursors.after_mailbox(shown[-1].number) if more else None,
        )
    )
