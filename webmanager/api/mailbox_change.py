"""`PATCH /api/v1/mailboxes/{number}`: the addresses of a mailbox, as its owner wants them."""

from collections.abc import Mapping
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from voicebox.confirmation import AGAIN_AFTER, AddressOf, Asked
from webmanager.api import reach
from webmanager.api.mailbox_show import shown
from webmanager.api.querying import CompanyQuery
from webmanager.bearer import audit
from webmanager.pages.confirm import CONFIRMATIONS
from webmanager.problems import FieldFault, Problem
from webmanager.wording import Code

_Address = Annotated[str, Field(max_length=254)]
_NONE: Final = "Null takes it away; left out, it stays."


class MailboxIn(BaseModel):
    """What is to be changed of a mailbox."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: _Address | None = Field(default=None, description=f"For the owner: changed greetings and the like. {_NONE}")
    notify_email: _Address | None = Field(default=None, description=f"Told of new messages. {_NONE}")
    copy_email: _Address | None = Field(default=None, description=f"Gets a copy of each message. {_NONE}")
    redirect_email: _Address | None = Field(
        default=None, description=f"Gets the messages, which then are not kept in the mailbox. {_NONE}"
    )


async def change_mailbox(request: web.Request, query: CompanyQuery, body: MailboxIn) -> web.StreamResponse:
    """Set addresses; those that did not come from an administrator's file are asked before anything goes there."""
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    wanted = {which: getattr(body, which) for which in AddressOf if which in body.model_fields_set}
    if wanted:
        asked = await request.app[CONFIRMATIONS].set_addresses(mailbox, wanted)
        _refuse(asked)
        audit("addresses_changed", request, {"mailbox": mailbox.id, "which": [*wanted]})
    return await shown(request, await reach.mailbox(request, mailbox.number, query.company))


def _refuse(asked: Mapping[AddressOf, Asked]) -> None:
    refused = [FieldFault(which, "email-address") for which, became in asked.items() if became is Asked.REFUSED]
    if refused:
        raise Problem(Code.INVALID, errors=refused)
    if Asked.TOO_MANY in asked.values():
        retry_after_s = round(AGAIN_AFTER.total_seconds())
        raise Problem(
            Code.TOO_MANY_CONFIRMATIONS,
            headers={"Retry-After": str(retry_after_s)},
            errors=[FieldFault(which, "asked-too-often") for which in asked],
        )
