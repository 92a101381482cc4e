"""Prompts encoded once, and the tones that callers hear."""

from pathlib import Path

import numpy as np
import pytest

from ivr.media.g711 import Pcm, decode
from ivr.media.library import PromptLibrary, encoded
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


WANTED = [(Language.DE, RECORD), (Language.EN, WARNING)]


def test_prompts_are_encoded_ahead_once_for_each_set_of_recordings(tmp_path: Path) -> None:
    shelf = Shelf()
    library = PromptLibrary.open(shelf, WANTED, tmp_path, "one")
    assert sorted(shelf.asked) == sorted(WANTED)
    for language, prompt in WANTED:
        for codec in Codec:
            assert library.chunk(language, prompt, codec) == encoded(TONES[prompt], 16_000, codec)
    again = PromptLibrary.open(shelf, WANTED, tmp_path, "one")
    assert again.chunk(Language.DE, RECORD, Codec.PCMA) == library.chunk(Language.DE, RECORD, Codec.PCMA)
    assert len(shelf.asked) == 2
    PromptLibrary.open(shelf, WANTED, tmp_path, "two")
    assert len(shelf.asked) == 4
    assert [path.name.startswith("two") for path in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize("keep", [0, 5, 14, 40, 2000])
def test_a_torn_cache_is_made_anew(tmp_path: Path, keep: int) -> None:
    shelf = Shelf()
    PromptLibrary.open(shelf, WANTED, tmp_path, "one")
    (pack,) = tmp_path.iterdir()
    pack.write_bytes(pack.read_bytes()[:keep])
    library = PromptLibrary.open(shelf, WANTED, tmp_path, "one")
    assert len(shelf.asked) == 4
    assert library.chunk(Language.DE, RECORD, Codec.PCMU) == encoded(TONES[RECORD], 16_000, Codec.PCMU)


def test_without_room_for_a_cache_prompts_are_encoded_when_played(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    library = PromptLibrary.open(Shelf(), WANTED, blocked / "cache", "one")
    assert library.chunk(Language.DE, RECORD, Codec.PCMU) == encoded(TONES[RECORD], 16_000, Codec.PCMU)


async def test_a_clip_of_any_rate_is_encoded_for_the_call() -> None:
    pcm = (8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16)
    clip = await PromptLibrary(Shelf()).clip(pcm, 48_000, Codec.PCMU, 2.0)
    assert len(clip) == 4000
    assert peak_hz(decode(clip, Codec.PCMU)) == pytest.approx(440, abs=5)
