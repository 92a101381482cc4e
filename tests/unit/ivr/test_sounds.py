"""What flows want played, made into encoded audio."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from ivr import sounds
from ivr.call import Clip
from ivr.media.worker import WorkerDied
from ivr.sounds import Sounds
from prompts.phrases import say
from voicebox.codec import Codec
from voicebox.errors import DatabaseUnavailable, NoAudio, RecordingBroken, RecordingElsewhere, StoreUnavailable
from voicebox.i18n import Language
from voicebox.library import encode
from voicebox.message import Take

SECOND = np.arange(8000, dtype=np.int16)


class Prompts:
    """Encodes one byte a sample, and counts how often."""

    def __init__(self) -> None:
        self.encoded = 0

    def bytes_for(self, phrase: Any, codec: Codec) -> list[bytes]:
        return [b"phrase"]

    async def clip(self, samples: Any, rate_hz: int, codec: Codec, speed: float) -> bytes:
        self.encoded += 1
        return bytes(round(len(samples) / speed))


class Library:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.seconds = 1

    async def flac(self, audio_id: str) -> bytes:
        if self.error is not None:
            raise self.error
        return encode(np.tile(SECOND, self.seconds), 8000, "FLAC")


@dataclass
class Made:
    flac: bytes


class Stage:
    def __init__(self) -> None:
        self.prompts = Prompts()
        self.library = Library()
        self.assembling: Exception | None = None
        self.discarded: list[str] = []
        self.sounds = Sounds(self.prompts, self.library, self.assemble, self)  # type: ignore[arg-type] # small fakes

    async def assemble(self, take_id: str, samples: int) -> Made:
        if self.assembling is not None:
            raise self.assembling
        return Made(encode(SECOND[:4000], 8000, "FLAC"))

    async def discard(self, take_id: str) -> None:
        self.discarded.append(take_id)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_phrase_comes_from_the_prompts(stage: Stage) -> None:
    assert await stage.sounds.encoded(say(Language.DE, "menu-goodbye"), Codec.PCMU) == [b"phrase"]


async def test_a_recording_is_decoded_once_and_kept(stage: Stage) -> None:
    assert await stage.sounds.length_s("a") == 1.0
    assert [len(chunk) for chunk in await stage.sounds.encoded(Clip("a"), Codec.PCMU)] == [8000]
    assert stage.prompts.encoded == 1


@pytest.mark.parametrize(
    ("start_s", "speed", "left"), [(0.5, 1.0, 4000), (0.4, 2.0, 2400), (5.0, 1.0, 0), (-1, 1.0, 8000)]
)
async def test_a_clip_begins_where_it_is_wanted(stage: Stage, start_s: float, speed: float, left: int) -> None:
    (chunk,) = await stage.sounds.encoded(Clip("a", start_s, speed), Codec.PCMU)
    assert len(chunk) == left


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (NoAudio("none"), False),
        (DatabaseUnavailable("away"), True),
        (StoreUnavailable("away"), True),
        (RecordingElsewhere("with another node"), True),
        (WorkerDied("twice"), True),
    ],
)
async def test_what_cannot_be_read_is_empty_and_read_again_later(stage: Stage, error: Exception, away: bool) -> None:
    stage.library.error = error
    assert await stage.sounds.length_s("a") is None
    assert await stage.sounds.away("a") is away
    assert await stage.sounds.encoded(Clip("a"), Codec.PCMU) == []
    stage.library.error = None
    assert await stage.sounds.length_s("a") == 1.0
    assert not await stage.sounds.away("a")


@pytest.mark.parametrize("gone", [RecordingBroken("segments gone"), RecordingElsewhere("settled")])
async def test_a_take_is_heard_before_it_is_a_message_and_after(stage: Stage, gone: Exception) -> None:
    take = Take("7" * 32, 4000, 8000)
    stage.sounds.remember(take)
    assert await stage.sounds.length_s(take.id) == 0.5
    stage.sounds._kept.clear()
    stage.assembling = gone
    assert await stage.sounds.length_s(take.id) == 1.0


async def test_a_discarded_take_is_forgotten(stage: Stage) -> None:
    take = Take("7" * 32, 4000, 8000)
    stage.sounds.remember(take)
    await stage.sounds.discard(take)
    assert stage.discarded == [take.id]
    assert stage.sounds._takes == {}


async def test_what_is_kept_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "KEPT_MAX_BYTES", 20_000)
    for name in ("a", "b", "c"):
        await stage.sounds.length_s(name)
    assert [audio_id for audio_id, *_ in stage.sounds._kept] == ["b", "c"]
    assert stage.sounds._kept_bytes == 16_000
    stage.library.seconds = 3
    assert await stage.sounds.length_s("long") == 3.0
    assert stage.sounds._kept_bytes == 16_000
    monkeypatch.setattr(sounds, "TAKES_MAX", 2)
    for digit in "123":
        stage.sounds.remember(Take(digit * 32, 1, 8000))
    assert [key[0] for key in stage.sounds._takes] == ["2", "3"]
