"""Taking messages or not, and forwarding by phone: what the policy allows, what the owner is told (rows 7 and 9)."""

from dataclasses import dataclass, field

import pytest

from tests.fakes.rows import StandingClock, add_company, add_mailbox
from voicebox.directory import Directory
from voicebox.events import Event, Events, OutboxGrew
from voicebox.mailbox import Company, Mailbox
from voicebox.outcalls import OutCalls
from voicebox.reachability import Reachability
from voicebox.settings.outbound import Outbound
from voicebox.storage import mailboxes, outbox
from voicebox.storage.database import Database


@dataclass
class Desk:
    """One mailbox's switches over a real database."""

    db: Database
    company: Company
    anna: Mailbox
    settings: Outbound = field(default_factory=lambda: Outbound(peer="pbx", extensions=True, allow=("+49211",)))
    heard: list[Event] = field(default_factory=list)

    @property
    def switches(self) -> Reachability:
        events = Events()
        events.subscribe(self.heard.append)
        clock = StandingClock()
        outcalls = OutCalls(self.db, Directory(self.db), clock, self.settings)
        return Reachability(self.db, outcalls, events=events, clock=clock)

    async def mails(self) -> list[tuple[str, str]]:
        async with self.db.read() as connection:
            rows = await outbox.page(connection, unfinished=False)
        return [(row.payload["change"], row.payload["detail"]) for row in reversed(rows)]


@pytest.fixture
async def desk(db: Database) -> Desk:
    company = await add_company(db)
    return Desk(db, company, await add_mailbox(db, company, phone="+492115551001", email="anna@example.org"))


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [
        ("1002", "1002"),
        ("02115551002", "1002"),
        ("02115559999", "+492115559999"),
        ("00492115559999", "+492115559999"),
        ("+492115559999", "+492115559999"),
        ("5559999", "+492115559999"),
        ("01701234567", None),
        ("0170 1234567 alias", None),
        ("1001", None),
        ("02115551001", None),
        ("112", None),
        ("110", None),
        ("116117", None),
        ("09001234567", None),
        ("", None),
        ("abc", None),
        ("0" * 200, None),
    ],
)
async def test_security_row_3_the_outbound_policy_judges_destinations(
    desk: Desk, typed: str, dialled: str | None
) -> None:
    await add_mailbox(desk.db, desk.company, "1002", phone="+492115551002")
    assert await desk.switches.judge(desk.company, desk.anna, typed) == dialled


async def test_security_row_3_inside_is_always_allowed_outside_only_by_prefix(desk: Desk) -> None:
    await add_mailbox(desk.db, desk.company, "1002")
    desk.settings = Outbound()
    assert await desk.switches.judge(desk.company, desk.anna, "1002") == "1002"
    assert await desk.switches.judge(desk.company, desk.anna, "02115559999") is None


async def test_security_row_25_the_own_alias_is_no_destination(desk: Desk) -> None:
    clock = StandingClock()
    await desk.db.write(lambda connection: mailboxes.add_alias(connection, desk.anna, "+492115557777", clock.now()))
    assert await desk.switches.judge(desk.company, desk.anna, "02115557777") is None


async def test_forwarding_goes_on_and_off_and_remembers_where_to(desk: Desk) -> None:
    switches = desk.switches
    on = await switches.forward(desk.anna, "+492115559999")
    assert on is not None
    assert (on.forward_always, on.forward_to) == ("+492115559999", "+492115559999")
    off = await switches.stop_forwarding(on)
    assert off is not None
    assert (off.forward_always, off.forward_to) == (None, "+492115559999")
    assert await desk.mails() == [("forwarding-on", "+492115559999"), ("forwarding-off", "")]
    assert desk.heard == [OutboxGrew("mail-changed")] * 2


async def test_a_forward_that_an_administrator_set_can_be_switched_off_and_on(desk: Desk) -> None:
    set_ = await desk.switches.forward(desk.anna, "1002")
    assert set_ is not None
    clock = StandingClock()
    by_file = await desk.db.write(
        lambda connection: mailboxes.change_mailbox(connection, set_, {"forward_to": None}, clock.now())
    )
    off = await desk.switches.stop_forwarding(by_file)
    assert off is not None
    assert off.forward_to == "1002"


async def test_a_new_destination_holds_at_once_where_forwarding_is_on(desk: Desk) -> None:
    quiet = await desk.switches.set_destination(desk.anna, "1002")
    assert quiet is not None
    assert (quiet.forward_always, quiet.forward_to) == (None, "1002")
    on = await desk.switches.forward(quiet, "1002")
    assert on is not None
    moved = await desk.switches.set_destination(on, "1003")
    assert moved is not None
    assert (moved.forward_always, moved.forward_to) == ("1003", "1003")


async def test_switching_off_what_is_off_tells_nobody(desk: Desk) -> None:
    off = await desk.switches.stop_forwarding(desk.anna)
    assert off is not None
    assert (off.forward_always, off.forward_to) == (None, None)
    assert await desk.mails() == []


async def test_row_7_the_taking_of_messages_is_switched(desk: Desk) -> None:
    off = await desk.switches.set_enabled(desk.anna, on=False)
    assert off is not None
    assert not off.enabled
    assert await desk.switches.set_enabled(desk.anna, on=False) is None, "it was on when this was decided"
    on = await desk.switches.set_enabled(off, on=True)
    assert on is not None
    assert on.enabled


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    theirs = await desk.switches.forward(desk.anna, "1002")
    assert await desk.switches.forward(desk.anna, "1003") is None
    assert await desk.switches.set_destination(desk.anna, "1003") is None
    async with desk.db.read() as connection:
        assert await mailboxes.by_id(connection, desk.anna.id) == theirs
    assert len(await desk.mails()) == 1
