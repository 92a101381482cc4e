"""What a command opens, and how its errors end it: in words and with an exit code, never with a traceback."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from voicebox.cli.exits import CommandError, Exit, fail
from voicebox.config import Config
from voicebox.directory import Directory, Line
from voicebox.errors import Conflict, NoAudio, VoiceboxError
from voicebox.mailbox import Company
from voicebox.numbers import DialPlan, parse_signalled
from voicebox.settings.log import Log, LogLevel
from voicebox.storage.database import SQLITE, Database, migrate, parse_url
from voicebox.storage.migrations import HEAD
from voicebox.storage.schema import revision
from voicebox.telemetry import set_up_logging

T = TypeVar("T")


def run(settings: Config, work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work and return its result; what an operator can mend ends the command with a message."""
    # Standard output is for the result; of the log, only warnings concern who typed a command.
    set_up_logging(Log(level=LogLevel.WARNING, format=settings.log.format))
    try:
        return asyncio.run(work)
    except CommandError as error:
        fail(error.code, *error.lines)
    except (Conflict, NoAudio) as error:
        fail(Exit.FAILED, str(error))
    except VoiceboxError as error:
        fail(Exit.UNAVAILABLE, str(error))
    except OSError as error:
        fail(Exit.FAILED, str(error))


@asynccontextmanager
async def opened(settings: Config, *, migrating: bool = False) -> AsyncIterator[Database]:
    """Open the database; with `migrating` make it and bring its schema up to date first.

    Raises:
        CommandError: there is no data folder or no database, or its schema is not this version's.
        DatabaseUnavailable: it cannot be reached.
    """
    if migrating:
        make_data_dir(settings)
        await migrate(settings.database.url)
    elif (problem := missing_file(settings)) is not None:
        raise CommandError(Exit.UNAVAILABLE, problem)
    async with await Database.open(settings.database.url) as db:
        if not migrating and (problem := await schema_problem(db)) is not None:
            raise CommandError(Exit.UNAVAILABLE, problem)
        yield db


def make_data_dir(settings: Config) -> None:
    """Make the data folder, for us alone: it holds what people said, and the key of their PINs.

    Raises:
        CommandError: it cannot be made.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            Exit.UNAVAILABLE,
            f"data_dir: {settings.data_dir} cannot be made: {error.strerror}. "
            "Name a folder that the user of voicebox may write to.",
        ) from None


def missing_file(settings: Config) -> str | None:
    """Say that a SQLite file is not there yet: merely opening it would make an empty one."""
    url = parse_url(settings.database.url)
    if url.drivername != SQLITE or Path(str(url.database)).is_file():
        return None
    return f"there is no database at {url.database} yet. Make it with `voicebox db upgrade`, or with `voicebox apply`."


async def schema_problem(db: Database) -> str | None:
    """Say that the schema is not the one this version needs, and what to do; None if it is."""
    async with db.read() as connection:
        at = await revision(connection)
    if at == HEAD:
        return None
    if at is None:
        return "the database has no tables yet. Run `voicebox db upgrade`."
    if at > HEAD:
        return f"the database is at revision {at}, made by a later version; this one knows {HEAD}. Update voicebox."
    return f"the database is at revision {at}, this version needs {HEAD}. Run `voicebox db upgrade`."


async def the_company(db: Database, name: str | None) -> Company:
    """Return the company meant: the named one, else the only one there is.

    Raises:
        CommandError: there is none of that name, none at all, or several and none was named.
    """
    listed = await Directory(db).companies()
    names = ", ".join(repr(company.name) for company in listed)
    if not listed:
        raise CommandError(Exit.NOT_FOUND, "there is no company yet. Make one with `voicebox apply directory.toml`.")
    if name is None:
        if len(listed) > 1:
            raise CommandError(Exit.USAGE, f"there are several companies: {names}. Name one with --company.")
        return listed[0]
    found = next((company for company in listed if company.name == name), None)
    if found is None:
        raise CommandError(Exit.NOT_FOUND, f"there is no company {name!r}. There is {names}.")
    return found


async def the_line(db: Database, company: Company, text: str) -> Line:
    """Return the mailbox meant by any of its numbers, in any spelling.

    Raises:
        CommandError: nobody has that number.
    """
    number = parse_signalled(text, DialPlan(company.country_code, company.area_code))
    line = None if number is None else await Directory(db).find_line(company.id, number)
    if line is None:
        raise CommandError(
            Exit.NOT_FOUND, f"{company.name} has no mailbox {text!r}. `voicebox mailbox list` names those there are."
        )
    return line
