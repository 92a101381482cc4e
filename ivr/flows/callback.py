"""Calling back who left a message (phone-menus.md, "A message", key 8)."""

from ivr.call import Sound
from ivr.flows.dialling import dial
from ivr.flows.visit import Visit
from voicebox.message import Message


def may_call_back(visit: Visit, message: Message) -> bool:
    """Tell whether the key is offered: the company allows it, and there is a number that was not withheld."""
    return visit.company.call_back and not message.caller.withheld and message.caller.number is not None


async def call_back(visit: Visit, message: Message) -> tuple[Sound, ...]:
    """Ring the caller of a message in the mailbox's name; return what to say when they have talked, or could not.

    Raises:
        Hangup: the call is over.
    """
    number = message.caller.number
    if number is None or not may_call_back(visit, message):
        return (visit.say("message-no-callback"),)
    return await dial(visit, number, refused="message-no-callback")
