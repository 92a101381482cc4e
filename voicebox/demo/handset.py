"""Somebody with the independent phone at the ear: starts it, tells it what to do, and understands what is heard."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from ivr.media.g711 import Pcm
from voicebox.demo.eightbit import from_eight_bit, to_eight_bit
from voicebox.demo.faults import DemoError, deadline
from voicebox.demo.hearing import RATE_HZ, Match, Tone, ToneEar, recognise
from voicebox.demo.processes import running
from voicebox.demo.speech import Spoken

KNOWN: Final = 0.7
"""Likeness from which a sound is the one expected. Through pyVoIP's 8 bits voicebox's prompts come in at 0.9995, and so
does the message, which goes through them twice: it is loud, and G.711 is coarser there. With nine busy processes on two
cores packets come late, and 0.85 is left of a short prompt. Something else stays below 0.3."""
OVERLAP: Final = RATE_HZ // 5
"""So much of what was recognised may belong to what follows: a message's last packets can be lost to hanging up."""
START_S: Final = 60.0
"""For a process to start: a second or two, on a busy machine many times that."""
CALL_S: Final = 30.0
"""For what pyVoIP does at once, and on a busy machine does not."""
LATE: Final = RATE_HZ // 2
"""So much longer than it is a sound may take to arrive, in samples, and a quarter of its length besides."""
EVERY: Final = RATE_HZ // 5
"""Samples of speech that are shown at a time."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who uses a phone."""

    number: str
    name: str = ""
    diverted_from: str = ""
    """Whose call the PBX diverts, because nobody answered."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound that was recognised."""

    t: float
    """Seconds since the number was dialled."""
    likeness: float


T = TypeVar("T")

Listener = Callable[[float, str, Any], None]
"""Is told what goes over the line as it happens, with seconds since the number was dialled: `heard` and `said` with
int16 audio, `key` with a key."""


