"""`voicebox init`: a first configuration, an example directory, and a database with its tables."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from voicebox.cli.exits import CommandError, Exit, fail
from voicebox.cli.init_files import Answers, configuration_file, directory_file
from voicebox.cli.opening import make_data_dir, run
from voicebox.cli.options import JsonOption
from voicebox.cli.printing import print_json, print_line
from voicebox.config import CONFIG_VARIABLE, DEFAULT_FILE, Config, ConfigError, Problem, read_config
from voicebox.directory_file import read_directory
from voicebox.directory_plan import DirectoryError
from voicebox.storage.database import migrate

DIRECTORY_FILE: Final = "directory.toml"

WhereOption = Annotated[
    Path | None,
    typer.Option("--config", help="The file to write; default ./voicebox.toml, or $VOICEBOX_CONFIG where it is set."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the defaults for what is not given.")]


def _text(name: str, help_: str) -> object:
    return typer.Option(name, help=help_)


CompanyNameOption = Annotated[str | None, _text("--company", "The company's name.")]
LanguageOption = Annotated[str | None, _text("--language", "Its language: de or en.")]
TimeZoneOption = Annotated[str | None, _text("--time-zone", "Its time zone, such as Europe/Berlin.")]
CountryOption = Annotated[str | None, _text("--country-code", "Its country code, such as 49.")]
AreaOption = Annotated[str | None, _text("--area-code", "Its area code without the 0, such as 211.")]
AddressOption = Annotated[str | None, _text("--address", "The address of this machine that phones and PBX reach.")]
SipPortOption = Annotated[int | None, typer.Option("--sip-port", min=1, max=65535, help="The port for SIP.")]
DomainOption = Annotated[str | None, _text("--domain", "The SIP domain: the realm of the phones' passwords.")]
PortalOption = Annotated[str | None, _text("--portal", "The number that subscribers dial to fetch messages.")]
PbxOption = Annotated[str | None, _text("--pbx", "The PBX's IP address; empty for none.")]
WebOption = Annotated[str | None, _text("--web", "Where the web is served, as host:port.")]
SmtpOption = Annotated[str | None, _text("--smtp", "The mail server's name or address.")]
SmtpPortOption = Annotated[int | None, typer.Option("--smtp-port", min=1, max=65535, help="Its port.")]
SenderOption = Annotated[str | None, _text("--sender", "The address mails come from.")]
DataOption = Annotated[str | None, _text("--data-dir", "The folder for database and recordings.")]


def init_command(
    *,
    company: CompanyNameOption = None,
    language: LanguageOption = None,
    time_zone: TimeZoneOption = None,
    country_code: CountryOption = None,
    area_code: AreaOption = None,
    address: AddressOption = None,
    sip_port: SipPortOption = None,
    domain: DomainOption = None,
    portal: PortalOption = None,
    pbx: PbxOption = None,
    web: WebOption = None,
    smtp: SmtpOption = None,
    smtp_port: SmtpPortOption = None,
    sender: SenderOption = None,
    data_dir: DataOption = None,
    force: ForceOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
    config: WhereOption = None,
) -> None:
    """Write a commented voicebox.toml with an example directory.toml beside it, and make the database."""
    target = _target(config)
    directory = target.with_name(DIRECTORY_FILE)
    _refuse_to_overwrite(target, directory, force=force)
    asking = sys.stdin.isatty() and not yes

    def answer(given: str | None, question: str, default: str) -> str:
        if given is not None or not asking:
            return default if given is None else given
        text: str = typer.prompt(question, default=default, show_default=bool(default), err=True)
        return text.strip()

    answers = Answers(
        company=answer(company, "Name of the company", "Example GmbH"),
        language=answer(language, "Language, de or en", "de"),
        time_zone=answer(time_zone, "Time zone", "Europe/Berlin"),
        country_code=answer(country_code, "Country code", "49"),
        area_code=answer(area_code, "Area code without the 0", ""),
        address=answer(address, "Address of this machine that phones and PBX reach", "127.0.0.1"),
        sip_port=5060 if sip_port is None else sip_port,
        domain=answer(domain, "SIP domain", "voicebox.internal"),
        portal=answer(portal, "Number of the voice portal", "8000"),
        pbx=answer(pbx, "IP address of the PBX, empty for none", ""),
        web=answer(web, "Host and port of the web", "127.0.0.1:8080"),
        smtp=answer(smtp, "Mail server", "127.0.0.1"),
        smtp_port=25 if smtp_port is None else smtp_port,
        sender=answer(sender, "Address mails come from", "voicebox@localhost"),
        data_dir="var" if data_dir is None else data_dir,
    )
    settings = _write(target, directory, answers)
    try:
        make_data_dir(settings)
    except CommandError as error:
        fail(error.code, *error.lines)
    run(settings, migrate(settings.database.url))
    if json:
        print_json({"config": str(target), "directory": str(directory), "data_dir": str(settings.data_dir)})
        return
    print_line(f"wrote {target} and {directory}, and made the database.")
    print_line(f"Next: look at both, run `voicebox apply {directory.name}`, `voicebox doctor`, `voicebox serve`.")


def _target(given: Path | None) -> Path:
    if given is not None:
        return given
    here = Path(DEFAULT_FILE)
    named = os.environ.get(CONFIG_VARIABLE)
    # Where the other commands will look for it.
    return Path(named) if named and not here.exists() else here


def _refuse_to_overwrite(*files: Path, force: bool) -> None:
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        are = "exists" if len(there) == 1 else "exist"
        fail(Exit.FAILED, f"{' and '.join(there)} {are} already. Overwrite with --force, or name another --config.")


def _write(target: Path, directory: Path, answers: Answers) -> Config:
    """Write both files, once they are known to be right; returns the configuration."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Checked beside the place where they will lie, since paths are relative to the file.
        with _draft(target, configuration_file(answers)) as first, _draft(directory, directory_file(answers)) as second:
            settings = read_config(first)
            read_directory(second)
            first.replace(target)
            second.replace(directory)
    except (ConfigError, DirectoryError) as error:
        fail(Exit.USAGE, *(_without_place(problem) for problem in error.problems))
    except OSError as error:
        fail(Exit.FAILED, f"{error.filename or target} cannot be written: {error.strerror}")
    return settings


@contextmanager
def _draft(target: Path, text: str) -> Iterator[Path]:
    """Write a draft that only we can read (both files hold secrets); it is gone at the end unless it was renamed."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _without_place(problem: Problem) -> str:
    """Say a problem without the draft's name and line, which nobody will find; a variable's name stays."""
    place = f"{problem.place}: " if problem.place.startswith("$") else ""
    return f"{place}{problem.key}: {problem.what}. {problem.cure}"
