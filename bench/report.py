"""The table of results: on the terminal, and in docs/performance.md between two marks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

BEGIN: Final = "<!-- figures: written by `make bench ARGS=--write` -->"
END: Final = "<!-- end of figures -->"
COLUMNS: Final = ("What", "Measured", "Goal", "Verdict", "Asterisk")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None
    """None: it is told, not judged."""
    asterisk: str = ""
    """What the project measured of Asterisk's app_voicemail on this kind of machine."""

    @property
    def verdict(self) -> str:
        """In words."""
        return {None: "", True: "met", False: "missed"}[self.met]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row's texts in the order of `COLUMNS`."""
        return self.what, self.measured, self.goal, self.verdict, self.asterisk


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one run."""

    rows: tuple[Row, ...]
    machine: str
    command: str
    conditions: tuple[str, ...]
    """What else a reader must know: load, lag, what others used of the core."""

    def show(self, console: Console) -> None:
        """Print it."""
        table = Table(title="voicebox on one core", caption=self.machine, caption_justify="left")
        for column in COLUMNS:
            table.add_column(column, justify="left" if column in {"What", "Verdict"} else "right")
        for row in self.rows:
            style = {None: "", True: "green", False: "bold red"}[row.met]
            *cells, asterisk = row.cells
            cells[3] = f"[{style}]{cells[3]}[/]" if style else cells[3]
            table.add_row(*cells, asterisk)
        console.print(table)
        for condition in self.conditions:
            console.print(condition, highlight=False)

    def markdown(self, today: date) -> str:
        """Return it as a section of the documentation."""
        lines = [
            f"Measured on {today:%d %B %Y} by `{self.command}`. {self.machine}.",
            "",
            "| " + " | ".join(COLUMNS) + " |",
            "| --- | ---: | ---: | --- | ---: |",
            *("| " + " | ".join(cell.replace("|", "\\|") for cell in row.cells) + " |" for row in self.rows),
            "",
            *(f"- {condition}" for condition in self.conditions),
        ]
        return "\n".join(lines)


def with_figures(page: str, figures: str) -> str:
    """Return a page with the text between the marks replaced.

    Raises:
        ValueError: the page lacks the marks.
    """
    pattern = re.compile(re.escape(BEGIN) + r".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no place for figures: {BEGIN}")
    return pattern.sub(lambda _: f"{BEGIN}\n\n{figures}\n\n{END}", page)


def write(report: Report, page: Path, today: date) -> None:
    """Put the figures into the page; raises ValueError if it has no place for them."""
    page.write_text(with_figures(page.read_text(), report.markdown(today)))


def failures(counts: Sequence[tuple[str, int]]) -> str:
    """Return what went wrong, in words; "none" if nothing did."""
    return ", ".join(f"{count} {what}" for what, count in counts if count) or "none"
