"""How an act is drawn with rich: in the terminal, and in the README's picture."""

from collections.abc import Callable
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from voicebox.demo.stage import Act, Kind, Row
from voicebox.demo.strip import COLUMN_S, COLUMNS, Lane, Strip

WIDTH: Final = 78
LABEL: Final = 10
BARS: Final = "·▁▂▃▄▅▆▇█"
AXIS_EVERY: Final = 10
"""Columns between two times: 5 s."""
OURS, THEIRS, TONE, QUIET = "green", "cyan", "yellow", "bright_black"
"""voicebox, the person at the phone, the record tone, and what steps back."""


def draw(act: Act, *, running: Spinner | None = None, failed: bool = False) -> RenderableType:
    """Return an act as it is now."""
    parts: list[RenderableType] = [_title(act, running, failed=failed)]
    grid = _grid()
    quote: list[Row] = []
    for row in act.rows:
        if row.kind is Kind.QUOTE:
            quote.append(row)
            continue
        grid.add_row(*_row(row))
    parts.append(Padding(grid, (0, 0, 0, 2)))
    if quote:
        parts.append(_card(quote))
    if act.strip is not None and act.strip.columns:
        parts.append(Padding(_strip(act.strip), (1, 0, 0, 2)))
    return Padding(Group(*parts), (0, 1, 1, 1))


def _title(act: Act, running: Spinner | None, *, failed: bool) -> RenderableType:
    line = Table.grid(padding=(0, 1))
    line.width = WIDTH
    line.add_column(width=1)
    line.add_column(ratio=1)
    line.add_column(justify="right")
    mark: RenderableType = running if running is not None else Text("✗" if failed else "●", "red" if failed else OURS)
    took = f"{act.took_s:.1f} s" if act.took_s is not None else ""
    line.add_row(mark, Text(act.title, "bold"), Text(took, QUIET))
    return line


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.width = WIDTH - 2
    grid.add_column(width=LABEL, justify="right", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def _row(row: Row) -> tuple[Text, Text]:
    label = Text(row.label, QUIET)
    match row.kind:
        case Kind.HEARD:
            return label, Text(row.text, f"italic {OURS}")
        case Kind.SAID:
            return label, Text(row.text, f"italic {THEIRS}")
        case Kind.COMMAND:
            return label, Text.assemble(("$ ", QUIET), (row.text, "bold"))
        case _:
            return label, Text(row.text)


def _card(rows: list[Row]) -> RenderableType:
    """Return a mail as it arrived."""
    card = Table.grid(padding=(0, 2))
    card.add_column(justify="right", no_wrap=True)
    card.add_column(ratio=1, overflow="fold")
    for row in rows:
        card.add_row(Text(row.label, QUIET), Text(row.text))
    return Padding(Panel(card, box=box.ROUNDED, border_style=QUIET, width=WIDTH - 4, padding=(0, 1)), (1, 0, 0, 4))


def _strip(strip: Strip) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=LABEL, justify="right", no_wrap=True)
    grid.add_column(width=COLUMNS, no_wrap=True)
    columns = strip.columns

    def voice(at: int) -> str:
        return TONE if at == strip.tone_at else THEIRS if strip.caller_from <= at <= strip.caller_to else OURS

    grid.add_row(Text("voicebox", OURS), _lane(strip.heard, columns, voice))
    grid.add_row(Text(strip.speaker, THEIRS), _lane(strip.said, columns, lambda _: THEIRS))
    if strip.keys:
        grid.add_row(Text(""), Text(strip.keys, f"bold {THEIRS}"))
    marks = "".join(f"{round(at * COLUMN_S)} s".ljust(AXIS_EVERY) for at in range(0, columns, AXIS_EVERY))
    grid.add_row(Text(""), Text(marks[: columns + 4].rstrip(), QUIET))
    return grid


def _lane(lane: Lane, columns: int, style: Callable[[int], str]) -> Text:
    drawn = Text()
    for at in range(columns):
        level = lane.height(at)
        drawn.append(BARS[level], style(at) if level else QUIET)
    return drawn
