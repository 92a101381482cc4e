"""Leaving a message: the greeting, the tone, the recording, the review, and "sent" (phone-menus.md, "The caller").

What is on disk is never lost: hanging up, silence and wrong keys all send what was recorded, and "sent" is said only
after the deposit has been accepted.
"""

from typing import Final

from ivr import menu
from ivr.call import Call, Pause, Recorded, RecordEnd, RecordLimits, Sound
from ivr.flows.asking import GaveUpError, apologising, part
from ivr.flows.connecting import Connection
from ivr.flows.draft import Deposit, Draft, usable
from ivr.flows.greeting import greeting, is_closed
from ivr.flows.portal import portal
from ivr.flows.review import Verdict, review
from ivr.flows.services import Services
from ivr.flows.zeroout import ZeroOut
from ivr.keymap import Act
from prompts.phrases import say
from voicebox.mailbox import Mailbox
from voicebox.message import Reason

OFFER_S: Final = 4.0
"""For `0` after it was said that the mailbox is full."""
ATTEMPTS: Final = 3
"""Recordings too short to be a message before the caller is let go."""


async def leave_message(call: Call, services: Services, mailbox: Mailbox, reason: Reason) -> None:
    """Let the caller leave a message in a mailbox: the whole call, from picking up to hanging up.

    Raises:
        Hangup: the caller hung up; what was there to be sent has been sent.
    """
    await call.answer()
    async with apologising(call, mailbox.language):
        way_out = ZeroOut(call, services, mailbox)
        if is_closed(mailbox):
            wanted = await _say_closed(Deposit(call, services, mailbox, reason, RecordLimits(max_s=0), way_out))
        else:
            wanted = await _reserved(call, services, mailbox, reason, way_out)
    if wanted is Act.LOGIN:
        await portal(call, services)


async def _reserved(call: Call, services: Services, mailbox: Mailbox, reason: Reason, way_out: ZeroOut) -> Act | None:
    # Held before the greeting: a caller who was asked to speak can always be recorded.
    reserved = await services.space.reserve(mailbox.message_max_s)
    if reserved is None:
        call.note("refused", why="storage")
        await part(call, say(mailbox.language, "refused-storage"))
        return None
    try:
        return await _serve(call, services, mailbox, reason, way_out)
    finally:
        reserved.release()


async def _serve(call: Call, services: Services, mailbox: Mailbox, reason: Reason, way_out: ZeroOut) -> Act | None:
    """Serve a caller who can be recorded; return `Act.LOGIN` for one who wants to log in instead."""
    room = await services.deposits.room(mailbox)
    if room.full:
        call.note("refused", why="full")
        await _turn_away(call, mailbox, way_out)
        return None
    limits = RecordLimits(max_s=min(mailbox.message_max_s, room.left_s))
    deposit = Deposit(call, services, mailbox, reason, limits, way_out)
    said = await greeting(services, mailbox, reason)
    return await _take_message(deposit, *said, *way_out.hint(said[-1]))


async def _say_closed(deposit: Deposit) -> Act | None:
    """Tell a caller that the owner is away and takes no messages, and hang up; the keys of the greeting work."""
    call, language = deposit.call, deposit.language
    call.note("refused", why="away")
    said = await greeting(deposit.services, deposit.mailbox, deposit.reason)
    match await deposit.greet(*said, login=True):
        case Act.LOGIN:
            return Act.LOGIN
        case Act.TRANSFER if await deposit.way_out.go(say(language, "transfer-connecting")) is not Connection.REACHED:
            await part(call, say(language, "transfer-failed-goodbye"))
        case _:
            await call.hang_up()
    return None


async def _take_message(deposit: Deposit, *before: Sound) -> Act | None:
    """Greet, record and send; too short a recording, or nobody behind `0`, leads back to the tone.

    Returns `Act.LOGIN` where `*` in the greeting asked for it.
    """
    language, attempt = deposit.language, 0
    greeted = await deposit.greet(*before, login=True)
    while True:
        if greeted is Act.LOGIN:
            return Act.LOGIN
        leaving = greeted is Act.TRANSFER
        if not leaving:
            context = deposit.context()
            recorded = await deposit.record(context)
            leaving = menu.RECORDING.act(recorded.key) is Act.TRANSFER
            if take := usable(recorded):
                await _dispose(deposit, Draft(take, context, recorded.by, leaving=leaving))
                return None
            await deposit.discard(recorded.take)
            attempt += 1
            if not leaving and not await _may_try_again(deposit, recorded, attempt):
                return None
            before = (say(language, "record-too-short", "record-again"),)
        if leaving:
            if await deposit.way_out.go(say(language, "transfer-connecting")) is Connection.REACHED:
                await deposit.call.hang_up()
                return None
            before = (say(language, "transfer-failed"),)
        greeted = await deposit.greet(*before)


async def _turn_away(call: Call, mailbox: Mailbox, way_out: ZeroOut) -> None:
    """Tell that the mailbox is full, before anything was said into it, and offer `0` where it leads somewhere."""
    language = mailbox.language
    if not await way_out.usable():
        await part(call, say(language, "full-mailbox", "full-goodbye"))
        return
    played = await call.play(say(language, "full-mailbox", "greeting-zero"), Pause(OFFER_S), keys=menu.FULL.keys)
    if menu.FULL.act(played.key) is not Act.TRANSFER:
        await part(call, say(language, "full-goodbye"))
    elif await way_out.go(say(language, "transfer-connecting")) is Connection.REACHED:
        await call.hang_up()
    else:
        await part(call, say(language, "transfer-failed-goodbye"))


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
        case Verdict.TRANSFER:
            await deposit.send(draft)  # before anything else: the caller may hang up while it rings
            await _leave(deposit)
        case Verdict.CUT_OFF:
            await deposit.send(draft)
            await call.hang_up(_cause(draft.ended))
        case Verdict.DISCARD:
            await deposit.discard(*draft.earlier, draft.take)
            await part(call, say(language, "review-discarded-goodbye"))


async def _leave(deposit: Deposit) -> None:
    """Connect a caller whose message has been sent."""
    call, language = deposit.call, deposit.language
    match await deposit.way_out.go(say(language, "transfer-saved-connecting")):
        case Connection.REACHED:
            await call.hang_up()
        case Connection.NOBODY:
            await part(call, say(language, "transfer-failed-goodbye"))
        case Connection.REFUSED | Connection.NOT_NOW:
            await part(call, say(language, "review-sent", "transfer-failed-goodbye"))


async def _verdict(deposit: Deposit, draft: Draft) -> Verdict:
    if draft.ended in {RecordEnd.HANGUP, RecordEnd.NO_RTP, RecordEnd.SHUTDOWN}:
        return Verdict.CUT_OFF
    if draft.leaving:
        return Verdict.TRANSFER
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
