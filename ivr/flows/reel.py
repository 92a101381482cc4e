"""The recordings of one message, end to end: its comments, then the message itself.

A position counts over all of them, so that skipping and pausing work across their seams.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.call import Clip
from ivr.flows.services import Clips
from voicebox.message import Message


@dataclass(frozen=True, slots=True)
class Part:
    """One recording, and where it lies."""

    audio_id: str
    begins_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class Reel:
    """Recordings in the order in which they are played."""

    parts: tuple[Part, ...]

    @classmethod
    async def of(cls, message: Message, clips: Clips) -> "Reel | None":
        """Make a message's recordings ready; None where the message cannot be played as a whole.

        A comment that is broken is left out. One that is only away is not: without it the message would count as heard.
        """
        parts: list[Part] = []
        at_s = 0.0
        length_s: float | None = None
        for audio_id in message.audio_ids:
            length_s = await clips.length_s(audio_id)
            if not length_s and await clips.away(audio_id):
                return None
            if length_s:
                parts.append(Part(audio_id, at_s, at_s + length_s))
                at_s += length_s
        return cls(tuple(parts)) if length_s else None

    @property
    def length_s(self) -> float:
        """Length of all together."""
        return self.parts[-1].ends_s

    def from_(self, at_s: float, speed: float) -> Iterator[tuple[Part, Clip]]:
        """Yield what is left from a position on; it is at most the whole length."""
        for part in self.parts:
            if at_s < part.ends_s or part is self.parts[-1]:
                yield part, Clip(part.audio_id, max(0.0, at_s - part.begins_s), speed)