class Handset:
    """One phone and its one call."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: Listener) -> None:
        self._process = process
        self._on_line = on_line
        self._news = asyncio.Condition()
        self._seen: dict[str, int] = {}
        self._why = ""
        self._heard: list[Pcm] = []
        self._length = 0
        self._understood = 0
        """Up to here everything has been recognised, or does not matter any more."""
        self._ear = ToneEar()
        self._tone: Tone | None = None
        self._dialled_at = time.monotonic()

    # -- doing

    async def dial(self, number: str) -> float:
        """Call; returns after how many seconds somebody picked up."""
        self._dialled_at = time.monotonic()
        await self._do({"do": "call", "number": number})
        await self._wait(lambda: self._count("answered"), CALL_S, f"answer to the call of {number}")
        return self.t

    async def say(self, spoken: Spoken) -> None:
        """Speak, and return when the last word is out."""
        await self._do({"do": "say", "audio": base64.b64encode(to_eight_bit(spoken.pcm)).decode()})
        spoken_until = asyncio.create_task(self._show(spoken.pcm))
        try:
            await self._wait(lambda: self._count("said"), spoken.length_s * 2 + CALL_S, "end of what is spoken")
        finally:
            spoken_until.cancel()

    async def press(self, keys: str, *, secret: bool = False) -> None:
        """Press keys one after the other, and return when the last one is out."""
        before = self._count("pressed")
        await self._do({"do": "press", "keys": keys})
        for count in range(1, len(keys) + 1):
            await self._wait(partial(self._pressed, before + count), CALL_S, "sign of a key sent")
            key = keys[count - 1]
            self._on_line(self.t, "key", "•" if secret and key != "#" else key)

    async def hang_up(self) -> None:
        """End the call from this side."""
        await self._do({"do": "hang-up"})
        await self._wait(lambda: self._count("ended"), CALL_S, "end of the call")

    # -- hearing

    async def hear(self, spoken: Spoken, within_s: float) -> Heard:
        """Listen until a known sound is over; returns when that was.

        Raises:
            TooLateError: it was not to be heard; the text says what was expected.
        """
        found = await self._wait(lambda: self._look_for(spoken.pcm), within_s, f"“{spoken.text}” on the phone")
        return Heard(self.t, found.likeness)

    async def hear_tone(self, within_s: float) -> Tone:
        """Listen until the record tone is over."""
        return await self._wait(lambda: self._tone, within_s, "record tone on the phone")

    @property
    def t(self) -> float:
        """Seconds since the number was dialled."""
        return time.monotonic() - self._dialled_at

    def _look_for(self, sound: Pcm) -> Match | None:
        if self._length - self._understood < len(sound):
            return None
        recent = self.recent(self._understood)
        # Not all of what could not be it is looked at again.
        match = recognise(sound, recent)
        if match is None or match.likeness < KNOWN:
            self._understood = max(self._understood, self._length - len(sound) * 5 // 4 - LATE)
            return None
        self._understood += max(0, match.at + len(sound) - OVERLAP)
        return match

    def recent(self, since: int = 0) -> Pcm:
        """Return what was heard since a sample."""
        whole: Pcm = np.concatenate([np.empty(0, np.int16), *self._heard])
        return whole[since:]

    # -- the line to the phone

    async def listen(self) -> None:
        """Take in what the phone tells, until it ends."""
        stream = self._process.stdout
        if stream is None:
            raise ValueError("the phone has no standard output")
        while line := await stream.readline():
            event = json.loads(line)
            async with self._news:
                self._take(event)
                self._news.notify_all()
        async with self._news:
            self._why = self._why or "the phone has ended"
            self._news.notify_all()

    def _take(self, event: dict[str, Any]) -> None:
        name = str(event["event"])
        self._seen[name] = self._count(name) + 1
        match name:
            case "audio":
                pcm = from_eight_bit(base64.b64decode(event["audio"]))
                self._heard.append(pcm)
                self._length += len(pcm)
                self._tone = self._ear.feed(pcm) or self._tone
                self._on_line(self.t, "heard", pcm)
            case "failed":
                self._why = f"the phone failed: {event['why']}"
            case "ended":
                self._why = self._why or "the other side has hung up"

    async def _show(self, pcm: Pcm) -> None:
        """Tell what is being spoken as time goes by: the phone takes it all at once."""
        for start in range(0, len(pcm), EVERY):
            self._on_line(self.t, "said", pcm[start : start + EVERY])
            await asyncio.sleep(EVERY / RATE_HZ)

    async def _do(self, command: dict[str, Any]) -> None:
        stream = self._process.stdin
        if stream is None:
            raise ValueError("the phone has no standard input")
        try:
            stream.write(json.dumps(command).encode() + b"\n")
            await stream.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise DemoError("the phone has ended") from None

    def _pressed(self, count: int) -> bool:
        return self._count("pressed") >= count

    def _count(self, event: str) -> int:
        return self._seen.get(event, 0)

    async def _wait(self, look: Callable[[], T | None], within_s: float, what: str) -> T:
        """Wait until `look` sees something."""
        async with deadline(within_s, what), self._news:
            while not (found := look()):
                if self._why:
                    raise DemoError(f"{self._why}; expected: {what}")
                await self._news.wait()
            return found

    async def ready(self) -> None:
        """Wait until the phone can call."""
        await self._wait(lambda: self._count("ready"), START_S, "sign of the phone, which starts")


@asynccontextmanager
async def handset(caller: Caller, server_port: int, *, folder: Path, on_line: Listener) -> AsyncIterator[Handset]:
    """Have a phone that is ready to call, in a process of its own, until the context ends."""
    command = [sys.executable, "-m", "voicebox.demo.phone", "--server-port", str(server_port)]
    command += ["--number", caller.number, "--name", caller.name, "--diverted-from", caller.diverted_from]
    with (folder / "phone.log").open("ab") as log:
        async with running(command, folder=folder, log=log, talking=True) as process:
            made = Handset(process, on_line)
            listening = asyncio.create_task(made.listen())
            try:
                await made.ready()
                yield made
            finally:
                listening.cancel()
