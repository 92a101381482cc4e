"""A message on its way to others: what was recorded, its marks, to whom it goes, and what is told of it.

"Sent" is said only after every copy is durable. Where nobody could get one, the recording stays, to be sent elsewhere.
"""

from collections.abc import Mapping
from typing import Final

from ivr import menu
from ivr.call import Sound
from ivr.flows.addressing import Addressed, result_of
from ivr.flows.asking import choose, confirm
from ivr.flows.dictation import Dictation
from ivr.flows.visit import Visit
from ivr.keymap import Act
from prompts import phrases
from prompts.phrases import Phrase, Variant
from voicebox.distribution import COMMENT_MIN_S, Delivery, Dispatch, Refusal, SendingRefused, Sent
from voicebox.errors import DatabaseUnavailable
from voicebox.ids import new_id
from voicebox.message import Message, MessageKind
from voicebox.takes import MESSAGE_MIN_S

_REFUSED: Final[Mapping[Refusal, str]] = {
    Refusal.EMPTY: "send-empty-list",
    Refusal.NOT_ALLOWED: "menu-not-allowed",
    Refusal.GONE: "message-gone",
    Refusal.UNKNOWN_LIST: "send-unknown-list",
    Refusal.NOTHING: "send-nothing-recorded",
}
MISSED_TOLD: Final = 10
"""Recipients without a copy who are told one by one; all of them are in what the API and the command line show."""
_MISSED: Final[Mapping[Delivery, str]] = {
    Delivery.FULL: "send-recipient-full",
    Delivery.OFF: "send-recipient-off",
    Delivery.UNKNOWN: "send-unknown-number",
    Delivery.RECALLED: "sent-recalled",
}


class Sheet:
    """One message being made."""

    def __init__(self, visit: Visit, kind: MessageKind, source: Message | None = None) -> None:
        """Begin one.

        Args:
            visit: who makes it.
            kind: what it is.
            source: what is forwarded; its marks are the new one's to begin with.
        """
        self._visit = visit
        self._kind = kind
        self._source = source
        forwarding = source is not None
        self.dictation = Dictation(
            visit,
            least_s=COMMENT_MIN_S if forwarding else MESSAGE_MIN_S,
            recorded="send-comment-recorded" if forwarding else "review-recorded",
        )
        self._urgent = source.urgent if source else False
        self._confidential = source.confidential if source else False
        self._ids: dict[object, str] = {}
        """Of what was tried to be sent: trying again what may have been written sends nothing twice."""
        self.done = False

    @property
    def variants(self) -> dict[str, Variant]:
        """The keys that take a mark away again."""
        taking = {"6": self._urgent, "7": self._confidential and not self._bound}
        return {key: Variant.OFF for key, on in taking.items() if on}

    @property
    def missing(self) -> bool:
        """Whether there is nothing to send yet: a forwarded message needs no comment."""
        return self._source is None and self.dictation.take is None

    @property
    def _bound(self) -> bool:
        """A confidential message stays so wherever it goes."""
        return self._source is not None and self._source.confidential

    async def edit(self, act: Act) -> tuple[Sound, ...]:
        """Record, hear or mark; return what to say of it.

        Raises:
            Hangup: the call is over.
        """
        match act:
            case Act.RECORD:
                return await self.dictation.record()
            case Act.LISTEN:
                return self.dictation.playback()
            case Act.URGENT:
                self._urgent = not self._urgent
                return (self._visit.say(f"review-urgent-{'on' if self._urgent else 'off'}"),)
            case Act.CONFIDENTIAL:
                self._confidential = self._bound or not self._confidential
                return (self._visit.say(f"review-confidential-{'on' if self._confidential else 'off'}"),)
            case _:
                return ()

    async def send_after_asking(self, to: Addressed | Phrase) -> tuple[Sound, ...]:
        """Name the recipients, and send where that is confirmed; return what to say of it.

        Raises:
            GaveUpError: nobody answers any more.
            Hangup: the call is over.
        """
        if isinstance(to, Phrase):
            return (to,)
        visit = self._visit
        if await choose(visit.call, menu.SEND, visit.language, *to.words) is not Act.SEND:
            return (visit.say("menu-cancelled"),)
        return await self.send(to)

    async def send(self, to: Addressed) -> tuple[Sound, ...]:
        """Send; return what to say of it. `done` is set where somebody got a copy."""
        visit, take = self._visit, self.dictation.take
        dispatch = Dispatch(
            kind=self._kind,
            sender=visit.owner,
            audience=to.audience,
            take=take,
            source=self._source,
            urgent=self._urgent,
            confidential=self._confidential,
            call_id=visit.call.facts.id,
            id=self._ids.setdefault((to.audience, take), new_id()),
        )
        try:
            sent = await visit.services.distribution.send(dispatch)
        except SendingRefused as refused:
            return (visit.say(_REFUSED[refused.why]),)
        except DatabaseUnavailable:
            self.dictation.in_doubt()
            return (visit.say("send-failed"),)
        except BaseException:  # cut off by a shutdown, or a fault of ours: it may be written all the same
            self.dictation.in_doubt()
            raise
        visit.call.note("sending", id=sent.id, kind=self._kind.value, sent=sent.reached, missed=len(sent.missed))
        if sent.reached:
            self.done = True
            self.dictation.given_away()
        return await self._told(sent, alone=to.alone)

    async def leave(self) -> bool:
        """Return whether the subscriber really leaves: a recording is thrown away only after a confirmation.

        Raises:
            Hangup: the call is over.
        """
        if self.dictation.take is None:
            return True
        return await confirm(self._visit.call, self._visit.say("review-discard-question"), menu.DISCARD)

    async def _told(self, sent: Sent, *, alone: bool) -> tuple[Sound, ...]:
        """Return how many got it and how many did not, and of these who, and why (row 20: a result per member)."""
        visit, reached, missed = self._visit, sent.reached, sent.missed
        if alone:
            return (visit.say("review-sent") if reached else visit.say("send-failed", _MISSED[missed[0].outcome]),)
        words: list[Sound] = [visit.say("review-sent" if not missed else "send-partly" if reached else "send-failed")]
        if reached:
            words.append(visit.say("send-reached") + phrases.recipients(visit.language, reached))
        if missed:
            words.append(visit.say("send-missed") + phrases.recipients(visit.language, len(missed)))
        for each in missed[:MISSED_TOLD]:
            words += [*await result_of(visit, each), visit.say(_MISSED[each.outcome])]
        return tuple(words)
