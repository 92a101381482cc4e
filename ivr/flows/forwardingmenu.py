"""The menu of call forwarding: on, off, where to, and how it stands (phone-menus.md; voicemail.md, row 9)."""

from ivr import menu
from ivr.call import Sound
from ivr.flows.asking import ask_number, choose
from ivr.flows.visit import Visit
from ivr.keymap import Act
from prompts import phrases
from voicebox.mailbox import Mailbox


async def call_forwarding(visit: Visit) -> None:
    """Offer what can be done with call forwarding, until the subscriber goes back; raises as `choose`."""
    mailbox = await visit.services.greetings.present(visit.mailbox)
    before: tuple[Sound, ...] = ()
    while True:
        match await choose(visit.call, menu.FORWARDING, visit.language, *before, visit.say("menu-forwarding")):
            case Act.ON:
                after, before = await _switch_on(visit, mailbox)
            case Act.OFF:
                after = await visit.services.reachability.stop_forwarding(mailbox)
                before = (visit.say("forwarding-off"),)
            case Act.DESTINATION:
                after, before = await _destination(visit, mailbox)
            case Act.STATUS:
                after = mailbox = await visit.services.greetings.present(mailbox)
                before = _status(visit, mailbox)
            case _:
                return
        if after is None:
            before = (visit.say("own-recording-overtaken"),)
            after = await visit.services.greetings.present(mailbox)
        mailbox = after


async def _switch_on(visit: Visit, mailbox: Mailbox) -> tuple[Mailbox | None, tuple[Sound, ...]]:
    """Forward calls to the destination that is set; the policy may have changed since."""
    destination = mailbox.forward_always or mailbox.forward_to
    if destination is None:
        return mailbox, (visit.say("forwarding-none"),)
    allowed = await visit.services.reachability.judge(visit.company, mailbox, destination)
    if allowed is None:
        return mailbox, _refused(visit)
    after = await visit.services.reachability.forward(mailbox, allowed)
    return after, (visit.say("forwarding-on"), *_said(visit, allowed))


async def _destination(visit: Visit, mailbox: Mailbox) -> tuple[Mailbox | None, tuple[Sound, ...]]:
    """Ask for a destination and keep it; nothing typed, or `*`, leaves the old one."""
    typed = await ask_number(visit.call, visit.say("forwarding-number"))
    if typed is None:
        return mailbox, (visit.say("menu-cancelled"),)
    allowed = await visit.services.reachability.judge(visit.company, mailbox, typed)
    if allowed is None:
        return mailbox, _refused(visit)
    after = await visit.services.reachability.set_destination(mailbox, allowed)
    return after, _status(visit, after) if after is not None else ()


def _refused(visit: Visit) -> tuple[Sound, ...]:
    visit.call.note("forwarding", allowed=False)
    return (visit.say("forwarding-not-allowed"),)


def _status(visit: Visit, mailbox: Mailbox) -> tuple[Sound, ...]:
    """Return how things stand: on and where to; off, and what would be on."""
    if mailbox.forward_always is not None:
        return (visit.say("forwarding-on"), *_said(visit, mailbox.forward_always))
    if mailbox.forward_to is None:
        return (visit.say("forwarding-off", "forwarding-none"),)
    return (visit.say("forwarding-off"), *_said(visit, mailbox.forward_to, "forwarding-destination"))


def _said(visit: Visit, number: str, carrier: str = "forwarding-to") -> tuple[Sound, ...]:
    return (visit.say(carrier), phrases.phone_number(visit.language, number, visit.company.country_code))
