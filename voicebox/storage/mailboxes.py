"""Companies, mailboxes, and the numbers and devices by which they are found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Executable, Row, Table, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.errors import Conflict
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox
from voicebox.storage import messages, outbox
from voicebox.storage.batches import in_batches
from voicebox.storage.faults import unique
from voicebox.storage.tables import company, device, mailbox, number
from voicebox.storage.upsert import Upsert


class NumberKind(StrEnum):
    """What a number is to its mailbox."""

    EXTENSION = "extension"
    PHONE = "phone"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class Line:
    """A mailbox as found by one of its numbers."""

    number: str
    """The number it was found by, as stored."""
    kind: NumberKind
    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class Alias:
    """A further number of a mailbox (row 6)."""

    id: int
    number: str


@dataclass(frozen=True, slots=True)
class Device:
    """A phone that may register, with the digests of its password (RFC 7616: H(username:realm:password))."""

    company_id: int
    mailbox_id: int
    number: str
    """The mailbox's extension."""
    username: str
    realm: str
    ha1_md5: str
    ha1_sha256: str
    md5_only: bool = False
    """It mishandles two challenges: offer MD5 alone."""


_COMPANY: Final = [company.c[f.name] for f in fields(Company)]
_COMPANY_LANGUAGE: Final = [f.name for f in fields(Company)].index("language")
MAILBOX_COLUMNS: Final = [mailbox.c[f.name] for f in fields(Mailbox)]
"""What `to_mailbox` needs, in its order."""
_MAILBOX_LANGUAGE: Final = [f.name for f in fields(Mailbox)].index("language")
DEVICE_COLUMNS: Final = (
    device.c.company_id,
    device.c.mailbox_id,
    mailbox.c.number,
    device.c.username,
    device.c.realm,
    device.c.ha1_md5,
    device.c.ha1_sha256,
    device.c.md5_only,
)
"""What `Device` needs, in its order."""

_COMPANIES: Final = select(*_COMPANY).order_by(company.c.id)
_BY_ID: Final = select(*MAILBOX_COLUMNS).where(mailbox.c.id == bindparam("of_mailbox"))
_BY_IDS: Final = select(*MAILBOX_COLUMNS).where(mailbox.c.id.in_(bindparam("of_mailboxes", expanding=True)))
_ALL: Final = select(*MAILBOX_COLUMNS).where(mailbox.c.company_id == bindparam("of_company"))
_BY_EXTENSION: Final = select(*MAILBOX_COLUMNS).where(
    mailbox.c.company_id == bindparam("of_company"), mailbox.c.number == bindparam("of_number")
)
_BY_NUMBERS: Final = (
    select(number.c.number, number.c.kind, *MAILBOX_COLUMNS)
    .join(mailbox, mailbox.c.id == number.c.mailbox_id)
    .where(number.c.company_id == bindparam("of_company"), number.c.number.in_(bindparam("numbers", expanding=True)))
)
_DEVICE_BY_USERNAME: Final = (
    select(*DEVICE_COLUMNS)
    .join(mailbox, mailbox.c.id == device.c.mailbox_id)
    .where(device.c.realm == bindparam("of_realm"), device.c.username == bindparam("of_username"))
)


def _put_device(insert_: Callable[[Table], Any]) -> Executable:
    statement = insert_(device)
    new = statement.excluded
    built: Executable = statement.on_conflict_do_update(
        index_elements=["realm", "username"],
        set_={name: new[name] for name in ("ha1_md5", "ha1_sha256", "md5_only")},
        where=device.c.mailbox_id == new.mailbox_id,  # another mailbox's device is not taken over
    )
    return built


_PUT_DEVICE: Final = Upsert(_put_device)
_ALIASES: Final = (
    select(number.c.id, number.c.number)
    .where(number.c.mailbox_id == bindparam("of_mailbox"), number.c.kind == NumberKind.ALIAS)
    .order_by(number.c.id)
)


def _to_company(row: Row[Any]) -> Company:
    values = list(row)
    values[_COMPANY_LANGUAGE] = Language(values[_COMPANY_LANGUAGE])
    return Company(*values)


