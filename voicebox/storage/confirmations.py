"""Addresses that subscribers named themselves, and which of them have confirmed that they want mails.

There is a row for each such address, and none for what an administrator set: an address without a row counts as
confirmed. So a row stays as long as its mailbox names the address.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Table, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.storage.batches import in_batches
from voicebox.storage.outbox import Kind
from voicebox.storage.tables import confirmed_address, mailbox, outbox
from voicebox.storage.upsert import Upsert


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """An address that a subscriber named."""

    id: int
    company_id: int
    mailbox_id: int
    address: str
    created_at: datetime
    """When it was asked last."""
    expires_at: datetime | None
    confirmed_at: datetime | None


_COLUMNS: Final = [confirmed_address.c[f.name] for f in fields(NamedAddress)]


def _ask(insert: Callable[[Table], Any]) -> Executable:
    statement = insert(confirmed_address)
    new = statement.excluded
    built: Executable = statement.on_conflict_do_update(
        index_elements=["mailbox_id", "address"],
        set_={"created_at": new.created_at, "expires_at": new.expires_at, "token_sha256": None},
    ).returning(confirmed_address.c.id)
    return built


_ASK: Final = Upsert(_ask)
_TOKEN: Final = (
    update(confirmed_address)
    .where(confirmed_address.c.id == bindparam("of_address"))
    .values(token_sha256=bindparam("digest"))
)
_BY_ID: Final = select(*_COLUMNS).where(confirmed_address.c.id == bindparam("of_address"))
_BY_TOKEN: Final = select(*_COLUMNS).where(confirmed_address.c.token_sha256 == bindparam("digest"))
_OF_MAILBOX: Final = (
    select(*_COLUMNS).where(confirmed_address.c.mailbox_id == bindparam("of_mailbox")).order_by(confirmed_address.c.id)
)
_WAITING: Final = select(*_COLUMNS).where(
    confirmed_address.c.company_id == bindparam("of_company"), confirmed_address.c.confirmed_at.is_(None)
)
_HELD_OF_EACH: Final = select(confirmed_address.c.mailbox_id, confirmed_address.c.address).where(
    confirmed_address.c.mailbox_id.in_(bindparam("of_mailboxes", expanding=True)),
    confirmed_address.c.confirmed_at.is_(None),
)
_CONFIRM: Final = (
    update(confirmed_address)
    .where(confirmed_address.c.id == bindparam("of_address"), confirmed_address.c.confirmed_at.is_(None))
    .values(confirmed_at=bindparam("now"))
)
_ASKED: Final = (
    select(func.count())
    .select_from(outbox)
    .where(
        outbox.c.mailbox_id == bindparam("of_mailbox"),
        outbox.c.kind == Kind.MAIL_CONFIRM,
        outbox.c.created_at > bindparam("since"),
    )
)
_FORGET: Final = delete(confirmed_address).where(
    confirmed_address.c.confirmed_at.is_(None),
    confirmed_address.c.expires_at <= bindparam("now"),
    ~exists().where(
        and_(
            mailbox.c.id == confirmed_address.c.mailbox_id,
            or_(
                *(
                    func.lower(column) == func.lower(confirmed_address.c.address)
                    for column in (
                        mailbox.c.email,
                        mailbox.c.notify_email,
                        mailbox.c.copy_email,
                        mailbox.c.redirect_email,
                    )
                )
            ),
        )
    ),
)


async def ask(
    connection: AsyncConnection, *, company_id: int, mailbox_id: int, address: str, now: datetime, expires_at: datetime
) -> int:
    """Write an address that is to be asked (again); return its id."""
    values = {
        "company_id": company_id,
        "mailbox_id": mailbox_id,
        "address": address,
        "created_at": now,
        "expires_at": expires_at,
    }
    key: int = (await connection.execute(_ASK.on(connection), values)).scalar_one()
    return key


async def set_token(connection: AsyncConnection, address_id: int, digest: str) -> None:
    """Write the SHA-256 of the secret that confirms an address."""
    await connection.execute(_TOKEN, {"of_address": address_id, "digest": digest})


async def get(connection: AsyncConnection, address_id: int) -> NamedAddress | None:
    """Return an address by its key."""
    row = (await connection.execute(_BY_ID, {"of_address": address_id})).one_or_none()
    return None if row is None else NamedAddress(*row)


async def by_token(connection: AsyncConnection, digest: str) -> NamedAddress | None:
    """Return the address that a secret confirms, by the secret's SHA-256."""
    row = (await connection.execute(_BY_TOKEN, {"digest": digest})).one_or_none()
    return None if row is None else NamedAddress(*row)


async def named(connection: AsyncConnection, mailbox_id: int) -> list[NamedAddress]:
    """Return the addresses that a mailbox's owner named, confirmed or not."""
    return [NamedAddress(*row) for row in await connection.execute(_OF_MAILBOX, {"of_mailbox": mailbox_id})]


async def held(connection: AsyncConnection, mailbox_id: int) -> frozenset[str]:
    """Return the addresses of a mailbox, casefolded, that must get no message: they have not confirmed."""
    return (await held_of(connection, [mailbox_id])).get(mailbox_id, frozenset())


async def held_of(connection: AsyncConnection, mailbox_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return `held` of many mailboxes at once; those without such an address are left out."""
    found: dict[int, set[str]] = {}
    for batch in in_batches(mailbox_ids):
        for mailbox_id, address in await connection.execute(_HELD_OF_EACH, {"of_mailboxes": batch}):
            found.setdefault(mailbox_id, set()).add(address.casefold())
    return {mailbox_id: frozenset(addresses) for mailbox_id, addresses in found.items()}


async def waiting(connection: AsyncConnection, company_id: int) -> list[NamedAddress]:
    """Return all of a company's addresses that have not confirmed."""
    return [NamedAddress(*row) for row in await connection.execute(_WAITING, {"of_company": company_id})]


async def confirm(connection: AsyncConnection, address_ids: Iterable[int], now: datetime) -> int:
    """Note that addresses want mails; return of how many that was new."""
    rows = 0
    for address_id in address_ids:
        rows += (await connection.execute(_CONFIRM, {"of_address": address_id, "now": now})).rowcount
    return rows


async def asked_since(connection: AsyncConnection, mailbox_id: int, since: datetime) -> int:
    """Return how many mails that ask for a confirmation were written for a mailbox since a moment."""
    return int(await connection.scalar(_ASKED, {"of_mailbox": mailbox_id, "since": since}) or 0)


async def forget_unused(connection: AsyncConnection, now: datetime) -> int:
    """Delete addresses that did not confirm in time and that their mailboxes name no more; return how many."""
    return (await connection.execute(_FORGET, {"now": now})).rowcount
