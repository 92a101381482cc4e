"""What a subscriber has sent to others: when, to whom, heard or not; and taking back what nobody has heard (row 20).

The way is fixed at its beginning, the latest first; whether a message can be taken back is looked up when its turn
comes.
"""

from collections.abc import Sequence

from ivr import menu
from ivr.call import Sound
from ivr.flows.addressing import result_of
from ivr.flows.asking import choose, confirm
from ivr.flows.visit import Visit
from ivr.keymap import Act
from prompts import phrases
from voicebox.distribution import Delivery, Result, Sending, Standing


async def sent_messages(visit: Visit) -> tuple[Sound, ...]:
    """Present what was sent, until the subscriber leaves; return what to say in the menu that follows.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    everything = await visit.services.distribution.sent(visit.owner)
    stops = [(sending, there) for sending, results in everything if (there := _reached(results))]
    if not stops:
        return (visit.say("sent-none"),)
    at = 0
    before: tuple[Sound, ...] = (visit.say("menu-sent"),)
    describe = True
    while True:
        sending, recipients = stops[at]
        standing = await visit.services.distribution.standing(visit.owner, sending.id)
        if describe:
            before = (*before, *await _about(visit, sending, recipients, standing))
        shown = menu.SENT if standing is not None and standing.unheard else menu.SENT.without(Act.RECALL)
        act = await choose(visit.call, shown, visit.language, *before)
        before, describe = (), True
        match act:
            case Act.RECALL:
                before, describe = await _recall(visit, sending), False
            case Act.NEXT if at == len(stops) - 1:
                return (visit.say("folder-no-more"),)
            case Act.NEXT:
                at += 1
            case Act.PREVIOUS if at == 0:
                before, describe = (visit.say("folder-no-previous"),), False
            case Act.PREVIOUS:
                at -= 1
            case Act.ENVELOPE:
                pass  # it is described again
            case _:
                return ()


def _reached(results: Sequence[Result]) -> list[Result]:
    """Return the recipients that got a copy, taken back since or not."""
    return [each for each in results if each.outcome in {Delivery.SENT, Delivery.RECALLED}]


async def _about(
    visit: Visit, sending: Sending, recipients: Sequence[Result], standing: Standing | None
) -> tuple[Sound, ...]:
    """Return when it was sent, to whom, who has not heard it, and from how many it was taken back."""
    if standing is None:
        return (visit.say("message-gone"),)
    when = phrases.received(visit.language, sending.created_at, visit.zone, visit.services.clock.now())
    back = standing.recalled if standing.copies else 0
    return (
        when,
        *await _recipients(visit, recipients, standing.copies or len(recipients)),
        visit.say(_how_it_stands(standing)) + phrases.recipients(visit.language, standing.unheard)
        if 0 < standing.unheard < standing.copies
        else visit.say(_how_it_stands(standing)),
        *([visit.say("sent-recalled-from") + phrases.recipients(visit.language, back)] if back else ()),
    )


async def _recipients(visit: Visit, recipients: Sequence[Result], copies: int) -> tuple[Sound, ...]:
    """Return the only recipient by name, or how many have a copy."""
    if len(recipients) > 1:
        return (phrases.recipients(visit.language, copies),)
    return await result_of(visit, recipients[0])


def _how_it_stands(standing: Standing) -> str:
    """Return the utterance; `sent-unheard-by` is a carrier, for how many."""
    if not standing.copies:
        return "sent-recalled"
    if standing.unheard:
        return "sent-unheard" if standing.unheard == standing.copies else "sent-unheard-by"
    return "sent-heard" if standing.heard == standing.copies else "sent-too-late"


async def _recall(visit: Visit, sending: Sending) -> tuple[Sound, ...]:
    """Take back what nobody has heard yet, after a confirmation; return what to say of it."""
    if not await confirm(visit.call, visit.say("sent-recall-question"), menu.CONFIRM):
        return (visit.say("menu-cancelled"),)
    recalled = await visit.services.distribution.recall(visit.owner, sending.id) or 0
    visit.call.note("recall", id=sending.id, copies=recalled)
    if not recalled:
        return (visit.say("sent-too-late"),)
    standing = await visit.services.distribution.standing(visit.owner, sending.id)
    if standing is not None and standing.copies:
        return (visit.say("sent-recalled-from") + phrases.recipients(visit.language, recalled),)
    return (visit.say("sent-recalled"),)
