"""What commands print: JSON for scripts, tables and lines for people; only results go to standard output."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH: Final = 400
"""Columns where standard output is no terminal: nothing is cut off or wrapped for grep."""


def print_json(value: Any) -> None:
    """Print a JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_line(text: str = "") -> None:
    """Print a line as it is."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Tell something that is not the result: to standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table; a column whose name starts with `>` is aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        # A name may hold square brackets, which are markup only where we write it.
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    console.print(table)
    if not table.rows:
        console.print()  # rich ends the line of a heading only where rows follow
        note("none")


def in_utc(moment: datetime | None) -> str | None:
    """Write a moment as the API does: `2026-11-22T09:30:00Z`."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return `1 change`, `2 changes`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def print_pairs(values: Mapping[str, Any]) -> None:
    """Print names and values below each other; what is absent shows as a dash."""
    width = max(len(name) for name in values)
    for name, value in values.items():
        print_line(f"{name.replace('_', ' '):<{width}}  {_plain(value)}")


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
