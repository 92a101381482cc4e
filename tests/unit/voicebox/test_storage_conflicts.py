"""Only what is taken is a conflict: other broken constraints are told as they are, on either database."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import pytest
from sqlalchemy.exc import IntegrityError

from tests.fakes.rows import NOW, one_mailbox
from voicebox.errors import Conflict
from voicebox.mailbox import Mailbox
from voicebox.storage import announcements, audio, lists, mailboxes
from voicebox.storage.database import AsyncConnection, Database

THERE: Final = "1" * 32
GONE: Final = "0" * 32
"""Audio whose row ageing has just removed."""

Work = Callable[[AsyncConnection, Mailbox], Awaitable[object]]


async def a_company(connection: AsyncConnection, **settings: object) -> None:
    values: dict[str, Any] = {"name": "Beispiel GmbH", "language": "de", "time_zone": "UTC", "country_code": "49"}
    await mailboxes.add_company(connection, now=NOW, **values | {"area_code": "211"} | settings)


async def a_mailbox(connection: AsyncConnection, owner: Mailbox, number: str, **settings: object) -> None:
    values: dict[str, Any] = {"company_id": owner.company_id, "name": "B", "language": "de", "time_zone": "UTC"}
    await mailboxes.add_mailbox(connection, now=NOW, number=number, **values | settings)


async def a_list(connection: AsyncConnection, owner: Mailbox, number: int = 1, recording: str | None = None) -> None:
    await lists.add(connection, owner, number=number, description="", shared=False, members=[], recording=recording)


async def a_changed_list(connection: AsyncConnection, owner: Mailbox) -> None:
    await a_list(connection, owner, 2)
    found = await lists.by_number(connection, owner, 2)
    assert found is not None
    await lists.change(connection, found, description="", shared=False, members=[], recording=GONE)


async def an_announcement(connection: AsyncConnection, owner: Mailbox, name: str, audio_id: str) -> None:
    await announcements.add(
        connection, company_id=owner.company_id, mailbox_id=owner.id, name=name, audio_id=audio_id, now=NOW
    )


@pytest.fixture
async def owner(db: Database) -> Mailbox:
    """A mailbox with a neighbour 1002, a list 1 and an announcement."""
    made = await one_mailbox(db)

    async def around(connection: AsyncConnection) -> None:
        await audio.add(connection, audio_id=THERE, company_id=made.company_id, samples=1, rate_hz=8000, now=NOW)
        await a_mailbox(connection, made, "1002")
        await a_list(connection, made)
        await an_announcement(connection, made, "Ferien", THERE)

    await db.write(around)
    return made


BROKEN: Final[Mapping[str, Work]] = {
    "mailbox added": lambda c, own: a_mailbox(c, own, "1009", busy_greeting=GONE),
    "mailbox changed": lambda c, own: mailboxes.change_mailbox(c, own, {"busy_greeting": GONE}, NOW),
    "mailbox without a name": lambda c, own: mailboxes.change_mailbox(c, own, {"name": None}, NOW),
    "company without a language": lambda c, _: a_company(c, name="Zweite GmbH", language=None),
    "announcement": lambda c, own: an_announcement(c, own, "Messe", GONE),
    "list": lambda c, own: a_list(c, own, 2, GONE),
    "list of no such number": lambda c, own: a_list(c, own, 16),
    "list changed": a_changed_list,
}


async def test_what_else_is_broken_is_not_called_taken(db: Database, owner: Mailbox) -> None:
    for work in BROKEN.values():
        with pytest.raises(IntegrityError):
            await db.write(lambda connection, work=work: work(connection, owner))  # type: ignore[misc]


TAKEN: Final[Sequence[tuple[str, Work]]] = (
    ("number 1002", lambda c, own: a_mailbox(c, own, "1002")),
    ("number 1002", lambda c, own: mailboxes.change_mailbox(c, own, {"number": "1002"}, NOW)),
    ("company Beispiel GmbH", lambda c, _: a_company(c)),
    ("name Ferien", lambda c, own: an_announcement(c, own, "Ferien", THERE)),
    ("list 1", a_list),
)


async def test_what_is_taken_is_a_conflict(db: Database, owner: Mailbox) -> None:
    for what, work in TAKEN:
        with pytest.raises(Conflict, match=f"^{what} is taken"):
            await db.write(lambda connection, work=work: work(connection, owner))  # type: ignore[misc]
