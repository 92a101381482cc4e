"""`POST /api/v1/messages/{id}/forward`: send a message on, as by phone but without a comment."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from voicebox.distribution import Audience, Dispatch, Distribution, Refusal, SendingRefused
from voicebox.mailbox import Mailbox
from voicebox.message import MessageKind
from voicebox.numbers import DialPlan, parse_signalled
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.sending_shapes import ResultOut, SentOut
from webmanager.bearer import audit, web_parts
from webmanager.problems import FieldFault, Problem
from webmanager.wording import Code

PEOPLE_MAX: Final = 200
"""Named one by one; more are a list's business."""


class ForwardIn(BaseModel):
    """To whom a message is forwarded; at least one of both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: list[Annotated[str, Field(max_length=40)]] = Field(
        default=[], max_length=PEOPLE_MAX, description="Extensions, numbers or aliases of the company."
    )
    lists: list[Annotated[int, Field(ge=1, le=15)]] = Field(
        default=[], max_length=15, description="Numbers of lists: the sender's own, else the company's shared ones."
    )
    urgent: bool | None = Field(default=None, description="Left out or null: as the message is.")
    confidential: bool = Field(default=False, description="A confidential message stays so.")


async def forward_message(request: web.Request, query: CompanyQuery, body: ForwardIn) -> web.StreamResponse:
    """Forward a message in the name of whose mailbox it is in. Nothing is sent where anything of `to` is unknown."""
    parts = web_parts(request)
    found = await reach.message(request, request.match_info["id"], query.company)
    distribution = Distribution(parts.db, parts.events, parts.clock)
    audience = await _audience(request, distribution, found.mailbox, body)
    dispatch = Dispatch(
        kind=MessageKind.FORWARD,
        sender=found.mailbox,
        audience=audience,
        source=found.message,
        urgent=found.message.urgent if body.urgent is None else body.urgent,
        confidential=body.confidential,
    )
    try:
        sent = await distribution.send(dispatch)
    except SendingRefused as refused:
        if refused.why is Refusal.GONE:
            raise Problem(Code.UNKNOWN_MESSAGE) from None
        raise Problem(Code.INVALID, errors=[FieldFault("lists", "empty-list")]) from None
    parts.metrics.message_taken("forwarded", sent.reached)
    audit("message_forwarded", request, {"message": found.message.id, "sending": sent.id, "copies": sent.reached})
    return answer(SentOut(id=sent.id, results=[ResultOut.of(each) for each in sent.results]), status=201)


async def _audience(request: web.Request, distribution: Distribution, sender: Mailbox, body: ForwardIn) -> Audience:
    """Return whom a body names; raises the 422 that names all who are unknown."""
    directory = web_parts(request).directory
    company = next(each for each in await directory.companies() if each.id == sender.company_id)
    plan = DialPlan(company.country_code, company.area_code)
    faults: list[FieldFault] = []
    people: list[Mailbox] = []
    for at, text in enumerate(body.to):
        number = parse_signalled(text, plan)
        mailbox = None if number is None else await directory.find(company.id, number)
        if mailbox is None:
            faults.append(FieldFault(f"to.{at}", "unknown-number"))
        else:
            people.append(mailbox)
    keys: list[int] = []
    for at, wanted in enumerate(body.lists):
        made = await distribution.list_for(sender, wanted)
        if made is None:
            faults.append(FieldFault(f"lists.{at}", "unknown-list"))
        elif not made.members - {sender.id}:
            faults.append(FieldFault(f"lists.{at}", "empty-list"))
        else:
            keys.append(made.id)
    if not body.to and not body.lists:
        faults.append(FieldFault("to", "required"))
    if faults:
        raise Problem(Code.INVALID, errors=faults)
    return Audience(people=tuple(people), lists=tuple(keys))
