"""How long each company called out on each of its days: what the outbound policy's budget is compared with."""

from datetime import date
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.storage.tables import outbound_usage
from voicebox.storage.upsert import Upsert

_USED: Final = select(outbound_usage.c.seconds).where(
    outbound_usage.c.company_id == bindparam("of_company"), outbound_usage.c.day == bindparam("on_day")
)


def _adding(insert: Any) -> Any:
    statement = insert(outbound_usage)
    return statement.on_conflict_do_update(
        index_elements=["company_id", "day"], set_={"seconds": outbound_usage.c.seconds + statement.excluded.seconds}
    )


_ADD: Final = Upsert(_adding)


async def used_s(connection: AsyncConnection, company_id: int, day: date) -> int:
    """Return the seconds that a company called out on a day."""
    found = (await connection.execute(_USED, {"of_company": company_id, "on_day": day})).scalar_one_or_none()
    return found or 0


async def add(connection: AsyncConnection, company_id: int, day: date, seconds: int) -> None:
    """Count a call that has ended."""
    await connection.execute(_ADD.on(connection), {"company_id": company_id, "day": day, "seconds": seconds})
