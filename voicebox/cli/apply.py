"""`voicebox apply`: bring a company to what its directory file says."""

from pathlib import Path
from typing import Annotated

import typer

from voicebox.cli.exits import CommandError, Exit, fail
from voicebox.cli.opening import opened, run
from voicebox.cli.options import ConfigOption, JsonOption, configuration
from voicebox.cli.printing import counted, note, print_json, print_line
from voicebox.cli.provisioner import provisioner
from voicebox.config import Config
from voicebox.directory_file import read_directory
from voicebox.directory_plan import DirectoryError, DirectoryFile
from voicebox.numbers import parse_signalled
from voicebox.provisioning import Applied

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The directory file, such as directory.toml.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


def apply_command(
    *, file: FileArgument, dry_run: DryRunOption = False, json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Bring the company and its mailboxes to what FILE says, and say what changed. Applying again changes nothing."""
    settings = configuration(config)
    try:
        directory = read_directory(file)
    except DirectoryError as error:
        fail(Exit.USAGE, *(str(problem) for problem in error.problems))
    applied = run(settings, _apply(settings, directory, dry_run=dry_run))
    warnings = _at_the_portal(directory, settings.sip.portal)
    if json:
        print_json(
            {
                "company": directory.company.name,
                "dry_run": dry_run,
                "changes": [
                    {"subject": each.subject, "field": each.field, "before": each.before, "after": each.after}
                    for each in applied.changes
                ],
                "not_in_file": list(applied.not_in_file),
                "warnings": warnings,
            }
        )
    else:
        _tell(applied, directory.company.name, dry_run=dry_run)
        for warning in warnings:
            note(f"warning: {warning}")


def _at_the_portal(directory: DirectoryFile, portals: tuple[str, ...]) -> list[str]:
    """Name mailboxes that nobody can dial, since their number leads to the voice portal."""
    numbers = [parse_signalled(portal, directory.plan) for portal in portals]
    taken = {each for number in numbers if number is not None for each in (number.digits, number.e164)} | {*portals}
    return [
        f"{directory.path}, line {directory.lines.of(('mailbox', index))}: mailbox {plan.entry.number} has a number of "
        "the voice portal: who dials it reaches the portal. Give it another one, or change sip.portal."
        for index, plan in enumerate(directory.mailboxes)
        if not taken.isdisjoint({plan.entry.number, *([plan.phone] if plan.phone else []), *(plan.aliases or ())})
    ]


async def _apply(settings: Config, directory: DirectoryFile, *, dry_run: bool) -> Applied:
    async with opened(settings, migrating=True) as db, provisioner(settings, db) as provisioning:
        try:
            return await provisioning.apply(directory, dry_run=dry_run)
        except DirectoryError as error:
            # The file is well-formed, but contradicts what is there.
            raise CommandError(Exit.FAILED, *(str(problem) for problem in error.problems)) from None


def _tell(applied: Applied, company: str, *, dry_run: bool) -> None:
    for change in applied.changes:
        print_line(str(change))
    if applied.not_in_file:
        print_line(f"not in the file, left as they are: {', '.join(applied.not_in_file)}")
    if not applied.changes:
        print_line(f"{company}: nothing to change")
    elif dry_run:
        print_line(f"{company}: {counted(len(applied.changes), 'change')} to make; nothing was written")
    else:
        print_line(f"{company}: {counted(len(applied.changes), 'change')} made")
