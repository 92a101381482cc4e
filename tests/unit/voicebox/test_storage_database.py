"""The database at its seams: units of work, group commit, faults, and going away."""

import asyncio
import socket
import sqlite3
import threading
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from tests.fakes.rows import NOW, add_company
from voicebox.errors import Conflict, DatabaseUnavailable
from voicebox.storage import database, groupcommit
from voicebox.storage.database import AsyncConnection, Database, migrate, parse_url
from voicebox.storage.faults import why_unavailable
from voicebox.storage.tables import company


async def names(db: Database) -> list[str]:
    async with db.read() as connection:
        return list(await connection.scalars(select(company.c.name).order_by(company.c.id)))


async def test_a_unit_of_work_is_visible_when_write_returns(db: Database) -> None:
    made = await add_company(db, "Eins")
    assert await names(db) == ["Eins"]
    assert made.id == 1


async def test_a_failing_unit_leaves_nothing_and_raises_its_own_error(db: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(company).values(a_company("Eins")))
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await db.write(work)
    assert await names(db) == []


def a_company(name: str) -> dict[str, object]:
    return {
        "name": name,
        "language": "de",
        "time_zone": "UTC",
        "country_code": "49",
        "area_code": "",
        "created_at": NOW,
    }


async def test_units_that_fail_do_not_spoil_those_that_commit_with_them(db: Database) -> None:
    async def work(connection: AsyncConnection, number: int) -> int:
        await connection.execute(insert(company).values(a_company(f"c{number}")))
        if number % 3 == 0:
            raise LookupError(str(number))
        return number

    results = await asyncio.gather(
        *(db.write(lambda connection, n=n: work(connection, n)) for n in range(30)),  # type: ignore[misc]
        return_exceptions=True,
    )
    kept = [n for n in range(30) if n % 3]
    assert [n for n in results if isinstance(n, int)] == kept
    assert sum(isinstance(n, LookupError) for n in results) == 10
    assert sorted(await names(db)) == sorted(f"c{n}" for n in kept)


