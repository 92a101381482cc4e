"""`voicebox config check`: whether the configuration is right, with a cure for each mistake."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NoReturn

import typer

from voicebox.cli.exits import Exit, fail
from voicebox.cli.opening import missing_file, run, schema_problem
from voicebox.cli.options import ConfigOption, JsonOption
from voicebox.cli.preflight import local_problems
from voicebox.cli.printing import note, print_json, print_line
from voicebox.cli.reach import unreachable
from voicebox.cli.realms import devices_of_other_realms, said
from voicebox.config import Config, ConfigError, Problem, find_config, read_config
from voicebox.errors import VoiceboxError
from voicebox.storage.database import Database

config_app = typer.Typer(help="Look after the configuration.", no_args_is_help=True)


@config_app.callback()
def _configuration() -> None:
    """Look after the configuration."""


@config_app.command("check")
def check_command(*, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say whether the configuration is right: each mistake with its line, its key and its cure."""
    try:
        path = find_config(config)
        settings = read_config(path)
    except ConfigError as error:
        _refuse(error.problems, json=json)
    if problems := local_problems(settings, path):
        _refuse(problems, json=json)
    warnings = [". ".join(each) for each in unreachable(settings)] + run(settings, _warnings(settings))
    if json:
        print_json({"ok": True, "file": str(path), "problems": [], "warnings": warnings})
        return
    print_line(f"{path} is right")
    for warning in warnings:
        note(f"warning: {warning}")


def _refuse(problems: Sequence[Problem], *, json: bool) -> NoReturn:
    if json:
        print_json({"ok": False, "problems": [asdict(problem) for problem in problems], "warnings": []})
        raise typer.Exit(Exit.CONFIGURATION)
    fail(Exit.CONFIGURATION, *(str(problem) for problem in problems))


async def _warnings(settings: Config) -> list[str]:
    """Return what contradicts the database, where there is one: its own troubles are for `doctor`."""
    if missing_file(settings) is not None:
        return []
    try:
        async with await Database.open(settings.database.url) as db:
            if await schema_problem(db) is not None:
                return []
            foreign, _ = await devices_of_other_realms(db, settings)
    except VoiceboxError:
        return []
    return [". ".join(said(foreign, settings.sip.domain))] if foreign else []
