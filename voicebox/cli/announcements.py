"""`voicebox announcement`: add, list and delete announcements, and choose which one a mailbox plays (row 12)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from voicebox.announcement import NAME_MAX, Announcement, Kind, User, is_name
from voicebox.announcements import AnnouncementInUse, Scope, TooManyAnnouncements
from voicebox.cli.exits import CommandError, Exit, fail
from voicebox.cli.opening import opened, run, the_company, the_line
from voicebox.cli.options import ID_MAX, CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import in_utc, print_json, print_line, print_table
from voicebox.cli.provisioner import announcer
from voicebox.config import Config
from voicebox.errors import Conflict
from voicebox.greeting_file import GreetingRefused, read_greeting
from voicebox.mailbox import Company
from voicebox.storage import announcements
from voicebox.storage.announcements import Listed
from voicebox.storage.database import Database

DEFAULT: Final = "default"

announcement_app = typer.Typer(
    help="Add, list and delete announcements, and choose which one a mailbox plays.", no_args_is_help=True
)

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The recording: WAV, FLAC, MP3, Ogg, M4A or WebM, up to 10 MB and 180 s.")
]
IdArgument = Annotated[
    int, typer.Argument(metavar="ID", min=0, max=ID_MAX, help="As `voicebox announcement list` shows it.")
]
NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The mailbox's extension, full number or an alias, in any spelling.")
]
KindArgument = Annotated[
    Kind,
    typer.Argument(metavar="KIND", help="busy, no-answer, away, or alternative-1 to alternative-3 for no answer."),
]
ChoiceArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As `announcement list` shows it; or default, to take back the choice.")
]
NameOption = Annotated[str, typer.Option("--name", help="What it is called in lists and mails, up to 80 characters.")]
OwnerOption = Annotated[
    str | None,
    typer.Option("--mailbox", metavar="NUMBER", help="This mailbox's own, by any of its numbers; else the company's."),
]
ChooserOption = Annotated[
    str | None,
    typer.Option("--mailbox", metavar="NUMBER", help="What this mailbox can choose from; without it, all."),
]
ReplaceOption = Annotated[
    bool,
    typer.Option("--replace-by-default", help="Also one in use: its users play the default greeting, and are told."),
]


@announcement_app.command("add")
def add_command(
    *,
    file: FileArgument,
    name: NameOption,
    mailbox: OwnerOption = None,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add an announcement: the company's, for every mailbox to choose, or a mailbox's own."""
    settings = configuration(config)
    made = run(settings, _add(settings, company, mailbox, name.strip(), file))
    if json:
        print_json(_fields(made, []))
        return
    print_line(f"announcement {made.announcement.id} ({made.announcement.name}): added, {made.duration_s:.1f} s")


