"""`voicebox prompts`: render the spoken prompts, check them, take in a studio's."""

from pathlib import Path
from typing import Annotated, Final

import typer

from voicebox.cli.exits import Exit, fail
from voicebox.cli.options import ConfigOption, JsonOption, configuration
from voicebox.cli.printing import counted, note, print_json, print_line
from voicebox.config import ConfigError, find_config
from voicebox.i18n import Language

STUDIO: Final = "prompts"
"""The folder in `data_dir` whose recordings go before the shipped ones."""

prompts_app = typer.Typer(help="Render the spoken prompts, check them, take in a studio's.", no_args_is_help=True)

SourceArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder with a studio's recordings.")]
LanguagesOption = Annotated[
    list[Language] | None, typer.Option("--language", help="de or en; may be repeated; without it both.")
]
LanguageOption = Annotated[Language, typer.Option("--language", help="What is spoken: de or en.")]
DirectoryOption = Annotated[
    Path | None, typer.Option("--directory", help="Where the recordings lie; without it, those that came with us.")
]
PartialOption = Annotated[bool, typer.Option("--partial", help="Not every utterance need be there.")]
VoiceOption = Annotated[str, typer.Option("--voice", help="Who speaks, for the manifest.")]
LicenceOption = Annotated[str, typer.Option("--licence", help="Under which terms, for the manifest.")]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", help='TOML that says which file is which: id = "file" or ["one", "two"].')
]
ToOption = Annotated[
    Path | None, typer.Option("--to", help="Where to put them; without it, the prompts folder in data_dir.")
]


@prompts_app.command("build")
def build_command(
    *,
    language: LanguagesOption = None,
    directory: DirectoryOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Render what has no recording yet, or whose text changed. Needs pico2wave."""
    from prompts.build import RECORDINGS, build
    from prompts.manifest import ManifestError
    from prompts.pico import PicoError

    try:
        report = build(language or tuple(Language), directory or RECORDINGS, progress=note)
    except (PicoError, ManifestError, OSError) as error:
        fail(Exit.FAILED, str(error))
    if json:
        print_json({"rendered": report.rendered, "kept": len(report.kept), "removed": report.removed})
    else:
        print_line(f"{len(report.rendered)} rendered, {len(report.kept)} kept, {len(report.removed)} removed")


@prompts_app.command("check")
def check_command(
    *,
    directory: DirectoryOption = None,
    partial: PartialOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check that every prompt is there, unharmed, level, and about as long as its text; name what is not."""
    from prompts.build import RECORDINGS
    from prompts.check import check

    if directory is not None and not directory.is_dir():
        fail(Exit.NOT_FOUND, f"{directory} is not a folder.")
    findings = check(directory or RECORDINGS, complete=not partial)
    studio = _studio(config) if directory is None else None
    if studio is not None:
        # A studio need not have recorded everything: what it lacks comes from ours.
        findings += check(studio, complete=False)
    if json:
        print_json(
            {
                "ok": not findings,
                "findings": [
                    {"problem": str(each.problem), "name": each.name, "detail": each.detail} for each in findings
                ],
            }
        )
    else:
        for each in findings:
            print_line(str(each))
        print_line(counted(len(findings), "finding") if findings else "all prompts are right")
    if findings:
        raise typer.Exit(Exit.FAILED)


@prompts_app.command("import")
def import_command(
    *,
    source: SourceArgument,
    language: LanguageOption,
    voice: VoiceOption,
    licence: LicenceOption,
    mapping: MappingOption = None,
    to: ToOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take in a studio's recordings, or an Asterisk sound pack; what it lacks is spoken by the shipped voice."""
    from prompts.manifest import ManifestError
    from prompts.studio import Credit, StudioError, import_pack, read_mapping

    target = to if to is not None else configuration(config).data_dir / STUDIO
    try:
        names = None if mapping is None else read_mapping(mapping)
        report = import_pack(source, target, language, Credit(voice, licence), names)
    except StudioError as error:
        fail(Exit.USAGE, str(error))
    except (ManifestError, OSError) as error:
        fail(Exit.FAILED, str(error))
    if json:
        print_json(
            {
                "folder": str(target),
                "imported": report.imported,
                "refused": report.refused,
                "absent": report.absent,
                "parts_complete": report.parts_complete,
            }
        )
    else:
        print_line(f"{len(report.imported)} taken into {target}, {len(report.absent)} not there")
        if not report.parts_complete:
            print_line("numbers, dates and names of months are not complete: the shipped voice says all of them")
    for name, why in report.refused.items():
        note(f"{name}: {why}")
    if report.refused or not report.imported:
        fail(Exit.FAILED, f"{counted(len(report.refused), 'recording')} refused, {len(report.imported)} taken.")


def _studio(config: Path | None) -> Path | None:
    """Return the studio's folder of the installation, if there is an installation, with such a folder."""
    try:
        find_config(config)
    except ConfigError:
        return None
    folder = configuration(config).data_dir / STUDIO
    return folder if folder.is_dir() else None
