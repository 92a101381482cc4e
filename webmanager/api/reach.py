"""What a token reaches: the one place where ids and numbers from a request become objects (security.md, row 10).

Nothing is looked up by an id alone: what is found is held against the token before an action sees it. A foreign object
is 403 and an unknown one 404 (interfaces.md); ids are 128 random bits, so the difference tells a guesser nothing. By
number, which can be guessed, a mailbox token is told nothing of other mailboxes: 403, whether they exist or not.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from voicebox.callrecord import CallRecord
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Message
from voicebox.storage import announcements, callrecords, messages
from voicebox.storage.announcements import Listed
from voicebox.storage.tokens import Scope
from webmanager.api.querying import MAILBOX_NUMBER
from webmanager.bearer import admin_only, viewer_of, web_parts
from webmanager.problems import Problem, invalid
from webmanager.wording import Code

_HEX_ID: Final = re.compile(r"[0-9a-f]{32}")
_NUMBER: Final = re.compile(MAILBOX_NUMBER)
_COUNTED_ID: Final = re.compile(r"[0-9]{1,15}")
"""As far as JSON carries them for certain."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message, with its mailbox."""

    message: Message
    mailbox: Mailbox


def hex_id(text: str) -> str | None:
    """Return an id of 128 bits as it stands in the database; None for what is none."""
    return text if _HEX_ID.fullmatch(text) else None


async def companies(request: web.Request, name: str | None) -> list[Company]:
    """Return the companies a request is about: one, or for an operator who names none, all.

    Raises:
        Problem: 403 for another company than the token's; 422 for one that does not exist, told to operators only.
    """
    listed = await web_parts(request).directory.companies()
    viewer = viewer_of(request)
    if viewer.scope is not Scope.OPERATOR:
        own = [each for each in listed if each.id == viewer.token.company_id]
        if not own or (name is not None and name != own[0].name):
            raise Problem(Code.FOREIGN_COMPANY)
        return own
    if name is None:
        return listed
    named = [each for each in listed if each.name == name]
    if not named:
        raise invalid("company", "unknown-company")
    return named


async def company(request: web.Request, name: str | None) -> Company:
    """Return the one company a request is about; an operator names it where there are several.

    Raises:
        Problem: as `companies`; 422 where it must be named.
    """
    found = await companies(request, name)
    if len(found) != 1:
        raise invalid("company", "required")
    return found[0]


async def mailbox(request: web.Request, number: str, company_name: str | None) -> Mailbox:
    """Return a mailbox by its number, within the company a request is about.

    Raises:
        Problem: as `company`; 403 for another mailbox than the token's; 404 where there is none.
    """
    within = await company(request, company_name)
    own = viewer_of(request).mailbox
    if own is not None and number != own.number:
        raise Problem(Code.FOREIGN_MAILBOX)
    found = await web_parts(request).directory.mailbox(within.id, number) if _NUMBER.fullmatch(number) else None
    if found is None:
        raise Problem(Code.UNKNOWN_MAILBOX)
    if own is not None and found.id != own.id:  # renumbered between the two questions
        raise Problem(Code.FOREIGN_MAILBOX)
    return found


async def message(request: web.Request, message_id: str, company_name: str | None) -> Found:
    """Return a message by its id.

    Raises:
        Problem: as `companies`; 404 where there is none; 403 where it is in a mailbox the token does not reach.
    """
    reached = {each.id for each in await companies(request, company_name)}
    found = None
    if hex_id(message_id) is not None:
        async with web_parts(request).db.read() as connection:
            found = await messages.get(connection, message_id)
    if found is None:
        raise Problem(Code.UNKNOWN_MESSAGE)
    own = viewer_of(request).mailbox
    if found.company_id not in reached or (own is not None and found.mailbox_id != own.id):
        raise Problem(Code.FOREIGN_MESSAGE)
    owner = own or await web_parts(request).directory.by_id(found.mailbox_id)
    if owner is None:  # gone since
        raise Problem(Code.UNKNOWN_MESSAGE)
    return Found(found, owner)


async def announcement(request: web.Request, announcement_id: str, company_name: str | None) -> Listed:
    """Return an announcement by its id: for a mailbox token the company's or its own.

    Its ids are counted, so who guesses learns how many there are on the installation, and nothing else.

    Raises:
        Problem: as `companies`; 404 where there is none; 403 where the token does not reach it.
    """
    reached = {each.id for each in await companies(request, company_name)}
    found = None
    if _COUNTED_ID.fullmatch(announcement_id):
        async with web_parts(request).db.read() as connection:
            found = await announcements.described(connection, int(announcement_id))
    if found is None:
        raise Problem(Code.UNKNOWN_ANNOUNCEMENT)
    own, owner_id = viewer_of(request).mailbox, found.announcement.mailbox_id
    if found.announcement.company_id not in reached or (own is not None and owner_id not in {None, own.id}):
        raise Problem(Code.FOREIGN_ANNOUNCEMENT)
    return found


async def own_announcement(request: web.Request, announcement_id: str, company_name: str | None) -> Listed:
    """Return an announcement that the token may change: a mailbox's own, for others any of the company.

    Raises:
        Problem: as `announcement`; 403 where a mailbox token sees it only.
    """
    found = await announcement(request, announcement_id, company_name)
    if found.announcement.mailbox_id is None:
        admin_only(viewer_of(request))
    return found


async def call(request: web.Request, call_id: str, company_name: str | None) -> tuple[CallRecord, str | None]:
    """Return a call by its id, with its company's name.

    Raises:
        Problem: as `companies`; 404 where there is none; 403 where it was for a mailbox the token does not reach.
    """
    reached = {each.id: each.name for each in await companies(request, company_name)}
    found = None
    if hex_id(call_id) is not None:
        async with web_parts(request).db.read() as connection:
            found = await callrecords.get(connection, call_id)
    if found is None:
        raise Problem(Code.UNKNOWN_CALL)
    viewer = viewer_of(request)
    of_all = viewer.scope is Scope.OPERATOR and company_name is None
    if found.company_id not in reached and not (of_all and found.company_id is None):
        raise Problem(Code.FOREIGN_CALL)
    if viewer.mailbox is not None:
        if found.mailbox != viewer.mailbox.number:
            raise Problem(Code.FOREIGN_CALL)
        found = replace(found, trace=_until_another_logs_in(found.trace, viewer.mailbox.number))
    return found, reached.get(found.company_id) if found.company_id is not None else None


def _until_another_logs_in(trace: list[dict[str, Any]], number: str) -> list[dict[str, Any]]:
    """Return what of a call is a mailbox's business: not what somebody did at another one (`*` in a greeting)."""
    for at, entry in enumerate(trace):
        if entry["event"] == "login" and entry.get("mailbox") != number:
            return trace[:at]
    return trace
