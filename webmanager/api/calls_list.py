"""`GET /api/v1/calls`."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from voicebox.storage import callrecords
from voicebox.storage.tokens import Scope
from webmanager.api import cursors, reach
from webmanager.api.querying import PAGE, CompanyQuery, Limit, MailboxNumber, cursor_param
from webmanager.api.route import answer
from webmanager.api.shapes import CallOut, CallsOut
from webmanager.bearer import viewer_of, web_parts
from webmanager.problems import Problem
from webmanager.wording import Code

if TYPE_CHECKING:
    CallsCursor = Any
else:
    CallsCursor = cursor_param(cursors.call_cursor, "calls")


class CallsQuery(CompanyQuery):
    """Which calls."""

    limit: Limit = PAGE
    cursor: CallsCursor = None
    mailbox: MailboxNumber | None = None


async def list_calls(request: web.Request, query: CallsQuery) -> web.StreamResponse:
    """List calls, the last to end first; for a mailbox token, those to its mailbox."""
    viewer = viewer_of(request)
    reached = await reach.companies(request, query.company)
    mailbox = query.mailbox
    if viewer.mailbox is not None:
        if mailbox not in {None, viewer.mailbox.number}:
            raise Problem(Code.FOREIGN_MAILBOX)
        mailbox = viewer.mailbox.number
    everywhere = viewer.scope is Scope.OPERATOR and query.company is None
    async with web_parts(request).db.read() as connection:
        found = await callrecords.page(
            connection,
            company_id=None if everywhere else reached[0].id,
            mailbox=mailbox,
            after=query.cursor,
            limit=query.limit + 1,
        )
    shown, more = found[: query.limit], len(found) > query.limit
    names = {each.id: each.name for each in reached}
    return answer(
        CallsOut(
            calls=[CallOut.of(each, names.get(each.company_id or 0)) for each in shown],
            next=cursors.after_call(shown[-1]) if more else None,
        )
    )
