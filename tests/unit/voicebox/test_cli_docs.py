"""docs/cli.md has a section for every command, with every option, and none that does not exist."""

import re
from pathlib import Path

import pytest
import typer

from tests.unit.voicebox.test_cli_main import commands
from voicebox.cli.exits import Exit
from voicebox.cli.main import app

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
EVERY = commands(typer.main.get_command(app))
EVERYWHERE = {"--config", "--json", "--help"}
"""Described once, above all commands."""


def sections() -> dict[str, str]:
    parts = re.split(r"^## `voicebox ([a-z -]+)`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section_and_nothing_else_has() -> None:
    assert sorted(sections()) == sorted(EVERY)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_option_is_documented_and_no_other(name: str) -> None:
    section = sections()[name]
    rows = {cell for row in re.findall(r"^\| (`.+?) \|", section, flags=re.MULTILINE) for cell in row.split(", ")}
    documented = {cell.strip("`").split()[0] for cell in rows}
    there = set()
    for parameter in EVERY[name].params:
        there |= set(parameter.opts) if parameter.param_type_name == "option" else {parameter.metavar or parameter.name}
    assert documented | EVERYWHERE == there | EVERYWHERE


def test_every_exit_code_is_documented() -> None:
    documented = [int(code) for code in re.findall(r"^\| (\d) \|", PAGE, flags=re.MULTILINE)]
    assert documented == [int(each) for each in Exit]
