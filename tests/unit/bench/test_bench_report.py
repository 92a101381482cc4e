"""The table of a benchmark, on the terminal and in the documentation."""

import io
from datetime import date

import pytest
from rich.console import Console

from bench.report import BEGIN, END, Report, Row, failures, with_figures

REPORT = Report(
    (
        Row("recording", "2.4", "≤ 3.0", met=True, asterisk="0.05"),
        Row("a | b", "9", "≤ 2", met=False),
        Row("told", "1"),
    ),
    "a machine",
    "make bench",
    ("load was low",),
)


def test_markdown_is_one_table_with_a_line_for_each_figure() -> None:
    lines = REPORT.markdown(date(2026, 11, 22)).splitlines()
    assert lines[0] == "Measured on 22 November 2026 by `make bench`. a machine."
    table = [line for line in lines if line.startswith("|")]
    assert table[2] == "| recording | 2.4 | ≤ 3.0 | met | 0.05 |"
    assert table[3] == "| a \\| b | 9 | ≤ 2 | missed |  |"
    assert table[4] == "| told | 1 |  |  |  |"
    assert lines[-1] == "- load was low"


def test_the_terminal_shows_every_figure_and_verdict() -> None:
    console = Console(file=io.StringIO(), width=200)
    REPORT.show(console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in ("recording", "met", "missed", "told", "a machine", "load was low"):
        assert text in shown


def test_figures_replace_the_old_ones_and_nothing_else() -> None:
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe rest.\n"
    once = with_figures(page, "| new \\1 |")
    assert once == f"# Title\n\n{BEGIN}\n\n| new \\1 |\n\n{END}\n\nThe rest.\n"
    assert with_figures(once, "| new \\1 |") == once


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_figures("# Title\n", "x")


def test_faults_are_named_and_none_is_said() -> None:
    assert failures((("lost", 0), ("short", 2))) == "2 short"
    assert failures((("lost", 0),)) == "none"
