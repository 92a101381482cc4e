"""`GET /api/v1/mailboxes/{number}`."""

from aiohttp import web

from voicebox.confirmation import AddressOf
from voicebox.mailbox import Mailbox
from voicebox.storage import confirmations, holdings, mailboxes
from webmanager.api import reach
from webmanager.api.querying import CompanyQuery
from webmanager.api.route import answer
from webmanager.api.shapes import MailboxDetailOut
from webmanager.bearer import web_parts


async def show_mailbox(request: web.Request, query: CompanyQuery) -> web.StreamResponse:
    """Show a mailbox with its settings and how many messages are in it."""
    return await shown(request, await reach.mailbox(request, request.match_info["number"], query.company))


async def shown(request: web.Request, mailbox: Mailbox) -> web.StreamResponse:
    """Answer with everything there is to tell of a mailbox."""
    async with web_parts(request).db.read() as connection:
        aliases = await mailboxes.aliases(connection, mailbox.id)
        used_s = await holdings.used_s(connection, mailbox.id)
        counts = await holdings.counts(connection, mailbox.id)
        held = await confirmations.held(connection, mailbox.id)
    return answer(
        MailboxDetailOut.whole(
            mailbox,
            aliases=[each.number for each in aliases],
            unconfirmed=sorted(
                {each for which in AddressOf if (each := getattr(mailbox, which)) and each.casefold() in held}
            ),
            used_s=used_s,
            counts=counts,
        )
    )
