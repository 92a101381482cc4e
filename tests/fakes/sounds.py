"""Sound in the audio store, with its row, as settlement or an upload has left it there."""

import uuid
from datetime import datetime

from tests.fakes.rows import NOW
from voicebox.library import Samples, encode
from voicebox.storage import audio
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database


async def stored(
    db: Database, store: AudioStore, company_id: int, samples: Samples, rate_hz: int = 8000, *, now: datetime = NOW
) -> str:
    """Store a piece of audio; return its id."""
    audio_id = uuid.uuid4().hex
    flac = encode(samples, rate_hz, "FLAC")
    key = await store.put(company_id, audio_id, flac, now)
    await db.write(
        lambda connection: audio.add(
            connection,
            audio_id=audio_id,
            company_id=company_id,
            samples=len(samples),
            rate_hz=rate_hz,
            now=now,
            blob_key=key,
            size_bytes=len(flac),
        )
    )
    return audio_id
