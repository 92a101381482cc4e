"""A subscriber records something of their own, a greeting or a name: the tone, the recording, and what became of it.

The old recording stays until the new one is kept, and "recorded" is said only then. Hanging up in the middle keeps the
old one: nobody ends a greeting by hanging up.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ivr.call import RecordEnd, RecordLimits, Sound
from ivr.flows.asking import tell
from ivr.flows.visit import Visit
from prompts import phrases
from voicebox.errors import VoiceboxError
from voicebox.greeting_file import LENGTH_MAX_S, Fault, GreetingRefused
from voicebox.mailbox import Mailbox
from voicebox.message import Take
from voicebox.takes import OwnContext

GREETING_MAX_S: Final = float(LENGTH_MAX_S)
NAME_MAX_S: Final = 10.0
STOP_KEYS: Final = "#"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be recorded, and what is said of it."""

    purpose: str
    """`greeting` or `name`, for the spool."""
    asking: str
    """Id of the utterance that asks for it."""
    recorded: str
    """Id of the utterance that says it is kept."""
    max_s: float


GREETING: Final = Wanted("greeting", "own-greeting-record", "own-greeting-recorded", GREETING_MAX_S)
NAME: Final = Wanted("name", "name-record", "name-recorded", NAME_MAX_S)

Keep = Callable[[Take], Awaitable[Mailbox | None]]
"""Keeps a take for its purpose; returns the mailbox as it is then, or None where somebody else was quicker.

Raises:
    GreetingRefused: it is not fit to be played.
    VoiceboxError: it could not be stored.
"""


async def record_own(
    visit: Visit, wanted: Wanted, keep: Keep, *before: Sound
) -> tuple[Mailbox | None, tuple[Sound, ...]]:
    """Record and keep; return the mailbox as it is then (None: nothing was kept), and what to say of it.

    `before` is said first; `#` skips all words, as callers skip a greeting.

    Raises:
        Hangup: the call ended before the recording began.
    """
    reserved = await visit.services.space.reserve(wanted.max_s)
    if reserved is None:
        visit.call.note("refused", why="storage")
        return None, (visit.say("menu-error-retry"),)
    try:
        return await _recorded(visit, wanted, keep, *before)
    finally:
        reserved.release()


async def _recorded(
    visit: Visit, wanted: Wanted, keep: Keep, *before: Sound
) -> tuple[Mailbox | None, tuple[Sound, ...]]:
    call, mailbox = visit.call, visit.mailbox
    await call.play(*before, visit.say(wanted.asking), keys=STOP_KEYS)
    await tell(call, phrases.record_tone(visit.language))
    call.forget_keys()  # a second # of an impatient subscriber must not end the recording at once
    context = OwnContext(mailbox.company_id, mailbox.id, call.facts.id, wanted.purpose)
    recorded = await call.record(context.to_bytes(), RecordLimits(max_s=wanted.max_s, stop_keys=STOP_KEYS))
    if recorded.by in _CUT_OFF:
        if recorded.take is not None:
            await call.discard(recorded.take)
        await call.hang_up(_CUT_OFF[recorded.by])
        return None, ()
    if recorded.take is None:
        return None, (visit.say("record-no-speech", "own-recording-unchanged"),)
    try:
        after, said = await _kept(visit, wanted, keep, recorded.take)
    finally:
        await call.discard(recorded.take)  # what is kept lies in the store, mastered
    if after is not None and recorded.by is RecordEnd.MAXIMUM:
        return after, (visit.say("record-maximum"), *said)
    return after, said


async def _kept(visit: Visit, wanted: Wanted, keep: Keep, take: Take) -> tuple[Mailbox | None, tuple[Sound, ...]]:
    try:
        after = await keep(take)
    except GreetingRefused as refused:
        visit.call.note("recording-refused", why=refused.fault.value)
        return None, (visit.say(_REFUSALS.get(refused.fault, "record-failed"), "own-recording-unchanged"),)
    except VoiceboxError:
        return None, (visit.say("menu-error-retry"),)
    return after, (visit.say("own-recording-overtaken" if after is None else wanted.recorded),)


_REFUSALS: Final = {Fault.KEYPAD: "own-recording-keypad", Fault.EMPTY: "record-no-speech"}
_CUT_OFF: Final = {RecordEnd.HANGUP: "", RecordEnd.NO_RTP: "no RTP", RecordEnd.SHUTDOWN: "shutting down"}
"""How the call may end with the recording, and the Reason given for it."""
