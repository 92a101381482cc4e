"""The envelope of a message: when, who, how long, and its marks, in the subscriber's language and zone.

A colleague who has recorded a name is named by it; anybody else by number.
"""

from ivr.call import Clip, Sound
from ivr.flows.visit import Visit
from prompts import phrases
from voicebox.message import Caller, Message
from voicebox.numbers import DialPlan, parse_signalled


async def envelope(visit: Visit, message: Message) -> tuple[Sound, ...]:
    """Return the envelope as phrases named `envelope`. A withheld number is never said (RFC 3325)."""
    language = visit.language
    when = phrases.received(language, message.received_at, visit.zone, visit.services.clock.now())
    marks = phrases.marks(language, urgent=message.urgent, confidential=message.confidential)
    rest = [
        phrases.message_length(language, message.duration_s),
        *([marks] if marks else []),
        *([visit.say("envelope-interrupted")] if message.interrupted else []),
    ]
    name = await _name_of(visit, message.caller)
    if name is None:
        who = phrases.caller(language, message.caller, visit.company.country_code)
        return (phrases.join([when, who, *rest], name="envelope"),)
    before = phrases.join([when, visit.say("caller-name")], name="envelope")
    return (before, Clip(name), phrases.join(rest, name="envelope"))


async def _name_of(visit: Visit, caller: Caller) -> str | None:
    """Return the recorded name of a colleague, where it can be played."""
    if caller.withheld or caller.number is None:
        return None
    number = parse_signalled(caller.number, DialPlan(visit.company.country_code, visit.company.area_code))
    colleague = await visit.services.directory.find(visit.company.id, number) if number is not None else None
    name = colleague.name_recording if colleague is not None else None
    return name if name is not None and await visit.services.clips.length_s(name) else None
