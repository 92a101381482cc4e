"""Leaving a message: the greeting, the tone, the recording, the review, and "sent" (phone-menus.md, "The caller").

What is on disk is never lost: hanging up, silence and wrong keys all send what was recorded, and "sent" is said only
after the deposit has been accepted.
"""

from typing import Final

from ivr import menu
from ivr.call import Call, Clip, Recorded, RecordEnd, RecordLimits, Sound
from ivr.flows.asking import GaveUpError, apologising, part
from ivr.flows.draft import Deposit, Draft, usable
from ivr.flows.review import Verdict, review
from ivr.flows.services import Services
from prompts import phrases
from prompts.phrases import Greeting, Phrase, say
from voicebox.mailbox import Mailbox
from voicebox.message import Reason

ATTEMPTS: Final = 3
"""Recordings too short to be a message before the caller is let go."""


async def leave_message(call: Call, services: Services, mailbox: Mailbox, reason: Reason) -> None:
    """Let the caller leave a message in a mailbox: the whole call, from picking up to hanging up.

    Raises:
        Hangup: the caller hung up; what was there to be sent has been sent.
    """
    await call.answer()
    async with apologising(call, mailbox.language):
        # Held before the greeting: a caller who was asked to speak can always be recorded.
        reserved = await services.space.reserve(mailbox.message_max_s)
        if reserved is None:
            call.note("refused", why="storage")
            await part(call, say(mailbox.language, "refused-storage"))
            return
        try:
            await _serve(call, services, mailbox, reason)
        finally:
            reserved.release()


async def _serve(call: Call, services: Services, mailbox: Mailbox, reason: Reason) -> None:
    limit_s, refusal = await _admit(call, services, mailbox)
    if refusal is not None:
        await part(call, refusal)
        return
    limits = RecordLimits(max_s=limit_s, stop_keys=menu.RECORDING.keys)
    deposit = Deposit(call, services, mailbox, reason, limits)
    greeting = await _greeting(services, mailbox, reason)
    for attempt in range(1, ATTEMPTS + 1):
        context = deposit.context()
        recorded = await deposit.record(context, greeting)
        if take := usable(recorded):
            await _dispose(deposit, Draft(take, context, recorded.by))
            return
        await deposit.discard(recorded.take)
        if not await _may_try_again(deposit, recorded, attempt):
            return
        greeting = say(mailbox.language, "record-too-short", "record-again")


async def _admit(call: Call, services: Services, mailbox: Mailbox) -> tuple[float, Phrase | None]:
    """Return how long a message may be, and what to say if none can be taken: before the greeting, never after."""
    room = await services.deposits.room(mailbox)
    if room.full:
        call.note("refused", why="full")
        return 0.0, say(mailbox.language, "full-mailbox", "full-goodbye")
    return min(mailbox.message_max_s, room.left_s), None


async def _greeting(services: Services, mailbox: Mailbox, reason: Reason) -> Sound:
    """Return the greeting for this reason: the owner's where it can be played, else the default one.

    "Away" outranks the others (voicemail.md, row 11).
    """
    busy = reason is Reason.BUSY
    kind = Greeting.AWAY if mailbox.away else Greeting.BUSY if busy else Greeting.UNAVAILABLE
    own = None if mailbox.away else mailbox.busy_greeting if busy else mailbox.no_answer_greeting
    if own is not None and await services.clips.length_s(own):
        return Clip(own)
    return phrases.greeting(mailbox.language, kind)


async def _may_try_again(deposit: Deposit, recorded: Recorded, attempt: int) -> bool:
    """Return whether a caller without a message gets another tone; if not, the call is ended."""
    call, language = deposit.call, deposit.language
    match recorded.by:
        case RecordEnd.HANGUP:
            return False
        case RecordEnd.NO_RTP | RecordEnd.SHUTDOWN:
            await call.hang_up(_cause(recorded.by))
            return False
        case RecordEnd.NO_SPEECH:
            await part(call, say(language, "record-no-speech-goodbye"))
            return False
        case _ if attempt == ATTEMPTS:
            await part(call, say(language, "record-too-short-goodbye"))
            return False
        case _:
            return True


async def _dispose(deposit: Deposit, draft: Draft) -> None:
    """Do with a recording what the caller wants, then end the call."""
    call, language = deposit.call, deposit.language
    match await _verdict(deposit, draft):
        case Verdict.SEND:
            sent = await deposit.send(draft)
            await part(call, say(language, "review-sent-goodbye" if sent else "record-too-short-goodbye"))
        case Verdict.CUT_OFF:
            await deposit.send(draft)
            await call.hang_up(_cause(draft.ended))
        case Verdict.DISCARD:
            for take in (*draft.earlier, draft.take):
                await call.discard(take)
            await part(call, say(language, "review-discarded-goodbye"))


async def _verdict(deposit: Deposit, draft: Draft) -> Verdict:
    if draft.ended in {RecordEnd.HANGUP, RecordEnd.NO_RTP, RecordEnd.SHUTDOWN}:
        return Verdict.CUT_OFF
    before = (say(deposit.language, "record-maximum"),) if draft.ended is RecordEnd.MAXIMUM else ()
    try:
        return await review(deposit, draft, *before)
    except GaveUpError:
        return Verdict.SEND
    except Exception:
        # A hang-up, or a fault of ours: either way the caller has spoken, and nothing may be lost (row 12).
        await deposit.send(draft)
        raise


def _cause(by: RecordEnd) -> str:
    """Return the text of the Reason header with which we end a call that cannot go on."""
    return {RecordEnd.NO_RTP: "no RTP", RecordEnd.SHUTDOWN: "shutting down"}.get(by, "")
