"""What is played, encoded once: prompts are kept ready in every codec in use, so that playing costs no codec work."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

import structlog

from ivr.media.g711 import Pcm, encode
from ivr.media.promptpack import PromptPack
from ivr.media.tempo import stretch
from prompts.phrases import Phrase
from prompts.tones import RATE_HZ
from voicebox.codec import Codec
from voicebox.i18n import Language
from voicebox.resampling import resample

log = structlog.get_logger("voicebox.ivr.media.library")

VERSION: Final = 1
"""Of the way prompts are encoded: a new one makes new packs."""
HELD_MAX: Final = 512
"""Prompts held as bytes, at about 13 KB each."""

Load = Callable[[Language, str], Pcm]
"""Gives an utterance or tone by its id: int16 mono at 16 kHz. Never raises (`prompts.recordings.Recordings.pcm`)."""

Encode = Callable[[Pcm, int, Codec, float], Awaitable[bytes]]
"""`encoded` done somewhere else."""


def encoded(pcm: Pcm, rate_hz: int, codec: Codec, speed: float = 1.0) -> bytes:
    """Return samples of any rate encoded for a call, at 0.75 to 2.0 times their speed with the pitch kept. Blocks."""
    at_rate = resample(pcm, rate_hz, codec.value.rate_hz)
    return encode(stretch(at_rate, codec.value.rate_hz, speed), codec)


class PromptLibrary:
    """Prompts and tones by language and id, encoded for each codec."""

    def __init__(self, load: Load, pack: PromptPack | None = None) -> None:
        """Make one; without a `pack`, each prompt is encoded when it is first played."""
        self.elsewhere: Encode | None = None
        """Encodes clips at another speed (`Worker.encode_clip`). None: in a thread, where seconds of work for a long
        message make the media clock late."""
        self._load = load
        self._pack = pack
        # Calls that play the same prompt share its bytes; what is rarely said does not stay.
        self.chunk = lru_cache(maxsize=HELD_MAX)(self._chunk)

    @classmethod
    def open(cls, load: Load, wanted: Iterable[tuple[Language, str]], cache: Path, fingerprint: str) -> Self:
        """Make one with everything encoded ahead, from the cache where it fits. Blocks; the first time for seconds.

        Args:
            load: decodes a prompt.
            wanted: all prompts there are.
            cache: a folder for the encoded prompts.
            fingerprint: of the recordings: other ones are encoded anew.
        """
        path = cache / f"{fingerprint}-v{VERSION}.prompts"
        pack = PromptPack.open(path)
        if pack is None:
            prompts = {f"{language}/{prompt}": (language, prompt) for language, prompt in wanted}
            try:
                pack = PromptPack.build(path, prompts, lambda name: _encodings(name, load(*prompts[name])))
            except OSError as error:
                log.warning("prompts_not_cached", folder=str(cache), why=str(error))
        return cls(load, pack)

    def _chunk(self, language: Language, prompt: str, codec: Codec) -> bytes:
        """Return one utterance or tone."""
        ready = self._pack.get(f"{language}/{prompt}/{codec.name}") if self._pack is not None else None
        return ready if ready is not None else encoded(self._load(language, prompt), RATE_HZ, codec)

    def bytes_for(self, phrase: Phrase, codec: Codec) -> list[bytes]:
        """Return the chunks of a phrase, to be played one after the other."""
        return [self.chunk(phrase.language, each, codec) for each in phrase.ids]

    async def clip(self, pcm: Pcm, rate_hz: int, codec: Codec, speed: float = 1.0) -> bytes:
        """Return a message or greeting encoded for a call; `speed` is 0.75 to 2.0, the pitch stays."""
        if speed != 1.0 and self.elsewhere is not None:
            return await self.elsewhere(pcm, rate_hz, codec, speed)
        return await asyncio.to_thread(encoded, pcm, rate_hz, codec, speed)


def _encodings(name: str, pcm: Pcm) -> dict[str, bytes]:
    return {f"{name}/{codec.name}": encoded(pcm, RATE_HZ, codec) for codec in Codec}
