"""`GET /api/v1/mailboxes/{number}/messages`."""

from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from voicebox.inbox import Inbox
from voicebox.message import State
from webmanager.api import cursors, reach
from webmanager.api.querying import PAGE, CompanyQuery, Limit, cursor_param
from webmanager.api.route import answer
from webmanager.api.shapes import MessageOut, MessagesOut
from webmanager.bearer import web_parts

if TYPE_CHECKING:
    MessageCursor = Any
else:
    MessageCursor = cursor_param(cursors.message_cursor, "messages")


class MessagesQuery(CompanyQuery):
    """Which messages."""

    folder: State = Field(default=State.NEW, description="The folder.")
    limit: Limit = PAGE
    cursor: MessageCursor = None


async def list_messages(request: web.Request, query: MessagesQuery) -> web.StreamResponse:
    """List a folder's messages, the newest first."""
    parts = web_parts(request)
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    inbox = Inbox(parts.db, parts.events, parts.clock, mailbox)
    found = await inbox.messages(query.folder, after=query.cursor, limit=query.limit + 1, newest_first=True)
    shown, more = found[: query.limit], len(found) > query.limit
    extensions = await parts.directory.extensions(shown)
    return answer(
        MessagesOut(
            messages=[MessageOut.of(each, extensions) for each in shown],
            next=cursors.after_message(shown[-1]) if more else None,
        )
    )