@announcement_app.command("list")
def list_command(
    *,
    mailbox: ChooserOption = None,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the announcements of a company and of its mailboxes, by name, with the mailboxes that use each."""
    settings = configuration(config)
    found = run(settings, _list(settings, company, mailbox))
    if json:
        print_json({"announcements": [_fields(each, users) for each, users in found]})
        return
    print_table(
        [">ID", "Name", "Owner", ">Seconds", "Used by"],
        [
            (
                str(each.announcement.id),
                each.announcement.name,
                each.number or "company",
                f"{each.duration_s:.1f}",
                _said(users),
            )
            for each, users in found
        ],
    )


@announcement_app.command("delete")
def delete_command(
    *,
    announcement: IdArgument,
    replace_by_default: ReplaceOption = False,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Delete an announcement. One that mailboxes use stays, and they are named, unless it is to be replaced."""
    settings = configuration(config)
    gone, users = run(settings, _delete(settings, company, announcement, replace_by_default=replace_by_default))
    if json:
        print_json({"deleted": gone.id, "replaced": _users(users)})
        return
    print_line(f"announcement {gone.id} ({gone.name}): deleted")
    if users:
        print_line(f"was used by {_said(users)}: the default greeting takes its place")


@announcement_app.command("choose")
def choose_command(
    *,
    number: NumberArgument,
    kind: KindArgument,
    choice: ChoiceArgument,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Have a mailbox play an announcement for a kind of greeting, or the default one again; its owner is told."""
    settings = configuration(config)
    wanted = _chosen(choice)
    extension, name = run(settings, _choose(settings, company, number, kind, wanted))
    if json:
        print_json({"mailbox": extension, "kind": str(kind), "announcement": wanted, "name": name})
        return
    print_line(f"mailbox {extension}, {kind}: {name or DEFAULT}")


def _chosen(text: str) -> int | None:
    """Return the id that was typed; None is the default greeting. Anything else ends the command."""
    if text == DEFAULT:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text):
        fail(Exit.USAGE, f"{text[:40]!r} is no id. `voicebox announcement list` shows them; or write default.")
    return int(text)


async def _add(settings: Config, company_name: str | None, number: str | None, name: str, file: Path) -> Listed:
    if not is_name(name):
        raise CommandError(Exit.USAGE, f"--name: write 1 to {NAME_MAX} characters on one line.")
    async with opened(settings) as db, announcer(settings, db) as announcing:
        company = await the_company(db, company_name)
        owner = None if number is None else (await the_line(db, company, number)).mailbox
        whose = company.name if owner is None else f"mailbox {owner.number}"
        scope = Scope(company.id, owner.id if owner is not None else None)
        try:
            data = read_greeting(file, cure="Give the path of a file that can be read.")
            made = await announcing.add(scope, name, data)
        except GreetingRefused as refused:
            raise CommandError(Exit.USAGE, f"{file} {refused.problem}. {refused.cure}") from None
        except Conflict:
            raise CommandError(
                Exit.FAILED, f"{whose} has an announcement {name!r} already. Delete it first, or take another --name."
            ) from None
        except TooManyAnnouncements as many:
            raise CommandError(
                Exit.FAILED,
                f"{whose} has {many.most} announcements already. Delete one first: `voicebox announcement delete`.",
            ) from None
        async with db.read() as connection:
            shown = await announcements.described(connection, made.id)
        if shown is None:
            raise CommandError(Exit.FAILED, f"announcement {made.id} was added, and deleted by somebody at once.")
        return shown


async def _list(settings: Config, company_name: str | None, number: str | None) -> list[tuple[Listed, list[User]]]:
    async with opened(settings) as db:
        company = await the_company(db, company_name)
        mailbox = None if number is None else (await the_line(db, company, number)).mailbox
        async with db.read() as connection:
            found = await announcements.listed(
                connection, company.id, mailbox.id if mailbox is not None else None, everything=mailbox is None
            )
            users = await announcements.users_of_all(connection, company.id)
        return [(each, users.get(each.announcement.id, [])) for each in found]


async def _delete(
    settings: Config, company_name: str | None, announcement_id: int, *, replace_by_default: bool
) -> tuple[Announcement, tuple[User, ...]]:
    async with opened(settings) as db, announcer(settings, db) as announcing:
        company = await the_company(db, company_name)
        found = await _the_announcement(db, company, announcement_id)
        scope = Scope(company.id, found.mailbox_id)
        try:
            users = await announcing.remove(scope, found.id, replace_by_default=replace_by_default)
        except AnnouncementInUse as in_use:
            raise CommandError(
                Exit.FAILED,
                f"announcement {found.id} ({found.name}) is used by {_said(in_use.users)}.",
                "--replace-by-default deletes it all the same, and has them play the default greeting.",
            ) from None
        if users is None:
            raise _unknown(company, announcement_id)
        return found, users


async def _choose(
    settings: Config, company_name: str | None, number: str, kind: Kind, announcement_id: int | None
) -> tuple[str, str | None]:
    """Return the mailbox's extension and what the announcement is called."""
    async with opened(settings) as db, announcer(settings, db) as announcing:
        company = await the_company(db, company_name)
        owner = (await the_line(db, company, number)).mailbox
        if announcement_id is None:
            await announcing.use_default(owner, kind)
            return owner.number, None
        found = await _the_announcement(db, company, announcement_id)
        if not await announcing.choose(owner, kind, found.id):
            raise CommandError(
                Exit.NOT_FOUND,
                f"mailbox {owner.number} cannot choose announcement {found.id} ({found.name}): it is another's own. "
                f"`voicebox announcement list --mailbox {owner.number}` lists what it can choose.",
            )
        return owner.number, found.name


async def _the_announcement(db: Database, company: Company, announcement_id: int) -> Announcement:
    """Return an announcement of a company or of one of its mailboxes; raises CommandError if there is none."""
    async with db.read() as connection:
        found = await announcements.get(connection, announcement_id)
    if found is None or found.company_id != company.id:
        raise _unknown(company, announcement_id)
    return found


def _unknown(company: Company, announcement_id: int) -> CommandError:
    return CommandError(
        Exit.NOT_FOUND,
        f"{company.name} has no announcement {announcement_id}. `voicebox announcement list` names those there are.",
    )


def _said(users: Sequence[User]) -> str:
    return ", ".join(map(str, users))


def _users(users: Sequence[User]) -> list[dict[str, str]]:
    return [{"mailbox": user.number, "kind": str(user.kind)} for user in users]


def _fields(listed: Listed, users: list[User]) -> dict[str, Any]:
    found = listed.announcement
    return {
        "id": found.id,
        "name": found.name,
        "mailbox": listed.number,
        "duration_s": round(listed.duration_s, 2),
        "created": in_utc(found.created_at),
        "used_by": _users(users),
    }
