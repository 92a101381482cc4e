"""An installation in a folder of its own: a real configuration and database, and the command line run in-process."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import structlog
from typer.testing import CliRunner, Result

from voicebox.cli.main import app
from voicebox.storage.database import Database

T = TypeVar("T")

DIRECTORY = """\
[company]
name = "Beispiel GmbH"
language = "de"
time_zone = "Europe/Berlin"
country_code = "49"
area_code = "211"

[[mailbox]]
number = "1001"
phone = "+492115551001"
name = "Anna Beispiel"
pin = "274913"
pin_is_final = true
device_password = "phone-1001"
email = "anna@example.org"
aliases = ["+49 170 1234567"]

[[mailbox]]
number = "1002"
name = "Ben [bold] Beispiel"
"""


class Installation:
    """Files in `folder`, and the command line that is told of them by `--config`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "voicebox.toml"
        self.database_url = f"sqlite+aiosqlite:///{folder / 'var' / 'voicebox.db'}"
        self.config.write_text('data_dir = "var"\n', encoding="utf-8")

    def run(self, *args: str, expect: int = 0, config: bool = True) -> Result:
        """Run a command and check its exit code; a traceback fails the test."""
        options = ["--config", str(self.config)] if config else []
        result = CliRunner().invoke(app, [*args, *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == expect, f"{args}: {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    def json(self, *args: str, expect: int = 0) -> Any:
        """Run a command with --json and return what it printed, all of it JSON."""
        return json.loads(self.run(*args, "--json", expect=expect).stdout)

    def apply(self, directory: str = DIRECTORY) -> Result:
        """Apply a directory file."""
        path = self.folder / "directory.toml"
        path.write_text(directory, encoding="utf-8")
        return self.run("apply", str(path))

    def ask(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Do something with the database that no command does."""

        async def asked() -> T:
            async with await Database.open(self.database_url) as db:
                return await work(db)

        return asyncio.run(asked())

    def everything_stored(self) -> bytes:
        """Return the bytes of every file in the data folder, to look for what must not be there."""
        return b"".join(path.read_bytes() for path in sorted((self.folder / "var").rglob("*")) if path.is_file())


@contextmanager
def kept_logging() -> Iterator[None]:
    """Put logging back as it was: commands set it up for their process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        for handler in [each for each in root.handlers if each not in handlers]:
            root.removeHandler(handler)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
