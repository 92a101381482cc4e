"""Call records, registrations and tokens: written once, listed in order, found by their holders only."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.rows import NOW, one_mailbox
from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.directory import Directory
from voicebox.mailbox import Mailbox
from voicebox.message import Reason
from voicebox.storage import callrecords, registrations, tokens
from voicebox.storage.callrecords import CallCursor
from voicebox.storage.database import Database
from voicebox.storage.registrations import Binding
from voicebox.storage.tokens import Scope


def a_call(mailbox: Mailbox, number: int = 0, ended_s: float = 0.0) -> CallRecord:
    return CallRecord(
        id=f"{number:032x}",
        company_id=mailbox.company_id,
        mailbox=mailbox.number,
        caller="+491701234567",
        called="1001",
        reason=Reason.BUSY,
        deflected_by="+492115551001",
        started=NOW,
        answered=NOW + timedelta(seconds=1),
        ended=NOW + timedelta(seconds=ended_s),
        rtp=RtpFigures(received=500, lost=2, jitter_ms=1.5, sent=480),
        trace=[{"t": 0.5, "event": "prompt", "id": "greeting"}, {"t": 1.0, "event": "key", "key": "5"}],
    )


async def test_a_call_record_comes_back_as_it_was(db: Database) -> None:
    record = a_call(await one_mailbox(db))
    assert await db.write(lambda connection: callrecords.add(connection, record))
    assert not await db.write(lambda connection: callrecords.add(connection, record))
    async with db.read() as connection:
        assert await callrecords.get(connection, record.id) == record
        assert await callrecords.get(connection, "0" * 31 + "9") is None


async def test_a_call_of_nobody_with_text_no_database_stores_is_recorded(db: Database) -> None:
    record = replace(
        a_call(await one_mailbox(db)),
        company_id=None,
        mailbox=None,
        caller="x\x00" * 60,
        called="\udcff",
        reason=None,
        answered=None,
        trace=[{"t": 0.0, "event": "decision", "why": "a\x00b\udc80", "facts": {"k\x00": ["\x00"]}}],
    )
    await db.write(lambda connection: callrecords.add(connection, record))
    async with db.read() as connection:
        found = await callrecords.get(connection, record.id)
    assert found is not None
    assert found.caller == "x\ufffd" * 40
    assert found.called == "?"
    assert found.trace[0]["why"] == "a\ufffdb?"
    assert found.trace[0]["facts"] == {"k\ufffd": ["\ufffd"]}


async def test_calls_are_listed_newest_first_page_by_page(db: Database) -> None:
    mailbox = await one_mailbox(db)
    records = [a_call(mailbox, number, ended_s=number // 2) for number in range(7)]
    for record in records:
        await db.write(lambda connection, record=record: callrecords.add(connection, record))  # type: ignore[misc]
    expected = sorted(records, key=lambda record: (record.ended, record.id), reverse=True)
    found: list[CallRecord] = []
    cursor = None
    async with db.read() as connection:
        while page := await callrecords.page(
            connection, company_id=mailbox.company_id, mailbox="1001", after=cursor, limit=3
        ):
            found += page
            cursor = CallCursor(page[-1].ended, page[-1].id)
        assert await callrecords.page(connection, company_id=mailbox.company_id + 1) == []
        assert await callrecords.page(connection, mailbox="9999") == []
        assert len(await callrecords.page(connection)) == 7
    assert found == expected


def a_binding(mailbox: Mailbox, contact: str = "sip:1001@192.0.2.7:5062", lasts_s: float = 60) -> Binding:
    return Binding(
        company_id=mailbox.company_id,
        mailbox_id=mailbox.id,
        aor="sip:1001@voicebox.example",
        contact=contact,
        call_id="c1",
        cseq=1,
        expires_at=NOW + timedelta(seconds=lasts_s),
        source="udp:192.0.2.7:5062",
        user_agent="Phone 1.0",
    )


async def test_registrations_outlive_a_restart_until_they_expire(db: Database) -> None:
    mailbox, directory = await one_mailbox(db), Directory(db)
    first, second = a_binding(mailbox), a_binding(mailbox, "sip:1001@192.0.2.8", lasts_s=120)
    await directory.save_binding(first)
    await directory.save_binding(second)
    refreshed = replace(first, cseq=2, expires_at=NOW + timedelta(seconds=90), user_agent="n" * 300)
    await directory.save_binding(refreshed)
    assert await directory.bindings(NOW) == [replace(refreshed, user_agent="n" * 200), second]
    assert await directory.bindings(NOW + timedelta(seconds=90), aor=first.aor) == [second]
    assert await directory.bindings(NOW, aor="sip:1002@voicebox.example") == []
    await directory.remove_binding(first.aor, second.contact)
    assert len(await directory.bindings(NOW)) == 1
    await directory.remove_binding(first.aor)
    assert await directory.bindings(NOW) == []


async def test_expired_registrations_are_cleared(db: Database) -> None:
    mailbox, directory = await one_mailbox(db), Directory(db)
    await directory.save_binding(a_binding(mailbox))
    assert await db.write(lambda connection: registrations.forget_expired(connection, NOW)) == 0
    late = NOW + timedelta(seconds=60)
    assert await db.write(lambda connection: registrations.forget_expired(connection, late)) == 1


async def test_a_token_is_found_by_itself_alone(db: Database) -> None:
    mailbox = await one_mailbox(db)
    made = await db.write(
        lambda connection: tokens.add(
            connection,
            "s3cret",
            scope=Scope.MAILBOX,
            name="phone app",
            now=NOW,
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id,
            expires_at=NOW + timedelta(days=1),
        )
    )
    async with db.read() as connection:
        assert await tokens.find(connection, "s3cret", NOW) == made
        assert await tokens.find(connection, "s3cret", NOW + timedelta(days=1)) is None
        for wrong in ("", "S3cret", tokens.digest("s3cret"), "\udcff"):
            assert await tokens.find(connection, wrong, NOW) is None
        assert await tokens.page(connection, mailbox.company_id) == [made]
        assert await tokens.page(connection, None) == []
    assert await db.write(lambda connection: tokens.revoke(connection, made.id, NOW))
    assert not await db.write(lambda connection: tokens.revoke(connection, made.id, NOW))
    async with db.read() as connection:
        assert await tokens.find(connection, "s3cret", NOW) is None


@pytest.mark.parametrize(
    ("scope", "company", "mailbox"),
    [(Scope.MAILBOX, 1, None), (Scope.ADMIN, None, None), (Scope.ADMIN, 1, 1), (Scope.OPERATOR, 1, None)],
)
async def test_a_token_is_for_what_its_scope_says(
    db: Database, scope: Scope, company: int | None, mailbox: int | None
) -> None:
    with pytest.raises(ValueError, match="a mailbox token"):
        await db.write(
            lambda connection: tokens.add(
                connection, "t", scope=scope, name="x", now=NOW, company_id=company, mailbox_id=mailbox
            )
        )
