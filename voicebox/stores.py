"""What is durable, opened in order: database, audio store, spool; and the prompts, made ready to be played.

Opening pays what a crash left owing: recordings that lie in the spool become messages before the first call.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import structlog

from ivr.media.library import PromptLibrary
from ivr.media.spool import Spool
from ivr.media.worker import Assembler, Worker
from ivr.sounds import Sounds
from prompts.recordings import Recordings
from voicebox.announcements import Announcements
from voicebox.calllog import CallLog
from voicebox.clock import Clock, SystemClock
from voicebox.config import Config
from voicebox.deposit import Deposits, LostTake
from voicebox.directory import Directory
from voicebox.events import Events
from voicebox.i18n import Language
from voicebox.library import AudioLibrary
from voicebox.metrics import Metrics
from voicebox.settlement import Settlement
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database, migrate

log = structlog.get_logger("voicebox.stores")

STUDIO: Final = "prompts"
"""Where in the data folder `voicebox prompts import` puts a studio's recordings."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything durable, and the use cases that need nothing else."""

    clock: Clock
    events: Events
    metrics: Metrics
    db: Database
    store: AudioStore
    spool: Spool
    worker: Worker
    assemble: Assembler
    directory: Directory
    library: AudioLibrary
    announcements: Announcements
    deposits: Deposits
    settlement: Settlement
    calllog: CallLog

    async def recover(self, lost: Sequence[LostTake]) -> None:
        """Make messages of recordings that nobody can accept any more, and tell how many there were."""
        recovered = await self.deposits.recover(*lost)
        if recovered:
            log.warning("messages_recovered", count=recovered)
        for _ in range(recovered):
            self.metrics.message_taken("recovered")


async def open_stores(config: Config, stack: contextlib.AsyncExitStack) -> Stores:
    """Open database, audio store and spool, and make messages of what a crash left in the spool."""
    clock, events = SystemClock(), Events()
    await migrate(config.database.url)
    db = await stack.enter_async_context(await Database.open(config.database.url))
    store = AudioStore.open(config.audio.url)
    spool = await asyncio.to_thread(Spool.open, config.spool_dir)
    stack.push_async_callback(asyncio.to_thread, spool.close)
    worker = Worker()
    stack.push_async_callback(asyncio.to_thread, worker.close)
    assemble = Assembler(spool, worker)
    deposits = Deposits(db, events, spool, clock)
    stores = Stores(
        clock=clock,
        events=events,
        metrics=Metrics(),
        db=db,
        store=store,
        spool=spool,
        worker=worker,
        assemble=assemble,
        directory=Directory(db),
        library=AudioLibrary(db, store, assemble),
        announcements=Announcements(db, store, worker.master, events=events, clock=clock),
        deposits=deposits,
        settlement=Settlement(db, store, assemble, spool, events=events, clock=clock),
        calllog=CallLog(db),
    )
    await stores.recover(await asyncio.to_thread(spool.recover))
    return stores


async def open_sounds(config: Config, stores: Stores) -> Sounds:
    """Have every prompt encoded once for each codec, so that playing costs no codec work."""
    studio = config.data_dir / STUDIO
    recordings = await asyncio.to_thread(Recordings.open, studio)
    prompts = await asyncio.to_thread(
        PromptLibrary.open,
        recordings.pcm,
        [(language, each) for language in Language for each in recordings.ids(language)],
        config.data_dir / "cache",
        _fingerprint(Path(str(files("prompts") / "recordings")), studio),
    )
    prompts.elsewhere = stores.worker.encode_clip
    return Sounds(prompts, stores.library, stores.assemble, stores.spool)


def _fingerprint(*folders: Path) -> str:
    """Return what changes with any recording: a hash of the manifests, which hold a hash of each."""
    manifests = [path for folder in folders for path in sorted(folder.glob("*/manifest.json"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest()[:16]
