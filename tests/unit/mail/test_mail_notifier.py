"""From outbox row to the server's 250: real rows in a real database, real SMTP on loopback."""

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

import mail.notifier
from mail.compose import compose
from mail.letter import Letter, Purpose, Sender
from mail.notifier import Notifier
from mail.outgoing import AUDIO_PAUSE_MAX_S, AUDIO_PAUSE_S, LEASE_S, Outgoing
from mail.smtp import SmtpTransport
from tests.fakes.rows import Marks, StandingClock, a_context, a_take, add_company, add_mailbox, one_mailbox
from tests.fakes.smtp_peer import HANG_UP, KEEP_AND_HANG_UP, STALL, TEXT, SmtpPeer
from voicebox.deposit import Deposits
from voicebox.distribution import Audience, Dispatch, Distribution
from voicebox.errors import DatabaseUnavailable, NoAudio, RecordingElsewhere
from voicebox.events import Event, Events, MailboxChanged, OutboxGrew
from voicebox.mailbox import Mailbox
from voicebox.message import Message, MessageKind, State
from voicebox.metrics import Metrics
from voicebox.settings import Smtp
from voicebox.storage import messages, outbox
from voicebox.storage.database import Database
from voicebox.storage.outbox import Entry
from voicebox.storage.tables import message as message_table


@dataclass
class Recordings:
    """Hands out the same MP3 for every id, unless it is set to fail."""

    failures: list[Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, *audio_ids: str) -> bytes:
        self.asked += audio_ids
        if self.failures:
            raise self.failures.pop(0)
        return b"ID3 not quite an MP3"


@dataclass
class Office:
    """Everything that mails need, around one mailbox."""

    db: Database
    mailbox: Mailbox
    clock: StandingClock
    events: Events
    deposits: Deposits
    outgoing: Outgoing
    recordings: Recordings
    metrics: Metrics
    published: list[Event] = field(default_factory=list)

    def notifier(self, peer: SmtpPeer) -> Notifier:
        """A notifier as a fresh process makes it."""
        transport = SmtpTransport(Smtp(port=peer.port, timeout_s=5.0))
        sender = Sender("voicebox@example.org", "8000")
        return Notifier(self.outgoing, transport, self.recordings, sender, events=self.events, metrics=self.metrics)

    async def deposit(self, **flags: Any) -> Message:
        made = await self.deposits.accept(a_context(self.mailbox), a_take(), **flags)
        assert made is not None
        return made

    async def rows(self) -> dict[str, Entry]:
        async with self.db.read() as connection:
            listed = await outbox.page(connection, unfinished=False)
        return {entry.kind: entry for entry in listed if entry.kind != outbox.Kind.MWI}

    async def row(self) -> Entry:
        (entry,) = (await self.rows()).values()
        return entry

    async def pending(self, made: Message) -> bool:
        async with self.db.read() as connection:
            found = await messages.get_any(connection, made.id)
        assert found is not None
        return found[1]

    async def folder(self, made: Message) -> State | None:
        async with self.db.read() as connection:
            found = await messages.get(connection, made.id)
        return None if found is None else found.state

    async def warning(self, made: Message) -> str | None:
        async with self.db.read() as connection:
            text: str | None = await connection.scalar(
                select(message_table.c.warning).where(message_table.c.id == made.id)
            )
        return text


async def an_office(db: Database, **settings: Any) -> Office:
    clock, events, metrics = StandingClock(), Events(), Metrics(process=False)
    office = Office(
        db=db,
        mailbox=await one_mailbox(db, **settings),
        clock=clock,
        events=events,
        deposits=Deposits(db, events, Marks(), clock),
        outgoing=Outgoing(db, events, clock, metrics=metrics),
        recordings=Recordings(),
        metrics=metrics,
    )
    events.subscribe(office.published.append)
    return office


@pytest.fixture
async def lite(sqlite_url: str) -> AsyncIterator[Database]:
    async with await Database.open(sqlite_url) as opened:
        yield opened


@pytest.fixture
async def office(lite: Database) -> Office:
    return await an_office(lite, notify_email="anna@example.org")


