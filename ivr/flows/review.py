"""The review after a recording: send, listen, record again, mark, discard (phone-menus.md, "The caller")."""

from enum import Enum, auto

from ivr import menu
from ivr.call import Clip, RecordEnd, Sound
from ivr.flows.asking import choose, confirm
from ivr.flows.draft import Deposit, Draft, usable
from ivr.keymap import Act
from prompts.phrases import Variant, say


class Verdict(Enum):
    """What becomes of a draft."""

    SEND = auto()
    DISCARD = auto()
    TRANSFER = auto()
    """Send it, then connect the caller to somebody else."""
    CUT_OFF = auto()
    """The call broke off during another recording: send what is there, and say nothing more."""


async def review(deposit: Deposit, draft: Draft, *before: Sound) -> Verdict:
    """Offer the review until the caller has decided; `before` is said first.

    The draft is changed in place, so that whoever catches an exception can still send it.

    Raises:
        GaveUpError: three silences or three wrong keys: the caller is done, so the draft is to be sent.
        Hangup: likewise.
    """
    call, language = deposit.call, deposit.language
    before = (*before, say(language, "review-recorded"))
    offered = deposit.way_out.menu(menu.REVIEW)
    while True:
        variants = {key: Variant.OFF for key, on in (("4", draft.urgent), ("5", draft.confidential)) if on}
        match await choose(call, offered, language, *before, variants=variants):
            case Act.SEND:
                return Verdict.SEND
            case Act.LISTEN:
                before = (Clip(draft.take.id),)
            case Act.AGAIN:
                again = await _record_again(deposit, draft)
                if isinstance(again, Verdict):
                    return again
                before = again
            case Act.URGENT:
                draft.urgent = not draft.urgent
                before = (say(language, f"review-urgent-{'on' if draft.urgent else 'off'}"),)
            case Act.CONFIDENTIAL:
                draft.confidential = not draft.confidential
                before = (say(language, f"review-confidential-{'on' if draft.confidential else 'off'}"),)
            case Act.TRANSFER:
                return Verdict.TRANSFER
            case Act.DISCARD:
                if await confirm(call, say(language, "review-discard-question"), menu.DISCARD):
                    return Verdict.DISCARD
                before = (say(language, "review-kept"),)


async def _record_again(deposit: Deposit, draft: Draft) -> Verdict | tuple[Sound, ...]:
    """Record once more; the earlier take stays until the new one has been accepted.

    Returns what to say before the review goes on, or the verdict where the call broke off.
    """
    language = deposit.language
    if await deposit.greet(say(language, "record-again")) is Act.TRANSFER:
        return Verdict.TRANSFER
    context = deposit.context(replaces=draft.take)
    recorded = await deposit.record(context)
    draft.ended = recorded.by
    if take := usable(recorded):
        draft.earlier.append(draft.take)
        draft.take, draft.context = take, context
    else:
        await deposit.discard(recorded.take)
    match recorded.by:
        case RecordEnd.HANGUP | RecordEnd.NO_RTP | RecordEnd.SHUTDOWN:
            return Verdict.CUT_OFF
        case _ if menu.RECORDING.act(recorded.key) is Act.TRANSFER:
            return Verdict.TRANSFER
        case _ if draft.context is not context:
            short = "record-no-speech" if recorded.by is RecordEnd.NO_SPEECH else "record-too-short"
            return (say(language, short, "review-kept-previous"),)
        case RecordEnd.MAXIMUM:
            return (say(language, "record-maximum", "review-recorded"),)
        case _:
            return (say(language, "review-recorded"),)
