"""What is played, encoded once: prompts are kept ready in every codec in use, so that playing costs no codec work."""

import asyncio
from collections.abc import Callable, Iterable

import numpy as np
import soxr

from ivr.media.g711 import Pcm, encode
from ivr.media.tempo import stretch
from prompts.phrases import Phrase
from prompts.tones import RATE_HZ
from voicebox.codec import Codec
from voicebox.i18n import Language

Load = Callable[[Language, str], Pcm]
"""Gives an utterance or tone by its id: int16 mono at 16 kHz. Never raises (`prompts.recordings.Recordings.pcm`)."""


def resample(pcm: Pcm, from_hz: int, to_hz: int) -> Pcm:
    """Return int16 mono samples at another rate; peaks that the filter would push over full scale are clipped."""
    if from_hz == to_hz or not len(pcm):
        return pcm
    found = soxr.resample(pcm.astype(np.float32), from_hz, to_hz, quality="HQ")
    clipped: Pcm = np.clip(np.rint(found), -32768, 32767).astype(np.int16)
    return clipped


def encoded(pcm: Pcm, rate_hz: int, codec: Codec, speed: float = 1.0) -> bytes:
    """Return samples of any rate encoded for a call, at 0.75 to 2.0 times their speed with the pitch kept. Blocks."""
    at_rate = resample(pcm, rate_hz, codec.value.rate_hz)
    return encode(stretch(at_rate, codec.value.rate_hz, speed), codec)


class PromptLibrary:
    """Prompts and tones by language and id, encoded for each codec."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._ready: dict[tuple[Language, str, Codec], bytes] = {}

    @property
    def held_bytes(self) -> int:
        """Memory that the encoded prompts take."""
        return sum(map(len, self._ready.values()))

    def chunk(self, language: Language, prompt: str, codec: Codec) -> bytes:
        """Return one utterance or tone. The first time it is encoded, which blocks: see `prepare`."""
        key = language, prompt, codec
        if key not in self._ready:
            self._ready[key] = encoded(self._load(language, prompt), RATE_HZ, codec)
        return self._ready[key]

    def bytes_for(self, phrase: Phrase, codec: Codec) -> list[bytes]:
        """Return the chunks of a phrase, to be played one after the other."""
        return [self.chunk(phrase.language, each, codec) for each in phrase.ids]

    async def prepare(self, wanted: Iterable[tuple[Language, str]], codecs: Iterable[Codec] = tuple(Codec)) -> None:
        """Encode ahead, in a thread, so that no call waits for it."""
        for language, prompt in wanted:
            for codec in codecs:
                if (language, prompt, codec) not in self._ready:
                    await asyncio.to_thread(self.chunk, language, prompt, codec)

    async def clip(self, pcm: Pcm, rate_hz: int, codec: Codec, speed: float = 1.0) -> bytes:
        """Return a message or greeting encoded for a call, in a thread."""
        return await asyncio.to_thread(encoded, pcm, rate_hz, codec, speed)
