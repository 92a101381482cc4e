"""The menu of the recorded name, which callers and colleagues hear (phone-menus.md, "Greetings, name, ...")."""

from ivr import menu
from ivr.call import Clip, Sound
from ivr.flows.asking import choose
from ivr.flows.ownrecording import NAME, record_own
from ivr.flows.visit import Visit
from ivr.keymap import Act
from voicebox.mailbox import Mailbox


async def recorded_name(visit: Visit) -> None:
    """Offer what can be done with the recorded name, until the subscriber goes back; raises as `choose`."""
    greetings = visit.services.greetings
    mailbox = await greetings.present(visit.mailbox)
    before: tuple[Sound, ...] = ()
    while True:
        match await choose(visit.call, menu.NAME, visit.language, *before, visit.say("menu-name")):
            case Act.RECORD:
                after, before = await record_name(visit, mailbox)
                mailbox = after or await greetings.present(mailbox)
            case Act.LISTEN:
                before = await _heard(visit, mailbox)
            case Act.REMOVE:
                had_one = mailbox.name_recording is not None
                after = await greetings.remove_name(mailbox)
                said = "own-recording-overtaken" if after is None else "name-deleted" if had_one else "name-none"
                before = (visit.say(said),)
                mailbox = after or await greetings.present(mailbox)
            case _:
                return


async def record_name(visit: Visit, mailbox: Mailbox, *before: Sound) -> tuple[Mailbox | None, tuple[Sound, ...]]:
    """Record the name; return the mailbox as it is then (None: nothing was kept), and what to say of it."""
    return await record_own(visit, NAME, lambda take: visit.services.greetings.record_name(mailbox, take), *before)


async def _heard(visit: Visit, mailbox: Mailbox) -> tuple[Sound, ...]:
    name = mailbox.name_recording
    if name is None:
        return (visit.say("name-none"),)
    return (Clip(name),) if await visit.services.clips.length_s(name) else (visit.say("menu-error-retry"),)
