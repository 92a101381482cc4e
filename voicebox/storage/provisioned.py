"""All that `apply` compares a file with, in a few queries, and what only `apply` writes."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Executable, Table, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.mailbox import Mailbox
from voicebox.storage import lists, teams
from voicebox.storage.lists import DistributionList
from voicebox.storage.mailboxes import DEVICE_COLUMNS, MAILBOX_COLUMNS, Alias, Device, NumberKind, to_mailbox
from voicebox.storage.tables import credential, device, mailbox, number
from voicebox.storage.upsert import Upsert


@dataclass(slots=True)
class Standing:
    """A mailbox as it stands."""

    mailbox: Mailbox
    aliases: list[Alias] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    lists: list[DistributionList] = field(default_factory=list)
    members: frozenset[int] = frozenset()
    """Of a team mailbox: the keys of its members' own."""
    pin_hash: str | None = field(default=None, repr=False)
    one_time: bool = False
    history: tuple[str, ...] = field(default=(), repr=False)
    web_password_hash: str | None = field(default=None, repr=False)


_MAILBOXES: Final = (
    select(*MAILBOX_COLUMNS).where(mailbox.c.company_id == bindparam("of_company")).order_by(mailbox.c.number)
)
_ALIASES: Final = (
    select(number.c.mailbox_id, number.c.id, number.c.number)
    .where(number.c.company_id == bindparam("of_company"), number.c.kind == NumberKind.ALIAS)
    .order_by(number.c.id)
)
_DEVICES: Final = (
    select(*DEVICE_COLUMNS)
    .join(mailbox, mailbox.c.id == device.c.mailbox_id)
    .where(device.c.company_id == bindparam("of_company"))
    .order_by(device.c.id)
)
_CREDENTIALS: Final = select(
    credential.c.mailbox_id,
    credential.c.pin_hash,
    credential.c.one_time,
    credential.c.history,
    credential.c.web_password_hash,
).where(credential.c.company_id == bindparam("of_company"))
_REMEMBER: Final = (
    update(credential)
    .where(credential.c.mailbox_id == bindparam("of_mailbox"))
    .values(history=bindparam("new_history", type_=credential.c.history.type))
)


def _set_web_password(insert: Callable[[Table], Any]) -> Executable:
    statement = insert(credential)
    written: Executable = statement.on_conflict_do_update(
        index_elements=["mailbox_id"],
        set_={
            "web_password_hash": statement.excluded.web_password_hash,
            "web_failures": 0,
            "web_lock_count": 0,
            "web_locked_until": None,
        },
    )
    return written


_SET_WEB_PASSWORD: Final = Upsert(_set_web_password)


async def standing(connection: AsyncConnection, company_id: int) -> dict[str, Standing]:
    """Return a company's mailboxes by extension, with all that belongs to each."""
    of_company = {"of_company": company_id}
    found: dict[int, Standing] = {}
    for row in await connection.execute(_MAILBOXES, of_company):
        found[row.id] = Standing(to_mailbox(row))
    for mailbox_id, key, text in await connection.execute(_ALIASES, of_company):
        found[mailbox_id].aliases.append(Alias(key, text))
    for row in await connection.execute(_DEVICES, of_company):
        found[row.mailbox_id].devices.append(Device(*row))
    for row in await connection.execute(_CREDENTIALS, of_company):
        owner = found[row.mailbox_id]
        owner.pin_hash, owner.one_time = row.pin_hash, row.one_time
        owner.history, owner.web_password_hash = tuple(row.history), row.web_password_hash
    by_owner: defaultdict[int, list[DistributionList]] = defaultdict(list)
    for each in await lists.of_company(connection, company_id):
        by_owner[each.mailbox_id].append(each)
    for mailbox_id, owned in by_owner.items():
        found[mailbox_id].lists = owned
    for team_id, members in (await teams.of_company(connection, company_id)).items():
        found[team_id].members = members
    return {each.mailbox.number: each for each in found.values()}


async def put_web_password(
    connection: AsyncConnection, *, company_id: int, mailbox_id: int, password_hash: str | None
) -> None:
    """Set a web password by its hash (None takes it away), and end a lock of the web login."""
    values: dict[str, Any] = {
        "company_id": company_id,
        "mailbox_id": mailbox_id,
        "web_password_hash": password_hash,
        "history": [],  # of a credential that is new; one that exists keeps its own
    }
    await connection.execute(_SET_WEB_PASSWORD.on(connection), values)


async def remember(connection: AsyncConnection, mailbox_id: int, history: Sequence[str]) -> None:
    """Write a credential's history anew, without touching its PIN or its counters."""
    await connection.execute(_REMEMBER, {"of_mailbox": mailbox_id, "new_history": list(history)})
