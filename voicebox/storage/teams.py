"""Team mailboxes: who belongs to which (several people share one, and claim its messages)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.mailbox import Mailbox
from voicebox.storage.mailboxes import MAILBOX_COLUMNS, to_mailbox
from voicebox.storage.tables import mailbox, team_member

_OF_MEMBER: Final = (
    select(*MAILBOX_COLUMNS)
    .join(team_member, team_member.c.mailbox_id == mailbox.c.id)
    .where(team_member.c.member_id == bindparam("of_member"), mailbox.c.team)
    .order_by(mailbox.c.number)
)
_OF_COMPANY: Final = select(team_member.c.mailbox_id, team_member.c.member_id).where(
    team_member.c.company_id == bindparam("of_company")
)


async def of_member(connection: AsyncConnection, member_id: int) -> list[Mailbox]:
    """Return the team mailboxes that a mailbox's owner belongs to, by extension."""
    return [to_mailbox(row) for row in await connection.execute(_OF_MEMBER, {"of_member": member_id})]


async def of_company(connection: AsyncConnection, company_id: int) -> dict[int, frozenset[int]]:
    """Return the members of every team of a company, by the team's key."""
    members: defaultdict[int, set[int]] = defaultdict(set)
    for team_id, member_id in await connection.execute(_OF_COMPANY, {"of_company": company_id}):
        members[team_id].add(member_id)
    return {team_id: frozenset(found) for team_id, found in members.items()}


async def change(connection: AsyncConnection, team: Mailbox, *, before: frozenset[int], after: Iterable[int]) -> None:
    """Write who belongs to a team from now on."""
    wanted = frozenset(after)
    if gone := before - wanted:
        leaving = (team_member.c.mailbox_id == team.id) & team_member.c.member_id.in_(gone)
        await connection.execute(delete(team_member).where(leaving))
    if come := wanted - before:
        rows = [{"mailbox_id": team.id, "member_id": each, "company_id": team.company_id} for each in come]
        await connection.execute(insert(team_member), rows)
