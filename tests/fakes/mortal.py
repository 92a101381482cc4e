"""A process that leaves one message and dies by SIGKILL at the point it is told; started again, it recovers.

Everything in it is real: the spool, the database, the audio store, deposit, recovery and settlement.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import select

from ivr.media import assembly
from ivr.media.assembly import Assembled
from ivr.media.spool import Spool
from tests.fakes.rows import NOW, StandingClock
from voicebox.codec import Codec
from voicebox.deposit import DepositContext, Deposits
from voicebox.errors import DatabaseUnavailable
from voicebox.events import Events
from voicebox.library import AudioLibrary
from voicebox.message import Caller, Reason, Take
from voicebox.settlement import Settlement
from voicebox.storage import audio, blobs
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.storage.tables import message, outbox

T = TypeVar("T")

POINTS = (
    "recording",
    "ended",
    "accepting",
    "accepted",
    "storing",
    "stored",
    "assembling",
    "putting",
    "put",
    "swapping",
    "swapped",
    "settled",
)
TAKE = "c0ffee" + "0" * 26
FRAMES = 250


def payload(frame: int) -> bytes:
    """Return 20 ms of PCMU that tells which frame it is."""
    return bytes((frame * 7 + at) % 256 for at in range(160))


class Process:
    def __init__(self, point: str) -> None:
        self.point = point

    def reach(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, before: str, after: str) -> None:
        """Die before or after a call."""
        whole: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def mortal(*arguments: Any, **named: Any) -> Any:
            self.reach(before)
            result = await whole(*arguments, **named)
            self.reach(after)
            return result

        setattr(owner, name, mortal)

    async def run(self, folder: Path, url: str) -> dict[str, Any]:
        spool = Spool.open(folder / "spool", floor_bytes=0, segment_bytes=1 << 20)
        store = AudioStore.open((folder / "audio").as_uri())
        async with await Database.open(url) as db:
            events, clock = Events(), StandingClock()
            deposits = Deposits(db, events, spool, clock)

            async def assemble(take_id: str, samples: int) -> Assembled:
                return await asyncio.to_thread(
                    assembly.assemble, str(spool.folder), take_id, spool.places(take_id), samples
                )

            settlement = Settlement(db, store, assemble, spool, events=events, clock=clock)
            lost = spool.recover()
            await deposits.recover(*lost)
            await patiently(settlement.settle_due)
            if not lost and not await patiently(lambda: self._has_message(db)):
                self.around(spool, "accept", "accepting", "accepted")
                self.around(db, "write", "storing", "stored")
                await self._leave(spool, deposits)
                self.around(store, "put", "assembling", "put")
                self._before_sync()
                self.around(audio, "stored", "swapping", "never")
                self.around(spool, "settled", "swapped", "settled")
                await patiently(settlement.settle_due)
            library = AudioLibrary(db, store, assemble)
            state = await patiently(lambda: self._state(db, library, spool))
        spool.close()
        return state

    async def _leave(self, spool: Spool, deposits: Deposits) -> None:
        context = DepositContext(1, 1, "a" * 32, Caller("+491701234567"), Reason.BUSY, NOW)
        spool.begin(TAKE, context.to_bytes())
        for frame in range(FRAMES):
            spool.append(TAKE, Codec.PCMU, frame * 160, payload(frame), 160)
            if frame == 200:
                await spool.sync()
        self.reach("recording")
        spool.end(TAKE, FRAMES * 160)
        await spool.sync()
        self.reach("ended")
        await deposits.accept(context, Take(TAKE, FRAMES * 160, 8000), urgent=True)

    def _before_sync(self) -> None:
        whole = blobs.sync_path

        def mortal(path: Path) -> None:
            self.reach("putting")
            whole(path)

        blobs.sync_path = mortal

    async def _has_message(self, db: Database) -> bool:
        async with db.read() as connection:
            return await connection.scalar(select(message.c.id)) is not None

    async def _state(self, db: Database, library: AudioLibrary, spool: Spool) -> dict[str, Any]:
        async with db.read() as connection:
            messages = (await connection.execute(select(message))).mappings().all()
            keys = list(await connection.scalars(select(outbox.c.key).order_by(outbox.c.id)))
            row = await audio.get(connection, TAKE)
        assert row is not None
        samples, _ = await library.pcm(TAKE)
        sent = b"".join(payload(frame) for frame in range(FRAMES))
        expected = assembly.samples_of(_as_spooled(sent), len(samples))
        return {
            "messages": [[one["id"], one["samples"], one["interrupted"], one["urgent"]] for one in messages],
            "keys": keys,
            "state": row.state,
            "samples": len(samples),
            "same": bool(np.array_equal(samples, expected)),
            "in_spool": spool.holds(TAKE),
        }


async def patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Ask a database again that a busy machine kept us waiting for, as a service does."""
    for _ in range(9):
        with contextlib.suppress(DatabaseUnavailable):
            return await do()
    return await do()


def _as_spooled(sent: bytes) -> Any:
    from ivr.media.spoolfile import Audio
    from ivr.media.spoolread import SpooledRecording

    return SpooledRecording(TAKE, audio=[Audio(Codec.PCMU, 0, len(sent), sent)], samples=len(sent))


def live(folder: Path, url: str, point: str, answer: Connection) -> None:
    """Leave a message, or recover; die at `point` ("none" lives) or answer with the state it ends with."""
    answer.send(asyncio.run(Process(point).run(folder, url)))
