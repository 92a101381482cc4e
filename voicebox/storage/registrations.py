"""The registrar's bindings (RFC 3261 section 10.3), kept so that a restart does not silence the phones."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.storage.tables import registration
from voicebox.storage.text import clipped
from voicebox.storage.upsert import overwrite


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a phone can be reached: one contact of one address of record."""

    company_id: int
    mailbox_id: int
    aor: str
    """The address of record, such as sip:1001@voicebox.example."""
    contact: str
    """The contact's URI as registered."""
    call_id: str
    cseq: int
    expires_at: datetime
    source: str
    """Transport, address and port it came from, such as udp:192.0.2.7:5062."""
    instance: str | None = None
    """`+sip.instance` (RFC 5626)."""
    path: str | None = None
    """Path headers (RFC 3327), comma-separated."""
    user_agent: str | None = None


_COLUMNS: Final = [registration.c[f.name] for f in fields(Binding)]
_SAVE: Final = overwrite(
    registration, ["aor", "contact"], [f.name for f in fields(Binding) if f.name not in {"aor", "contact"}]
)
_DELETE: Final = delete(registration).where(
    registration.c.aor == bindparam("of_aor"), registration.c.contact == bindparam("of_contact")
)
_DELETE_ALL: Final = delete(registration).where(registration.c.aor == bindparam("of_aor"))


async def load(connection: AsyncConnection, now: datetime, *, aor: str | None = None) -> list[Binding]:
    """Return the bindings that have not expired: of one address of record, or all of them (at start)."""
    statement = select(*_COLUMNS).where(registration.c.expires_at > now).order_by(registration.c.id)
    if aor is not None:
        statement = statement.where(registration.c.aor == aor)
    return [Binding(*row) for row in await connection.execute(statement)]


async def save(connection: AsyncConnection, binding: Binding) -> None:
    """Write a binding, or refresh the one of its address of record and contact."""
    values = asdict(binding)
    values["user_agent"] = clipped(binding.user_agent, 200)
    values["instance"] = clipped(binding.instance, 200)
    await connection.execute(_SAVE.on(connection), values)


async def remove(connection: AsyncConnection, aor: str, contact: str | None = None) -> int:
    """Delete one contact, or (None) all of an address of record; returns how many there were."""
    if contact is None:
        return (await connection.execute(_DELETE_ALL, {"of_aor": aor})).rowcount
    return (await connection.execute(_DELETE, {"of_aor": aor, "of_contact": contact})).rowcount


async def forget_expired(connection: AsyncConnection, now: datetime) -> int:
    """Delete what has expired; returns how many."""
    return (await connection.execute(delete(registration).where(registration.c.expires_at <= now))).rowcount
