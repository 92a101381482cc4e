"""`voicebox token`: make, list and revoke what programs sign in with at the HTTP API."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import typer

from voicebox.cli.exits import CommandError, Exit, fail
from voicebox.cli.opening import opened, run, the_company, the_line
from voicebox.cli.options import ID_MAX, CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import in_utc, note, print_json, print_line, print_table
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.storage import mailboxes, tokens
from voicebox.storage.database import Database
from voicebox.storage.tokens import Scope, Token

PREFIX: Final = "vb_"
"""By which scanners for leaked secrets know it."""
RANDOM_BYTES: Final = 32
DAYS_MAX: Final = 3650
NAME_MAX: Final = 80


class AskedScope(StrEnum):
    """The scopes that are asked for by name; a mailbox's is asked for by its number."""

    ADMIN = "admin"
    OPERATOR = "operator"


ScopeOption = Annotated[
    AskedScope | None,
    typer.Option("--scope", help="admin: everything in one company; operator: everything in every company."),
]
MailboxOption = Annotated[
    str | None, typer.Option("--mailbox", metavar="NUMBER", help="For this mailbox only, instead of --scope.")
]
NameOption = Annotated[str, typer.Option("--name", help="What the token is for, to recognise it in the list.")]
DaysOption = Annotated[
    int | None,
    typer.Option("--days", min=1, max=DAYS_MAX, help="After how many days it ends; without it, when it is revoked."),
]
ListOption = Annotated[bool, typer.Option("--list", help="List the tokens there are; none can be shown again.")]
RevokeOption = Annotated[
    int | None, typer.Option("--revoke", metavar="ID", min=0, max=ID_MAX, help="Make a token worthless from now on.")
]


def token_command(
    *,
    scope: ScopeOption = None,
    mailbox: MailboxOption = None,
    company: CompanyOption = None,
    name: NameOption = "",
    days: DaysOption = None,
    list_: ListOption = False,
    revoke: RevokeOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a token for the HTTP API and print it, and nothing else; only its hash is kept."""
    if len(name) > NAME_MAX:
        fail(Exit.USAGE, f"--name: has {len(name)} characters. Write at most {NAME_MAX}.")
    asked = [scope is not None, mailbox is not None, list_, revoke is not None]
    if sum(asked) != 1:
        fail(Exit.USAGE, "name one of --scope admin, --scope operator, --mailbox NUMBER, --list, --revoke ID.")
    settings = configuration(config)
    if list_:
        found = run(settings, _list(settings, company))
        _show(found, json=json)
    elif revoke is not None:
        run(settings, _revoke(settings, revoke))
        note(f"token {revoke} is worthless from now on")
        if json:
            print_json({"id": revoke, "revoked": True})
    else:
        text, made = run(
            settings, _make(settings, scope=scope, mailbox=mailbox, company_name=company, name=name, days=days)
        )
        if json:
            print_json({"token": text} | _fields(made))
        else:
            print_line(text)


async def _make(
    settings: Config,
    *,
    scope: AskedScope | None,
    mailbox: str | None,
    company_name: str | None,
    name: str,
    days: int | None,
) -> tuple[str, Token]:
    text = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    now = SystemClock().now()
    async with opened(settings) as db:
        company_id, mailbox_id = await _whose(db, scope, mailbox, company_name)
        made = await db.write(
            lambda connection: tokens.add(
                connection,
                text,
                scope=Scope.MAILBOX if scope is None else Scope(scope),
                name=name,
                now=now,
                company_id=company_id,
                mailbox_id=mailbox_id,
                expires_at=None if days is None else now + timedelta(days=days),
            )
        )
    return text, made


async def _whose(
    db: Database, scope: AskedScope | None, mailbox: str | None, company_name: str | None
) -> tuple[int | None, int | None]:
    """Return the company and the mailbox that a token is for."""
    if scope is AskedScope.OPERATOR:
        if company_name is not None:
            raise CommandError(Exit.USAGE, "an operator's token is good for every company: leave --company out.")
        return None, None
    company = await the_company(db, company_name)
    if mailbox is None:
        return company.id, None
    return company.id, (await the_line(db, company, mailbox)).mailbox.id


async def _list(settings: Config, company_name: str | None) -> list[tuple[Token, str]]:
    """Return tokens, each with the company or mailbox it is for: of one company, or of all and the operators'."""
    async with opened(settings) as db:
        async with db.read() as connection:
            companies = await mailboxes.companies(connection)
            if company_name is not None:
                companies = [await the_company(db, company_name)]
            found = [] if company_name is not None else [(each, "") for each in await tokens.page(connection, None)]
            for company in companies:
                for each in await tokens.page(connection, company.id):
                    owner = None if each.mailbox_id is None else await mailboxes.by_id(connection, each.mailbox_id)
                    found.append((each, company.name if owner is None else f"{company.name}, mailbox {owner.number}"))
        return found


async def _revoke(settings: Config, token_id: int) -> None:
    now = SystemClock().now()
    async with opened(settings) as db:
        if not await db.write(lambda connection: tokens.revoke(connection, token_id, now)):
            raise CommandError(
                Exit.NOT_FOUND, f"no token {token_id} is in force. `voicebox token --list` names those there are."
            )


def _show(found: list[tuple[Token, str]], *, json: bool) -> None:
    if json:
        print_json({"tokens": [_fields(each) | {"for": whose} for each, whose in found]})
        return
    now = SystemClock().now()
    print_table(
        [">ID", "Scope", "For", "Name", "Made", "State"],
        [
            (str(each.id), str(each.scope), whose, each.name, in_utc(each.created_at) or "", _state(each, now))
            for each, whose in found
        ],
    )


def _state(each: Token, now: datetime) -> str:
    if each.revoked_at is not None:
        return f"revoked {in_utc(each.revoked_at)}"
    if each.expires_at is None:
        return "in force"
    return f"{'ended' if each.expires_at <= now else 'until'} {in_utc(each.expires_at)}"


def _fields(each: Token) -> dict[str, object]:
    return {
        "id": each.id,
        "scope": str(each.scope),
        "name": each.name,
        "created": in_utc(each.created_at),
        "expires": in_utc(each.expires_at),
        "revoked": in_utc(each.revoked_at),
    }
