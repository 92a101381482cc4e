"""Going through messages: the new ones, then the saved ones; or the deleted ones.

The way is a list of ids fixed at its beginning, so that positions do not shift under the subscriber when somebody
else changes the mailbox; each message is read afresh when its turn comes. Urgent messages lead each part, then the
oldest comes first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ivr.call import Sound
from ivr.flows.asking import tell
from ivr.flows.presenting import Presentation, Step, Tempo
from ivr.flows.reel import Reel
from ivr.flows.visit import Visit
from prompts import phrases
from prompts.phrases import Place
from voicebox.inbox import Cursor
from voicebox.message import Message, State

MOST: Final = 1000
"""Messages of one state that one call goes through; a mailbox of 900 minutes rarely holds more."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One message on the way."""

    id: str
    part: State
    """The state it had at the beginning."""


async def listen(visit: Visit) -> tuple[Sound, ...]:
    """Present the new messages, then the saved ones; return what to say in the menu that follows.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    new, saved = await _stops(visit, State.NEW), await _stops(visit, State.SAVED)
    if not new and not saved:
        return (visit.say("folder-empty"),)
    before = () if new else (visit.say("folder-no-new"),)
    return await _Tour(visit, (*new, *saved)).run(*before)


async def listen_deleted(visit: Visit) -> tuple[Sound, ...]:
    """Present the messages that can still be restored; return what to say in the menu that follows.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    deleted = await _stops(visit, State.DELETED)
    if not deleted:
        return (visit.say("folder-no-deleted"),)
    return await _Tour(visit, deleted).run(phrases.deleted_messages(visit.language, len(deleted)))


def in_order(messages: Iterable[Message]) -> list[Message]:
    """Return messages as they are presented: urgent ones first, then by time, the oldest first."""
    return sorted(messages, key=lambda message: (not message.urgent, message.received_at, message.id))


async def _stops(visit: Visit, state: State) -> tuple[Stop, ...]:
    found: list[Message] = []
    while len(found) < MOST and (page := await visit.inbox.messages(state, after=_last(found))):
        found += page
    return tuple(Stop(message.id, state) for message in in_order(found))


def _last(found: Sequence[Message]) -> Cursor | None:
    return Cursor(found[-1].received_at, found[-1].id) if found else None


class _Tour:
    """One way through messages, from the first stop until the last one or until the subscriber leaves."""

    def __init__(self, visit: Visit, stops: Sequence[Stop]) -> None:
        self._visit = visit
        self._stops = stops
        self._tempo = Tempo()
        self._deleted_here: set[str] = set()
        """What was deleted on the way can be come back to and restored."""

    async def run(self, *before: Sound) -> tuple[Sound, ...]:
        """Present message by message; `before` is said first. Return what to say in the menu that follows."""
        at, back = 0, False
        while at < len(self._stops):
            part = self._stops[at].part
            begins = at == 0 or self._stops[at - 1].part is not part
            if at and begins and not back:
                before = (self._visit.say("folder-no-more-new"),)
            place: Place = "previous" if back else "first" if begins else "next"
            match await self._present(self._stops[at], place, before, first=at == 0):
                case Step.LEAVE:
                    return ()
                case Step.PREVIOUS:
                    back = True
                case Step.PASS:
                    back = back and at > 0
                case Step.NEXT:
                    back = False
            at += -1 if back else 1
            before = ()
        return (self._visit.say("folder-no-more"),)

    async def _present(self, stop: Stop, place: Place, before: Sequence[Sound], *, first: bool) -> Step:
        """Present one message as it is now; one that is gone, or has no sound, is announced and passed."""
        visit = self._visit
        message = await visit.inbox.get(stop.id)
        if message is None or self._lost(message, stop):
            await tell(visit.call, *before, visit.say("message-gone"))
            return Step.PASS
        heading = phrases.heading(
            visit.language, place, message.state, urgent=message.urgent, confidential=message.confidential
        )
        reel = await Reel.of(message, visit.services.clips)
        if reel is None:
            away = [await visit.services.clips.away(each) for each in message.audio_ids]
            visit.call.note("away" if any(away) else "broken", message=message.id)
            await tell(visit.call, *before, heading, visit.say("message-not-playable"))
            return Step.PASS
        presentation = Presentation(visit, message, reel, self._tempo, first=first)
        unmailed = (visit.say("message-not-mailed"),) if message.warning else ()
        step = await presentation.run(*before, heading, *unmailed)
        (self._deleted_here.add if presentation.deleted else self._deleted_here.discard)(stop.id)
        return step

    def _lost(self, message: Message, stop: Stop) -> bool:
        """Return whether somebody else has deleted a message since the beginning."""
        elsewhere = message.state is State.DELETED and stop.part is not State.DELETED
        return elsewhere and stop.id not in self._deleted_here
