"""Mailing the subscriber a copy of a message (More, key 4)."""

from typing import Final

from ivr.flows.visit import Visit
from prompts.phrases import Phrase
from voicebox.copies import CopyOutcome
from voicebox.message import Message

_SAID: Final = {
    CopyOutcome.QUEUED: "message-mailed",
    CopyOutcome.QUEUED_LINK: "message-mailed-link",
    CopyOutcome.NO_ADDRESS: "message-no-address",
}


async def mail_copy(visit: Visit, message: Message) -> Phrase:
    """Have a message mailed to the subscriber on the line; return what to say of it.

    Raises:
        DatabaseUnavailable: nothing will be mailed.
    """
    outcome = await visit.services.copies.mail(visit.owner, message)
    visit.call.note("mail", message=message.id, outcome=outcome.name.lower())
    return visit.say(_SAID[outcome])
