"""`POST /api/v1/announcements`: keep a recording under a name; the file itself is the body."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from voicebox.announcement import NAME_MAX, is_name
from voicebox.announcements import Scope, TooManyAnnouncements
from voicebox.errors import Conflict
from voicebox.greeting_file import FILE_MAX_BYTES, Fault, GreetingRefused
from voicebox.storage import announcements
from webmanager.api import reach
from webmanager.api.greeting_shapes import AnnouncementOut
from webmanager.api.querying import CompanyQuery, MailboxNumber
from webmanager.api.route import answer
from webmanager.bearer import audit, viewer_of, web_parts
from webmanager.problems import Problem, invalid
from webmanager.uploads import UPLOADS, TooLarge
from webmanager.wording import Code

_FAULTS: Final = {
    Fault.UNREADABLE: "audio-unreadable",
    Fault.TOO_LARGE: "audio-too-large",
    Fault.TOO_LONG: "audio-too-long",
    Fault.TOO_SLOW: "audio-too-slow",
    Fault.EMPTY: "audio-empty",
    Fault.KEYPAD: "audio-keypad",
    Fault.NEEDS_FFMPEG: "audio-needs-ffmpeg",
}


def _name(text: str) -> str:
    if not is_name(text):  # of a right length, as this comes after
        raise PydanticCustomError("unprintable", "cannot be shown")
    return text


class NewAnnouncementQuery(CompanyQuery):
    """What is kept, and whose it is."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_MAX),
        AfterValidator(_name),
        Field(description="What it is called; no other of the same owner is."),
    ]
    mailbox: MailboxNumber | None = Field(
        default=None, description="Whose own it is; without it the company's, by a mailbox's token that mailbox's."
    )


async def add_announcement(request: web.Request, query: NewAnnouncementQuery) -> web.StreamResponse:
    """Keep a recording as an announcement, made as loud as the prompts; nothing plays it until it is chosen."""
    parts = web_parts(request)
    scope = await _scope(request, query)
    if request.content_type.startswith("multipart/"):
        raise invalid("body", "no-form")
    try:
        async with request.app[UPLOADS].received(request, FILE_MAX_BYTES) as data:
            made = await parts.announcements.add(scope, query.name, data)
    except TooLarge:
        raise invalid("body", _FAULTS[Fault.TOO_LARGE]) from None
    except GreetingRefused as refused:
        raise invalid("body", _FAULTS[refused.fault]) from None
    except Conflict:
        raise Problem(Code.NAME_TAKEN, name=query.name) from None
    except TooManyAnnouncements as many:
        raise Problem(Code.TOO_MANY_ANNOUNCEMENTS, most=str(many.most)) from None
    async with parts.db.read() as connection:
        shown = await announcements.described(connection, made.id)
    if shown is None:  # removed by somebody at once
        raise Problem(Code.UNKNOWN_ANNOUNCEMENT)
    audit("announcement_added", request, {"announcement": made.id, "company": made.company_id, "mailbox": shown.number})
    return answer(AnnouncementOut.of(shown), status=201)


async def _scope(request: web.Request, query: NewAnnouncementQuery) -> Scope:
    """Return whose it is to be; raises as `reach.mailbox`."""
    if query.mailbox is not None:
        owner = await reach.mailbox(request, query.mailbox, query.company)
        return Scope(owner.company_id, owner.id)
    company, own = await reach.company(request, query.company), viewer_of(request).mailbox
    return Scope(company.id, own.id if own is not None else None)
