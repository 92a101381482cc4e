"""Rows of audio: where the sound of a message or greeting lies, in the spool or in the audio store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.announcement import Mastered
from voicebox.storage.tables import audio
from voicebox.storage.text import error_line
from voicebox.storage.upsert import Upsert


class AudioState(StrEnum):
    """Where the sound is."""

    SPOOL = "spool"
    """In the spool of the node that took it, as it came from the network. The row does not say which node that is."""
    STORED = "stored"
    """In the audio store, under its key."""
    BROKEN = "broken"
    """In the spool, but nothing playable could be made of it; or in none, for a day: announced and passed."""


@dataclass(frozen=True, slots=True)
class AudioRow:
    """One piece of audio."""

    id: str
    company_id: int
    state: AudioState
    samples: int
    rate_hz: int
    blob_key: str | None
    attempts: int
    last_error: str | None
    created_at: datetime


_COLUMNS: Final = [audio.c[f.name] for f in fields(AudioRow)]
_ADD: Final = Upsert(lambda insert: insert(audio).on_conflict_do_nothing(index_elements=["id"]))
_GET: Final = select(*_COLUMNS).where(audio.c.id == bindparam("of_audio"))
_UNSETTLED: Final = (
    select(*_COLUMNS)
    .where(audio.c.id.in_(bindparam("ids", expanding=True)), audio.c.state != AudioState.STORED)
    .order_by(audio.c.created_at, audio.c.id)
)
_OVERDUE: Final = (
    select(audio.c.id)
    .where(
        audio.c.state == AudioState.SPOOL,
        audio.c.state != AudioState.STORED,  # in these words, so that the index of what is unsettled serves
        audio.c.created_at <= bindparam("before"),
        audio.c.id > bindparam("after"),
    )
    .order_by(audio.c.id)
    .limit(bindparam("most"))
)
_STORED: Final = (
    update(audio)
    .where(audio.c.id == bindparam("of_audio"), audio.c.state != AudioState.STORED)
    .values(
        state=AudioState.STORED,
        blob_key=bindparam("new_key"),
        size_bytes=bindparam("new_size"),
        peaks=bindparam("new_peaks"),
        stored_at=bindparam("now"),
        last_error=None,
    )
)
_FAILED: Final = (
    update(audio)
    .where(audio.c.id == bindparam("of_audio"), audio.c.state != AudioState.STORED)
    .values(state=bindparam("new_state"), attempts=audio.c.attempts + 1, last_error=bindparam("error"))
)
_LOST: Final = (
    update(audio)
    .where(audio.c.id == bindparam("of_audio"), audio.c.state == AudioState.SPOOL)
    .values(state=AudioState.BROKEN, last_error=bindparam("error"))
)
_BACKLOG: Final = select(audio.c.state, func.count()).where(audio.c.state != AudioState.STORED).group_by(audio.c.state)


def _to_row(values: Any) -> AudioRow:
    listed = list(values)
    listed[2] = AudioState(listed[2])
    return AudioRow(*listed)


async def add(
    connection: AsyncConnection,
    *,
    audio_id: str,
    company_id: int,
    samples: int,
    rate_hz: int,
    now: datetime,
    blob_key: str | None = None,
    size_bytes: int | None = None,
    peaks: bytes | None = None,
) -> bool:
    """Write a row, in the spool or (with a key) already stored; False if there is one of this id."""
    values: Mapping[str, Any] = {
        "id": audio_id,
        "company_id": company_id,
        "state": AudioState.SPOOL if blob_key is None else AudioState.STORED,
        "samples": samples,
        "rate_hz": rate_hz,
        "blob_key": blob_key,
        "size_bytes": size_bytes,
        "peaks": peaks,
        "created_at": now,
        "stored_at": None if blob_key is None else now,
    }
    return bool((await connection.execute(_ADD.on(connection), values)).rowcount)


async def add_mastered(
    connection: AsyncConnection, audio_id: str, company_id: int, made: Mastered, *, blob_key: str, now: datetime
) -> bool:
    """Write the row of a recording made fit for callers, which lies in the store under its key, or is about to."""
    return await add(
        connection,
        audio_id=audio_id,
        company_id=company_id,
        samples=made.samples,
        rate_hz=made.rate_hz,
        now=now,
        blob_key=blob_key,
        size_bytes=len(made.flac),
        peaks=made.peaks,
    )


async def get(connection: AsyncConnection, audio_id: str) -> AudioRow | None:
    """Return a row by its id."""
    row = (await connection.execute(_GET, {"of_audio": audio_id})).one_or_none()
    return None if row is None else _to_row(row)


async def unsettled(connection: AsyncConnection, audio_ids: Sequence[str]) -> list[AudioRow]:
    """Return those of some rows whose sound is not in the store, waiting or broken, the oldest first."""
    return [_to_row(row) for row in await connection.execute(_UNSETTLED, {"ids": list(audio_ids)})]


async def overdue(connection: AsyncConnection, *, before: datetime, after: str, limit: int) -> list[str]:
    """Return what was made by a moment and still waits in a spool, whichever, by id from the one after `after`."""
    rows = await connection.execute(_OVERDUE, {"before": before, "after": after, "most": limit})
    return [row[0] for row in rows]


async def stored(
    connection: AsyncConnection, audio_id: str, *, blob_key: str, size_bytes: int, peaks: bytes, now: datetime
) -> bool:
    """Swap a row from the spool to the store, whose blob must be on disk by now; False if it was done before."""
    values = {
        "of_audio": audio_id,
        "new_key": blob_key,
        "new_size": size_bytes,
        "new_peaks": peaks[:200],
        "now": now,
    }
    return bool((await connection.execute(_STORED, values)).rowcount)


async def failed(connection: AsyncConnection, audio_id: str, error: str, *, broken: bool) -> bool:
    """Note that settling failed, for now or (broken) for good; False if the sound is in the store, or the row gone."""
    values = {
        "of_audio": audio_id,
        "new_state": AudioState.BROKEN if broken else AudioState.SPOOL,
        "error": error_line(error),
    }
    return bool((await connection.execute(_FAILED, values)).rowcount)


async def lost(connection: AsyncConnection, audio_id: str, why: str) -> bool:
    """Mark a waiting row as broken since no spool brings its sound; False if it does not wait any more."""
    values = {"of_audio": audio_id, "error": error_line(why)}
    return bool((await connection.execute(_LOST, values)).rowcount)


async def backlog(connection: AsyncConnection) -> dict[AudioState, int]:
    """Count what is not in the store, by state: a metric, and an alarm where it grows."""
    return {AudioState(row[0]): row[1] for row in await connection.execute(_BACKLOG)}
