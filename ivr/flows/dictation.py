"""Recording something of one's own to be sent: a message, or a comment on one that is forwarded.

What is recorded stays until it is sent, replaced by a usable recording, or thrown away; who hangs up throws it away.
"""

from typing import Final

from ivr import menu
from ivr.call import Clip, Recorded, RecordEnd, RecordLimits, Sound
from ivr.flows.asking import tell
from ivr.flows.visit import Visit
from prompts import phrases
from voicebox.message import Take
from voicebox.takes import OwnContext

PURPOSE: Final = "comment"
"""Of the recordings in the spool: what a crash leaves of them is kept only where a row of audio says so."""


class Dictation:
    """What a subscriber has recorded so far."""

    def __init__(self, visit: Visit, *, least_s: float, recorded: str) -> None:
        """Begin with nothing recorded.

        Args:
            visit: whose it is.
            least_s: what is shorter, after trimming, is not kept.
            recorded: the id of what is said after a recording.
        """
        self._visit = visit
        self._least_s = least_s
        self._recorded = recorded
        self.take: Take | None = None
        self._doubtful = False

    async def record(self) -> tuple[Sound, ...]:
        """Record from a tone to `#`, `*`, silence or the maximum; return what to say of it.

        Raises:
            Hangup: the call was over before the recording began.
        """
        visit = self._visit
        reserved = await visit.services.space.reserve(visit.owner.message_max_s)
        if reserved is None:
            visit.call.note("refused", why="storage")
            return (visit.say("record-failed"),)
        try:
            await tell(visit.call, visit.say("record-again"), phrases.record_tone(visit.language))
            visit.call.forget_keys()
            limits = RecordLimits(max_s=visit.owner.message_max_s, stop_keys=menu.DICTATION.keys)
            recorded = await visit.call.record(self._context(), limits)
        finally:
            reserved.release()
        return await self._take_in(recorded)

    def playback(self) -> tuple[Sound, ...]:
        """Return the recording, or the words that there is none."""
        return (self._visit.say("send-nothing-recorded"),) if self.take is None else (Clip(self.take.id),)

    def given_away(self) -> None:
        """Note that the recording has been sent: it is not to be thrown away any more."""
        self.take, self._doubtful = None, False

    def in_doubt(self) -> None:
        """Note that the recording may have been sent: it stays in the spool, where recovery looks for its row."""
        self._doubtful = True

    async def discard(self) -> None:
        """Throw away what was recorded, if anything and if it is certain that nobody got it."""
        take, self.take = self.take, None
        doubtful, self._doubtful = self._doubtful, False
        if take is not None and not doubtful:
            await self._visit.call.discard(take)

    def _context(self) -> bytes:
        owner, call_id = self._visit.owner, self._visit.call.facts.id
        return OwnContext(owner.company_id, owner.id, call_id, PURPOSE).to_bytes()

    async def _take_in(self, recorded: Recorded) -> tuple[Sound, ...]:
        """Keep a usable recording instead of the one before; return what to say."""
        visit, take = self._visit, recorded.take
        usable = take is not None and take.duration_s >= self._least_s
        if usable:
            await self.discard()
            self.take = take
        elif take is not None:
            await visit.call.discard(take)
        match recorded.by:
            case RecordEnd.NO_RTP | RecordEnd.SHUTDOWN:
                await visit.call.hang_up("no RTP" if recorded.by is RecordEnd.NO_RTP else "shutting down")
                return ()
            case _ if not usable:
                short = "record-no-speech" if recorded.by is RecordEnd.NO_SPEECH else "record-too-short"
                return (visit.say(short, *(["review-kept-previous"] if self.take else [])),)
            case RecordEnd.MAXIMUM:
                return (visit.say("record-maximum", self._recorded),)
            case _:
                return (visit.say(self._recorded),)
