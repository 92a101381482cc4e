"""Messages as files to listen to, made once and kept for a while.

A player asks for one message in many ranges; encoding it for each would cost a core. What is kept is bounded in bytes,
what is made at once in number: calls go first.
"""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiohttp import web

from voicebox.library import AudioLibrary

KEPT_MAX_BYTES: Final = 32 * 1024 * 1024
"""An hour of PCM at 8 kHz would be 56 MiB; the messages somebody listens to now are a few minutes each."""
AT_ONCE: Final = 2


class Format(StrEnum):
    """A file format."""

    WAV = "wav"
    MP3 = "mp3"

    @property
    def content_type(self) -> str:
        """Return its media type."""
        return "audio/wav" if self is Format.WAV else "audio/mpeg"


@dataclass(frozen=True, slots=True)
class Rendering:
    """A file."""

    data: bytes
    etag: str
    """Quoted, strong: of the bytes themselves, so that an encoder's update cannot mix two files in one download."""


class Renderings:
    """Makes files of messages, and keeps the latest."""

    def __init__(self, library: AudioLibrary) -> None:
        self._library = library
        self._kept: OrderedDict[tuple[tuple[str, ...], Format], Rendering] = OrderedDict()
        self._bytes = 0
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def get(self, audio_ids: tuple[str, ...], format_: Format) -> Rendering:
        """Return audio as one file, its pieces end to end.

        Raises:
            NoAudio, StoreUnavailable, DatabaseUnavailable: as `AudioLibrary.joined`.
        """
        key = (audio_ids, format_)
        if (kept := self._found(key)) is not None:
            return kept
        async with self._turn:
            if (kept := self._found(key)) is not None:  # somebody made it while we waited
                return kept
            data = await (self._library.wav(*audio_ids) if format_ is Format.WAV else self._library.mp3(*audio_ids))
            made = Rendering(data, f'"{hashlib.sha256(data).hexdigest()[:32]}"')
            self._keep(key, made)
            return made

    @property
    def kept_bytes(self) -> int:
        """How much is kept."""
        return self._bytes

    def _found(self, key: tuple[tuple[str, ...], Format]) -> Rendering | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _keep(self, key: tuple[tuple[str, ...], Format], made: Rendering) -> None:
        if key in self._kept or len(made.data) > KEPT_MAX_BYTES // 2:  # one giant must not push out everything
            return
        self._kept[key] = made
        self._bytes += len(made.data)
        while self._bytes > KEPT_MAX_BYTES:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.data)


RENDERINGS: Final = web.AppKey("renderings", Renderings)