@contextlib.asynccontextmanager
async def running(notifier: Notifier) -> AsyncIterator[None]:
    """A notifier at work, ended as the service ends it."""
    task = asyncio.create_task(notifier.run())
    try:
        yield
    finally:
        await notifier.finish(5.0)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), "it ends by that only"


def after(outgoing: Outgoing, method: str, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return an event that is set each time a method of the queue has done its work."""
    happened = asyncio.Event()
    real = getattr(outgoing, method)

    async def told(*args: Any, **kwargs: Any) -> Any:
        result = await real(*args, **kwargs)
        happened.set()
        return result

    monkeypatch.setattr(outgoing, method, told)
    return happened


def subject_and_id(data: bytes) -> tuple[str, str]:
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    return str(parsed["Subject"]), str(parsed["Message-ID"])


# --- exactly one


async def test_message_causes_one_mail_of_each_kind_and_no_more(db: Database) -> None:
    office = await an_office(db, notify_email="anna@example.org", copy_email="archive@example.org")
    await office.deposit()
    async with SmtpPeer() as peer:
        assert await office.notifier(peer).send_due() == 2
        office.clock.advance(10_000_000)
        assert await office.notifier(peer).send_due() == 0
    assert sorted(mail.recipient for mail in peer.mails) == ["anna@example.org", "archive@example.org"]
    notify, copy = sorted(peer.mails, key=lambda mail: mail.recipient)
    assert b"audio/mpeg" not in notify.data
    assert b"audio/mpeg" in copy.data
    assert all(entry.done_at is not None for entry in (await office.rows()).values())
    assert office.metrics.value("voicebox_mail_deliveries_total", result="sent") == 2


async def test_notification_never_asks_for_the_recording(office: Office) -> None:
    await office.deposit()
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert office.recordings.asked == []


async def test_a_forwarded_copy_is_mailed_with_its_comment_and_names_who_forwarded_it(office: Office) -> None:
    company = await add_company(office.db, "Zweite GmbH")
    sender = await add_mailbox(office.db, company, "1001", name="Bert")
    receiver = await add_mailbox(office.db, company, "1002", copy_email="cleo@example.org")
    left = await office.deposits.accept(a_context(sender), a_take())
    assert left is not None
    comment = a_take(3)
    await Distribution(office.db, office.events, office.clock).send(
        Dispatch(MessageKind.FORWARD, sender, Audience(people=(receiver,)), comment, left)
    )
    async with SmtpPeer() as peer:
        assert await office.notifier(peer).send_due() == 1
        (received,) = peer.mails
    assert office.recordings.asked == [comment.id, left.audio_id]
    text = email.message_from_bytes(received.data, policy=email.policy.default).get_body(("plain",))
    assert text is not None
    assert "weitergeleitet von Bert (1001)" in text.get_content()


async def test_two_notifiers_share_the_queue(office: Office) -> None:
    for _ in range(10):
        await office.deposit()
    async with SmtpPeer() as peer:
        counts = await asyncio.gather(office.notifier(peer).send_due(), office.notifier(peer).send_due())
    assert sum(counts) == 10
    assert len({subject_and_id(mail.data)[1] for mail in peer.mails}) == 10
    assert len(peer.mails) == 10


async def test_claimed_mail_of_a_dead_process_is_sent_when_its_lease_ends(office: Office) -> None:
    await office.deposit()
    await office.outgoing.claim(10)
    async with SmtpPeer() as peer:
        assert await office.notifier(peer).send_due() == 0
        office.clock.advance(LEASE_S + 1)
        assert await office.notifier(peer).send_due() == 1
    assert len(peer.mails) == 1


async def test_mail_taken_while_the_database_went_away_is_not_sent_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.deposit()
    delivered = office.outgoing.delivered
    failures = [DatabaseUnavailable("away")]

    async def fail_once(entry: Entry, letter: Letter | None) -> None:
        if failures:
            raise failures.pop()
        await delivered(entry, letter)

    monkeypatch.setattr(office.outgoing, "delivered", fail_once)
    async with SmtpPeer() as peer:
        notifier = office.notifier(peer)
        await notifier.send_due()
        assert (await office.row()).done_at is None
        office.clock.advance(LEASE_S + 1)
        await notifier.send_due()
    assert (await office.row()).done_at is not None
    assert len(peer.mails) == 1


# --- what goes wrong


async def test_greylisted_mail_is_sent_later(office: Office) -> None:
    await office.deposit()
    async with SmtpPeer({"RCPT": ["450 4.2.0 greylisted, come back"]}) as peer:
        notifier = office.notifier(peer)
        await notifier.send_due()
        row = await office.row()
        assert row.last_error is not None
        assert "greylisted" in row.last_error
        assert row.next_attempt_at == office.clock.now() + timedelta(seconds=5)
        assert await notifier.send_due() == 0
        office.clock.advance(5)
        await notifier.send_due()
    row = await office.row()
    assert row.done_at == office.clock.now()
    assert row.last_error is None
    assert row.attempts == 2
    assert len(peer.mails) == 1


async def test_pauses_grow_with_each_failure(office: Office) -> None:
    await office.deposit()
    pauses = []
    async with SmtpPeer({"RCPT": ["451 later"] * 4}) as peer:
        for _ in range(4):
            await office.notifier(peer).send_due()
            pause = (await office.row()).next_attempt_at - office.clock.now()
            pauses.append(pause.total_seconds())
            office.clock.advance(pause.total_seconds())
    assert pauses == [5, 10, 20, 40]


async def test_server_that_dies_after_the_text_gets_the_same_mail_again(office: Office) -> None:
    await office.deposit()
    async with SmtpPeer({TEXT: [KEEP_AND_HANG_UP]}) as peer:
        await office.notifier(peer).send_due()
        assert (await office.row()).done_at is None
        office.clock.advance(3600)
        await office.notifier(peer).send_due()
    first, second = peer.mails
    assert first.data == second.data
    assert office.metrics.value("voicebox_mail_deliveries_total", result="unknown") == 1
    assert (await office.row()).done_at is not None


async def test_server_that_is_away_is_tried_until_it_is_back(office: Office) -> None:
    await office.deposit()
    async with SmtpPeer() as gone:
        pass
    await office.notifier(gone).send_due()
    assert "127.0.0.1 port" in str((await office.row()).last_error)
    office.clock.advance(60)
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert len(peer.mails) == 1


async def test_refused_for_good_is_given_up_with_its_reason(office: Office) -> None:
    made = await office.deposit()
    async with SmtpPeer({"RCPT": ["550 5.1.1 no such user"]}) as peer:
        await office.notifier(peer).send_due()
        office.clock.advance(10_000_000)
        assert await office.notifier(peer).send_due() == 0
    row = await office.row()
    assert row.given_up_at is not None
    assert "no such user" in str(row.last_error)
    assert peer.mails == []
    assert await office.folder(made) is State.NEW
    assert office.metrics.value("voicebox_outbox_given_up_total", kind="mail-notify") == 1


async def test_impossible_address_is_given_up_without_asking_the_server(lite: Database) -> None:
    office = await an_office(lite, notify_email="anna at example")
    await office.deposit()
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert peer.sessions == 0
    assert (await office.row()).given_up_at is not None


@pytest.mark.parametrize(("setting", "days"), [("notify_email", 5), ("copy_email", 5), ("redirect_email", 1)])
async def test_mail_is_given_up_after_its_days(lite: Database, setting: str, days: int) -> None:
    office = await an_office(lite, **{setting: "anna@example.org"})
    await office.deposit()
    async with SmtpPeer({"RCPT": ["451 never ready"] * 2}) as peer:
        office.clock.advance(days * 86400 - 1)
        await office.notifier(peer).send_due()
        assert (await office.row()).given_up_at is None
        office.clock.advance(3600)
        await office.notifier(peer).send_due()
    row = await office.row()
    assert row.given_up_at is not None
    assert "given up after 2 attempts" in str(row.last_error)


@pytest.mark.parametrize("why", ["the server", "the recording", "a bug"])
async def test_whyever_a_message_is_given_up_after_its_days_it_is_counted_and_logged(
    lite: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    office = await an_office(lite, redirect_email="anna@example.org")
    made = await office.deposit()
    if why == "the recording":
        office.recordings.failures = [RecordingElsewhere("with A")]
    if why == "a bug":
        monkeypatch.setattr("mail.notifier.compose", lambda *_: 1 // 0)
    office.clock.advance(86400)
    async with SmtpPeer({"RCPT": ["451 never ready"]}) as peer:
        await office.notifier(peer).send_due()
    row = await office.row()
    assert row.given_up_at is not None
    assert await office.folder(made) is State.NEW
    assert office.metrics.value("voicebox_outbox_given_up_total", kind="mail-redirect") == 1
    assert row.last_error is not None
    assert [row.last_error in each.getMessage() for each in caplog.records if each.levelname == "ERROR"][-1:] == [True]


@pytest.mark.parametrize(("setting", "days"), [("notify_email", 5), ("copy_email", 5), ("redirect_email", 1)])
async def test_mail_that_is_retried_long_after_it_was_given_up_gets_its_days_anew(
    db: Database, setting: str, days: int
) -> None:
    office = await an_office(db, **{setting: "anna@example.org"})
    await office.deposit()
    async with SmtpPeer({"RCPT": ["451 never ready"] * 4}) as peer:
        office.clock.advance(30 * 86400)
        await office.notifier(peer).send_due()
        given_up = await office.row()
        assert given_up.given_up_at is not None
        await office.db.write(lambda c: outbox.retry(c, given_up, office.clock.now()))
        for passed_s, pause_s in ((0, 5), (days * 86400 - 1, 10)):
            office.clock.advance(passed_s)
            await office.notifier(peer).send_due()
            row = await office.row()
            assert (row.given_up_at, row.next_attempt_at - office.clock.now()) == (None, timedelta(seconds=pause_s))
        office.clock.advance(10)
        await office.notifier(peer).send_due()
    row = await office.row()
    assert row.given_up_at == office.clock.now()
    assert "given up after 3 attempts" in str(row.last_error)
    assert (row.created_at, row.payload["to"]) == (given_up.created_at, "anna@example.org")


async def test_mail_of_a_message_that_is_gone_is_dropped(office: Office) -> None:
    made = await office.deposit()
    await office.db.write(lambda c: c.execute(delete(message_table).where(message_table.c.id == made.id)))
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert peer.sessions == 0
    assert (await office.row()).done_at is not None
    assert office.metrics.value("voicebox_mail_deliveries_total", result="sent") == 0


async def test_bug_in_one_mail_does_not_end_the_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.deposit()
    broken = await office.deposit()

    def compose_but_one(letter: Letter, sender: Sender) -> Any:
        if letter.message.id == broken.id:
            raise ZeroDivisionError
        return compose(letter, sender)

    monkeypatch.setattr("mail.notifier.compose", compose_but_one)
    async with SmtpPeer() as peer:
        assert await office.notifier(peer).send_due() == 2
    assert len(peer.mails) == 1
    async with office.db.read() as connection:
        errors = [entry.last_error for entry in await outbox.page(connection) if entry.message_id == broken.id]
    assert errors == ["ZeroDivisionError (see the log)"]


# --- the recording


async def test_copy_waits_for_a_recording_that_is_not_ready(lite: Database) -> None:
    office = await an_office(lite, copy_email="archive@example.org")
    await office.deposit()
    office.recordings.failures = [RecordingElsewhere("with A"), DatabaseUnavailable("away"), OSError("encoder")] * 2
    async with SmtpPeer() as peer:
        for pause_s in (AUDIO_PAUSE_S, 30, 60, 120, AUDIO_PAUSE_MAX_S, AUDIO_PAUSE_MAX_S):
            assert await office.notifier(peer).send_due() == 1
            row = await office.row()
            assert row.next_attempt_at == office.clock.now() + timedelta(seconds=pause_s)
            assert "recording cannot be read now" in str(row.last_error)
            office.clock.advance(pause_s)
        assert peer.sessions == 0
        await office.notifier(peer).send_due()
    assert len(peer.mails) == 1
    assert office.metrics.value("voicebox_mail_deliveries_total", result="temporary") == 0


async def test_lost_recording_is_told_instead_of_attached(lite: Database) -> None:
    office = await an_office(lite, copy_email="archive@example.org")
    await office.deposit()
    office.recordings.failures = [NoAudio("broken")]
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert b"audio/mpeg" not in peer.mails[0].data


async def test_confidential_message_is_mailed_without_its_recording(lite: Database) -> None:
    office = await an_office(lite, copy_email="archive@example.org")
    await office.deposit(confidential=True)
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert office.recordings.asked == []
    assert b"audio/mpeg" not in peer.mails[0].data


# --- by e-mail only (row 13)


async def test_redirected_message_leaves_only_after_the_250(db: Database) -> None:
    office = await an_office(db, redirect_email="anna@example.org")
    made = await office.deposit()
    async with SmtpPeer({TEXT: ["451 later"]}) as peer:
        await office.notifier(peer).send_due()
        assert await office.pending(made)
        office.clock.advance(5)
        await office.notifier(peer).send_due()
    assert not await office.pending(made)
    assert await office.folder(made) is State.DELETED
    assert len(peer.mails) == 1
    assert b"audio/mpeg" in peer.mails[0].data


async def test_redirected_message_that_is_refused_goes_into_the_mailbox_with_a_warning(db: Database) -> None:
    office = await an_office(db, redirect_email="anna@example.org")
    made = await office.deposit()
    assert await office.folder(made) is None
    async with SmtpPeer({"RCPT": ["550 no such user"]}) as peer:
        await office.notifier(peer).send_due()
    assert await office.folder(made) is State.NEW
    assert await office.warning(made) == "mail-refused"
    assert MailboxChanged(made.company_id, made.mailbox_id) in office.published
    assert (await office.row()).given_up_at is not None


@pytest.mark.parametrize(
    ("flags", "failures", "warning"),
    [({"confidential": True}, [], "confidential"), ({}, [NoAudio("broken")], "audio-lost")],
)
async def test_redirected_message_that_the_mail_cannot_carry_stays_in_the_mailbox(
    lite: Database, flags: dict[str, bool], failures: list[Exception], warning: str
) -> None:
    office = await an_office(lite, redirect_email="anna@example.org")
    made = await office.deposit(**flags)
    office.recordings.failures = failures
    async with SmtpPeer() as peer:
        await office.notifier(peer).send_due()
    assert b"audio/mpeg" not in peer.mails[0].data
    assert await office.folder(made) is State.NEW
    assert await office.warning(made) == warning


# --- running


async def test_running_notifier_is_woken_by_a_deposit(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail.notifier, "LOOK_AGAIN_S", 3600.0)
    async with SmtpPeer() as peer, asyncio.timeout(20), running(office.notifier(peer)):
        await office.deposit()
        await peer.arrived(1)
        await office.deposit()
        await peer.arrived(2)
    assert peer.commands[-1] == "QUIT"
    assert (await office.row()).done_at is not None


async def test_running_notifier_finds_rows_of_other_processes(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail.notifier, "LOOK_AGAIN_S", 0.02)
    elsewhere = Deposits(office.db, Events(), Marks(), office.clock)
    async with SmtpPeer() as peer, asyncio.timeout(20), running(office.notifier(peer)):
        await elsewhere.accept(a_context(office.mailbox), a_take())
        await peer.arrived(1)


async def test_one_stalled_session_holds_up_no_other_mail(office: Office) -> None:
    for _ in range(8):
        await office.deposit()
    async with SmtpPeer({TEXT: [STALL]}) as peer, asyncio.timeout(20), running(office.notifier(peer)):
        await peer.arrived(7)
        assert peer.stalled.is_set()
        await peer.vanish()
    assert len(peer.mails) == 7


async def test_a_mail_on_its_way_is_finished_and_no_further_one_begun(office: Office) -> None:
    await office.deposit()
    async with SmtpPeer({TEXT: [STALL]}) as peer, asyncio.timeout(20):
        notifier = office.notifier(peer)
        async with running(notifier):
            await peer.stalled.wait()
            finishing = asyncio.create_task(notifier.finish(5.0))
            await office.deposit()
            await asyncio.sleep(0)
            assert not finishing.done()
            await peer.vanish()
            await finishing
    assert peer.sessions == 1


async def test_a_mail_that_is_claimed_while_it_finishes_is_not_begun(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, finished = office.outgoing.claim, asyncio.Event()
    async with SmtpPeer() as peer, asyncio.timeout(20):
        notifier = office.notifier(peer)

        async def and_finish(limit: int) -> list[Entry]:
            entries = await claim(limit)
            await notifier.finish(5.0)
            finished.set()
            return entries

        monkeypatch.setattr(office.outgoing, "claim", and_finish)
        await office.deposit()
        async with running(notifier):
            await finished.wait()
        office.clock.advance(LEASE_S)
        assert peer.sessions == 0
        monkeypatch.undo()
        assert await office.notifier(peer).send_due() == 1


async def test_running_notifier_outlives_the_database(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail.notifier, "LOOK_AGAIN_S", 0.01)
    ask = office.outgoing.next_due_s
    failures = [DatabaseUnavailable("away")] * 4

    async def fail_at_first() -> float | None:
        if failures:
            raise failures.pop()
        return await ask()

    monkeypatch.setattr(office.outgoing, "next_due_s", fail_at_first)
    await office.deposit()
    async with SmtpPeer() as peer, asyncio.timeout(20), running(office.notifier(peer)):
        await peer.arrived(1)
    assert failures == []


async def test_lease_is_renewed_while_the_server_takes_its_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail.notifier, "LEASE_S", 0.03)
    await office.deposit()
    renewed = after(office.outgoing, "renew", monkeypatch)
    async with SmtpPeer({TEXT: [STALL]}) as peer, asyncio.timeout(20):
        task = asyncio.create_task(office.notifier(peer).send_due())
        await peer.stalled.wait()
        office.clock.advance(45)
        for _ in range(2):  # one may have begun before the clock moved
            renewed.clear()
            await renewed.wait()
        assert (await office.row()).next_attempt_at == office.clock.now() + timedelta(seconds=LEASE_S)
        await peer.vanish()
        await task
    assert "connection lost after the text" in str((await office.row()).last_error)


async def test_cancelled_notifier_leaves_the_mail_to_its_lease(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.deposit()
    postponed = after(office.outgoing, "postponed", monkeypatch)
    async with SmtpPeer({TEXT: [STALL], "EHLO": [HANG_UP]}) as peer, asyncio.timeout(20):
        task = asyncio.create_task(office.notifier(peer).run())
        await postponed.wait()
        office.clock.advance(5)
        office.events.publish(OutboxGrew(Purpose.NOTIFY))
        await peer.stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        office.clock.advance(LEASE_S + 1)
        await office.notifier(peer).send_due()
    assert len(peer.mails) == 1


async def test_messages_by_email_only_go_first(office: Office) -> None:
    only = await add_mailbox(
        office.db, await add_company(office.db, "Zweite GmbH"), "1001", redirect_email="bert@example.org"
    )
    for _ in range(3):
        await office.deposit()
    office.clock.advance(3600)
    assert await office.deposits.accept(a_context(only), a_take()) is not None
    assert [entry.kind for entry in await office.outgoing.claim(2)] == [Purpose.REDIRECT, Purpose.NOTIFY]


async def test_a_lease_that_is_renewed_leaves_everything_else_as_it_is(office: Office) -> None:
    await office.deposit()
    for error in (None, "451 later"):
        (entry,) = await office.outgoing.claim(1)
        office.clock.advance(20)
        await office.outgoing.renew(entry)
        row = await office.row()
        assert row == replace(entry, next_attempt_at=office.clock.now() + timedelta(seconds=LEASE_S), last_error=error)
        await office.outgoing.postponed(entry, "451 later", pause_s=0)


def test_purposes_are_the_outboxes_kinds_of_mail() -> None:
    assert {purpose.value for purpose in Purpose} == {kind.value for kind in outbox.Kind if kind.startswith("mail")}


async def test_letter_of_an_outbox_row_has_all_its_facts(office: Office) -> None:
    made = await office.deposit(urgent=True)
    (entry,) = await office.outgoing.claim(1)
    letter = await office.outgoing.letter(entry)
    assert isinstance(letter, Letter)
    assert letter.to == "anna@example.org"
    assert letter.message == replace(made, state=letter.message.state)
    assert letter.mailbox == office.mailbox
    assert letter.company.name == "Beispiel GmbH"
    assert letter.written_at == office.clock.now()
