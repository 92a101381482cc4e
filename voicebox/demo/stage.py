"""What is shown: acts with rows, and the stages that can show them."""

import time
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from voicebox.demo.strip import Strip


class Kind(Enum):
    """How a row is meant."""

    FACT = auto()
    """A name and a value."""
    STEP = auto()
    """Something that happened, at a time."""
    HEARD = auto()
    """Words of voicebox's."""
    SAID = auto()
    """Words of the caller's."""
    QUOTE = auto()
    """Lines of a mail."""
    COMMAND = auto()
    """What an administrator types."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an act."""

    label: str
    text: str
    kind: Kind = Kind.FACT


@dataclass(slots=True)
class Act:
    """A part of the story."""

    title: str
    rows: list[Row] = field(default_factory=list)
    strip: Strip | None = None
    began: float = field(default_factory=time.monotonic)
    took_s: float | None = None
    """None while it plays."""


class Stage(Protocol):
    """Where the story is shown."""

    def begin(self, act: Act) -> None:
        """Show the beginning of an act."""
        ...

    def add(self, row: Row) -> None:
        """Show a row of the act that plays."""
        ...

    def end(self) -> None:
        """Show that the act is over."""
        ...

    def fail(self, why: str, log: list[str]) -> None:
        """Show that the story ends here, and the lines of the log that may explain it."""
        ...


class Plain:
    """A stage of plain lines, for pipes, logs and screen readers."""

    def __init__(self, failed: str, log: str) -> None:
        """Make one; `failed` and `log` introduce a failure and its log lines."""
        self._failed = failed
        self._log = log
        self._act: Act | None = None
        self._count = 0

    def begin(self, act: Act) -> None:
        """Print the act's title."""
        self._count += 1
        self._act = act
        _print(f"{'' if self._count == 1 else chr(10)}{self._count}. {act.title}")

    def add(self, row: Row) -> None:
        """Print a row."""
        if self._act is not None:
            self._act.rows.append(row)
        text = f"$ {row.text}" if row.kind is Kind.COMMAND else row.text
        head = f"   {row.label:>10}  "
        lines = [(head if at == 0 else " " * len(head)) + line for at, line in enumerate(text.split("\n"))]
        _print("\n".join(line.rstrip() for line in lines))

    def end(self) -> None:
        """Remember how long it took."""
        if self._act is not None:
            self._act.took_s = time.monotonic() - self._act.began

    def fail(self, why: str, log: list[str]) -> None:
        """Print why."""
        _print(f"\n{self._failed}: {why}")
        if log:
            _print("\n".join([f"{self._log}:", *(f"   {line}" for line in log)]))


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is what the command is for
