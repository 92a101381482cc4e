"""What a caller hears before the tone: the owner's greeting, else the default one with the owner's name or without.

(voicemail.md, rows 11 and 21.) What is missing or broken falls back to the default greeting, never to silence. A
subscriber who listens to a greeting hears it as callers do.
"""

from typing import Final

from ivr.call import Clip, Sound
from ivr.flows.services import Services
from prompts import phrases
from prompts.phrases import Greeting, say
from voicebox.announcement import Kind
from voicebox.mailbox import Mailbox
from voicebox.message import Reason


def is_closed(mailbox: Mailbox) -> bool:
    """Tell whether the owner is away and takes no messages."""
    return mailbox.away and not mailbox.away_recording


async def greeting(services: Services, mailbox: Mailbox, reason: Reason) -> tuple[Sound, ...]:
    """Return what a caller hears; "away" outranks the reason of the call."""
    kind = Kind.AWAY if mailbox.away else Kind.BUSY if reason is Reason.BUSY else Kind.NO_ANSWER
    said = await greeting_for(services, mailbox, kind)
    if is_closed(mailbox):
        # The default one says goodbye itself; an own one says what it likes.
        return (*said, say(mailbox.language, "menu-goodbye")) if isinstance(said[-1], Clip) else said
    if mailbox.record_notice:
        return (say(mailbox.language, "greeting-record-notice"), *said)
    return said


async def greeting_for(services: Services, mailbox: Mailbox, kind: Kind) -> tuple[Sound, ...]:
    """Return the greeting for one kind of call, as things stand; an alternative's is that for no answer."""
    return await greeting_of(services, mailbox, kind, getattr(mailbox, kind.plays_in or "no_answer_greeting"))


async def greeting_of(services: Services, mailbox: Mailbox, kind: Kind, own: str | None) -> tuple[Sound, ...]:
    """Return a recording as the greeting for one kind of call; the default where there is none that can be played."""
    if own is not None and await services.clips.length_s(own):
        return (Clip(own),)
    return await default_greeting(services, mailbox, kind)


async def default_greeting(services: Services, mailbox: Mailbox, kind: Kind) -> tuple[Sound, ...]:
    """Return the default greeting, with the owner's name where it was recorded."""
    spoken = _SPOKEN[kind]
    if kind is Kind.AWAY and is_closed(mailbox):
        spoken = Greeting.AWAY_CLOSED
    name = mailbox.name_recording
    if name is not None and await services.clips.length_s(name):
        language = mailbox.language
        return (phrases.greeting_before_name(language), Clip(name), phrases.greeting_after_name(language, spoken))
    return (phrases.greeting(mailbox.language, spoken),)


_SPOKEN: Final = {
    Kind.BUSY: Greeting.BUSY,
    Kind.NO_ANSWER: Greeting.UNAVAILABLE,
    Kind.ALTERNATIVE_1: Greeting.UNAVAILABLE,
    Kind.ALTERNATIVE_2: Greeting.UNAVAILABLE,
    Kind.ALTERNATIVE_3: Greeting.UNAVAILABLE,
    Kind.AWAY: Greeting.AWAY,
}
