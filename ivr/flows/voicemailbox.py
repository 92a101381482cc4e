"""The voice mailbox menu: messages, greetings, taking messages or not, and deleting all of them."""

from typing import Final

from ivr import menu
from ivr.call import Sound
from ivr.flows.asking import choose, confirm
from ivr.flows.greetingmenus import busy_greeting, extended_away, no_answer_greeting
from ivr.flows.messages import listen, listen_deleted
from ivr.flows.passcode import change_passcode
from ivr.flows.sending import compose
from ivr.flows.sentmessages import sent_messages
from ivr.flows.visit import Visit
from ivr.keymap import Act
from prompts.phrases import Variant
from voicebox.mailbox import Mailbox


async def voice_mailbox(visit: Visit) -> None:
    """Offer the menu until the subscriber goes back.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    before: tuple[Sound, ...] = ()
    mailbox = await visit.services.greetings.present(visit.mailbox)
    while True:
        has_sent = await visit.services.distribution.has_sent(visit.owner)
        shown = menu.MAILBOX if has_sent else menu.MAILBOX.without(Act.SENT)
        variants = {} if mailbox.enabled else {"6": Variant.ON}
        title = visit.say("menu-mailbox")
        match await choose(visit.call, shown, visit.language, *before, title, variants=variants):
            case Act.LISTEN:
                before = await listen(visit)
            case Act.BUSY_GREETING | Act.NO_ANSWER_GREETING | Act.AWAY as act:
                await _GREETINGS[act](visit)
                before = ()
            case Act.DEPOSIT:
                mailbox, before = await _switch_deposit(visit, mailbox)
            case Act.COMPOSE:
                before = await compose(visit)
            case Act.DELETE_ALL:
                before = (await _delete_all(visit),)
            case Act.PASSCODE:
                before = (await change_passcode(visit),)
            case Act.DELETED:
                before = await listen_deleted(visit)
            case Act.SENT:
                before = await sent_messages(visit)
            case _:
                return


async def _switch_deposit(visit: Visit, seen: Mailbox) -> tuple[Mailbox, tuple[Sound, ...]]:
    """Switch the taking of messages over (row 7); return the mailbox as it is then, and what to say of it."""
    on = not seen.enabled
    after = await visit.services.reachability.set_enabled(seen, on=on)
    if after is None:
        present = await visit.services.greetings.present(seen)
        return present, (visit.say("own-recording-overtaken"),)
    visit.call.note("deposit", on=on)
    return after, (visit.say("mailbox-deposit-on" if on else "mailbox-deposit-off"),)


async def _delete_all(visit: Visit) -> Sound:
    """Delete every message after a confirmation; return what to say of it. They can be restored."""
    counts = await visit.inbox.counts()
    if not counts.new + counts.saved:
        return visit.say("folder-empty")
    asked_at = visit.services.clock.now()  # what comes in while the question is asked was not meant
    if not await confirm(visit.call, visit.say("mailbox-delete-all-question"), menu.CONFIRM):
        return visit.say("menu-cancelled")
    await visit.inbox.delete_all(there_until=asked_at)
    return visit.say("mailbox-all-deleted")


_GREETINGS: Final = {
    Act.BUSY_GREETING: busy_greeting,
    Act.NO_ANSWER_GREETING: no_answer_greeting,
    Act.AWAY: extended_away,
}
