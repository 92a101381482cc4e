"""`voicebox mailbox`: add, list and show mailboxes, and give one a new PIN."""

import secrets
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from voicebox.cli.exits import CommandError, Exit
from voicebox.cli.mailbox_file import file_with
from voicebox.cli.opening import opened, run, the_company, the_line
from voicebox.cli.options import CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import in_utc, note, print_json, print_line, print_pairs, print_table
from voicebox.cli.provisioner import access, provisioner
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.directory_file import read_directory
from voicebox.directory_plan import DirectoryError
from voicebox.mailbox import Mailbox
from voicebox.message import Counts
from voicebox.storage import announcements, credentials, holdings, mailboxes
from voicebox.storage.database import Database
from voicebox.storage.mailboxes import Device

DEVICE_PASSWORD_BYTES: Final = 15

mailbox_app = typer.Typer(help="Add, list and show mailboxes, and give one a new PIN.", no_args_is_help=True)

NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The mailbox's extension, full number or an alias, in any spelling.")
]
NewNumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The new mailbox's extension.")]
NameOption = Annotated[str, typer.Option("--name", help="The subscriber's name.")]
PhoneOption = Annotated[str | None, typer.Option("--phone", help="The full number.")]
AliasOption = Annotated[list[str] | None, typer.Option("--alias", help="A further number; may be repeated.")]
EmailOption = Annotated[str | None, typer.Option("--email", help="The subscriber's address.")]
NotifyOption = Annotated[str | None, typer.Option("--notify-email", help="Gets a mail for each message.")]
CopyOption = Annotated[str | None, typer.Option("--copy-email", help="Gets each message as MP3.")]
LanguageOption = Annotated[str | None, typer.Option("--language", help="de or en; without it the company's.")]
ZoneOption = Annotated[str | None, typer.Option("--time-zone", help="Such as Europe/Berlin; without it the company's.")]
DeviceOption = Annotated[bool, typer.Option("--device", help="Make a password with which a phone may register.")]
NoPinOption = Annotated[bool, typer.Option("--no-pin", help="Set no PIN: nobody can log in by phone yet.")]


@dataclass(frozen=True, slots=True)
class Shown:
    """A mailbox with what is kept beside it."""

    mailbox: Mailbox
    aliases: tuple[str, ...]
    devices: tuple[Device, ...]
    pin: str
    """set, one-time or none."""
    locked_until: datetime | None
    counts: Counts
    used_s: float
    alternatives: dict[str, str]
    """Names of the alternative greetings, by kind."""


