"""`voicebox queue`: what waits to be done outside the database (mails, message lights), and why it has not been."""

from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from voicebox.cli.exits import CommandError, Exit
from voicebox.cli.opening import opened, run, the_company
from voicebox.cli.options import ID_MAX, CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import counted, in_utc, print_json, print_line, print_table
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.storage import mailboxes, outbox
from voicebox.storage.database import AsyncConnection
from voicebox.storage.outbox import Entry

LEASE: Final = timedelta(seconds=60)
"""So long an entry is taken while it is tried (`mail.outgoing.LEASE_S`), renewed as long as that lasts."""

queue_app = typer.Typer(help="Show what waits to be sent, and try it again.", invoke_without_command=True)

AllOption = Annotated[bool, typer.Option("--all", help="Also what is done.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, the newest.")]
IdsArgument = Annotated[
    list[int], typer.Argument(metavar="ID...", min=0, max=ID_MAX, help="As `voicebox queue` shows them.")
]


@queue_app.callback()
def queue_command(
    context: typer.Context,
    *,
    all_: AllOption = False,
    limit: LimitOption = 100,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List what waits and what was given up, the newest first, each with its last error."""
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    settings = configuration(config)
    entries, numbers = run(settings, _list(settings, company, unfinished=not all_, limit=limit))
    if json:
        print_json({"entries": [_fields(each, numbers) for each in entries]})
        return
    print_table(
        [">ID", "Kind", "Mailbox", "State", ">Attempts", "Next attempt", "Last error"],
        [
            (
                str(each.id),
                each.kind,
                numbers.get(each.mailbox_id, ""),
                _state(each),
                str(each.attempts),
                (in_utc(each.next_attempt_at) or "") if _state(each) == "waiting" else "",
                each.last_error or "",
            )
            for each in entries
        ],
    )


@queue_app.command("retry")
def retry_command(
    context: typer.Context, *, ids: IdsArgument, json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Have entries tried again at once, as if for the first time; also such as were given up."""
    settings = configuration(config or context.obj)
    run(settings, _retry(settings, ids))
    if json:
        print_json({"retried": ids})
    else:
        print_line(f"{counted(len(ids), 'entry is', 'entries are')} due now")


async def _list(
    settings: Config, company_name: str | None, *, unfinished: bool, limit: int
) -> tuple[list[Entry], dict[int | None, str]]:
    """Return entries, and the extensions of their mailboxes."""
    async with opened(settings) as db:
        company_id = None if company_name is None else (await the_company(db, company_name)).id
        async with db.read() as connection:
            entries = await outbox.page(connection, company_id=company_id, unfinished=unfinished, limit=limit)
            numbers: dict[int | None, str] = {}
            for mailbox_id in {each.mailbox_id for each in entries if each.mailbox_id is not None}:
                mailbox = await mailboxes.by_id(connection, mailbox_id)
                if mailbox is not None:
                    numbers[mailbox_id] = mailbox.number
    return entries, numbers


async def _retry(settings: Config, ids: list[int]) -> None:
    """Make entries due: all of them, or none where one of them cannot be."""
    now = SystemClock().now()

    async def work(connection: AsyncConnection) -> None:
        for each in ids:
            found = await outbox.page(connection, unfinished=False, before_id=each + 1, limit=1)
            if not found or found[0].id != each:
                raise CommandError(Exit.NOT_FOUND, f"the queue has no entry {each}. `voicebox queue` lists them.")
            entry = found[0]
            if entry.done_at is not None:
                # A mail that was taken must not go out twice.
                raise CommandError(Exit.FAILED, f"entry {each} was done at {in_utc(entry.done_at)} already.")
            if entry.given_up_at is None and entry.next_attempt_at <= now + LEASE:
                continue  # on its way, or due at once by itself: to push it could send it twice
            await outbox.retry(connection, entry, now)

    async with opened(settings) as db:
        await db.write(work)


def _state(entry: Entry) -> str:
    if entry.done_at is not None:
        return "done"
    return "waiting" if entry.given_up_at is None else "given up"


def _fields(entry: Entry, numbers: dict[int | None, str]) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "state": _state(entry),
        "mailbox": numbers.get(entry.mailbox_id),
        "message": entry.message_id,
        "attempts": entry.attempts,
        "created": in_utc(entry.created_at),
        "next_attempt": in_utc(entry.next_attempt_at) if _state(entry) == "waiting" else None,
        "last_error": entry.last_error,
        "done": in_utc(entry.done_at),
        "given_up": in_utc(entry.given_up_at),
    }
