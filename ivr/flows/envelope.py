"""The envelope of a message: when, who, how long, and its marks, in the subscriber's language and zone."""

from ivr.flows.visit import Visit
from prompts import phrases
from prompts.phrases import Phrase
from voicebox.message import Message


def envelope(visit: Visit, message: Message) -> Phrase:
    """Return the envelope as one phrase, named `envelope`. A withheld number is never said (RFC 3325)."""
    language = visit.language
    marks = phrases.marks(language, urgent=message.urgent, confidential=message.confidential)
    parts = [
        phrases.received(language, message.received_at, visit.zone, visit.services.clock.now()),
        phrases.caller(language, message.caller, visit.company.country_code),
        phrases.message_length(language, message.duration_s),
        *([marks] if marks else []),
        *([visit.say("envelope-interrupted")] if message.interrupted else []),
    ]
    return phrases.join(parts, name="envelope")
