"""Housekeeping: what says nothing any more goes, and what still locks stays."""

from datetime import timedelta

from tests.fakes.rows import StandingClock, add_company, one_mailbox
from voicebox.access import Access, Outcome, Source
from voicebox.housekeeping import SOURCES_KEPT, Housekeeping
from voicebox.lockout import FAILURES_TO_LOCK
from voicebox.pinhash import Cost, PinHasher
from voicebox.storage import registrations
from voicebox.storage.database import Database
from voicebox.storage.registrations import Binding

CHEAP = Cost(memory_kib=8, passes=1)


async def test_a_source_is_forgotten_once_nothing_of_it_counts(db: Database) -> None:
    company, clock = await add_company(db), StandingClock()
    access, housekeeping = Access(db, PinHasher(bytes(32), CHEAP), clock), Housekeeping(db, clock)
    source = Source.of_address("192.0.2.66")

    async def outcome() -> Outcome:
        result = await access.login(company_id=company.id, mailbox=None, pin="1", source=source, typed=str(clock.now()))
        return result.outcome

    for _ in range(FAILURES_TO_LOCK):
        assert await outcome() is Outcome.WRONG
    assert await outcome() is Outcome.LOCKED
    assert await housekeeping.tidy() == 0
    assert await outcome() is Outcome.LOCKED
    clock.advance(SOURCES_KEPT.total_seconds())
    assert await housekeeping.tidy() == 0
    clock.advance(1)
    assert await housekeeping.tidy() == 1
    assert await housekeeping.tidy() == 0


async def test_a_phone_that_ran_out_while_nobody_looked_is_forgotten(db: Database) -> None:
    mailbox, clock = await one_mailbox(db), StandingClock()
    binding = Binding(
        company_id=mailbox.company_id,
        mailbox_id=mailbox.id,
        aor="sip:1001@voicebox.example",
        contact="sip:1001@192.0.2.7",
        call_id="a",
        cseq=1,
        expires_at=clock.now() + timedelta(seconds=60),
        source="udp:192.0.2.7:5060",
    )
    await db.write(lambda connection: registrations.save(connection, binding))
    housekeeping = Housekeeping(db, clock)
    assert await housekeeping.tidy() == 0
    clock.advance(60)
    assert await housekeeping.tidy() == 1
