"""`PATCH /api/v1/mailboxes/{number}`: the addresses of a mailbox, as its owner wants them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from voicebox.confirmation import AddressOf, Asked
from webmanager.api import reach
from webmanager.api.mailbox_show import shown
from webmanager.api.querying import CompanyQuery
from webmanager.bearer import audit
from webmanager.pages.confirm import CONFIRMATIONS
from webmanager.problems import FieldFault, Problem
from webmanager.wording import Code

_Address = Annotated[str, Field(max_length=254)]
_NONE: Final = "Null takes it away; left out, it stays."


def _without_default(schema: dict[str, Any]) -> None:
    """Leave the default out of a field's description: who sends it would take the address away."""
    schema.pop("default", None)


def _address(text: str) -> Any:
    return Field(default=None, description=f"{text} {_NONE}", json_schema_extra=_without_default)


class MailboxIn(BaseModel):
    """What is to be changed of a mailbox."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: _Address | None = _address("The owner's, who is told of changed greetings and the like.")
    notify_email: _Address | None = _address("Told of new messages.")
    copy_email: _Address | None = _address("Gets a copy of each message.")
    redirect_email: _Address | None = _address("Gets the messages, which then are not kept in the mailbox.")


async def change_mailbox(request: web.Request, query: CompanyQuery, body: MailboxIn) -> web.StreamResponse:
    """Set addresses; those that did not come from an administrator's file are asked before anything goes there."""
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    wanted = {which: getattr(body, which) for which in AddressOf if which in body.model_fields_set}
    if wanted:
        asked = await request.app[CONFIRMATIONS].set_addresses(mailbox, wanted)
        _refuse(asked)
        audit("addresses_changed", request, {"mailbox": mailbox.id, "which": [which.value for which in wanted]})
    return await shown(request, await reach.mailbox(request, mailbox.number, query.company))


def _refuse(asked: Mapping[AddressOf, Asked]) -> None:
    refused = [FieldFault(which, "email-address") for which, became in asked.items() if became is Asked.REFUSED]
    if refused:
        raise Problem(Code.INVALID, errors=refused)
    if Asked.GONE in asked.values():
        raise Problem(Code.UNKNOWN_MAILBOX)
    if Asked.TOO_MANY in asked.values():
        raise Problem(Code.TOO_MANY_CONFIRMATIONS, errors=[FieldFault(which, "asked-too-often") for which in asked])
