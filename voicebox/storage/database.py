"""The database: readers at any time, writers in units of work that are on disk when `write` returns.

SQLite (the default) and PostgreSQL behind one small interface. Readers see what is committed, statement by statement:
what must be seen at one moment is asked in one statement. A unit of work may be run again (PostgreSQL after a deadlock)
and may share a transaction with others (SQLite), so it must touch nothing but its connection.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from voicebox.errors import DatabaseUnavailable
from voicebox.storage import onehop
from voicebox.storage.faults import may_run_again, translated, why_unavailable
from voicebox.storage.groupcommit import UNIT_MAX_S, WAITING_MAX, GroupCommit

__all__ = ["AsyncConnection", "Database", "migrate", "parse_url"]

T = TypeVar("T")

SQLITE: Final = "sqlite+aiosqlite"
POSTGRES: Final = "postgresql+asyncpg"
READERS: Final = 4
"""Connections for reading a SQLite file: each is a thread, and reads are short."""
POOL: Final = 10
"""Connections to PostgreSQL of one process, readers and writers together."""
CONNECTION_WAIT_S: Final = 5.0
"""For a free connection: a caller is on the line."""
CONNECT_MAX_S: Final = 3.0
COMMAND_MAX_S: Final = 10.0
PATIENT_CONNECT_MAX_S: Final = 30.0
"""For a change of the schema, whose statements take as long as the tables are large."""
BUSY_WAIT_MS: Final = 5000
"""For the file's lock, held by another process such as `voicebox apply`."""
TRIES: Final = 5
"""Of a transaction that PostgreSQL undid because of others."""

_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_WAIT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged message survives power loss (security.md)
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -8000",  # KiB
    "PRAGMA temp_store = MEMORY",
)


def parse_url(url: str) -> URL:
    """Read a database address; raises ValueError that names the two forms there are."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in (SQLITE, POSTGRES):
        raise ValueError("the database url must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://")
    if parsed.drivername == SQLITE and (not parsed.database or parsed.database == ":memory:"):
        raise ValueError("the database url must name a file: messages cannot be kept in memory only")
    return parsed


def sqlite_engine(url: URL, *, writer: bool) -> AsyncEngine:
    """Make the engine for a file's readers or for its one writer. Connects to nothing yet."""
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",  # readers need no transaction, the writer makes its own
        pool_size=1 if writer else READERS,
        max_overflow=0,
        pool_timeout=CONNECTION_WAIT_S,
        pool_reset_on_return=None,
        connect_args={"async_creator_fn": onehop.connect},
        hide_parameters=True,  # an error's text goes into logs: no PIN hash, no caller's number in it
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        if not writer:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    return engine


def postgres_engine(url: URL, *, patient: bool = False) -> AsyncEngine:
    """Make the engine for PostgreSQL; `patient` where nobody is on the line. Connects to nothing yet."""
    return create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=CONNECTION_WAIT_S,
        hide_parameters=True,  # as above
        pool_pre_ping=True,  # a restart of the server must not fail the next caller
        connect_args={
            "timeout": PATIENT_CONNECT_MAX_S if patient else CONNECT_MAX_S,
            "command_timeout": None if patient else COMMAND_MAX_S,
            "server_settings": {
                "application_name": "voicebox",
                "timezone": "UTC",
                "jit": "off",  # compiling costs more than our small statements
                "idle_in_transaction_session_timeout": "15s",
            },
        },
    )


class Database:
    """An open database. Made by `open`; `close` it, or use it as a context manager."""

    def __init__(self, readers: AsyncEngine, writer: GroupCommit | None, engines: tuple[AsyncEngine, ...]) -> None:
        self._readers = readers
        self._writer = writer
        self._engines = engines
        self._writing = 0

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the database at `url` without connecting yet, so that it may come up after us.

        Raises:
            ValueError: the url is of no database that we know.
        """
        parsed = parse_url(url)
        if parsed.drivername == SQLITE:
            readers = sqlite_engine(parsed, writer=False)
            writers = sqlite_engine(parsed, writer=True)
            return cls(readers, GroupCommit(writers), (readers, writers))
        engine = postgres_engine(parsed)
        return cls(engine.execution_options(isolation_level="AUTOCOMMIT"), None, (engine,))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection for reading; every statement sees what is committed when it runs.

        Raises:
            DatabaseUnavailable: at the door or from the statements inside.
        """
        with translated(connecting=True):
            connection = await self._readers.connect()
        try:
            with translated():
                yield connection
        finally:
            await connection.close()

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]], *, within_s: float = UNIT_MAX_S) -> T:
        """Run a unit of work in a transaction; returns its result when it is on disk.

        `work` may run more than once and must touch nothing but its connection: no events, no files, no other `write`.
        On SQLite nobody else writes meanwhile, so one that takes longer than `within_s` is undone.

        Raises:
            DatabaseUnavailable: nothing was written. (Where PostgreSQL goes away during COMMIT itself, it may have
                been: hence every row that is written twice must be one row.)
            Exception: what the work raised; nothing of it was written.
        """
        if self._writer is not None:
            return await self._writer.submit(work, within_s=within_s)
        if self._writing >= WAITING_MAX:
            raise DatabaseUnavailable("too much is waiting to be written")
        self._writing += 1
        try:
            return await self._write_postgres(work)
        finally:
            self._writing -= 1

    async def ping(self) -> None:
        """Ask the database for nothing; raises DatabaseUnavailable when it does not answer."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Write what is waiting and let go of every connection."""
        try:
            if self._writer is not None:
                await self._writer.close()
        finally:
            for engine in self._engines:
                await engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _write_postgres(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        engine = self._engines[0]
        for attempt in range(1, TRIES + 1):
            committing = False
            try:
                with translated(connecting=True):
                    connection = await engine.connect()
                try:
                    transaction = await connection.begin()
                    result = await work(connection)
                    committing = True
                    await transaction.commit()
                    return result
                finally:
                    await connection.close()  # which rolls back what was not committed
            except Exception as error:
                again = may_run_again(error) or (not committing and getattr(error, "connection_invalidated", False))
                if attempt < TRIES and again:
                    await asyncio.sleep(random.uniform(0.5, 1.5) * 0.01 * attempt)  # noqa: S311 - spreads the losers
                    continue
                why = "too many conflicts" if may_run_again(error) else why_unavailable(error)
                if why is None:
                    raise
                raise DatabaseUnavailable(f"the database is unavailable: {why}") from error
        raise AssertionError("unreachable: the last try returns or raises")


async def migrate(url: str) -> None:
    """Bring the schema to what this version needs; a few milliseconds when it is there already.

    Several processes may do so at once: one migrates, the others wait for it.

    Raises:
        DatabaseUnavailable: it cannot be reached.
        SchemaTooNew: a later version of voicebox has migrated it.
    """
    from voicebox.storage.schema import upgrade

    parsed = parse_url(url)
    if parsed.drivername == SQLITE:
        _make_file(Path(str(parsed.database)))
        engine = sqlite_engine(parsed, writer=True)
    else:
        engine = postgres_engine(parsed, patient=True)
    try:
        with translated(connecting=True):
            await upgrade(engine)
    finally:
        await engine.dispose()


def _make_file(path: Path) -> None:
    """Make a database's file before SQLite would, for us alone; its journals take over its rights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # there already, or SQLite will say why not
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
