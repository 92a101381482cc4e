"""To whom something is sent: a person, a list or everyone; said back before it is confirmed (phone-menus.md).

A list is named by its number, its recorded description where it has one, and how many are on it.
"""

from dataclasses import dataclass
from typing import Final

from ivr.call import Clip, Sound
from ivr.flows.asking import ask_number
from ivr.flows.visit import Visit
from prompts import phrases
from prompts.phrases import Phrase
from voicebox.distribution import Audience, DistributionList, Result
from voicebox.mailbox import Mailbox
from voicebox.message import Message
from voicebox.numbers import DialPlan, parse_signalled

LIST_MOST: Final = 2
"""Lists have the numbers 1 to 15."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """Recipients, and how they are named."""

    audience: Audience
    words: tuple[Sound, ...]
    alone: bool = False
    """One person: then it can be said why a message does not arrive."""


async def person(visit: Visit) -> Addressed | Phrase:
    """Ask for a number; return whose it is, or what to say where it is nobody's.

    Raises:
        Hangup: the call is over.
    """
    typed = await ask_number(visit.call, visit.say("send-to-number"))
    if typed is None:
        return visit.say("menu-cancelled")
    found = await _find(visit, typed)
    return visit.say("send-unknown-number") if found is None else await addressed(visit, found)


async def a_list(visit: Visit) -> Addressed | Phrase:
    """Ask for a list's number; return the list, or what to say where there is none or nobody on it.

    Raises:
        Hangup: the call is over.
    """
    typed = await ask_number(visit.call, visit.say("send-to-list"), LIST_MOST)
    if typed is None:
        return visit.say("menu-cancelled")
    found = await visit.services.distribution.list_for(visit.owner, int(typed))
    if found is None:
        return visit.say("send-unknown-list")
    count = len(found.members - {visit.owner.id})
    if not count:
        return visit.say("send-empty-list")
    numbered = visit.say("send-list") + phrases.number(visit.language, found.number)
    words = (numbered, *await _described(visit, found), phrases.recipients(visit.language, count))
    return Addressed(Audience(lists=(found.id,)), words)


async def everyone(visit: Visit) -> Addressed | Phrase:
    """Return all mailboxes of the company, or what to say where there is none but one's own."""
    count = await visit.services.distribution.everyone(visit.owner)
    if not count:
        return visit.say("send-failed")
    words = (visit.say("send-everyone"), phrases.recipients(visit.language, count))
    return Addressed(Audience(everyone=True), words)


async def addressed(visit: Visit, recipient: Mailbox) -> Addressed:
    """Return one mailbox, by its owner's recorded name or else its extension."""
    return Addressed(Audience(people=(recipient,)), await called(visit, recipient), alone=True)


async def author(visit: Visit, message: Message) -> Mailbox | None:
    """Return the mailbox that a reply goes to; None where the message came from outside, or from nobody knows whom.

    Of a message that was forwarded, that is the colleague who forwarded it.
    """
    if message.sender_id is not None:
        return await visit.services.directory.by_id(message.sender_id)
    if message.caller.withheld or not message.caller.number:
        return None
    return await _find(visit, message.caller.number)


async def called(visit: Visit, recipient: Mailbox) -> tuple[Sound, ...]:
    """Return "Recipient:" and the recorded name or the extension."""
    return await named(visit, recipient, visit.say("send-recipient"), visit.say("send-recipient"))


async def result_of(visit: Visit, result: Result) -> tuple[Sound, ...]:
    """Return the recipient of a sending as `called`; by the extension where the mailbox has gone."""
    who = None if result.mailbox_id is None else await visit.services.directory.by_id(result.mailbox_id)
    if who is not None:
        return await called(visit, who)
    return (visit.say("send-recipient") + phrases.phone_number(visit.language, result.recipient),)


async def named(visit: Visit, who: Mailbox, by_name: Phrase, by_number: Phrase) -> tuple[Sound, ...]:
    """Return `by_name` and the recorded name of a colleague; where there is none, `by_number` and the extension."""
    name = who.name_recording
    if name is not None and await visit.services.clips.length_s(name):
        return (by_name, Clip(name))
    return (by_number + phrases.phone_number(visit.language, who.number, visit.company.country_code),)


async def _described(visit: Visit, found: DistributionList) -> tuple[Sound, ...]:
    """Return the description as it was recorded, where it can be played."""
    recording = found.recording
    return (Clip(recording),) if recording is not None and await visit.services.clips.length_s(recording) else ()


async def _find(visit: Visit, text: str) -> Mailbox | None:
    number = parse_signalled(text, DialPlan(visit.company.country_code, visit.company.area_code))
    return await visit.services.directory.find(visit.company.id, number) if number else None
