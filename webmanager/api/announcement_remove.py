"""`DELETE /api/v1/announcements/{announcement}`."""

from aiohttp import web
from pydantic import Field

from voicebox.announcements import AnnouncementInUse, Scope
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.bearer import audit, web_parts
from webmanager.problems import Problem, UserBody
from webmanager.wording import Code


class RemovalQuery(CompanyQuery):
    """What becomes of those who play it."""

    replace_by_default: bool = Field(
        default=False, description="Also one in use: its users play the default greeting from then on, and are told."
    )


async def remove_announcement(request: web.Request, query: RemovalQuery) -> web.StreamResponse:
    """Delete an announcement; one that mailboxes use is left where they are not to play the default instead."""
    found = (await reach.own_announcement(request, request.match_info["announcement"], query.company)).announcement
    scope = Scope(found.company_id, found.mailbox_id)
    try:
        users = await web_parts(request).announcements.remove(
            scope, found.id, replace_by_default=query.replace_by_default
        )
    except AnnouncementInUse as in_use:
        raise Problem(
            Code.ANNOUNCEMENT_IN_USE,
            users=[UserBody(mailbox=user.number, kind=user.kind) for user in in_use.users],
            who=", ".join(map(str, in_use.users)),
        ) from None
    if users is None:
        raise Problem(Code.UNKNOWN_ANNOUNCEMENT)
    facts = {"announcement": found.id, "company": found.company_id, "replaced": [user.number for user in users]}
    audit("announcement_removed", request, facts)
    return web.Response(status=204)
