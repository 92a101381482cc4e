"""Calling from the main menu (phone-menus.md, key 6): any number that the outbound policy allows.

Off by default: whoever learns a passcode could otherwise call at the company's cost (security.md, row 3).
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
    match await connect(
        visit.call, visit.services, visit.mailbox, typed, visit.say("transfer-connecting"), diverted=False
    ):
        case Connection.REACHED:
            return ()
        case Connection.NOBODY:
            return (visit.say("message-callback-failed"),)
        case Connection.REFUSED:
            return (visit.say("dial-not-allowed"),)
        case Connection.NOT_NOW:
            return (visit.say("dial-not-now"),)
