"""One call in progress, as flows see it: the `Call` protocol over a leg and its media stream.

Keys come in at any moment, synchronously, from the media stream or by SIP INFO. A key that the present method
listens to stops the playing sound at once, in the same callback; the coroutine wakes later. Keys are traced when a
flow takes them, with the time they were pressed, so that a passcode typed ahead never shows.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from ivr.call import (
    BETWEEN_DIGITS_S,
    FIRST_DIGIT_S,
    KEYS,
    MENU_SILENCE_S,
    Clip,
    Facts,
    Hangup,
    Pause,
    Played,
    Recorded,
    RecordEnd,
    RecordLimits,
    Sound,
    TransferEnd,
)
from ivr.departure import out_of_mailbox
from ivr.leg import Leg
from ivr.media.playback import Playback
from ivr.media.recorder import RecordingHandle
from ivr.media.recording import Ending, Limits
from ivr.media.spoolwriter import SpoolError
from ivr.sdp import Session as Description
from ivr.sip.session_timer import SessionTimer
from ivr.sip.turns import caught_up
from ivr.sounds import Sounds
from ivr.switchboard import RING_S, Connecting, Switchboard
from prompts.phrases import Phrase, say
from prompts.tones import RINGBACK
from voicebox.callrecord import Trace
from voicebox.codec import FRAME_MS
from voicebox.ids import new_id
from voicebox.mailbox import Mailbox
from voicebox.message import Take
from voicebox.outbound import Dial

log = structlog.get_logger()

RINGS: Final = round(RING_S / 5.0) + 1
"""Ringing tones, of 5 s each, that outlast the ringing."""
TYPED_AHEAD_MAX: Final = 64
"""Keys kept for later; more than a number, a PIN and a few menu choices is a stuck key."""


@dataclass(frozen=True, slots=True)
class _Press:
    key: str
    t: float


class Session:
    """A call in progress. Its methods are used by one flow at a time."""

    def __init__(
        self,
        facts: Facts,
        leg: Leg,
        sounds: Sounds,
        trace: Trace,
        *,
        local: Description,
        timer: SessionTimer | None,
        opening_silence_s: float,
        board: Switchboard | None = None,
    ) -> None:
        """Begin a session that is not answered yet.

        Args:
            facts: who called whom, from where.
            leg: the SIP side.
            sounds: makes phrases and clips playable.
            trace: of the call's record.
            local: our description for the 200.
            timer: the session timer for the 200.
            opening_silence_s: between the ACK and the first sound.
            board: connects to others; without one nobody can be reached.
        """
        self._facts = facts
        self._leg = leg
        self._sounds = sounds
        self._trace = trace
        self._local = local
        self._timer = timer
        self._opening_silence_s = opening_silence_s
        self._board = board
        self._connecting: Connecting | None = None
        self._recording: RecordingHandle | None = None
        self._typed: deque[_Press] = deque()
        self._stops: frozenset[str] = frozenset()
        self._ignores = False
        self._playback: Playback | None = None
        self._wake: asyncio.Future[None] | None = None
        self._over = False
        leg.on_over = self._ended
        leg.stream.on_key = self._pressed
        leg.stream.on_fault = self._broke

    @property
    def facts(self) -> Facts:
        """Who called whom, from where."""
        return self._facts

    def note(self, event: str, **facts: Any) -> None:
        """Write an event into the call's trace."""
        self._trace.add(self._leg.elapsed_s(), event, **facts)

    # -- what happens to the call, at any moment

    def _pressed(self, key: str) -> None:
        if key not in KEYS:
            return
        if self._recording is not None:
            if not self._recording.over:
                # The stream itself ends a recording by its stop keys.
                if key in self._stops:
                    self.note("key", key=key)
                return
        elif self._ignores and key not in self._stops:
            return
        if len(self._typed) >= TYPED_AHEAD_MAX:
            return
        self._typed.append(_Press(key, self._leg.elapsed_s()))
        if key in self._stops:
            if self._playback is not None:
                self._playback.stop()
            self._wake_up()

    def _ended(self) -> None:
        self._over = True
        if self._playback is not None:
            self._playback.stop()
        if self._recording is not None:
            self._recording.stop(Ending.HANGUP)
        if self._connecting is not None:
            self._connecting.caller_left()
        self._wake_up()

    def _broke(self, error: Exception) -> None:
        """Take in that the media of this call failed by a fault of ours."""
        log.error("media_failed", call=self._facts.id, error=repr(error))
        self.note("error", what="media")
        self._leg.bye(_reason("media failed"))

    def end(self, by: RecordEnd) -> None:
        """End the call from outside: a recording ends, is kept and then hung up; anything else is hung up at once."""
        if self._recording is not None and not self._recording.over:
            self._recording.stop(Ending(by.value))
        else:
            self._leg.bye(_reason("shutting down"), status=503)

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # -- answering and ending

    async def answer(self) -> None:
        """Pick up, wait for the ACK and the opening silence, which trunks would otherwise clip a syllable in."""
        self._check()
        if self._leg.answered:
            return
        await self._leg.answer(self._local, self._timer)
        self._check()
        await self.pause(self._opening_silence_s)

    async def hang_up(self, cause: str = "") -> None:
        """End the call by BYE; `cause` is for people who read the trace of the other side."""
        if not self._over:
            self._leg.bye(_reason(cause) if cause else "")

    def _check(self) -> None:
        if self._over:
            raise Hangup

    # -- playing and asking

    async def play(self, *sounds: Sound, keys: str = KEYS) -> Played:
        """Play sounds one after the other until a key among `keys`; see `Call.play`."""
        self._check()
        stops = frozenset(keys)
        if stops:
            while self._typed and self._typed[0].key not in stops:
                self._typed.popleft()
        return await self._sound(sounds, stops, ignores=bool(stops))

    async def key(self, *sounds: Sound, keys: str = KEYS, wait_s: float = MENU_SILENCE_S) -> str:
        """Play, then wait for one key of any kind; see `Call.key`."""
        del keys  # what is offered is the menu's business: every key is returned, to be counted
        self._check()
        played = await self._sound(sounds, frozenset(KEYS), ignores=False)
        return played.key or await self._next_key(wait_s)

    async def digits(
        self,
        *sounds: Sound,
        most: int,
        first_s: float = FIRST_DIGIT_S,
        between_s: float = BETWEEN_DIGITS_S,
        secret: bool = False,
    ) -> str:
        """Collect digits ended by `#`, `*` or silence; see `Call.digits`."""
        self._check()
        typed = ""
        count = 0
        played = await self._sound(sounds, frozenset(KEYS), ignores=False, secret=secret)
        key = played.key or await self._next_key(first_s, secret=secret)
        while key and key != "#":
            count += 1
            if len(typed) < most or key == "*":
                typed += key
            if key == "*":
                break
            key = await self._next_key(between_s, secret=secret)
        if secret:
            self._typed.clear()
            self.note("secret", count=count)
        return typed

    def forget_keys(self) -> None:
        """Discard keys typed ahead."""
        self._typed.clear()

    async def pause(self, length_s: float) -> None:
        """Let time pass in silence; keys are kept."""
        self._check()
        self._stops, self._ignores = frozenset(), False
        await self._sleep_until(asyncio.get_running_loop().time() + length_s, lambda: False)
        self._check()

    async def _sound(
        self, sounds: tuple[Sound, ...], stops: frozenset[str], *, ignores: bool, secret: bool = False
    ) -> Played:
        """Play until a key in `stops`; keys outside it are dropped where `ignores`."""
        self._stops, self._ignores = stops, ignores
        clip_s = 0.0
        try:
            for sound in sounds:
                if stops and self._typed:
                    break
                clip_s = await self._one(sound, clip_s)
                self._check()
        finally:
            self._ignores = False
        return Played(self._take_key(stops, secret=secret), clip_s)

    async def _one(self, sound: Sound, clip_s: float) -> float:
        """Play one sound; return the position in the last clip begun."""
        match sound:
            case Pause(length_s):
                await self._sleep_until(asyncio.get_running_loop().time() + length_s, self._interrupted)
                return clip_s
            case Phrase() | Clip():
                title = sound.title if isinstance(sound, Phrase) else f"clip:{sound.audio_id}"
                chunks = await self._encoded(sound)
                if self._over or self._interrupted():
                    return sound.start_s if isinstance(sound, Clip) else clip_s
                self.note("prompt", id=title)
                self._playback = playback = self._leg.stream.play(chunks)
                await playback.done
                self._playback = None
                by = "hangup" if self._over else "key" if self._interrupted() else "end"
                self.note("prompt-end", id=title, by=by)
                if isinstance(sound, Clip):
                    codec = self._leg.codec.value
                    played_s = playback.position_bytes / codec.frame_bytes * FRAME_MS / 1000
                    return sound.start_s + played_s * sound.speed
                return clip_s

    async def _encoded(self, sound: Phrase | Clip) -> list[bytes]:
        """Return a sound in the call's codec, also where a re-INVITE changes that while a clip is being made ready."""
        while True:
            codec = self._leg.codec
            chunks = await self._sounds.encoded(sound, codec)
            if codec is self._leg.codec:
                return chunks

    def _interrupted(self) -> bool:
        return bool(self._stops) and any(press.key in self._stops for press in self._typed)

    def _take_key(self, stops: frozenset[str], *, secret: bool = False) -> str:
        while self._typed and stops:
            press = self._typed.popleft()
            if press.key in stops:
                if not secret:
                    self._trace.add(press.t, "key", key=press.key)
                return press.key
        return ""

    async def _next_key(self, wait_s: float, *, secret: bool = False) -> str:
        self._stops, self._ignores = frozenset(KEYS), False
        until = asyncio.get_running_loop().time() + wait_s
        await self._sleep_until(until, lambda: bool(self._typed))
        if not self._typed and not self._over:
            await caught_up()  # a key by INFO
            self._leg.stream.catch_up()
        self._check()
        return self._take_key(self._stops, secret=secret)

    async def _sleep_until(self, when: float, enough: Callable[[], bool]) -> None:
        """Sleep until `when` (loop time), the end of the call, or until a key makes it `enough`."""
        loop = asyncio.get_running_loop()
        while not self._over and not enough() and (left_s := when - loop.time()) > 0:
            self._wake = loop.create_future()
            handle = loop.call_later(left_s, self._wake_up)
            try:
                await self._wake
            finally:
                handle.cancel()
                self._wake = None

    # -- recording

    async def record(self, context: bytes, limits: RecordLimits) -> Recorded:
        """Record into the spool until a stop key, silence, the maximum, or a hang-up; see `Call.record`.

        Raises:
            SpoolError: the disk refuses; nothing was recorded that could be promised. What is on disk later after all
                becomes what a restart would make of it.
        """
        if self._over:
            return Recorded(RecordEnd.HANGUP)
        self._typed.clear()
        self._stops = frozenset(limits.stop_keys)
        self.note("record", state="begin")
        self._recording = self._leg.stream.record(
            new_id(),
            context,
            Limits(
                max_s=limits.max_s,
                stop_keys=limits.stop_keys,
                silence_s=limits.silence_s,
                no_speech_s=limits.no_speech_s,
                keep_tail_s=limits.keep_tail_s,
                warn_s=limits.warn_s,
            ),
        )
        handle = self._recording
        try:
            outcome = await handle.done
        except SpoolError:
            self.note("record", state="end", by="failed")
            raise
        finally:
            self._recording = None
        take = Take(handle.id, outcome.samples, outcome.rate_hz) if outcome.samples else None
        length = {"take": take.id, "duration_s": round(take.duration_s, 3)} if take is not None else {}
        self.note("record", state="end", by=outcome.by.value, **length)
        if take is not None:
            self._sounds.remember(take)
        return Recorded(RecordEnd(outcome.by.value), outcome.key, take)

    async def discard(self, take: Take) -> None:
        """Forget a take durably."""
        await self._sounds.discard(take)

    # -- connecting to others

    async def transfer(
        self,
        dial: Dial,
        payer: Mailbox,
        *,
        diverted: bool,
        answered: Callable[[], None],
        lease_s: Callable[[], float | None],
    ) -> TransferEnd:
        """Ring somebody else, and let them talk until either hangs up; see `Call.transfer`."""
        self._check()
        if self._board is None:
            return TransferEnd.FAILED
        tone = await self._encoded(say(payer.language, RINGBACK))
        self._check()
        origin = out_of_mailbox(payer, self._facts.arrival.caller if diverted else None, self._leg.invite.request)
        connecting = self._connecting = Connecting(
            self._board, self._leg, dial, origin, ringback=tone * RINGS, answered=answered, lease_s=lease_s
        )
        # Keys are the other side's meanwhile.
        self._typed.clear()
        self._stops, self._ignores = frozenset(), True
        try:
            if diverted and self._board.takes_over(self._facts.origin.peer, dial):
                end = await connecting.by_refer()
            else:
                end = await connecting.by_second_leg()
        finally:
            self._connecting, self._ignores = None, False
        if end is not TransferEnd.REFERRED:  # then the call is over by right
            self._check()
        return end


def _reason(text: str) -> str:
    """Return a Reason header's value (RFC 3326) that only explains: for the network, nothing went wrong."""
    return f'SIP ;cause=200 ;text="voicebox: {text}"'
