"""Announcements, and what mailboxes have chosen of them (voicemail.md, rows 11 and 12)."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.announcement import Announcement, Choice, Kind, User
from voicebox.mailbox import Mailbox
from voicebox.storage.faults import unique
from voicebox.storage.tables import announcement, audio, greeting, mailbox
from voicebox.storage.upsert import overwrite

_COLUMNS: Final = [announcement.c[f.name] for f in fields(Announcement)]
_GET: Final = select(*_COLUMNS).where(announcement.c.id == bindparam("of_announcement"))
_HELD: Final = _GET.with_for_update()  # PostgreSQL: nobody may choose it while it is removed; SQLite has one writer
_OWN: Final = select(*_COLUMNS).where(
    announcement.c.mailbox_id == bindparam("of_mailbox"), announcement.c.name == bindparam("of_name")
)
_CHOICES: Final = (
    select(greeting.c.kind, greeting.c.name, greeting.c.announcement_id, announcement.c.audio_id, greeting.c.changed_at)
    .outerjoin(announcement, announcement.c.id == greeting.c.announcement_id)
    .where(greeting.c.mailbox_id == bindparam("of_mailbox"))
)
_CHOOSE: Final = overwrite(greeting, ["mailbox_id", "kind"], ["name", "announcement_id", "changed_at"])
_LISTED: Final = (
    select(*_COLUMNS, mailbox.c.number, audio.c.samples, audio.c.rate_hz)
    .join(audio, audio.c.id == announcement.c.audio_id)
    .outerjoin(mailbox, mailbox.c.id == announcement.c.mailbox_id)
)
_DESCRIBED: Final = _LISTED.where(announcement.c.id == bindparam("of_announcement"))
PLAYING: Final = ("busy_greeting", "no_answer_greeting", "away_greeting")
"""The fields of a mailbox that name what callers hear."""
_PLAYED_FOR: Final = {
    field: [kind for kind in Kind if (kind.plays_in or "no_answer_greeting") == field] for field in PLAYING
}
"""What a field may play since it was chosen for; an alternative plays where nobody answers."""
_IN_USE: Final = or_(  # an alternative waits to be chosen by phone; of all else only what callers hear
    greeting.c.kind.in_([kind for kind in Kind if kind.plays_in is None]),
    *(
        and_(greeting.c.kind == kind, mailbox.c[kind.plays_in] == announcement.c.audio_id)
        for kind in Kind
        if kind.plays_in is not None
    ),
)
_USES: Final = (
    select(greeting.c.announcement_id, mailbox.c.number, greeting.c.kind)
    .join(mailbox, mailbox.c.id == greeting.c.mailbox_id)
    .join(announcement, announcement.c.id == greeting.c.announcement_id)
    .where(_IN_USE)
    .order_by(mailbox.c.number, greeting.c.kind)
)
_USERS: Final = _USES.where(greeting.c.announcement_id == bindparam("of_announcement"))
_USERS_OF_ALL: Final = _USES.where(greeting.c.company_id == bindparam("of_company"))


async def get(connection: AsyncConnection, announcement_id: int) -> Announcement | None:
    """Return an announcement by its key."""
    row = (await connection.execute(_GET, {"of_announcement": announcement_id})).one_or_none()
    return None if row is None else Announcement(*row)


async def held(connection: AsyncConnection, announcement_id: int) -> Announcement | None:
    """Do as `get`, and keep it from being chosen or removed by others until the transaction ends."""
    row = (await connection.execute(_HELD, {"of_announcement": announcement_id})).one_or_none()
    return None if row is None else Announcement(*row)


async def own(connection: AsyncConnection, mailbox_id: int, name: str) -> Announcement | None:
    """Return a mailbox's own announcement of this name."""
    row = (await connection.execute(_OWN, {"of_mailbox": mailbox_id, "of_name": name})).one_or_none()
    return None if row is None else Announcement(*row)


