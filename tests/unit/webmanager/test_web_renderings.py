"""Files of messages are made once, a few at a time, and kept within bounds."""

import asyncio

import pytest

from voicebox.errors import NoAudio
from webmanager import renderings
from webmanager.renderings import AT_ONCE, Format, Renderings


class Library:
    """Stands in for the audio library: notes what is made and how many at once."""

    def __init__(self, size: int = 100) -> None:
        self.made: list[tuple[str, str]] = []
        self.size = size
        self.at_once = self.most_at_once = 0

    async def _make(self, audio_id: str, format_: str) -> bytes:
        self.made.append((audio_id, format_))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if audio_id == "missing":
            raise NoAudio(audio_id)
        return f"{audio_id}{format_}".encode().ljust(self.size)

    async def wav(self, audio_id: str) -> bytes:
        return await self._make(audio_id, "wav")

    async def mp3(self, audio_id: str) -> bytes:
        return await self._make(audio_id, "mp3")


def kept_by(library: Library) -> Renderings:
    return Renderings(library)  # type: ignore[arg-type]  # only these two of its methods are asked


async def test_the_second_asker_gets_what_the_first_had_made() -> None:
    library = Library()
    files = kept_by(library)
    first = await files.get(("a",), Format.MP3)
    assert await files.get(("a",), Format.MP3) is first
    assert library.made == [("a", "mp3")]
    assert (await files.get(("a",), Format.WAV)).etag != first.etag


async def test_few_are_made_at_once() -> None:
    library = Library()
    files = kept_by(library)
    await asyncio.gather(*(files.get((f"{n}",), Format.MP3) for n in range(20)))
    assert library.most_at_once == AT_ONCE


async def test_what_is_kept_is_bounded_and_the_least_used_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "KEPT_MAX_BYTES", 300)
    library = Library(size=100)
    files = kept_by(library)
    for audio_id in "abc":
        await files.get((audio_id,), Format.MP3)
    await files.get(("a",), Format.MP3)
    await files.get(("d",), Format.MP3)
    assert files.kept_bytes == 300
    library.made.clear()
    await files.get(("a",), Format.MP3)
    await files.get(("b",), Format.MP3)
    assert library.made == [("b", "mp3")]


async def test_twins_made_at_the_same_time_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    files = kept_by(Library(size=100))
    await asyncio.gather(*(files.get(("a",), Format.MP3) for _ in range(4)))
    assert files.kept_bytes == 100
    monkeypatch.setattr(renderings, "KEPT_MAX_BYTES", 150)
    await files.get(("b",), Format.MP3)
    assert files.kept_bytes <= 150


async def test_a_giant_is_given_but_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "KEPT_MAX_BYTES", 300)
    files = kept_by(Library(size=200))
    assert len((await files.get(("a",), Format.WAV)).data) == 200
    assert files.kept_bytes == 0


async def test_a_failure_is_not_kept_and_frees_its_turn() -> None:
    library = Library()
    files = kept_by(library)
    for _ in range(5):
        with pytest.raises(NoAudio):
            await files.get(("missing",), Format.MP3)
    assert (await files.get(("a",), Format.MP3)).data
