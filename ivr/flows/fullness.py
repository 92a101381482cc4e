"""How full a mailbox is, told to its owner at the login (row 21): before callers have to hear it."""

from typing import Final

from ivr.flows.visit import Visit
from prompts.phrases import Phrase

ALMOST: Final = 0.1
"""Less than this share of the mailbox left is almost full: at 100 minutes, ten."""


async def fullness(visit: Visit) -> tuple[Phrase, ...]:
    """Return the warning that a mailbox is full or almost so; nothing where there is room."""
    room = await visit.services.deposits.room(visit.mailbox)
    if room.full:
        return (visit.say("folder-full"),)
    if room.left_s < visit.mailbox.quota_s * ALMOST:
        return (visit.say("folder-almost-full"),)
    return ()