async def visible(connection: AsyncConnection, company_id: int, mailbox_id: int | None) -> list[Announcement]:
    """List a company's announcements by name, with those of a mailbox."""
    rows = await connection.execute(
        select(*_COLUMNS).where(_seen_by(company_id, mailbox_id)).order_by(announcement.c.name, announcement.c.id)
    )
    return [Announcement(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Listed:
    """An announcement with what a list shows of it."""

    announcement: Announcement
    number: str | None
    """Of its mailbox; None is the company's."""
    duration_s: float


async def listed(
    connection: AsyncConnection, company_id: int, mailbox_id: int | None, *, everything: bool
) -> list[Listed]:
    """List announcements by name as `visible` does, or with `everything` those of all the company's mailboxes."""
    seen = announcement.c.company_id == company_id if everything else _seen_by(company_id, mailbox_id)
    rows = await connection.execute(_LISTED.where(seen).order_by(announcement.c.name, announcement.c.id))
    return [_to_listed(row) for row in rows]


async def described(connection: AsyncConnection, announcement_id: int) -> Listed | None:
    """Return an announcement by its key as a list shows it, of whomever: the caller checks who may see it."""
    row = (await connection.execute(_DESCRIBED, {"of_announcement": announcement_id})).one_or_none()
    return None if row is None else _to_listed(row)


def _to_listed(row: Any) -> Listed:
    return Listed(Announcement(*row[:-3]), row[-3], row[-2] / row[-1])


def _seen_by(company_id: int, mailbox_id: int | None) -> ColumnElement[bool]:
    shared = announcement.c.mailbox_id.is_(None)
    own = shared if mailbox_id is None else or_(shared, announcement.c.mailbox_id == mailbox_id)
    return and_(announcement.c.company_id == company_id, own)


async def is_taken(connection: AsyncConnection, company_id: int, mailbox_id: int | None, name: str) -> bool:
    """Tell whether its owner has an announcement of this name."""
    found = select(announcement.c.id).where(_owned_by(company_id, mailbox_id), announcement.c.name == name)
    return await connection.scalar(found) is not None


async def count(connection: AsyncConnection, company_id: int, mailbox_id: int | None) -> int:
    """Count the announcements of one owner: the company's, or a mailbox's own."""
    found = select(func.count()).select_from(announcement).where(_owned_by(company_id, mailbox_id))
    return (await connection.scalar(found)) or 0


def _owned_by(company_id: int, mailbox_id: int | None) -> ColumnElement[bool]:
    owned = announcement.c.mailbox_id.is_(None) if mailbox_id is None else announcement.c.mailbox_id == mailbox_id
    return and_(announcement.c.company_id == company_id, owned)


async def add(
    connection: AsyncConnection, *, company_id: int, mailbox_id: int | None, name: str, audio_id: str, now: datetime
) -> Announcement:
    """Write an announcement whose audio's row is there; raises Conflict if its owner has one of that name."""
    values: dict[str, Any] = {
        "company_id": company_id,
        "mailbox_id": mailbox_id,
        "name": name,
        "audio_id": audio_id,
        "created_at": now,
    }
    with unique("name", name):
        row = (await connection.execute(insert(announcement).values(values).returning(*_COLUMNS))).one()
    return Announcement(*row)


async def put_own(
    connection: AsyncConnection, owner: Mailbox, name: str, audio_id: str, now: datetime
) -> tuple[Announcement, str | None]:
    """Write a mailbox's own announcement, or give the one of this name new audio; return it, and the audio before."""
    before = await own(connection, owner.id, name)
    if before is None:
        made = await add(
            connection, company_id=owner.company_id, mailbox_id=owner.id, name=name, audio_id=audio_id, now=now
        )
        return made, None
    statement = (
        update(announcement).where(announcement.c.id == before.id).values(audio_id=audio_id).returning(*_COLUMNS)
    )
    return Announcement(*(await connection.execute(statement)).one()), before.audio_id


async def remove(connection: AsyncConnection, announcement_id: int) -> bool:
    """Remove an announcement, and the choices of it; False if it is gone already. Its audio stays."""
    statement = delete(announcement).where(announcement.c.id == announcement_id)
    return bool((await connection.execute(statement)).rowcount)


async def choices(connection: AsyncConnection, mailbox_id: int) -> dict[Kind, Choice]:
    """Return what a mailbox has for each kind of greeting, ordered by kind."""
    rows = await connection.execute(_CHOICES, {"of_mailbox": mailbox_id})
    found = sorted((Choice(Kind(row[0]), *row[1:]) for row in rows), key=lambda choice: choice.kind)
    return {choice.kind: choice for choice in found}


async def choose(
    connection: AsyncConnection, owner: Mailbox, kind: Kind, name: str, announcement_id: int, *, now: datetime
) -> None:
    """Write what a mailbox has for a kind of greeting."""
    values: dict[str, Any] = {
        "mailbox_id": owner.id,
        "kind": kind,
        "company_id": owner.company_id,
        "name": name,
        "announcement_id": announcement_id,
        "changed_at": now,
    }
    await connection.execute(_CHOOSE.on(connection), values)


async def forget(connection: AsyncConnection, owner: Mailbox, kind: Kind) -> bool:
    """Take away what a mailbox has for a kind of greeting; False if it has nothing."""
    statement = delete(greeting).where(greeting.c.mailbox_id == owner.id, greeting.c.kind == kind)
    return bool((await connection.execute(statement)).rowcount)


async def users(connection: AsyncConnection, announcement_id: int) -> list[User]:
    """Return which mailboxes play an announcement, or have it as an alternative to be played, and for what."""
    rows = await connection.execute(_USERS, {"of_announcement": announcement_id})
    return [User(number, Kind(kind)) for _, number, kind in rows]


async def users_of_all(connection: AsyncConnection, company_id: int) -> dict[int, list[User]]:
    """Return the same for every announcement of a company that is used, by its key."""
    found: dict[int, list[User]] = {}
    for key, number, kind in await connection.execute(_USERS_OF_ALL, {"of_company": company_id}):
        found.setdefault(key, []).append(User(number, Kind(kind)))
    return found


async def play(connection: AsyncConnection, mailbox_id: int, field: str, audio_id: str | None, now: datetime) -> None:
    """Have a mailbox play a recording (None: the default greeting) where `field`, one of `PLAYING`, says."""
    await connection.execute(
        update(mailbox).where(mailbox.c.id == mailbox_id).values({field: audio_id, "updated_at": now})
    )


async def play_instead(
    connection: AsyncConnection, announcement_id: int, audio_id: str, instead: str | None, now: datetime
) -> dict[str, list[int]]:
    """Have whoever chose an announcement, and plays its audio for that, play another (None: the default greeting).

    Whoever plays the same audio for another reason plays it on: what comes from files is named by its content, so that
    several mailboxes, and several announcements, share it.

    Returns the keys of the mailboxes, by the field that was changed.
    """
    changed: dict[str, list[int]] = {}
    for name, kinds in _PLAYED_FOR.items():
        chosen = select(greeting.c.mailbox_id).where(
            greeting.c.announcement_id == announcement_id, greeting.c.kind.in_(kinds)
        )
        otherwise = (
            exists()
            .where(greeting.c.mailbox_id == mailbox.c.id, greeting.c.kind.in_(kinds))
            .where(greeting.c.announcement_id != announcement_id)
            .where(announcement.c.id == greeting.c.announcement_id, announcement.c.audio_id == audio_id)
        )
        statement = (
            update(mailbox)
            .where(mailbox.c.id.in_(chosen), mailbox.c[name] == audio_id, ~otherwise)
            .values({name: instead, "updated_at": now})
            .returning(mailbox.c.id)
        )
        changed[name] = sorted((await connection.execute(statement)).scalars())
    return changed
