"""The schema: migrations and tables say the same, on both engines; starting with an up-to-date one is quick."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, event, text

from voicebox.mailbox import Company, Mailbox
from voicebox.storage import database, migrations, schema, tables
from voicebox.storage.database import AsyncConnection, Database, migrate, parse_url, postgres_engine
from voicebox.storage.schema import SchemaTooNew

EVERY_TABLE = [table for table in tables.metadata.tables.values() if table.name != "company"]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres")
    return url


async def test_the_migrated_schema_is_that_of_the_tables(db: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, tables.metadata))

    async with db.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(empty_url: str) -> None:
    await migrate(empty_url)
    await migrate(empty_url)
    async with await Database.open(empty_url) as db, db.read() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == migrations.HEAD


async def test_several_may_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(3)))
    async with await Database.open(empty_url) as db, db.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


async def test_who_waits_for_another_to_migrate_waits_as_long_as_that_takes(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "COMMAND_MAX_S", 0.05)
    engine = postgres_engine(parse_url(empty_postgres), patient=True)
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    try:
        async with engine.connect() as other, asyncio.timeout(60):
            await other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": schema._LOCK})
            migrating = asyncio.create_task(migrate(empty_postgres))
            while not await other.scalar(waiting):
                assert not migrating.done()
            await asyncio.wait([migrating], timeout=0.5)
            await other.rollback()
            await migrating
    finally:
        await engine.dispose()


async def test_nobody_else_can_read_a_database_or_its_journals(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    url = f"sqlite+aiosqlite:///{folder / 'voicebox.db'}"
    await migrate(url)
    async with await Database.open(url) as db:
        await db.write(lambda connection: connection.execute(text("DELETE FROM company")))
        rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert rights == dict.fromkeys(("voicebox.db", "voicebox.db-wal", "voicebox.db-shm"), 0o600)


async def test_a_migration_that_fails_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenError(Exception):
        pass

    def fail(*_: object, **__: object) -> None:
        raise BrokenError

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fail)
        with pytest.raises(BrokenError):
            await migrate(empty_url)
    await migrate(empty_url)


async def test_a_schema_of_a_later_version_is_left_alone(db: Database, database_url: str) -> None:
    async def later(connection: AsyncConnection) -> None:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    await db.write(later)
    with pytest.raises(SchemaTooNew, match="9999"):
        await migrate(database_url)


async def test_an_up_to_date_schema_is_seen_without_alembic(sqlite_url: str) -> None:
    code = (
        "import asyncio, sys\n"
        "from voicebox.storage.database import migrate\n"
        f"asyncio.run(migrate({sqlite_url!r}))\n"
        "print('alembic' in sys.modules)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.decode().split() == ["False"]


async def test_an_up_to_date_schema_is_seen_by_two_looks(database_url: str) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await migrate(database_url)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(asked) == 2  # whether there is a version, and which


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == migrations.HEAD


@pytest.mark.parametrize("table", EVERY_TABLE, ids=lambda table: str(table.name))
def test_every_table_carries_its_company(table: Table) -> None:
    column = table.c.company_id
    assert [key.target_fullname for key in column.foreign_keys] == ["company.id"]
    assert column.nullable == (table.name in {"call_record", "api_token"})


def test_every_setting_of_a_mailbox_has_its_column() -> None:
    assert set(Mailbox.__dataclass_fields__) <= set(tables.mailbox.c.keys())
    assert set(Company.__dataclass_fields__) <= set(tables.company.c.keys())


async def test_a_page_of_a_folder_is_one_walk_along_the_index(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db, db.read() as connection:
        plan = await connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM message WHERE mailbox_id = 1 AND state = 'new'"
                " AND (received_at, id) > ('2026', 'x') ORDER BY received_at, id LIMIT 50"
            )
        )
        steps = " / ".join(str(row[-1]) for row in plan)
    assert "ix_message_inbox" in steps
    assert "TEMP B-TREE" not in steps
