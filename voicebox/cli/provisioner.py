"""The use cases that write the directory, opened for one command."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ivr.media.worker import Worker
from voicebox.access import Access
from voicebox.announcement import Master
from voicebox.announcements import Announcements
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.events import Events
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
async def mastering() -> AsyncIterator[Master]:
    """Open what makes announcements of files, in a process that begins with the first."""
    worker = Worker()
    try:
        yield worker.master
    finally:
        await asyncio.to_thread(worker.close)


@asynccontextmanager
async def provisioner(settings: Config, db: Database) -> AsyncIterator[Provisioner]:
    """Open what applies directory files."""
    async with hasher(settings) as pins, mastering() as master:
        store = AudioStore.open(settings.audio.url)
        yield Provisioner(db, store, pins, SystemClock(), realm=settings.sip.domain, master=master)


@asynccontextmanager
async def announcer(settings: Config, db: Database) -> AsyncIterator[Announcements]:
    """Open what keeps announcements and who plays them."""
    async with mastering() as master:
        store = AudioStore.open(settings.audio.url)
        yield Announcements(db, store, master, events=Events(), clock=SystemClock())


@asynccontextmanager
async def access(settings: Config, db: Database) -> AsyncIterator[Access]:
    """Open what sets PINs."""
    async with hasher(settings) as pins:
        yield Access(db, pins, SystemClock())