def to_mailbox(values: Sequence[Any]) -> Mailbox:
    """Make a mailbox of the values of `MAILBOX_COLUMNS`."""
    listed = list(values)
    listed[_MAILBOX_LANGUAGE] = Language(listed[_MAILBOX_LANGUAGE])
    return Mailbox(*listed)


async def companies(connection: AsyncConnection) -> list[Company]:
    """Return all companies, the oldest first."""
    return [_to_company(row) for row in await connection.execute(_COMPANIES)]


async def by_id(connection: AsyncConnection, mailbox_id: int) -> Mailbox | None:
    """Return a mailbox by its key."""
    row = (await connection.execute(_BY_ID, {"of_mailbox": mailbox_id})).one_or_none()
    return None if row is None else to_mailbox(row)


async def by_extension(connection: AsyncConnection, company_id: int, extension: str) -> Mailbox | None:
    """Return a company's mailbox by its extension."""
    row = (await connection.execute(_BY_EXTENSION, {"of_company": company_id, "of_number": extension})).one_or_none()
    return None if row is None else to_mailbox(row)


async def by_ids(connection: AsyncConnection, mailbox_ids: Sequence[int]) -> dict[int, Mailbox]:
    """Return mailboxes by their keys, thousands in a few queries; those that are gone are left out."""
    found: dict[int, Mailbox] = {}
    for batch in in_batches(mailbox_ids):
        for row in await connection.execute(_BY_IDS, {"of_mailboxes": batch}):
            made = to_mailbox(row)
            found[made.id] = made
    return found


async def all_of(connection: AsyncConnection, company_id: int) -> dict[int, Mailbox]:
    """Return every mailbox of a company, by its key."""
    rows = await connection.execute(_ALL, {"of_company": company_id})
    return {made.id: made for made in map(to_mailbox, rows)}


async def by_numbers(connection: AsyncConnection, company_id: int, numbers: Sequence[str]) -> dict[str, Line]:
    """Return which of these numbers (extensions, or E.164) a company has, and whose they are, in one query."""
    if not numbers:
        return {}
    rows = await connection.execute(_BY_NUMBERS, {"of_company": company_id, "numbers": list(numbers)})
    return {row[0]: Line(row[0], NumberKind(row[1]), to_mailbox(row[2:])) for row in rows}


async def page(
    connection: AsyncConnection, company_id: int, *, after: str | None = None, limit: int = 100
) -> list[Mailbox]:
    """List a company's mailboxes by extension, from the one after `after`."""
    statement = (
        select(*MAILBOX_COLUMNS).where(mailbox.c.company_id == company_id).order_by(mailbox.c.number).limit(limit)
    )
    if after is not None:
        statement = statement.where(mailbox.c.number > after)
    return [to_mailbox(row) for row in await connection.execute(statement)]


async def device_by_username(connection: AsyncConnection, username: str, realm: str) -> Device | None:
    """Return the device that authenticates under this name in this realm."""
    row = (await connection.execute(_DEVICE_BY_USERNAME, {"of_realm": realm, "of_username": username})).one_or_none()
    return None if row is None else Device(*row)


async def aliases(connection: AsyncConnection, mailbox_id: int) -> list[Alias]:
    """Return a mailbox's aliases in the order they were added."""
    return [Alias(*row) for row in await connection.execute(_ALIASES, {"of_mailbox": mailbox_id})]


async def add_company(connection: AsyncConnection, *, now: datetime, **values: Any) -> Company:
    """Write a new company of the given fields (all but `id`); raises Conflict if its name is taken."""
    name = str(values["name"])
    with_time = values | {"created_at": now}
    statement = insert(company).values(with_time).returning(*_COMPANY)
    with unique("company", name):
        return _to_company((await connection.execute(statement)).one())


async def change_company(connection: AsyncConnection, company_id: int, changes: Mapping[str, Any]) -> None:
    """Change fields of a company."""
    if changes:
        await connection.execute(update(company).where(company.c.id == company_id).values(dict(changes)))


async def add_mailbox(connection: AsyncConnection, *, now: datetime, **values: Any) -> Mailbox:
    """Write a new mailbox of the given fields (all but `id`), with its extension and full number.

    Raises:
        Conflict: the number or the full number belongs to another mailbox of the company, as whatever.
    """
    statement = insert(mailbox).values(values | {"created_at": now, "updated_at": now}).returning(*MAILBOX_COLUMNS)
    with unique("number", str(values["number"])):
        made = to_mailbox((await connection.execute(statement)).one())
    await _add_number(connection, made, made.number, NumberKind.EXTENSION, now)
    if made.phone is not None:
        await _add_number(connection, made, made.phone, NumberKind.PHONE, now)
    return made


