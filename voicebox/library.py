"""Playing back: any piece of audio as samples or as a file, wherever it lies at the moment.

A message can be heard as soon as it is left: while its audio is still in the spool, it is assembled on demand.
Decoding and encoding run in threads: libsndfile works without the interpreter's lock.
"""

import asyncio
import contextlib
import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from voicebox.errors import NoAudio, RecordingBroken, RecordingElsewhere
from voicebox.resampling import resample
from voicebox.storage import audio
from voicebox.storage.audio import AudioState
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database

Samples = npt.NDArray[np.int16]
"""Mono, 16 bits."""

MP3_COMPRESSION: Final = 0.4
"""libsndfile's scale, 0 best to 1 smallest: at 8 kHz 32 kbit/s, above what G.711 can carry."""


class Assembled(Protocol):
    """A recording made whole: gaps filled, the tail trimmed, encoded as FLAC."""

    @property
    def flac(self) -> bytes:
        """The file: mono, 16 bits."""
        ...

    @property
    def samples(self) -> int:
        """How many it holds."""
        ...

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        ...

    @property
    def peaks(self) -> bytes:
        """The loudest sample of each of up to 200 equal parts, 255 being full scale."""
        ...


Assemble = Callable[[str, int], Awaitable[Assembled]]
"""Makes a take of the spool whole: `(take id, samples to keep)`.

Raises:
    RecordingElsewhere: our spool has nothing of this id; another node's may.
    RecordingBroken: what is there is not playable, and never will be.
    Exception: it failed this time.
"""


class AudioLibrary:
    """Reads audio by its id."""

    def __init__(self, db: Database, store: AudioStore, assemble: Assemble) -> None:
        self._db = db
        self._store = store
        self._assemble = assemble

    async def flac(self, audio_id: str) -> bytes:
        """Return the audio as FLAC, mono, 16 bits, at its own rate.

        Raises:
            NoAudio: there is none of this id, or it is broken.
            StoreUnavailable: the store cannot be reached, or the node that took the audio has not brought it there yet.
            DatabaseUnavailable: likewise.
        """
        for again in (False, True):  # settled since we looked, here or on another node, the spool forgets it
            row = await self._row(audio_id)
            if row is None or row.state is AudioState.BROKEN:
                break
            if row.blob_key is not None:
                return await self._store.get(row.blob_key)
            try:
                return (await self._assemble(audio_id, row.samples)).flac
            except RecordingBroken:
                continue
            except RecordingElsewhere:
                if again:
                    raise
        raise NoAudio(f"there is nothing to play under {audio_id}")

    async def joined(self, *audio_ids: str) -> bytes:
        """Return several pieces as one FLAC, end to end: a message's comments, then the message itself (the last).

        A comment that is broken is left out, since the message can still be heard.

        Raises:
            NoAudio: there is nothing to play of the message itself.
            StoreUnavailable, DatabaseUnavailable: as `flac`.
        """
        *comments, own = audio_ids
        last = await self.flac(own)
        if not comments:
            return last
        pieces: list[bytes] = []
        for audio_id in comments:
            with contextlib.suppress(NoAudio):
                pieces.append(await self.flac(audio_id))
        return await asyncio.to_thread(_join, [*pieces, last])

    async def pcm(self, audio_id: str) -> tuple[Samples, int]:
        """Return the audio as samples (int16, mono) and their rate; raises as `flac`."""
        return await asyncio.to_thread(decode, await self.flac(audio_id))

    async def wav(self, *audio_ids: str) -> bytes:
        """Return audio as a WAV file, PCM, 16 bits, at its own rate; several pieces and errors as in `joined`."""
        flac = await self.joined(*audio_ids)
        return await asyncio.to_thread(_convert, flac, "WAV")

    async def mp3(self, *audio_ids: str) -> bytes:
        """Return audio as an MP3 file; several pieces and errors as in `joined`."""
        flac = await self.joined(*audio_ids)
        return await asyncio.to_thread(_convert, flac, "MP3")

    async def length_s(self, audio_id: str) -> float | None:
        """Return the length in seconds by the row; None if there is nothing playable of this id."""
        row = await self._row(audio_id)
        return None if row is None or row.state is AudioState.BROKEN else row.samples / row.rate_hz

    async def _row(self, audio_id: str) -> audio.AudioRow | None:
        async with self._db.read() as connection:
            return await audio.get(connection, audio_id)


def decode(data: bytes) -> tuple[Samples, int]:
    """Decode a file libsndfile knows into mono int16 and its rate; raises NoAudio if it cannot be read. Blocks."""
    try:
        found, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise NoAudio("the stored audio cannot be decoded") from error
    samples: Samples = np.ascontiguousarray(found[:, 0])
    return samples, int(rate_hz)


def encode(samples: Samples, rate_hz: int, format_: str) -> bytes:
    """Encode mono int16 as FLAC, WAV or MP3. Blocks."""
    file = io.BytesIO()
    if format_ == "MP3":
        options = {"subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": MP3_COMPRESSION}
    else:
        options = {"subtype": "PCM_16"}
    soundfile.write(file, samples, rate_hz, format=format_, **options)
    return file.getvalue()


def _join(pieces: Sequence[bytes]) -> bytes:
    """Return FLAC files as one, at the highest of their rates: a comment may come over another codec. Blocks."""
    decoded = [decode(piece) for piece in pieces]
    rate_hz = max(rate_hz for _, rate_hz in decoded)
    return encode(np.concatenate([resample(samples, own_hz, rate_hz) for samples, own_hz in decoded]), rate_hz, "FLAC")


def _convert(flac: bytes, format_: str) -> bytes:
    samples, rate_hz = decode(flac)
    return encode(samples, rate_hz, format_)
