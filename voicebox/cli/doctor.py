"""`voicebox doctor`: whether this machine and this configuration are fit for service, with a cure for what is not."""

from dataclasses import asdict
from pathlib import Path

import typer
from rich.text import Text

from voicebox.cli.checks import machine
from voicebox.cli.checks.finding import Finding, Grade, failed, ok, warning
from voicebox.cli.checks.mailserver import mail_server
from voicebox.cli.checks.ports import ports
from voicebox.cli.checks.stores import audio_store, database
from voicebox.cli.exits import Exit
from voicebox.cli.opening import run
from voicebox.cli.options import ConfigOption, JsonOption
from voicebox.cli.preflight import local_problems
from voicebox.cli.printing import counted, print_json, print_line, print_table
from voicebox.cli.prompts import STUDIO
from voicebox.cli.reach import unreachable
from voicebox.clock import SystemClock
from voicebox.config import Config, ConfigError, Problem, find_config, read_config

_MARKS = {
    Grade.OK: Text("✓", style="green"),
    Grade.WARNING: Text("!", style="yellow"),
    Grade.FAILED: Text("✗", style="red"),
}


def doctor_command(*, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Check configuration, machine, ports, database, audio store, mail server and prompts; ends with 1 if one fails."""
    findings = _examine(config)
    bad = [each for each in findings if each.grade is Grade.FAILED]
    if json:
        print_json({"ok": not bad, "checks": [asdict(each) for each in findings]})
    else:
        print_table(
            ["", "Check", "Seen"],
            [
                (_MARKS[each.grade], each.name, f"{each.detail}\n> {each.cure}" if each.cure else each.detail)
                for each in findings
            ],
        )
        print_line(f"{counted(len(bad), 'check')} failed" if bad else "fit for service")
    if bad:
        raise typer.Exit(Exit.FAILED)


def _examine(given: Path | None) -> list[Finding]:
    # What needs no configuration comes first: it is seen even when the configuration is wrong.
    found = [machine.python(), machine.audio_formats(), machine.m4a_and_webm()]
    try:
        path = find_config(given)
        settings = read_config(path)
    except ConfigError as error:
        return [*map(_wrong, error.problems), *found, machine.time_zones([])]
    here = [_wrong(problem) for problem in local_problems(settings, path)] or [ok("configuration", str(path))]
    return [*here, *found, *run(settings, _examine_with(settings))]


def _wrong(problem: Problem) -> Finding:
    where = f"{problem.place}: {problem.key}" if problem.key else problem.place
    return failed("configuration", f"{where}: {problem.what}", problem.cure)


async def _examine_with(settings: Config) -> list[Finding]:
    now = SystemClock().now()
    data = await database(settings, now)
    return [
        *machine.data_folder(settings),
        *(warning("addresses", what, cure) for what, cure in unreachable(settings)),
        *ports(settings),
        machine.open_files(settings),
        *data.findings,
        machine.time_zones(data.zones),
        await audio_store(settings, now),
        await mail_server(settings),
        machine.prompts(settings.data_dir / STUDIO),
    ]
