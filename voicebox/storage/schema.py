"""Bringing the schema up to date, under a lock, without alembic when there is nothing to do."""

from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from voicebox.errors import VoiceboxError
from voicebox.storage.migrations import HEAD

_LOCK: Final = 0x766F6963  # "voic", the key of PostgreSQL's advisory lock


class SchemaTooNew(VoiceboxError):  # noqa: N818 - named after the state
    """A later version of voicebox has migrated this database; going on would damage it."""


async def revision(connection: AsyncConnection) -> str | None:
    """Return the revision the database is at; None for an empty one."""

    def has_table(sync: Connection) -> bool:
        return inspect(sync).has_table("alembic_version")

    if not await connection.run_sync(has_table):
        return None
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


async def upgrade(engine: AsyncEngine) -> None:
    """Migrate to `HEAD`, all of it or nothing. Raises SchemaTooNew."""
    async with engine.connect() as connection:
        if await revision(connection) == HEAD:
            return
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":  # the writer's engine is in AUTOCOMMIT: this is the transaction
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await connection.begin()
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        try:
            await connection.run_sync(_upgrade_locked)
        except BaseException:
            await _finish(connection, "ROLLBACK")
            raise
        await _finish(connection, "COMMIT")


async def _finish(connection: AsyncConnection, how: str) -> None:
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql(how)
    elif how == "COMMIT":
        await connection.commit()
    else:
        await connection.rollback()


def _upgrade_locked(connection: Connection) -> None:
    # Imported here only: together 100 ms that an up-to-date start need not spend.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", "voicebox.storage:migrations")
    config.attributes["connection"] = connection
    at = MigrationContext.configure(connection).get_current_revision()
    if at is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(at)
        except CommandError as error:
            raise SchemaTooNew(f"the database is at revision {at}, which this version does not know") from error
    command.upgrade(config, "head")
