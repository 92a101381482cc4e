"""`voicebox messages`: list messages, and export them as audio files with an index."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from voicebox.cli.exits import Exit, fail
from voicebox.cli.export import Exported, Format, export
from voicebox.cli.opening import opened, run, the_company, the_line
from voicebox.cli.options import CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import counted, in_utc, note, print_json, print_line, print_table
from voicebox.config import Config
from voicebox.directory import Directory
from voicebox.mailbox import Mailbox
from voicebox.message import Message, State
from voicebox.storage import mailboxes, messages
from voicebox.storage.database import Database
from voicebox.storage.messages import Cursor

PAGE: Final = 500

messages_app = typer.Typer(
    help="List and export messages; show what was sent on, and take it back.", no_args_is_help=True
)


class Folder(StrEnum):
    """Which messages are meant."""

    NEW = "new"
    SAVED = "saved"
    DELETED = "deleted"
    ALL = "all"


Found = tuple[dict[str, Any], Mailbox, Message]
"""A message with its fields and whose it is."""

MailboxOption = Annotated[
    str | None,
    typer.Option("--mailbox", metavar="NUMBER", help="Of this mailbox, by any of its numbers; without it, of all."),
]
FolderOption = Annotated[
    Folder | None, typer.Option("--folder", help="new, saved, deleted or all; without it new and saved.")
]
ToArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put the files; made if need be.")]
FormatOption = Annotated[Format, typer.Option("--format", help="wav (16 bits), mp3, or flac.")]


@messages_app.command("list")
def list_command(
    *,
    mailbox: MailboxOption = None,
    folder: FolderOption = None,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List messages, mailbox by mailbox, the oldest first."""
    settings = configuration(config)
    found = run(settings, _list(settings, company, mailbox, _states(folder)))
    if json:
        print_json({"messages": [about for about, _, _ in found]})
        return
    print_table(
        ["Mailbox", "Received", "Caller", "Name", ">Seconds", "State", "Marks", "ID"],
        [
            (
                owner.number,
                in_utc(each.received_at) or "",
                _caller(each),
                each.caller.name,
                f"{each.duration_s:.1f}",
                str(each.state),
                _marks(each),
                each.id,
            )
            for _, owner, each in found
        ],
    )


@messages_app.command("export")
def export_command(
    *,
    to: ToArgument,
    mailbox: MailboxOption = None,
    folder: FolderOption = None,
    format_: FormatOption = Format.WAV,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write messages as audio files, a folder for each mailbox, and index.json. Again, it adds what is new."""
    settings = configuration(config)
    done = run(settings, _export(settings, company, mailbox, _states(folder), to=to, format_=format_))
    if json:
        print_json({"folder": str(to), "messages": done.entries})
    else:
        files = counted(len(done.entries) - len(done.failed), "message")
        print_line(f"{files} in {to}, {counted(done.written, 'file')} written")
    for message_id, why in done.failed.items():
        note(f"message {message_id} could not be exported: {why}")
    if done.failed:
        fail(Exit.FAILED, f"{counted(len(done.failed), 'message')} could not be exported.")


def fields(owner: Mailbox, each: Message, extensions: Mapping[int, str]) -> dict[str, Any]:
    """Return a message as the API has it, with its mailbox; `extensions` are its colleagues', by mailbox key."""
    return {
        "id": each.id,
        "mailbox": owner.number,
        "caller": {"number": each.caller.number, "name": each.caller.name},
        "received": in_utc(each.received_at),
        "duration_s": round(each.duration_s, 2),
        "reason": str(each.reason),
        "urgent": each.urgent,
        "confidential": each.confidential,
        "state": str(each.state),
        "interrupted": each.interrupted,
        "kind": str(each.kind),
        "sender": extensions.get(each.sender_id or 0),
        "claimed_by": extensions.get(each.claimed_by or 0),
        "handled_by": extensions.get(each.handled_by or 0),
    }


def _states(folder: Folder | None) -> tuple[State, ...]:
    match folder:
        case None:
            return (State.NEW, State.SAVED)
        case Folder.ALL:
            return (State.NEW, State.SAVED, State.DELETED)
        case _:
            return (State(folder),)


async def _list(settings: Config, company: str | None, mailbox: str | None, states: Sequence[State]) -> list[Found]:
    async with opened(settings) as db:
        return await _described(db, await _found(db, company, mailbox, states))


async def _export(
    settings: Config, company: str | None, mailbox: str | None, states: Sequence[State], *, to: Path, format_: Format
) -> Exported:
    async with opened(settings) as db:
        found = await _described(db, await _found(db, company, mailbox, states))
        return await export(settings, db, [(about, each) for about, _, each in found], to, format_)


async def _described(db: Database, found: Sequence[tuple[Mailbox, Message]]) -> list[Found]:
    extensions = await Directory(db).extensions(each for _, each in found)
    return [(fields(owner, each, extensions), owner, each) for owner, each in found]


async def _found(
    db: Database, company_name: str | None, number: str | None, states: Sequence[State]
) -> list[tuple[Mailbox, Message]]:
    company = await the_company(db, company_name)
    found: list[tuple[Mailbox, Message]] = []
    if number is not None:
        owners = [(await the_line(db, company, number)).mailbox]
    else:
        owners = []
        async with db.read() as connection:
            while page := await mailboxes.page(
                connection, company.id, after=owners[-1].number if owners else None, limit=PAGE
            ):
                owners += page
    async with db.read() as connection:
        for owner in owners:
            theirs: list[Message] = []
            for state in states:
                after = None
                while rows := await messages.page(connection, owner.id, state, after=after, limit=PAGE):
                    theirs += rows
                    after = Cursor(rows[-1].received_at, rows[-1].id)
            found += [(owner, each) for each in sorted(theirs, key=lambda each: (each.received_at, each.id))]
    return found


def _caller(each: Message) -> str:
    if each.caller.number is not None:
        return each.caller.number
    return "withheld" if each.caller.withheld else "unknown"


def _marks(each: Message) -> str:
    marks = {"urgent": each.urgent, "confidential": each.confidential, "interrupted": each.interrupted}
    return ", ".join(name for name, there in marks.items() if there)
