"""Distribution lists and their members (voicemail.md, rows 18 to 20)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.mailbox import Mailbox
from voicebox.storage.faults import unique
from voicebox.storage.tables import distribution_list, list_member


@dataclass(frozen=True, slots=True)
class DistributionList:
    """A list with its members."""

    id: int
    company_id: int
    mailbox_id: int
    """Its owner."""
    number: int
    description: str
    shared: bool
    members: frozenset[int]
    """Keys of mailboxes."""
    recording: str | None = None
    """Audio that says the description."""


_LISTS: Final = select(
    distribution_list.c.id,
    distribution_list.c.company_id,
    distribution_list.c.mailbox_id,
    distribution_list.c.number,
    distribution_list.c.description,
    distribution_list.c.shared,
    distribution_list.c.recording,
).order_by(distribution_list.c.number)
_OF_COMPANY: Final = _LISTS.where(distribution_list.c.company_id == bindparam("of_company"))
_MEMBERS: Final = select(list_member.c.list_id, list_member.c.mailbox_id)
_MEMBERS_IN: Final = _MEMBERS.where(list_member.c.company_id == bindparam("of_company"))
_OF_NUMBER: Final = _LISTS.where(
    distribution_list.c.company_id == bindparam("of_company"),
    distribution_list.c.number == bindparam("of_number"),
    or_(distribution_list.c.mailbox_id == bindparam("of_mailbox"), distribution_list.c.shared),
)
_FOR_SENDER: Final = _LISTS.where(
    distribution_list.c.company_id == bindparam("of_company"),
    or_(distribution_list.c.mailbox_id == bindparam("of_mailbox"), distribution_list.c.shared),
)
_BY_ID: Final = _LISTS.where(distribution_list.c.id == bindparam("of_list"))
_MEMBERS_OF: Final = _MEMBERS.where(list_member.c.list_id.in_(bindparam("of_lists", expanding=True)))


async def for_sender(connection: AsyncConnection, sender: Mailbox) -> list[DistributionList]:
    """Return every list a subscriber can send to by its number: their own, and shared ones whose number is free."""
    values = {"of_company": sender.company_id, "of_mailbox": sender.id}
    rows = (await connection.execute(_FOR_SENDER, values)).all()
    own = {row.number for row in rows if row.mailbox_id == sender.id}
    return await _filled(connection, [row for row in rows if row.mailbox_id == sender.id or row.number not in own])


async def by_number(connection: AsyncConnection, sender: Mailbox, number: int) -> DistributionList | None:
    """Return what a subscriber means by a list's number: their own list, else the company's shared one (row 19)."""
    values = {"of_company": sender.company_id, "of_mailbox": sender.id, "of_number": number}
    rows = (await connection.execute(_OF_NUMBER, values)).all()
    own_first = sorted(rows, key=lambda row: row.mailbox_id != sender.id)
    return next(iter(await _filled(connection, own_first[:1])), None)


async def by_id(connection: AsyncConnection, list_id: int) -> DistributionList | None:
    """Return a list by its key."""
    rows = (await connection.execute(_BY_ID, {"of_list": list_id})).all()
    return next(iter(await _filled(connection, rows)), None)


async def _filled(connection: AsyncConnection, rows: Sequence[Any]) -> list[DistributionList]:
    members = (await connection.execute(_MEMBERS_OF, {"of_lists": [row.id for row in rows]})).all() if rows else []
    return _with_members(rows, members)


async def of_company(connection: AsyncConnection, company_id: int) -> list[DistributionList]:
    """Return all lists of a company by number."""
    rows = (await connection.execute(_OF_COMPANY, {"of_company": company_id})).all()
    members = (await connection.execute(_MEMBERS_IN, {"of_company": company_id})).all()
    return _with_members(rows, members)


def _with_members(rows: Iterable[Any], members: Iterable[Any]) -> list[DistributionList]:
    by_list: defaultdict[int, set[int]] = defaultdict(set)
    for list_id, member in members:
        by_list[list_id].add(member)
    return [
        DistributionList(
            id=row.id,
            company_id=row.company_id,
            mailbox_id=row.mailbox_id,
            number=row.number,
            description=row.description,
            shared=row.shared,
            members=frozenset(by_list[row.id]),
            recording=row.recording,
        )
        for row in rows
    ]


async def add(
    connection: AsyncConnection,
    owner: Mailbox,
    *,
    number: int,
    description: str,
    shared: bool,
    members: Iterable[int],
    recording: str | None = None,
) -> DistributionList:
    """Write a new list.

    Raises:
        Conflict: the owner has a list of that number, or (shared) the company has a shared one.
    """
    values = {
        "company_id": owner.company_id,
        "mailbox_id": owner.id,
        "number": number,
        "description": description,
        "shared": shared,
        "recording": recording,
    }
    statement = insert(distribution_list).values(values).returning(distribution_list.c.id)
    with unique("list", str(number)):
        key: int = (await connection.execute(statement)).scalar_one()
    made = frozenset(members)
    await _add_members(connection, owner.company_id, key, made)
    return DistributionList(key, owner.company_id, owner.id, number, description, shared, made, recording)


async def change(
    connection: AsyncConnection,
    before: DistributionList,
    *,
    description: str,
    shared: bool,
    members: Iterable[int],
    recording: str | None = None,
) -> None:
    """Change a list; its number stays. Raises Conflict if it becomes shared and the company has one of its number."""
    values = {"description": description, "shared": shared, "recording": recording}
    statement = update(distribution_list).where(distribution_list.c.id == before.id).values(values)
    with unique("list", str(before.number)):
        await connection.execute(statement)
    wanted = frozenset(members)
    gone = before.members - wanted
    if gone:
        leaving = (list_member.c.list_id == before.id) & list_member.c.mailbox_id.in_(gone)
        await connection.execute(delete(list_member).where(leaving))
    await _add_members(connection, before.company_id, before.id, wanted - before.members)


async def _add_members(connection: AsyncConnection, company_id: int, list_id: int, members: Collection[int]) -> None:
    if members:
        rows = [{"list_id": list_id, "mailbox_id": member, "company_id": company_id} for member in members]
        await connection.execute(insert(list_member), rows)
