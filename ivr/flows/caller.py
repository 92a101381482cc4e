"""Leaving a message: the greeting, the tone, the recording, the review, and "sent" (phone-menus.md, "The caller").

What is on disk is never lost: hanging up, silence and wrong keys all send what was recorded, and "sent" is said only
after the deposit has been accepted.
"""

from dataclasses import replace
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
        limits = RecordLimits(max_s=mailbox.message_max_s)
        deposit = Deposit(call, services, mailbox, reason, limits, ZeroOut(call, services, mailbox))
        if is_closed(mailbox):
            wanted = await _say_closed(deposit)
        else:
            wanted = await _take_messages(deposit)
    if wanted is Act.LOGIN:
        await portal(call, services)


async def _take_messages(deposit: Deposit) -> Act | None:
    """Take a message, and another where the caller could not be connected after one."""
    came = await _reserved(deposit)
    while isinstance(came, Connection):
        came = await _reserved(deposit, came)
    return came


async def _reserved(deposit: Deposit, failed: Connection | None = None) -> Act | Connection | None:
    # Held before the greeting: a caller who was asked to speak can always be recorded.
    reserved = await deposit.services.space.reserve(deposit.mailbox.message_max_s)
    if reserved is None:
        deposit.call.note("refused", why="storage")
        await part(deposit.call, *_sent_before(deposit, failed), say(deposit.language, "refused-storage"))
        return None
    try:
        return await _serve(deposit, failed)
    finally:
        reserved.release()


async def _serve(deposit: Deposit, failed: Connection | None) -> Act | Connection | None:
    """Serve a caller who can be recorded.

    Args:
        deposit: the caller at the mailbox.
        failed: why the caller, whose message has been sent, was not connected; None: the call begins.

    Returns:
        `Act.LOGIN` for one who wants to log in instead; why one was not connected, whose message has been sent.
    """
    language = deposit.language
    room = await deposit.services.deposits.room(deposit.mailbox)
    if room.full:
        deposit.call.note("refused", why="full")
        if failed is None:
            await _turn_away(deposit)
        else:
            await part(deposit.call, *_sent_before(deposit, failed), say(language, "transfer-failed-goodbye"))
        return None
    limits = RecordLimits(max_s=min(deposit.mailbox.message_max_s, room.left_s))
    deposit = replace(deposit, limits=limits, another=failed is not None)
    if failed is not None:
        before = (*_sent_before(deposit, failed), say(language, "transfer-failed-another"))
        return await _take_message(deposit, *before)
    said = await greeting(deposit.services, deposit.mailbox, deposit.reason)
    return await _take_message(deposit, *said, *deposit.way_out.hint(said[-1]), login=True)


def _sent_before(deposit: Deposit, failed: Connection | None) -> tuple[Sound, ...]:
    """Return what is said of a message that was sent, where nothing was said of it before ringing."""
    return (say(deposit.language, "review-sent"),) if failed in {Connection.REFUSED, Connection.NOT_NOW} else ()


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


async def _take_message(deposit: Deposit, *before: Sound, login: bool = False) -> Act | Connection | None:
    """Greet, record and send; too short a recording, or nobody behind `0`, leads back to the tone.

    Returns `Act.LOGIN` where `*` in the greeting asked for it (and `login` lets it); and where the message has been
    sent, but `0` led nowhere, why.
    """
    language, attempt = deposit.language, 0
    greeted = await deposit.greet(*before, login=login)
    while True:
        if greeted is Act.LOGIN:
            return Act.LOGIN
        leaving = greeted is Act.TRANSFER
        if not leaving:
            context = deposit.context()
            recorded = await deposit.record(context)
            leaving = menu.RECORDING.act(recorded.key) is Act.TRANSFER
            if take := usable(recorded):
                return await _dispose(deposit, Draft(take, context, recorded.by, leaving=leaving))
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


async def _turn_away(deposit: Deposit) -> None:
    """Tell that the mailbox is full, before anything was said into it, and offer `0` where it leads somewhere."""
    call, language, way_out = deposit.call, deposit.language, deposit.way_out
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
            await part(call, say(language, "menu-goodbye" if deposit.another else "record-no-speech-goodbye"))
            return False
        case _ if attempt == ATTEMPTS:
            await part(call, say(language, "record-too-short-goodbye"))
            return False
        case _:
            return True


async def _dispose(deposit: Deposit, draft: Draft) -> Connection | None:
    """Do with a recording what the caller wants, then end the call; but return why it could not be connected."""
    call, language = deposit.call, deposit.language
    match await _verdict(deposit, draft):
        case Verdict.SEND:
            sent = await deposit.send(draft)
            await part(call, say(language, "review-sent-goodbye" if sent else "record-too-short-goodbye"))
        case Verdict.TRANSFER:
            await deposit.send(draft)  # before anything else: the caller may hang up while it rings
            found = await deposit.way_out.go(say(language, "transfer-saved-connecting"))
            if found is not Connection.REACHED:
                return found
            await call.hang_up()
        case Verdict.CUT_OFF:
            await deposit.send(draft)
            await call.hang_up(_cause(draft.ended))
        case Verdict.DISCARD:
            await deposit.discard(*draft.earlier, draft.take)
            await part(call, say(language, "review-discarded-goodbye"))
    return None


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
