"""What a directory file wants, once it is read and checked: values for `apply`, and the error that says why not."""

from dataclasses import dataclass, field
from pathlib import Path

from voicebox.config import Problem, key_name
from voicebox.directory_entries import GREETINGS, CompanyEntry, ListEntry, MailboxEntry
from voicebox.numbers import DialPlan
from voicebox.tomllines import KeyPath, Lines


class DirectoryError(Exception):
    """The file cannot be applied; `problems` names what is wrong with it, in the file's order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class MailboxPlan:
    """A mailbox as the file wants it."""

    entry: MailboxEntry
    place: str
    """The file and line of its table."""
    phone: str | None
    """E.164."""
    aliases: tuple[str, ...] | None
    """E.164; None leaves them as they are."""
    destinations: dict[str, str | None] = field(hash=False)
    """`zero_out` and the forwards: an extension or E.164."""
    greetings: dict[str, bytes] = field(hash=False, repr=False)
    """The own greetings' files, which can be read as audio: by key, the alternatives as `alternative-1` to `-3`."""

    @property
    def username(self) -> str:
        """The name under which its phone registers."""
        return self.entry.device_username or self.entry.number


@dataclass(frozen=True, slots=True)
class ListPlan:
    """A distribution list as the file wants it."""

    entry: ListEntry
    members: tuple[str, ...]
    """Extensions, each once: a member named by its number and by its alias is one."""
    recording: bytes | None = field(hash=False, repr=False)
    """The file that says the description, which can be read as audio."""


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """Who belongs to a team mailbox, as the file wants it."""

    number: str
    """The team's extension."""
    members: tuple[str, ...]
    """Extensions, each once."""


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """A checked file."""

    path: Path
    company: CompanyEntry
    plan: DialPlan
    mailboxes: tuple[MailboxPlan, ...]
    lists: tuple[ListPlan, ...]
    teams: tuple[TeamPlan, ...]
    lines: Lines = field(repr=False)

    def problem(self, path: KeyPath, what: str, cure: str) -> Problem:
        """Say that something at `path` cannot be done, though the file by itself is right."""
        return Problem(f"{self.path}, line {self.lines.of(path)}", key_name(path), what, cure)


def greeting_path(index: int, key: str) -> KeyPath:
    """Return where a greeting of the mailbox at `index` is written, by its key in `MailboxPlan.greetings`."""
    if key in GREETINGS:
        return ("mailbox", index, key)
    return ("mailbox", index, "alternative_greetings", int(key[-1]) - 1, "file")
