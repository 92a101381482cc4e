"""The voice mailbox menu: messages, deleted ones, and deleting all of them."""

from ivr import menu
from ivr.call import Sound
from ivr.flows.asking import choose, confirm
from ivr.flows.messages import listen, listen_deleted
from ivr.flows.passcode import change_passcode
from ivr.flows.sending import compose
from ivr.flows.visit import Visit
from ivr.keymap import Act


async def voice_mailbox(visit: Visit) -> None:
    """Offer the menu until the subscriber goes back.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    before: tuple[Sound, ...] = ()
    while True:
        match await choose(visit.call, menu.MAILBOX, visit.language, *before, visit.say("menu-mailbox")):
            case Act.LISTEN:
                before = await listen(visit)
            case Act.COMPOSE:
                before = await compose(visit)
            case Act.DELETE_ALL:
                before = (await _delete_all(visit),)
            case Act.PASSCODE:
                before = (await change_passcode(visit),)
            case Act.DELETED:
                before = await listen_deleted(visit)
            case _:
                return


async def _delete_all(visit: Visit) -> Sound:
    """Delete every message after a confirmation; return what to say of it. They can be restored."""
    counts = await visit.inbox.counts()
    if not counts.new + counts.saved:
        return visit.say("folder-empty")
    asked_at = visit.services.clock.now()  # what comes in while the question is asked was not meant
    if not await confirm(visit.call, visit.say("mailbox-delete-all-question"), menu.CONFIRM):
        return visit.say("menu-cancelled")
    await visit.inbox.delete_all(received_until=asked_at)
    return visit.say("mailbox-all-deleted")