async def test_waiting_units_share_a_commit_on_sqlite(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    whole = groupcommit.GroupCommit._write

    async def counted(self: groupcommit.GroupCommit, group: list[groupcommit._Unit]) -> None:
        sizes.append(len(group))
        await whole(self, group)

    monkeypatch.setattr(groupcommit.GroupCommit, "_write", counted)
    async with await Database.open(sqlite_url) as db:
        await asyncio.gather(*(add_company(db, f"c{n}") for n in range(100)))
    assert sum(sizes) == 100
    assert len(sizes) <= 3
    assert max(sizes) <= groupcommit.GROUP_MAX


async def test_a_reader_cannot_write_on_sqlite(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:
        with pytest.raises(DatabaseUnavailable, match="read-only"):
            async with db.read() as connection:
                await connection.execute(insert(company).values(a_company("x")))


async def test_sqlite_is_set_up_to_survive_power_loss(sqlite_url: str) -> None:
    async def pragmas(connection: AsyncConnection) -> list[object]:
        return [
            await connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    async with await Database.open(sqlite_url) as db:
        assert await db.write(pragmas) == ["wal", 2, 1]


async def test_errors_do_not_carry_what_was_written(db: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(company).values(a_company("geheim-4711")))

    await db.write(work)
    with pytest.raises(IntegrityError) as caught:
        await db.write(work)
    assert "parameters hidden" in str(caught.value)


async def test_a_broken_statement_is_not_an_outage(db: Database) -> None:
    with pytest.raises((OperationalError, ProgrammingError)):
        async with db.read() as connection:
            await connection.execute(text("SELECT nonsense FROM nowhere"))
    await db.ping()


async def test_a_cancelled_waiter_does_not_stop_the_writer(db: Database) -> None:
    started = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        started.set()
        await go_on.wait()
        await connection.execute(insert(company).values(a_company("slow")))

    first = asyncio.create_task(db.write(slow))
    await started.wait()
    second = asyncio.create_task(add_company(db, "second"))
    await asyncio.sleep(0)
    second.cancel()
    go_on.set()
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    await add_company(db, "third")
    assert {"slow", "third"} <= set(await names(db))


async def test_a_unit_of_work_cannot_wait_for_another_on_sqlite(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:

        async def nested(_connection: AsyncConnection) -> None:
            await add_company(db, "inner")

        with pytest.raises(RuntimeError, match="pass the connection on"):
            await db.write(nested)
        await add_company(db, "outer")
        assert await names(db) == ["outer"]


async def test_a_unit_that_hangs_is_ended(sqlite_url: str) -> None:
    async def hang(_connection: AsyncConnection) -> None:
        await asyncio.Event().wait()

    async with await Database.open(sqlite_url) as db:
        with pytest.raises(DatabaseUnavailable, match="took longer"):
            await db.write(hang, within_s=0.01)
        await add_company(db, "after")
        assert await names(db) == ["after"]


async def test_too_much_waiting_is_refused(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groupcommit, "WAITING_MAX", 3)
    async with await Database.open(sqlite_url) as db:
        results = await asyncio.gather(*(add_company(db, f"c{n}") for n in range(10)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, DatabaseUnavailable)]
        assert len(refused) == 7
        assert await names(db) == ["c0", "c1", "c2"]


async def test_closing_writes_what_waits_and_refuses_what_comes(sqlite_url: str) -> None:
    db = await Database.open(sqlite_url)
    writing = [asyncio.create_task(add_company(db, f"c{n}")) for n in range(5)]
    await asyncio.sleep(0)
    await db.close()
    assert [(await task).name for task in writing] == [f"c{n}" for n in range(5)]
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await add_company(db, "late")


@pytest.mark.parametrize("busy", [True, False])
async def test_a_close_that_is_cancelled_tells_who_waits_and_leaves_nothing_open(
    sqlite_url: str, *, busy: bool
) -> None:
    async def nothing(connection: AsyncConnection) -> None: ...

    async def hangs(connection: AsyncConnection) -> None:
        begun.set()
        await asyncio.Event().wait()

    begun, before = asyncio.Event(), set(threading.enumerate())
    db = await Database.open(sqlite_url)
    await db.write(nothing)
    await db.ping()
    waiting = [asyncio.create_task(db.write(work)) for work in (hangs, nothing)] if busy else []
    if busy:
        await begun.wait()
    closing = asyncio.create_task(db.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    for each in waiting:
        with pytest.raises(DatabaseUnavailable):
            await each
    for thread in set(threading.enumerate()) - before:
        await asyncio.to_thread(thread.join, 20)
        assert not thread.is_alive()


async def test_a_locked_file_is_unavailable_and_comes_back(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.storage.database._PRAGMAS", ("PRAGMA busy_timeout = 1",))
    other = sqlite3.connect(tmp_path / "voicebox.db", isolation_level=None)
    async with await Database.open(sqlite_url) as db:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailable, match="locked"):
            await add_company(db)
        other.execute("ROLLBACK")
        await add_company(db)
        assert len(await names(db)) == 1
    other.close()


async def test_a_full_disk_fails_all_that_share_the_commit_and_nothing_else(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:
        await add_company(db, "before")

        async def fill(connection: AsyncConnection) -> None:
            pages = await connection.scalar(text("PRAGMA page_count"))
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            await connection.execute(text("CREATE TABLE ballast (x)"))
            await connection.execute(text("INSERT INTO ballast VALUES (zeroblob(1000000))"))

        results = await asyncio.gather(
            add_company(db, "a"), db.write(fill), add_company(db, "b"), return_exceptions=True
        )
        assert all(isinstance(result, DatabaseUnavailable) for result in results)
        await add_company(db, "after")  # on a new connection, without the limit
        assert await names(db) == ["before", "after"]


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    async with await Database.open(f"sqlite+aiosqlite:///{tmp_path}/missing/voicebox.db") as db:
        with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
            await db.ping()
        with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
            await add_company(db)


async def test_postgres_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with await Database.open(f"postgresql+asyncpg://voicebox@/x?host={tmp_path}") as db:
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            await db.ping()
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            await add_company(db)


async def test_a_database_that_does_not_exist_is_unavailable(postgres_cluster: str) -> None:
    async with await Database.open(postgres_cluster.format(name="nowhere")) as db:
        with pytest.raises(DatabaseUnavailable, match="3D000"):
            await db.ping()


async def test_connections_that_postgres_closed_are_replaced(postgres_url: str) -> None:
    async with await Database.open(postgres_url) as db, await Database.open(postgres_url) as admin:
        await add_company(db)
        async with admin.read() as connection:
            await connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            )
        await add_company(db, "Zwei")
        assert len(await names(db)) == 2


async def test_a_connection_lost_before_the_commit_is_written_anew(postgres_url: str) -> None:
    async with await Database.open(postgres_url) as db:
        tries = 0

        async def work(connection: AsyncConnection) -> None:
            nonlocal tries
            tries += 1
            await connection.execute(insert(company).values(a_company(f"try {tries}")))
            if tries == 1:
                async with db.read() as killer:
                    await killer.execute(
                        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in%'")
                    )
                await connection.execute(text("SELECT 1"))

        await db.write(work)
        assert await names(db) == ["try 2"]


async def test_deadlocks_are_run_again(postgres_url: str) -> None:
    async with await Database.open(postgres_url) as db:
        one, two = await add_company(db, "eins"), await add_company(db, "zwei")
        met = asyncio.Barrier(2)
        tries = 0

        async def cross(connection: AsyncConnection, first: int, second: int) -> None:
            nonlocal tries
            tries += 1
            lock = text("UPDATE company SET area_code = area_code || 'x' WHERE id = :id")
            await connection.execute(lock, {"id": first})
            if tries <= 2:
                await met.wait()
            await connection.execute(lock, {"id": second})

        await asyncio.gather(
            db.write(lambda connection: cross(connection, one.id, two.id)),
            db.write(lambda connection: cross(connection, two.id, one.id)),
        )
        assert tries >= 3  # more, where the one that waited got the processor too late to go on first
        async with db.read() as connection:
            assert list(await connection.scalars(select(company.c.area_code))) == ["211xx", "211xx"]


async def test_times_are_stored_in_utc_and_naive_ones_refused(db: Database) -> None:
    def with_time(moment: datetime) -> dict[str, object]:
        return a_company(f"c{moment}") | {"created_at": moment}

    moment = datetime.fromisoformat("2026-03-29T03:00:00.000001+02:00")
    await db.write(lambda connection: connection.execute(insert(company).values(with_time(moment))))
    async with db.read() as connection:
        stored = await connection.scalar(select(company.c.created_at))
    assert stored == moment
    assert stored is not None
    assert stored.tzinfo is UTC
    naive = datetime(2026, 3, 29, 3)  # noqa: DTZ001 - the point of the test
    with pytest.raises(Exception, match="without time zone"):
        await db.write(lambda connection: connection.execute(insert(company).values(with_time(naive))))


async def test_a_taken_name_is_a_conflict(db: Database) -> None:
    await add_company(db)
    with pytest.raises(Conflict, match="Beispiel GmbH is taken"):
        await add_company(db)


@pytest.mark.parametrize(
    "url", ["", "mysql://x", "sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "sqlite:///x.db", "nonsense"]
)
def test_a_url_of_no_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the database url must"):
        parse_url(url)


async def test_migrating_makes_the_folder(tmp_path: Path) -> None:
    await migrate(f"sqlite+aiosqlite:///{tmp_path}/a/b/voicebox.db")
    assert (tmp_path / "a/b/voicebox.db").exists()


def test_a_statement_that_gets_no_answer_in_time_is_an_outage() -> None:
    # asyncpg's command_timeout raises the builtin one, and SQLAlchemy does not wrap it.
    assert why_unavailable(TimeoutError()) == "no answer in time"


def test_who_is_on_the_line_waits_no_longer_than_this(patience: dict[str, float]) -> None:
    assert patience == {
        "voicebox.storage.database.CONNECT_MAX_S": 3.0,
        "voicebox.storage.database.CONNECTION_WAIT_S": 5.0,
        "voicebox.directory.ANSWERED_S": 1.0,
        "voicebox.deposit.COUNTED_S": 1.0,
        "webmanager.api.ready.CHECK_MAX_S": 3.0,
    }


async def test_when_every_connection_is_taken_the_next_is_told_soon(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CONNECTION_WAIT_S", 0.05)
    async with await Database.open(database_url) as db, AsyncExitStack() as taken:
        for _ in range(database.READERS if "sqlite" in database_url else database.POOL):
            await taken.enter_async_context(db.read())
        with pytest.raises(DatabaseUnavailable, match="no free connection in time"):
            async with db.read():
                pass


async def test_a_server_that_does_not_greet_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CONNECT_MAX_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with await Database.open(f"postgresql+asyncpg://voicebox@127.0.0.1:{port}/voicebox") as db:
            with pytest.raises(DatabaseUnavailable, match="no answer in time"):
                await db.ping()
