"""One message on the line: playing it with pause, skips and speed, and doing with it what the subscriber asks.

Three modes, each with its own menu: playing, paused, and after it. Every key is an act; an act leads to the next
mode, or out of the message.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import Final

from ivr import menu
from ivr.call import Sound
from ivr.flows.asking import choose, tell
from ivr.flows.callback import call_back, may_call_back
from ivr.flows.envelope import envelope
from ivr.flows.mailcopy import mail_copy
from ivr.flows.provenance import provenance
from ivr.flows.reel import Reel
from ivr.flows.sending import forward, reply
from ivr.flows.visit import Visit
from ivr.keymap import Act
from prompts import phrases
from prompts.phrases import Variant
from voicebox.message import Message, State

SKIP_S: Final = 3.0
SPEEDS: Final = (1.0, 1.25, 1.5, 2.0, 0.75)
NEAR_END_S: Final = 0.1
"""So close to its end a recording may have nothing more to play, being cut into frames."""
PAUSE_S: Final = 60.0
"""So long a pause lasts before a reminder; the third one ends the call, so that no line is held for ever."""


class Step(Enum):
    """Where to go from a message."""

    NEXT = auto()
    PREVIOUS = auto()
    PASS = auto()
    """It is gone or cannot be played: go on in the same direction."""
    LEAVE = auto()


class Mode(Enum):
    """What is happening to a message."""

    PLAYING = auto()
    PAUSED = auto()
    AFTER = auto()


class Tempo:
    """The speed of playing; it stays from message to message."""

    def __init__(self) -> None:
        self._index = 0

    @property
    def speed(self) -> float:
        """How many seconds of a recording pass in one."""
        return SPEEDS[self._index]

    def change(self) -> None:
        """Step to the next speed, from the fastest to the slow one."""
        self._index = (self._index + 1) % len(SPEEDS)


class Presentation:
    """One message being presented."""

    def __init__(self, visit: Visit, message: Message, reel: Reel, tempo: Tempo, *, first: bool) -> None:
        self._visit = visit
        self._message = message
        self._reel = reel
        self._length_s = reel.length_s
        self._tempo = tempo
        self._first = first
        """Nothing precedes it."""
        self._mode = Mode.AFTER if message.state is State.DELETED else Mode.PLAYING
        self._at_s = 0.0
        self._silent = False
        """Playing ended at once: the recording broke since its length was asked for."""
        self._kept = False
        """The subscriber asked to keep it as new, which hearing it again does not undo."""
        self._before: tuple[Sound, ...] = ()

    async def run(self, *before: Sound) -> Step:
        """Present the message until the subscriber leaves it; `before` is its heading.

        Raises:
            GaveUpError: nobody answers any more.
            Hangup: the call is over; a message not heard to its end is as it was.
        """
        self._before = before
        step = None
        while step is None:
            step = await self._do(await self._next_act())
        return step

    @property
    def deleted(self) -> bool:
        """Whether the message is deleted as things stand."""
        return self._message.state is State.DELETED

    def _then(self, mode: Mode, *before: Sound) -> None:
        """Go on in a mode, after saying `before`."""
        self._mode = mode
        self._before = before

    async def _next_act(self) -> Act | None:
        """Play or ask, until something is to be done; None is the message's end, heard."""
        visit, before = self._visit, self._before
        self._before = ()
        match self._mode:
            case Mode.PLAYING:
                return await self._play(before)
            case Mode.PAUSED:
                resume = phrases.option(visit.language, phrases.Menu.PLAYING, "2", Variant.RESUME)
                paused = phrases.join([visit.say("message-paused"), resume], name="menu-paused")
                return await choose(
                    visit.call, menu.WHILE_PLAYING, visit.language, *before, spoken=paused, wait_s=PAUSE_S
                )
            case Mode.AFTER:
                shown = menu.DELETED if self.deleted else menu.AFTERWARDS
                if not may_call_back(visit, self._message):
                    shown = shown.without(Act.CALL_BACK)
                return await choose(visit.call, shown, visit.language, *before)

    async def _play(self, before: Sequence[Sound]) -> Act | None:
        """Play on from where it stopped, at the present speed."""
        call, shown = self._visit.call, menu.WHILE_PLAYING
        if before:  # apart, since a key in here must not move the position
            played = await call.play(*before, keys=shown.keys)
            if played.key:
                return shown.act(played.key)
        for part, clip in self._reel.from_(self._at_s, self._tempo.speed):
            played = await call.play(clip, keys=shown.keys)
            at_s = min(part.begins_s + played.clip_s, part.ends_s)
            begun_s = part.begins_s + clip.start_s
            self._silent = not played.key and at_s <= begun_s < part.ends_s - NEAR_END_S
            self._at_s = at_s if played.key or self._silent else part.ends_s
            if played.key:
                return shown.act(played.key)
        return None

    async def _do(self, act: Act | None) -> Step | None:
        """Do what was asked; return where to go, or None to stay."""
        match act:
            case None:
                await self._heard()
            case Act.REWIND | Act.WIND | Act.START | Act.END | Act.PLAY:
                self._move(act)
            case Act.PAUSE:
                self._then(Mode.PLAYING if self._mode is Mode.PAUSED else Mode.PAUSED)
            case Act.SPEED:
                self._tempo.change()
                self._then(Mode.PLAYING, self._visit.say(f"speed-{round(self._tempo.speed * 100)}"))
            case Act.ENVELOPE:
                more = await provenance(self._visit, self._message)
                self._then(self._mode, *await envelope(self._visit, self._message), *more)
            case Act.CALL_BACK:
                self._then(Mode.AFTER, *await call_back(self._visit, self._message))
            case Act.MORE if not self.deleted:
                return await self._more()
            case Act.DELETE:
                return await self._delete_or_restore()
            case Act.SAVE if not self.deleted:
                return await self._save()
            case Act.PREVIOUS if self._first:
                self._then(Mode.AFTER, self._visit.say("folder-no-previous"))
            case Act.PREVIOUS:
                return Step.PREVIOUS
            case Act.SAVE | Act.NEXT:
                return Step.NEXT
            case Act.BACK:
                return Step.LEAVE
            case _:
                self._then(self._mode)
        return None

    def _move(self, act: Act) -> None:
        """Move within the recording, never beyond its ends; the end is where playing stops."""
        match act:
            case Act.REWIND:
                self._at_s = max(0.0, self._at_s - SKIP_S)
            case Act.WIND:
                self._at_s = min(self._length_s, self._at_s + SKIP_S)
            case Act.END:
                self._at_s = self._length_s
            case _:
                self._at_s = 0.0
        if self._at_s < self._length_s:
            self._then(Mode.PLAYING)
        else:
            self._then(Mode.AFTER, self._visit.say("message-end"))

    async def _heard(self) -> None:
        """Note that the message was heard to its end: it is not new any more."""
        if self._silent:
            self._then(Mode.AFTER, self._visit.say("message-not-playable"))
            return
        if self._message.state is State.NEW and not self._kept:
            self._message = await self._visit.inbox.heard(self._message.id) or self._message
        self._then(Mode.AFTER, self._visit.say("message-end"))

    async def _save(self) -> Step:
        present = await self._after(self._visit.inbox.save)
        found = present is not None and present.state is not State.DELETED
        await tell(self._visit.call, self._visit.say("message-saved" if found else "message-gone"))
        return Step.NEXT if found else Step.PASS

    async def _delete_or_restore(self) -> Step | None:
        inbox = self._visit.inbox
        if self.deleted:
            return await self._changed(await self._after(inbox.restore), "message-restored")
        return await self._changed(await self._after(inbox.delete), "message-deleted")

    async def _more(self) -> Step | None:
        """Offer the rarer acts; going back goes on where the message was left."""
        visit = self._visit
        shown = menu.MORE if visit.mailbox.team else menu.MORE.without(Act.CLAIM)
        match await choose(visit.call, shown, visit.language):
            case Act.KEEP_NEW:
                self._kept = True
                present = await self._after(visit.inbox.keep_new)
                gone = present is None or present.state is State.DELETED
                return await self._changed(None if gone else present, "message-kept-new")
            case Act.MAIL:
                self._then(self._mode, await mail_copy(visit, self._message))
            case Act.REPLY:
                self._then(self._mode, *await reply(visit, self._message))
            case Act.FORWARD:
                self._then(self._mode, *await forward(visit, self._message))
            case Act.HANDLED:
                handled = await visit.inbox.handled(self._message.id, visit.owner)
                return await self._marked(handled, "message-handled")
            case Act.CLAIM:
                claimed = await visit.inbox.claim(self._message.id, visit.owner)
                return await self._marked(claimed, "message-claimed")
            case _:
                self._then(self._mode)
        return None

    async def _marked(self, message: Message | None, said: str) -> Step | None:
        """Say what was noted on the message, or what somebody else had noted before."""
        visit = self._visit
        if message is None:
            message = await visit.inbox.get(self._message.id)
            said = _taken(visit, message) if message is not None else "message-gone"
        if message is None or message.state is State.DELETED:
            await tell(visit.call, visit.say("message-gone"))
            return Step.PASS
        self._message = message
        self._then(self._mode, visit.say(said))
        return None

    async def _after(self, change: Callable[[str], Awaitable[Message | None]]) -> Message | None:
        """Change the message; return it as it is then, or None where it has gone for good.

        A change that finds nothing to do returns None too: somebody else was quicker, or it had been done before.
        """
        return await change(self._message.id) or await self._visit.inbox.get(self._message.id)

    async def _changed(self, message: Message | None, said: str) -> Step | None:
        """Go on with the message as it is now, or pass on where somebody else has removed it."""
        if message is None:
            await tell(self._visit.call, self._visit.say("message-gone"))
            return Step.PASS
        self._message = message
        self._then(Mode.AFTER, self._visit.say(said))
        return None


def _taken(visit: Visit, message: Message) -> str:
    """Return the words for a message that is handled, or else claimed, already."""
    if message.handled_by is not None:
        return "message-already-handled"
    return "message-claimed" if message.claimed_by == visit.owner.id else "message-already-claimed"
