"""One trip to SQLite's thread per statement, and everything SQLAlchemy expects of a cursor."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.fakes.rows import add_company
from voicebox.storage import onehop
from voicebox.storage.database import AsyncConnection, Database


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to a connection's thread."""
    sent: list[str] = []
    whole = onehop.OneHopConnection._execute

    async def noted(self: onehop.OneHopConnection, work: object, *arguments: object, **named: object) -> object:
        sent.append(getattr(work, "__name__", "?"))
        return await whole(self, work, *arguments, **named)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(onehop.OneHopConnection, "_execute", noted)
    return sent


async def test_a_read_is_one_trip(sqlite_url: str, trips: list[str]) -> None:
    async with await Database.open(sqlite_url) as db:
        await db.ping()
        trips.clear()
        async with db.read() as connection:
            assert (await connection.execute(text("SELECT 1, 2"))).one() == (1, 2)
        assert trips == ["_in_thread"]


async def test_a_unit_of_one_statement_is_three_trips(sqlite_url: str, trips: list[str]) -> None:
    async with await Database.open(sqlite_url) as db:
        await add_company(db)
        trips.clear()
        changed = await db.write(lambda connection: _rename(connection, "Zwei"))
        assert changed == 1
        assert trips == ["_in_thread"] * 3  # BEGIN, UPDATE, COMMIT


async def _rename(connection: AsyncConnection, name: str) -> int:
    return (await connection.execute(text("UPDATE company SET name = :name"), {"name": name})).rowcount


async def test_a_failing_statement_says_so_and_leaves_the_connection_usable(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:
        await add_company(db)
        await add_company(db, "Zwei")
        with pytest.raises(IntegrityError):
            await db.write(lambda connection: _rename(connection, "Drei"))
        async with db.read() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM company WHERE name = 'Drei'")) == 0


async def test_a_statement_for_many_rows_counts_them(sqlite_url: str) -> None:
    async def work(connection: AsyncConnection) -> list[int]:
        statement = text("UPDATE company SET area_code = :code WHERE name = :name")
        await connection.execute(statement, [{"code": "1", "name": "Eins"}, {"code": "2", "name": "Zwei"}])
        codes = await connection.scalars(text("SELECT area_code FROM company ORDER BY id"))
        return [int(code) for code in codes]

    async with await Database.open(sqlite_url) as db:
        await add_company(db, "Eins")
        await add_company(db, "Zwei")
        assert await db.write(work) == [1, 2]


async def test_a_file_that_cannot_be_opened_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(sqlite3.OperationalError):
        await onehop.connect(str(tmp_path / "missing" / "voicebox.db"))
    assert not [thread for thread in set(threading.enumerate()) - before if "connection_worker" in thread.name]


async def test_a_close_that_is_cancelled_twice_ends(sqlite_url: str) -> None:
    """As when a task that reads is cancelled, and once more by the loop that ends."""
    connection = await onehop.connect(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    may_go_on = threading.Event()
    slow = asyncio.create_task(connection.hop(lambda cursor: may_go_on.wait(20)))
    await asyncio.sleep(0)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    connection.stop()
    closing.cancel()
    may_go_on.set()
    await asyncio.wait({slow, closing}, timeout=20)
    assert slow.done()
    assert closing.done()
    await asyncio.to_thread(connection.join)


async def test_a_second_stop_waits_for_nothing(sqlite_url: str) -> None:
    connection = await onehop.connect(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    first = connection.stop()
    assert first is not None
    await first
    assert connection.stop() is None
    await asyncio.to_thread(connection.join)
