"""Call records on their way into the database."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.rows import NOW, add_company
from voicebox import calllog
from voicebox.calllog import CallLog
from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.errors import DatabaseUnavailable
from voicebox.storage import callrecords
from voicebox.storage.database import Database


def record(number: int, company_id: int | None) -> CallRecord:
    return CallRecord(
        id=f"{number:032x}",
        company_id=company_id,
        mailbox="1001",
        caller="+491701234567",
        called="1001",
        reason=None,
        deflected_by=None,
        started=NOW,
        answered=None,
        ended=NOW,
        rtp=RtpFigures(),
        trace=[],
    )


async def written(db: Database) -> list[str]:
    async with db.read() as connection:
        return sorted(each.id for each in await callrecords.page(connection, limit=100))


async def test_records_are_written_in_the_background(db: Database) -> None:
    company = await add_company(db)
    log = CallLog(db)
    running = asyncio.create_task(log.run())
    log.keep(record(1, company.id))
    async with asyncio.timeout(20):
        while log._waiting:  # noqa: ASYNC110 - the log tells nobody that it is done
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait({running})
    assert await written(db) == [f"{1:032x}"]


async def test_a_record_that_no_database_takes_does_not_keep_the_others_back(db: Database) -> None:
    company = await add_company(db)
    log = CallLog(db)
    log.keep(record(1, company.id))
    log.keep(replace(record(2, company.id), trace=[{"t": 0.0, "event": "odd", "value": object()}]))
    log.keep(record(3, company.id))
    await log.flush()
    assert await written(db) == [f"{number:032x}" for number in (1, 3)]
    await log.flush()
    log.keep(replace(record(4, company.id), trace=[{"value": object()}]))
    await log.flush()
    assert not log._waiting


async def test_while_the_database_is_away_records_wait(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    company = await add_company(db)
    log = CallLog(db)
    away = 2

    class Away:
        async def write(self, work: object) -> None:
            nonlocal away
            if away:
                away -= 1
                raise DatabaseUnavailable("away")
            await db.write(work)  # type: ignore[arg-type] # handed on as it came

    log._db = Away()  # type: ignore[assignment] # only writes
    monkeypatch.setattr(calllog, "RETRY_S", 0.0)
    log.keep(record(1, company.id))
    await log.flush()
    assert await written(db) == [f"{1:032x}"]
