"""`POST /api/v1/mailboxes/{number}/sendings/{id}/recall`: take back what nobody has heard yet."""

from aiohttp import web

from voicebox.distribution import Distribution
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.sending_shapes import RecalledOut
from webmanager.bearer import audit, web_parts
from webmanager.problems import Problem
from webmanager.wording import Code


async def recall_sending(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """Take back the copies of a sending that nobody has heard, claimed or handled; again, it finds none."""
    parts = web_parts(request)
    mailbox = await reach.mailbox(request, request.match_info["number"], query.company)
    sending_id = reach.hex_id(request.match_info["id"])
    distribution = Distribution(parts.db, parts.events, parts.clock)
    recalled = None if sending_id is None else await distribution.recall(mailbox, sending_id)
    if recalled is None:  # also what another mailbox sent: here there is none of that id
        raise Problem(Code.UNKNOWN_SENDING)
    audit("sending_recalled", request, {"sending": sending_id, "mailbox": mailbox.number, "copies": recalled})
    return answer(RecalledOut(recalled=recalled))
