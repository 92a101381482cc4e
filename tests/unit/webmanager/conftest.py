"""The office on a port of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.mastering import mastered_here
from tests.fakes.rows import StandingClock, add_company, add_mailbox
from tests.unit.webmanager.office import Browser, Office, config_of, no_spool, works
from voicebox.announcements import Announcements
from voicebox.directory import Directory
from voicebox.events import Events
from voicebox.library import AudioLibrary
from voicebox.metrics import Metrics
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from webmanager.parts import Check, WebParts
from webmanager.server import served


@pytest.fixture
async def made_office(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Office]]]:
    """Makes the parts, with `[web]` settings of the test's own; nothing is served yet."""
    async with await Database.open(sqlite_url) as db:

        async def make(**web: Any) -> Office:
            clock = StandingClock()
            store = AudioStore.open((tmp_path / "audio").as_uri())
            events = Events()
            checks: dict[str, Check] = {"database": db.ping, "audio store": store.ping, "spool": works, "sip": works}
            parts = WebParts(
                config=config_of(tmp_path, **web),
                db=db,
                directory=Directory(db, from_memory=False),
                library=AudioLibrary(db, store, no_spool),
                announcements=Announcements(db, store, mastered_here, events=events, clock=clock),
                events=events,
                clock=clock,
                metrics=Metrics(process=False),
                checks=checks,
            )
            one, other = await add_company(db), await add_company(db, "Anderswo AG")
            return Office(
                parts=parts,
                store=store,
                clock=clock,
                one=one,
                other=other,
                anna=await add_mailbox(db, one, "1001", phone="+492115551001", email="anna@example.org"),
                ben=await add_mailbox(db, one, "1002", name="Ben Beispiel"),
                foreign=await add_mailbox(db, other, "1001", name="Fremde"),
                checks=checks,
            )

        yield make


@pytest.fixture
async def office(made_office: Callable[..., Awaitable[Office]]) -> AsyncIterator[Office]:
    """Two companies, served on loopback."""
    made = await made_office()
    async with served(made.parts) as address, Browser(address) as browser:
        made.browser = browser
        yield made


@pytest.fixture
async def office_parts(made_office: Callable[..., Awaitable[Office]]) -> WebParts:
    """The parts alone, not served."""
    return (await made_office()).parts
