"""The use cases that write the directory, opened for one command."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ivr.media.worker import Worker
from voicebox.access import Access
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.pinhash import PinHasher, load_key
from voicebox.provisioning import Provisioner
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database


@asynccontextmanager
async def hasher(settings: Config) -> AsyncIterator[PinHasher]:
    """Open what hashes PINs, with the installation's key."""
    opened = PinHasher(load_key(settings.data_dir))
    try:
        yield opened
    finally:
        opened.close()


@asynccontextmanager
async def provisioner(settings: Config, db: Database) -> AsyncIterator[Provisioner]:
    """Open what applies directory files."""
    async with hasher(settings) as pins:
        store = AudioStore.open(settings.audio.url)
        worker = Worker()  # begins its process with the first greeting
        try:
            yield Provisioner(db, store, pins, SystemClock(), realm=settings.sip.domain, master=worker.master)
        finally:
            await asyncio.to_thread(worker.close)


@asynccontextmanager
async def access(settings: Config, db: Database) -> AsyncIterator[Access]:
    """Open what sets PINs."""
    async with hasher(settings) as pins:
        yield Access(db, pins, SystemClock())
