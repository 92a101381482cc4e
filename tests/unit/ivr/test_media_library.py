"""Prompts encoded once, and the tones that callers hear."""

import numpy as np
import pytest

from ivr.media.g711 import Pcm, decode
from ivr.media.library import PromptLibrary, encoded, resample
from prompts.phrases import Phrase
from prompts.tones import RECORD, TONES, WARNING
from voicebox.codec import Codec
from voicebox.i18n import Language


class Shelf:
    """Hands out tones, counting how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Language, str]] = []

    def __call__(self, language: Language, prompt: str) -> Pcm:
        self.asked.append((language, prompt))
        return TONES[prompt]


def peak_hz(pcm: Pcm) -> float:
    return float(np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)), 8000)).argmax())


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
def test_the_record_tone_is_what_machines_look_for(codec: Codec) -> None:
    """1000 Hz, 250 ms, peak 8,230, ramps of 5 ms (interfaces.md)."""
    sound = decode(PromptLibrary(Shelf()).chunk(Language.DE, RECORD, codec), codec)
    assert len(sound) == 2000
    assert peak_hz(sound) == pytest.approx(1000, abs=1)
    assert int(np.abs(sound).max()) == pytest.approx(8230, rel=0.04)
    assert int(np.abs(sound[:8]).max()) < 2500
    assert int(np.abs(sound[48:56]).max()) > 7500


def test_the_warning_is_two_short_beeps() -> None:
    sound = decode(encoded(TONES[WARNING], 16_000, Codec.PCMA), Codec.PCMA).astype(np.int32)
    loud = np.abs(sound).reshape(-1, 80).max(axis=1) > 3000  # each 10 ms
    assert np.diff(np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))).tolist()[::2] == [6, 6]
    assert peak_hz(sound[:480].astype(np.int16)) == pytest.approx(1400, abs=20)


def test_a_prompt_is_loaded_and_encoded_once_for_each_codec() -> None:
    shelf = Shelf()
    library = PromptLibrary(shelf)
    phrase = Phrase(Language.DE, (RECORD, WARNING, RECORD))
    first = library.bytes_for(phrase, Codec.PCMU)
    second = library.bytes_for(phrase, Codec.PCMU)
    assert all(one is two for one, two in zip(first, second, strict=True))
    assert len(shelf.asked) == 2
    library.bytes_for(phrase, Codec.PCMA)
    assert len(shelf.asked) == 4
    assert library.held_bytes == 2 * (len(first[0]) + len(first[1]))


async def test_prompts_are_prepared_ahead() -> None:
    shelf = Shelf()
    library = PromptLibrary(shelf)
    await library.prepare([(Language.DE, RECORD), (Language.EN, RECORD)])
    assert len(shelf.asked) == 2 * len(Codec)
    library.chunk(Language.EN, RECORD, Codec.PCMA)
    assert len(shelf.asked) == 2 * len(Codec)


async def test_a_clip_of_any_rate_is_encoded_for_the_call() -> None:
    pcm = (8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16)
    clip = await PromptLibrary(Shelf()).clip(pcm, 48_000, Codec.PCMU, 2.0)
    assert len(clip) == 4000
    assert peak_hz(decode(clip, Codec.PCMU)) == pytest.approx(440, abs=5)


def test_resampling_does_not_wrap_around_at_full_scale() -> None:
    square = np.where(np.arange(16_000) // 40 % 2, 32_767, -32_768).astype(np.int16)
    found = resample(square, 16_000, 8000).astype(np.int32)
    assert np.abs(found - square[::2]).max() < 40_000
    assert resample(square, 8000, 8000) is square
