"""A call without a network: the package's own fake of `ivr.call.Call`, for flows and whoever extends them.

The caller is a list of steps, taken one after the other as the flow listens; time is virtual, so that a call of
minutes runs in microseconds:

    call = ScriptedCall([press("#"), speak(5), press("#"), press("1")])
    await call.run(leave_message(call, services, mailbox, Reason.BUSY))
    assert "message-sent" in call.heard

A step waits for its turn: `press` is not typed before the flow listens for a key, `speak` not before it records.
Keys of one `press` come in one burst, so that what follows the first `#` of a passcode is typed ahead. A script that
ends too early, or is not used up, is an error: no test passes by accident.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ivr.call import (
    BETWEEN_DIGITS_S,
    FIRST_DIGIT_S,
    KEYS,
    MENU_SILENCE_S,
    Clip,
    Facts,
    Hangup,
    Line,
    Origin,
    Pause,
    Played,
    Recorded,
    RecordEnd,
    RecordLimits,
    Sound,
    TransferEnd,
)
from ivr.script import HangUp, ListenTo, LoseRtp, Meanwhile, Press, Quiet, Ring, ShutDown, Silence, Speak, Step
from prompts.phrases import Phrase
from voicebox.arrival import Arrival
from voicebox.callrecord import Trace
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Take
from voicebox.outbound import Dial

RATE_HZ: Final = 8000
"""Takes are narrow-band, as on most calls."""
UTTERANCE_S: Final = 1.0
"""How long an utterance lasts here."""
OPENING_S: Final = 0.5
"""The silence after ACK."""


class ScriptMismatchError(AssertionError):
    """The flow and the script do not fit: the test, or the flow, is wrong."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What `record` was asked for, and what came of it."""

    context: bytes
    limits: RecordLimits
    result: Recorded


@dataclass(frozen=True, slots=True)
class Dialled:
    """What `transfer` was asked for."""

    number: str
    payer: str
    """The mailbox's extension."""
    diverted: bool


def facts(
    caller: str | None = "+492115550000",
    *,
    called: str = "1001",
    line: Line = Line.CLAIMED,
    company_id: int = 1,
    device: str | None = None,
    withheld: bool = False,
) -> Facts:
    """Facts of a call from a trusted peer, or from a phone where `device` names its mailbox."""
    return Facts(
        id="ca11" * 8,
        arrival=Arrival(called=called, caller=Caller(None if withheld else caller, withheld=withheld)),
        origin=Origin(
            company_id=company_id,
            peer=device or "pbx",
            line=Line.DEVICE if device else line,
            address="127.0.0.1",
            device=device,
            trusted=device is None,
        ),
    )


