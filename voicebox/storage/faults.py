"""Telling a database that is away, and a value that is taken, from a statement that is wrong.

Only the first becomes `DatabaseUnavailable`; and where a statement says so (`unique`), a value that is taken a
`Conflict`. Everything else (another broken constraint, a bug) is raised as it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy.exc

from voicebox.errors import Conflict, DatabaseUnavailable

_SQLITE_AWAY: Final = {
    sqlite3.SQLITE_BUSY: "locked by another process",
    sqlite3.SQLITE_LOCKED: "locked by another process",
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_READONLY: "the file is read-only",
    sqlite3.SQLITE_INTERRUPT: "interrupted",
    sqlite3.SQLITE_IOERR: "input/output error",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "locking failed",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
}
"""Primary result codes (sqlite.org/rescode.html); extended ones carry them in their low byte."""

_POSTGRES_AWAY: Final = (
    "08",  # connection exception
    "28",  # invalid authorization
    "3D",  # no such database
    "53",  # insufficient resources: disk full, too many connections
    "55P03",  # lock not available in time
    "57",  # operator intervention: shutting down, starting up, cancelled by timeout
    "58",  # system error
    "25006",  # read-only: we reached a standby
)
"""Prefixes of SQLSTATE (PostgreSQL manual, appendix A)."""

_POSTGRES_AGAIN: Final = ("40001", "40P01")
"""Serialization failure and deadlock: the transaction was undone and may simply be run again."""

_POSTGRES_TAKEN: Final = "23505"
"""Unique violation; foreign keys and checks have numbers of their own."""


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error from PostgreSQL, also where SQLAlchemy wrapped it; else None."""
    origin = getattr(error, "orig", None) or error
    for candidate in (origin, origin.__cause__):
        state = getattr(candidate, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def may_run_again(error: BaseException) -> bool:
    """Tell whether PostgreSQL undid the transaction only because of others at work at the same time."""
    return sqlstate(error) in _POSTGRES_AGAIN


def why_unavailable(error: BaseException) -> str | None:
    """Return why the database is away in a few words, without any data; None if the error means something else."""
    match error:
        case DatabaseUnavailable():
            return str(error)
        case sqlalchemy.exc.TimeoutError():
            return "no free connection in time"
        case TimeoutError():  # asyncpg's command_timeout, which SQLAlchemy does not wrap
            return "no answer in time"
        case sqlalchemy.exc.DBAPIError(connection_invalidated=True):
            return "the connection was lost"
        case sqlalchemy.exc.DBAPIError(orig=sqlite3.Error() as origin):
            return _SQLITE_AWAY.get(getattr(origin, "sqlite_errorcode", 0) & 0xFF)
    state = sqlstate(error)
    if state is not None and state.startswith(_POSTGRES_AWAY):
        return f"PostgreSQL answered SQLSTATE {state}"
    if isinstance(error, sqlalchemy.exc.InterfaceError):
        return "the connection was lost"
    return None


@contextmanager
def translated(*, connecting: bool = False) -> Iterator[None]:
    """Turn what means "away" into `DatabaseUnavailable`.

    While connecting, the operating system's errors count too (refused, no such host, timed out); later an OSError is
    the work's own.
    """
    try:
        yield
    except DatabaseUnavailable:
        raise
    except Exception as error:
        why = why_unavailable(error)
        if why is None and connecting and isinstance(error, OSError):
            why = f"it cannot be reached ({type(error).__name__})"
        if why is None:
            raise
        raise DatabaseUnavailable(f"the database is unavailable: {why}") from error


@contextmanager
def unique(field: str, value: str) -> Iterator[None]:
    """Turn the violation of a unique constraint into `Conflict`.

    For a statement whose table has no more than one value, or one set of values, that may be taken.
    """
    try:
        yield
    except sqlalchemy.exc.IntegrityError as error:
        if _is_taken(error):
            raise Conflict(field, value) from error
        raise


def _is_taken(error: sqlalchemy.exc.IntegrityError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_CONSTRAINT_UNIQUE
    return sqlstate(error) == _POSTGRES_TAKEN
