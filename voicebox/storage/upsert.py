"""INSERT with ON CONFLICT: SQLite and PostgreSQL understand the same clause, SQLAlchemy has a class for each."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Build = Callable[[Callable[[Table], Any]], Executable]


class Upsert:
    """One statement in both dialects, built once, so that its compiled form is found again cheaply."""

    __slots__ = ("_postgresql", "_sqlite")

    def __init__(self, build: Build) -> None:
        self._sqlite = build(sqlite.insert)
        self._postgresql = build(postgresql.insert)

    def on(self, connection: AsyncConnection) -> Executable:
        """Return the statement for this connection's database."""
        return self._sqlite if connection.dialect.name == "sqlite" else self._postgresql


def overwrite(table: Table, key: Sequence[str], columns: Iterable[str], **also: Any) -> Upsert:
    """Make an INSERT that, where a row of this key exists, sets these columns to the new values (and `also`)."""

    def build(insert: Callable[[Table], Any]) -> Executable:
        statement = insert(table)
        values = {name: statement.excluded[name] for name in columns} | also
        built: Executable = statement.on_conflict_do_update(index_elements=list(key), set_=values)
        return built

    return Upsert(build)