class ScriptedCall:
    """A call whose caller follows a script; see the module's docstring.

    `clips` gives the length of recorded audio by id, in seconds; takes are added as they are recorded. `check` is
    called with each phrase played. `hang_up_at` ends the call at that operation of the flow (0 = its first), so that
    a test can hang up everywhere. Takes are numbered from `first_take` on, for tests of several calls.
    """

    def __init__(
        self,
        steps: Sequence[Step] = (),
        *,
        facts_: Facts | None = None,
        clips: Mapping[str, float] | None = None,
        check: Callable[[Phrase], object] | None = None,
        hang_up_at: int | None = None,
        first_take: int = 1,
        transfers: TransferEnd | None = None,
    ) -> None:
        self.now_s: float = 0.0
        self.clips: dict[str, float] = dict(clips or {})
        self.heard: list[str] = []
        """Ids of the utterances and clips begun, in order."""
        self.played: list[Sound] = []
        """The sounds begun, in order."""
        self.trace = Trace()
        self.recordings: list[Recording] = []
        self.discarded: list[str] = []
        self.dialled: list[Dialled] = []
        """Whom the caller was connected to, or should have been."""
        self.answered = False
        self.over = False
        self.cause: str | None = None
        """Why the flow hung up; None when it did not."""
        self.operations = 0
        self._facts = facts_ or facts()
        self._steps: list[Step] = list(steps)
        self._buffer = ""
        """Keys that were typed and not yet taken."""
        self._secret = False
        self._check = check
        self._hang_up_at = hang_up_at
        self._first_take = first_take
        self._transfers = transfers

    def follow(self, steps: Sequence[Step]) -> None:
        """Replace what is left of the script."""
        self._steps = list(steps)

    async def run(self, flow: Awaitable[object]) -> None:
        """Run a flow as the engine does, and insist that the script was used up.

        Raises:
            ScriptMismatchError: steps are left over.
        """
        try:
            await flow
        except Hangup:
            self.over = True
        if self._steps and self._hang_up_at is None:
            raise ScriptMismatchError(f"the flow ended before {self._steps}; heard {self.heard}")

    def notes(self, event: str) -> list[dict[str, Any]]:
        """Return the trace's entries of one kind, without their time."""
        return [
            {name: value for name, value in entry.items() if name not in {"t", "event"}}
            for entry in self.trace.entries
            if entry["event"] == event
        ]

    @property
    def facts(self) -> Facts:
        """Who called whom, from where."""
        return self._facts

    def note(self, event: str, **facts: Any) -> None:
        """Write an event into the trace, at the virtual time."""
        self.trace.add(self.now_s, event, **facts)

    async def answer(self) -> None:
        """Pick up; half a second of silence passes."""
        await self._begin()
        if not self.answered:
            self.answered = True
            self.now_s += OPENING_S

    async def play(self, *sounds: Sound, keys: str = KEYS) -> Played:
        """Play; the next key among `keys` stops it."""
        await self._begin()
        return await self._sounds(sounds, keys)

    async def key(self, *sounds: Sound, keys: str = KEYS, wait_s: float = MENU_SILENCE_S) -> str:
        """Play and wait for one key, which may be any."""
        del keys  # every key counts here; the engine shows in the trace which were offered
        await self._begin()
        return (await self._sounds(sounds, KEYS)).key or await self._wait(wait_s)

    async def digits(
        self,
        *sounds: Sound,
        most: int,
        first_s: float = FIRST_DIGIT_S,
        between_s: float = BETWEEN_DIGITS_S,
        secret: bool = False,
    ) -> str:
        """Collect digits up to `#`; a secret's are only counted in the trace."""
        await self._begin()
        typed, self._secret = "", secret
        key = (await self._sounds(sounds, KEYS)).key or await self._wait(first_s)
        while key not in {"", "#"}:
            typed += key if len(typed) < most or key == "*" else ""
            if key == "*":
                break
            key = await self._wait(between_s, typing=True)
        self._secret = False
        if secret:
            self.note("secret", count=len(typed))
            self._buffer = ""
        return typed

    def forget_keys(self) -> None:
        """Discard keys typed ahead."""
        self._buffer = ""

    async def pause(self, length_s: float) -> None:
        """Let virtual time pass."""
        await self._begin()
        self.now_s += length_s

    async def record(self, context: bytes, limits: RecordLimits) -> Recorded:
        """Record what the script says; never raises `Hangup`."""
        self.operations += 1
        self._buffer = ""
        take_id = f"{self._first_take + len(self.recordings):032x}"
        kept_s, by, key = await self._be_recorded(limits, cut_off=self.operations - 1 == self._hang_up_at)
        take = Take(take_id, round(kept_s * RATE_HZ), RATE_HZ) if kept_s else None
        if take:
            self.clips[take_id] = take.duration_s
        result = Recorded(by, key, take)
        self.recordings.append(Recording(context, limits, result))
        self.note("record", by=str(by), duration_s=round(kept_s, 3))
        return result

    async def discard(self, take: Take) -> None:
        """Forget a take; playing it later is an error."""
        self.discarded.append(take.id)
        self.clips.pop(take.id, None)

    async def transfer(
        self,
        dial: Dial,
        payer: Mailbox,
        *,
        diverted: bool,
        answered: Callable[[], None],
        lease_s: Callable[[], float | None],
    ) -> TransferEnd:
        """Connect the caller as the script says, for as long as it says."""
        del lease_s
        await self._begin()
        self.dialled.append(Dialled(dial.number, payer.number, diverted))
        if self._steps and isinstance(step := self._steps[0], Ring):
            self._steps.pop(0)
        elif self._transfers is not None:
            step = Ring(self._transfers, 60.0, hang_up=False)
        else:
            raise self._mismatch(f"dials {dial.number}")
        self._buffer = ""
        if step.end in {TransferEnd.CONNECTED, TransferEnd.LIMIT}:
            answered()
            self.now_s += step.talk_s
        if step.hang_up:
            self.over = True
            raise Hangup
        return step.end

    async def hang_up(self, cause: str = "") -> None:
        """End the call from our side."""
        if not self.over:
            self.over = True
            self.cause = cause

    async def _begin(self) -> None:
        """Count an operation, and end the call where the caller does."""
        operation, self.operations = self.operations, self.operations + 1
        if self.over or operation == self._hang_up_at:
            self.over = True
            raise Hangup
        await self._events()

    async def _events(self) -> None:
        """Take the steps that do not depend on what the flow listens for."""
        while self._steps and isinstance(step := self._steps[0], Meanwhile):
            self._steps.pop(0)
            await step.do()
        if self._steps and isinstance(self._steps[0], HangUp):
            self._steps.pop(0)
            self.over = True
            raise Hangup

    def _mismatch(self, doing: str) -> ScriptMismatchError:
        says = self._steps[0] if self._steps else "nothing more"
        return ScriptMismatchError(f"the flow {doing}, the script says {says}; heard {self.heard}")

    async def _sounds(self, sounds: Sequence[Sound], keys: str) -> Played:
        """Play sounds until a key among `keys`."""
        position_s = from_s = 0.0
        for sound in sounds:
            if sound is not sounds[0]:
                await self._events()
            length_s = self._length_s(sound)
            key, at_s = self._interrupt(keys, from_s, from_s + length_s)
            position_s = self._begun(sound, at_s - from_s, position_s, key)
            if key:
                return Played(key, position_s)
            from_s = at_s
        return Played("", position_s)

    def _interrupt(self, keys: str, from_s: float, to_s: float) -> tuple[str, float]:
        """Return the key that stops a sound lasting from `from_s` to `to_s`, and when; no key: its end."""
        at_s = from_s
        while keys:
            if self._buffer:
                key = self._next_key()
                if key in keys:
                    return key, at_s
            elif self._steps and isinstance(step := self._steps[0], Press) and (step.at_s < to_s or not step.at_s):
                at_s = max(step.at_s, at_s)
                self._buffer += step.keys
                self._steps.pop(0)
            else:
                break
        return "", to_s

    def _next_key(self) -> str:
        key, self._buffer = self._buffer[0], self._buffer[1:]
        if not self._secret:
            self.note("key", key=key)
        return key

    def _length_s(self, sound: Sound) -> float:
        match sound:
            case Phrase(ids=ids):
                if self._check:
                    self._check(sound)
                return len(ids) * UTTERANCE_S
            case Clip(audio_id=audio_id, start_s=start_s, speed=speed):
                if audio_id not in self.clips:
                    raise self._mismatch(f"plays {audio_id}, which is not there")
                return max(0.0, self.clips[audio_id] - start_s) / speed
            case Pause(length_s=length_s):
                return length_s

    def _begun(self, sound: Sound, for_s: float, position_s: float, key: str) -> float:
        """Note that a sound was heard for so long; return the position in the last clip begun."""
        self.played.append(sound)
        title = ""
        ids: tuple[str, ...] = ()
        match sound:
            case Phrase(ids=utterances):
                title, ids = sound.title, utterances[: int(for_s / UTTERANCE_S) + 1]
            case Clip(audio_id=audio_id, start_s=start_s, speed=speed):
                title, ids, position_s = f"clip:{audio_id}", (audio_id,), start_s + for_s * speed
        self.heard.extend(ids)
        if title:
            self.note("prompt", id=title)
        self.now_s += for_s
        if title:
            self.note("prompt-end", id=title, by="key" if key else "end")
        if not key and self._steps and isinstance(step := self._steps[0], ListenTo) and step.id in ids:
            self._steps.pop(0)
        return position_s

    async def _wait(self, wait_s: float, *, typing: bool = False) -> str:
        """Wait for a key; `typing` is the wait between digits, which any other step than a key ends."""
        if not self._buffer:
            await self._events()
            match self._steps[0] if self._steps else None:
                case Press(keys=keys):
                    self._buffer += keys
                    self._steps.pop(0)
                case Silence():
                    self._steps.pop(0)
                case ListenTo():
                    pass
                case _ if not typing:
                    raise self._mismatch("waits for a key")
        if self._buffer:
            return self._next_key()
        self.now_s += wait_s
        return ""

    async def _be_recorded(self, limits: RecordLimits, *, cut_off: bool) -> tuple[float, RecordEnd, str]:
        """Return how many seconds are kept, and why the recording ended; `cut_off`: before the next key."""
        at_s = voice_until_s = 0.0
        end, key = (RecordEnd.HANGUP if self.over else None), ""
        while end is None:
            while self._buffer and not key:
                key = pressed if (pressed := self._next_key()) in limits.stop_keys else ""
            if key:
                end = RecordEnd.KEY
                break
            step = self._steps.pop(0) if self._steps else None
            match step:
                case Press(keys=keys) if not cut_off:
                    self._buffer += keys
                case Speak(length_s=length_s):
                    voice_until_s = at_s = min(at_s + length_s, limits.max_s)
                    end = RecordEnd.MAXIMUM if at_s == limits.max_s else None
                case Quiet() | Silence():
                    quiet_s = step.length_s if isinstance(step, Quiet) else limits.max_s
                    patience_s = limits.silence_s if voice_until_s else limits.no_speech_s
                    ends_s = min(voice_until_s + patience_s, limits.max_s)
                    if (at_s := min(at_s + quiet_s, ends_s)) == limits.max_s:
                        end = RecordEnd.MAXIMUM
                    elif at_s == ends_s:
                        end = RecordEnd.SILENCE if voice_until_s else RecordEnd.NO_SPEECH
                case Meanwhile(do=do):
                    await do()
                case LoseRtp():
                    end = RecordEnd.NO_RTP
                case ShutDown():
                    end = RecordEnd.SHUTDOWN
                case HangUp():
                    end = RecordEnd.HANGUP
                case _ if cut_off:
                    end = RecordEnd.HANGUP
                case _:
                    self._steps[:0] = [step] if step else []
                    raise self._mismatch("records")
        self.over = self.over or end is RecordEnd.HANGUP
        self.now_s += at_s
        kept_s = voice_until_s + min(at_s - voice_until_s, limits.keep_tail_s) if voice_until_s else 0.0
        return kept_s, end, key
