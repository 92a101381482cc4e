"""Exit codes, which scripts rely on, and the one way to end a command with an error."""

import sys
from enum import IntEnum
from typing import NoReturn

from rich.console import Console


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    FAILED = 1
    """What was asked could not be done."""
    USAGE = 2
    """The command or a file it was given is malformed."""
    NOT_FOUND = 3
    """What was named does not exist."""
    CONFIGURATION = 4
    """The configuration cannot be used."""
    UNAVAILABLE = 5
    """A port is taken, or the database or the data is in use or unreachable."""


class CommandError(Exception):
    """Ends a command from within its work: the exit code, and lines that say why and what to do."""

    def __init__(self, code: Exit, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.code = code
        self.lines = lines


def fail(code: Exit, *lines: str) -> NoReturn:
    """Write why to standard error and end with `code`."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(f"voicebox: {line}", markup=False)
    sys.exit(code)
