"""The databases that tests run on: SQLite and PostgreSQL, each test a fresh one with the schema in place.

And the encoded prompts, which every service of a run shares.
"""

import asyncio
import fcntl
import itertools
import os
import pkgutil
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from sqlalchemy import text

from ivr.media.library import PromptLibrary
from prompts.recordings import Recordings
from tests import postgres
from voicebox import stores
from voicebox.i18n import Language
from voicebox.storage.database import Database, migrate, parse_url, postgres_engine

# The same examples in every run, and none that fails since the machine is busy.
settings.register_profile("voicebox", deadline=None, derandomize=True)
settings.load_profile("voicebox")

_serial = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, those of system tests: at the end nobody waits for the last of them."""
    items.sort(key=lambda item: item.get_closest_marker("system") is None)


PATIENT: Final = (
    "voicebox.storage.database.CONNECT_MAX_S",
    "voicebox.storage.database.CONNECTION_WAIT_S",
    "voicebox.directory.ANSWERED_S",
    "voicebox.deposit.COUNTED_S",
    "webmanager.api.ready.CHECK_MAX_S",
)


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[dict[str, float]]:
    """Let nothing fail since the machine is held up for seconds: tests of these limits set them themselves.

    Returns the limits as they are in a service.
    """
    real = {limit: pkgutil.resolve_name(limit) for limit in PATIENT}
    with pytest.MonkeyPatch.context() as patch:
        for limit in PATIENT:
            patch.setattr(limit, 60.0)
        yield real


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoded prompts, shared by every test process of this run: the first encodes, the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prompt-cache"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any(shared.glob("*.prompts")):
            encode_prompts(shared)
    return shared


def encode_prompts(cache: Path) -> None:
    """Encode every prompt as a service without recordings of its own does when it first starts."""
    recordings = Recordings.open()
    wanted = [(language, each) for language in Language for each in recordings.ids(language)]
    fingerprint = stores._fingerprint(Path(str(files("prompts") / "recordings")))
    PromptLibrary.open(recordings.pcm, wanted, cache, fingerprint)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """The address of a private PostgreSQL, with `{name}` for the database's."""
    with postgres.cluster() as address:
        yield address


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture
async def empty_postgres(postgres_cluster: str) -> AsyncIterator[str]:
    """The url of a fresh PostgreSQL database without a schema."""
    async with _database(postgres_cluster, "template0") as url:
        yield url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The url of a fresh SQLite file with the schema."""
    shutil.copy(sqlite_template, tmp_path / "voicebox.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'voicebox.db'}"


@pytest.fixture
async def postgres_url(postgres_cluster: str) -> AsyncIterator[str]:
    """The url of a fresh PostgreSQL database with the schema."""
    if not await _exists(postgres_cluster, "voicebox_template"):
        await _create(postgres_cluster, "voicebox_template", "template0")
        await migrate(postgres_cluster.format(name="voicebox_template"))
    async with _database(postgres_cluster, "voicebox_template") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The url of a fresh database with the schema, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A fresh open database, of each kind in turn."""
    async with await Database.open(database_url) as opened:
        yield opened


@asynccontextmanager
async def _database(cluster: str, template: str) -> AsyncIterator[str]:
    """Make a database, and drop it when it is done with."""
    name = f"test_{next(_serial)}"
    await _create(cluster, name, template)
    yield cluster.format(name=name)
    await _admin(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _create(cluster: str, name: str, template: str) -> None:
    await _admin(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


async def _exists(cluster: str, name: str) -> bool:
    return bool(await _admin(cluster, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))  # noqa: S608 - our own


async def _admin(cluster: str, statement: str) -> object:
    engine = postgres_engine(parse_url(cluster.format(name="postgres")), patient=True)
    try:
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()