@mailbox_app.command("add")
def add_command(
    *,
    number: NewNumberArgument,
    name: NameOption,
    phone: PhoneOption = None,
    alias: AliasOption = None,
    email: EmailOption = None,
    notify_email: NotifyOption = None,
    copy_email: CopyOption = None,
    language: LanguageOption = None,
    time_zone: ZoneOption = None,
    device: DeviceOption = False,
    no_pin: NoPinOption = False,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add a mailbox and print its one-time PIN, which is shown this once."""
    settings = configuration(config)
    password = secrets.token_urlsafe(DEVICE_PASSWORD_BYTES) if device else None
    values: dict[str, Any] = {
        "number": number,
        "name": name,
        "phone": phone,
        "aliases": alias or None,
        "email": email,
        "notify_email": notify_email,
        "copy_email": copy_email,
        "language": language,
        "time_zone": time_zone,
        "device_password": password,
    }
    made, pin = run(settings, _add(settings, company, values, with_pin=not no_pin))
    if json:
        print_json({"mailbox": _fields(made), "pin": pin, "device_password": password})
        return
    print_line(f"mailbox {made.number} ({made.name}): added")
    if pin is not None:
        print_line(f"one-time PIN: {pin}")
    if password is not None:
        print_line(f"phone: user {made.number}, password {password}, domain {settings.sip.domain}")


@mailbox_app.command("list")
def list_command(*, company: CompanyOption = None, json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the mailboxes of a company, with how many messages each holds."""
    settings = configuration(config)
    found = run(settings, _list(settings, company))
    if json:
        print_json(
            {
                "mailboxes": [
                    _fields(each) | {"messages": {"new": counts.new, "saved": counts.saved}} for each, counts in found
                ]
            }
        )
        return
    print_table(
        ["Number", "Name", "Phone", "E-mail", "State", ">New", ">Saved"],
        [
            (
                each.number,
                each.name,
                each.phone or "",
                each.email or "",
                _state(each),
                str(counts.new),
                str(counts.saved),
            )
            for each, counts in found
        ],
    )


@mailbox_app.command("show")
def show_command(
    *, number: NumberArgument, company: CompanyOption = None, json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show a mailbox: its settings, numbers, phones, whether it has a PIN, and what it holds."""
    settings = configuration(config)
    found = run(settings, _show(settings, company, number))
    extra = {
        "aliases": list(found.aliases),
        "devices": [{"username": each.username, "realm": each.realm} for each in found.devices],
        "pin": found.pin,
        "locked_until": in_utc(found.locked_until),
        "messages": {"new": found.counts.new, "saved": found.counts.saved, "deleted": found.counts.deleted},
        "used_s": round(found.used_s, 2),
        "alternative_greetings": found.alternatives,
    }
    if json:
        print_json(_fields(found.mailbox) | extra)
        return
    phones = ", ".join(f"{each.username}@{each.realm}" for each in found.devices)
    plain = {
        "aliases": ", ".join(found.aliases),
        "devices": phones,
        "messages": _said(found.counts),
        "alternative_greetings": ", ".join(found.alternatives.values()),
    }
    print_pairs(_fields(found.mailbox) | extra | plain)


@mailbox_app.command("reset-pin")
def reset_pin_command(
    *, number: NumberArgument, company: CompanyOption = None, json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Give a mailbox a random one-time PIN, print it (this once), and end a lock."""
    settings = configuration(config)
    mailbox, pin = run(settings, _reset_pin(settings, company, number))
    if json:
        print_json({"number": mailbox.number, "pin": pin, "one_time": True})
        return
    print_line(pin)
    note(f"mailbox {mailbox.number} ({mailbox.name}): its owner must change it at the first login")


async def _add(
    settings: Config, company_name: str | None, values: dict[str, Any], *, with_pin: bool
) -> tuple[Mailbox, str | None]:
    async with opened(settings) as db, provisioner(settings, db) as provisioning, access(settings, db) as pins:
        company = await the_company(db, company_name)
        number = str(values["number"])
        async with db.read() as connection:
            if number in await mailboxes.by_numbers(connection, company.id, [number]):
                raise CommandError(Exit.FAILED, f"{company.name} has a mailbox with the number {number} already.")
        # As a file for `apply`, so that what it refuses is refused here, and the rules stand in one place.
        with tempfile.TemporaryDirectory(prefix="voicebox-") as folder:
            path = Path(folder) / "directory.toml"
            path.write_text(file_with(company, values), encoding="utf-8")
            try:
                file = read_directory(path)
            except DirectoryError as error:
                lines = (f"{_option(problem.key)}: {problem.what}. {problem.cure}" for problem in error.problems)
                raise CommandError(Exit.USAGE, *lines) from None
        try:
            await provisioning.apply(file)
        except DirectoryError as error:
            # Its cures speak of a file, and there is none.
            lines = (f"{_option(problem.key)}: {problem.what}." for problem in error.problems)
            raise CommandError(Exit.FAILED, *lines) from None
        made = (await the_line(db, company, number)).mailbox
        return made, (await pins.reset_pin(made) if with_pin else None)


def _option(key: str) -> str:
    """Return the option that a key of the file came from: `mailbox[0].notify_email` is `--notify-email`."""
    name = key.rpartition("mailbox[0].")[2].partition("[")[0]
    return {"number": "NUMBER", "aliases": "--alias"}.get(name, f"--{name.replace('_', '-')}")


async def _list(settings: Config, company_name: str | None) -> list[tuple[Mailbox, Counts]]:
    async with opened(settings) as db:
        company = await the_company(db, company_name)
        found: list[tuple[Mailbox, Counts]] = []
        async with db.read() as connection:
            while page := await mailboxes.page(
                connection, company.id, after=found[-1][0].number if found else None, limit=500
            ):
                found += [(each, await holdings.counts(connection, each.id)) for each in page]
        return found


async def _show(settings: Config, company_name: str | None, number: str) -> Shown:
    async with opened(settings) as db:
        company = await the_company(db, company_name)
        mailbox = (await the_line(db, company, number)).mailbox
        return await _look(db, mailbox)


async def _look(db: Database, mailbox: Mailbox) -> Shown:
    async with db.read() as connection:
        credential = await credentials.load(connection, mailbox.id)
        pin = "none"
        if credential is not None and credential.pin_hash is not None:
            pin = "one-time" if credential.one_time else "set"
        return Shown(
            mailbox=mailbox,
            aliases=tuple(alias.number for alias in await mailboxes.aliases(connection, mailbox.id)),
            devices=tuple(await mailboxes.devices(connection, mailbox.id)),
            pin=pin,
            locked_until=_still(credential.counter.locked_until if credential else None),
            counts=await holdings.counts(connection, mailbox.id),
            used_s=await holdings.used_s(connection, mailbox.id),
            alternatives={
                kind.value: choice.name
                for kind, choice in (await announcements.choices(connection, mailbox.id)).items()
                if kind.plays_in is None
            },
        )


def _still(until: datetime | None) -> datetime | None:
    return until if until is not None and until > SystemClock().now() else None


async def _reset_pin(settings: Config, company_name: str | None, number: str) -> tuple[Mailbox, str]:
    async with opened(settings) as db, access(settings, db) as pins:
        company = await the_company(db, company_name)
        mailbox = (await the_line(db, company, number)).mailbox
        return mailbox, await pins.reset_pin(mailbox)


def _state(mailbox: Mailbox) -> str:
    if not mailbox.enabled:
        return "off"
    return "e-mail only" if mailbox.redirect_email else "on"


def _fields(mailbox: Mailbox) -> dict[str, Any]:
    """Return a mailbox's settings as JSON has them; the keys of the database are nobody's business."""
    return {name: value for name, value in asdict(mailbox).items() if name not in ("id", "company_id")}


def _said(counts: Counts) -> str:
    return f"{counts.new} new, {counts.saved} saved, {counts.deleted} deleted"