async def change_mailbox(
    connection: AsyncConnection, before: Mailbox, changes: Mapping[str, Any], now: datetime
) -> Mailbox:
    """Change fields of a mailbox and return it as it is then; its light is sent again if the change concerns it.

    Raises:
        Conflict: a changed number belongs to another mailbox of the company.
    """
    statement = (
        update(mailbox)
        .where(mailbox.c.id == before.id)
        .values(dict(changes) | {"updated_at": now})
        .returning(*MAILBOX_COLUMNS)
    )
    with unique("number", str(changes.get("number", before.number))):
        after = to_mailbox((await connection.execute(statement)).one())
    for kind, old, new in (
        (NumberKind.EXTENSION, before.number, after.number),
        (NumberKind.PHONE, before.phone, after.phone),
    ):
        if old != new:
            await connection.execute(delete(number).where(number.c.mailbox_id == after.id, number.c.kind == kind))
            if new is not None:
                await _add_number(connection, after, new, kind, now)
    if before.redirect_email is not None and after.redirect_email is None:
        # No longer e-mail only: what waits for the mail server is a message like any other (row 13).
        await messages.release_all(connection, after.id, now)
        await outbox.withdraw(connection, outbox.Kind.MAIL_REDIRECT, after.id, "the mailbox keeps its messages", now)
    if (before.mwi, before.redirect_email is None) != (after.mwi, after.redirect_email is None):
        await outbox.remind_light(connection, after.company_id, after.id, now)
    return after


async def add_alias(connection: AsyncConnection, owner: Mailbox, text: str, now: datetime) -> Alias:
    """Add an alias in E.164; raises Conflict if the company has that number already."""
    return Alias(await _add_number(connection, owner, text, NumberKind.ALIAS, now), text)


async def remove_alias(connection: AsyncConnection, owner: Mailbox, alias_id: int) -> bool:
    """Remove an alias of this mailbox; False if it has none of that id."""
    statement = delete(number).where(
        number.c.id == alias_id, number.c.mailbox_id == owner.id, number.c.kind == NumberKind.ALIAS
    )
    return bool((await connection.execute(statement)).rowcount)


async def put_device(connection: AsyncConnection, made: Device, now: datetime) -> None:
    """Write a device, or its new digests; raises Conflict if another mailbox has one of that name in that realm."""
    values = {
        "company_id": made.company_id,
        "mailbox_id": made.mailbox_id,
        "username": made.username,
        "realm": made.realm,
        "ha1_md5": made.ha1_md5,
        "ha1_sha256": made.ha1_sha256,
        "md5_only": made.md5_only,
        "created_at": now,
    }
    await connection.execute(_PUT_DEVICE.on(connection), values)
    kept = await device_by_username(connection, made.username, made.realm)
    if kept is None or kept.mailbox_id != made.mailbox_id:
        raise Conflict("device", made.username)


async def devices(connection: AsyncConnection, mailbox_id: int) -> list[Device]:
    """Return a mailbox's devices."""
    statement = (
        select(*DEVICE_COLUMNS)
        .join(mailbox, mailbox.c.id == device.c.mailbox_id)
        .where(device.c.mailbox_id == mailbox_id)
        .order_by(device.c.id)
    )
    return [Device(*row) for row in await connection.execute(statement)]


async def remove_devices(connection: AsyncConnection, mailbox_id: int) -> int:
    """Remove a mailbox's devices; returns how many there were."""
    return (await connection.execute(delete(device).where(device.c.mailbox_id == mailbox_id))).rowcount


async def _add_number(connection: AsyncConnection, owner: Mailbox, text: str, kind: NumberKind, now: datetime) -> int:
    values = {
        "company_id": owner.company_id,
        "mailbox_id": owner.id,
        "number": text,
        "kind": kind,
        "created_at": now,
    }
    with unique("number", text):
        key: int = (await connection.execute(insert(number).values(values).returning(number.c.id))).scalar_one()
    return key
