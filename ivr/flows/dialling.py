"""Calling in the mailbox's name: any number, from the main menu (phone-menus.md, key 6), or who left a message.

The outbound policy decides. Key 6 is off by default: whoever learns a passcode could otherwise call at the company's
cost (security.md, row 3).
"""

from ivr.call import Sound
from ivr.flows.asking import ask_number
from ivr.flows.connecting import Connection, connect
from ivr.flows.visit import Visit


async def make_call(visit: Visit) -> tuple[Sound, ...]:
    """Ask for a number and ring it in the mailbox's name; return what to say when they have talked, or could not.

    Raises:
        Hangup: the call is over.
    """
    typed = await ask_number(visit.call, visit.say("dial-number"))
    if typed is None:
        return (visit.say("menu-cancelled"),)
    return await dial(visit, typed, refused="dial-not-allowed")


async def dial(visit: Visit, number: str, *, refused: str) -> tuple[Sound, ...]:
    """Ring a number in the mailbox's name; return what to say when they have talked, or could not.

    Args:
        visit: who calls.
        number: whom.
        refused: the utterance for a number that the policy does not allow.

    Raises:
        Hangup: the call is over.
    """
    match await connect(
        visit.call, visit.services, visit.mailbox, number, visit.say("transfer-connecting"), diverted=False
    ):
        case Connection.REACHED:
            return ()
        case Connection.NOBODY:
            return (visit.say("message-callback-failed"),)
        case Connection.REFUSED:
            return (visit.say(refused),)
        case Connection.NOT_NOW:
            return (visit.say("dial-not-now"),)
