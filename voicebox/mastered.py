"""Keeping a recording that was made fit for callers, before anything plays it (voicemail.md, row 12)."""

from datetime import datetime

from voicebox.announcement import Mastered
from voicebox.ids import new_id
from voicebox.storage import audio
from voicebox.storage.blobs import AudioStore, audio_key
from voicebox.storage.database import Database


async def keep(db: Database, store: AudioStore, company_id: int, made: Mastered, now: datetime) -> str:
    """Keep a recording and return the id of its audio, which nothing names yet.

    Its row comes first: whatever fails from then on is swept up by ageing, a blob without a row would not be.

    Raises:
        DatabaseUnavailable, StoreUnavailable: it was not kept, or not surely.
    """
    audio_id = new_id()
    key = audio_key(company_id, audio_id, now)
    await db.write(lambda connection: audio.add_mastered(connection, audio_id, company_id, made, blob_key=key, now=now))
    await store.put(company_id, audio_id, made.flac, now)
    return audio_id
