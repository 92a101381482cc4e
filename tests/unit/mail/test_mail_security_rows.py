"""Rows of security.md about mails: 15 (no phantom), 17 (kept until the 250), 18 (every mail parses), 23 (zones)."""

import email
import email.policy
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.compose import compose
from mail.errors import PermanentFailure
from mail.letter import Letter, Purpose
from mail.notifier import Notifier
from mail.outgoing import Outgoing
from mail.smtp import SmtpTransport
from mail.wording import moment
from tests.fakes.rows import Marks, StandingClock, a_context, a_take, one_mailbox
from tests.fakes.smtp_letters import COMPANY, MAILBOX, MESSAGE, SENDER, a_letter
from tests.fakes.smtp_peer import HANG_UP, TEXT, SmtpPeer
from tests.unit.mail.test_mail_compose import ANYTHING, HEADERS, an_mp3, attachments, parsed
from voicebox.deposit import Deposits
from voicebox.events import Events
from voicebox.i18n import Language
from voicebox.message import Caller, Reason, State
from voicebox.settings import Smtp
from voicebox.storage import messages, outbox
from voicebox.storage.database import Database

OF_MESSAGES = [purpose for purpose in Purpose if purpose is not Purpose.CONFIRM]
MP3 = an_mp3(0.5)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


# --- row 15


async def test_security_row_15_under_two_seconds_is_no_message_and_no_mail(db: Database) -> None:
    clock, events = StandingClock(), Events()
    anna = await one_mailbox(db, notify_email="a@example.org", copy_email="b@example.org")
    deposits = Deposits(db, events, Marks(), clock)
    assert await deposits.accept(a_context(anna), a_take(1.99)) is None
    async with db.read() as connection:
        assert await messages.page(connection, anna.id, State.NEW) == []
        assert await outbox.page(connection, unfinished=False) == []
    assert await deposits.accept(a_context(anna), a_take(2.0)) is not None
    assert len(await Outgoing(db, events, clock).claim(10)) == 2


# --- row 17

TROUBLES = {
    "away at the greeting": {"greeting": [HANG_UP]},
    "refuses to greet": {"greeting": ["421 too busy"]},
    "refuses us": {"MAIL": ["451 not now"]},
    "greylists": {"RCPT": ["450 come back"]},
    "refuses the text for now": {"DATA": ["452 no space"]},
    "dies after the text": {TEXT: [HANG_UP]},
    "takes no text for now": {TEXT: ["451 later"]},
    "knows nobody of that name": {"RCPT": ["550 no such user"]},
    "finds the text bad": {TEXT: ["554 spam"]},
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_security_row_17_a_message_leaves_only_after_the_250(db: Database, trouble: str) -> None:
    clock, events = StandingClock(), Events()
    anna = await one_mailbox(db, redirect_email="a@example.org")
    made = await Deposits(db, events, Marks(), clock).accept(a_context(anna), a_take())
    assert made is not None

    async def mp3(*audio_ids: str) -> bytes:
        return MP3

    async def where() -> tuple[State, bool]:
        async with db.read() as connection:
            found = await messages.get_any(connection, made.id)
        assert found is not None
        return found[0].state, found[1]

    async with SmtpPeer(TROUBLES[trouble]) as peer:
        transport = SmtpTransport(Smtp(port=peer.port, timeout_s=5.0))
        notifier = Notifier(Outgoing(db, events, clock), transport, mp3, SENDER, events=events)
        await notifier.send_due()
        assert peer.mails == []
        for_good = trouble in {"knows nobody of that name", "finds the text bad"}
        assert await where() == (State.NEW, not for_good), "in the mailbox, or waiting"
        clock.advance(3600)
        await notifier.send_due()
        assert len(peer.mails) == (0 if for_good else 1)
    assert await where() == ((State.NEW, False) if for_good else (State.DELETED, False))


# --- row 18


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("purpose", OF_MESSAGES)
def test_security_row_18_every_mail_parses_back_with_its_attachment(purpose: Purpose, language: Language) -> None:
    callers = (Caller("+492115551111", "Max Müller"), Caller(None), Caller(None, withheld=True), Caller("1002", "=?x"))
    flags = itertools.product((True, False), repeat=3)
    for (urgent, confidential, interrupted), caller, reason in itertools.product(flags, callers, Reason):
        letter = a_letter(
            purpose,
            language,
            mp3=MP3,
            urgent=urgent,
            confidential=confidential,
            interrupted=interrupted,
            caller=caller,
            reason=reason,
        )
        found = attachments(parsed(letter))
        wanted = purpose is not Purpose.NOTIFY and not confidential
        assert [each.get_content() for each in found] == ([MP3] if wanted else [])


@given(
    purpose=st.sampled_from(OF_MESSAGES),
    name=ANYTHING,
    number=st.none() | ANYTHING,
    owner=ANYTHING,
    company=ANYTHING,
    extension=st.text(max_size=20),
    to=ANYTHING,
)
def test_security_row_18_nothing_from_outside_injects_a_header(
    *, purpose: Purpose, name: str, number: str | None, owner: str, company: str, extension: str, to: str
) -> None:
    message = replace(MESSAGE, caller=Caller(number, name))
    mailbox = replace(MAILBOX, name=owner, number=extension)
    letter = Letter(purpose, f"{purpose}:1", to, message, mailbox, replace(COMPANY, name=company), MESSAGE.received_at)
    try:
        raw = compose(letter, SENDER).as_bytes()
    except PermanentFailure:
        letter = replace(letter, to="anna@example.org")
        raw = compose(letter, SENDER).as_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert sorted(name.lower() for name in mail.keys()) == sorted(HEADERS)  # noqa: SIM118 - a message is no mapping
    assert not any(part.defects for part in mail.walk())
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


# --- row 23


def _transitions() -> list[datetime]:
    """Return moments around the changes of clocks of 2026, from quarter to quarter of an hour."""
    days = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-25", "2026-11-01")
    starts = [datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=12) for day in days]
    return [start + timedelta(minutes=15 * n) for start in starts for n in range(4 * 36)]


@pytest.mark.parametrize("zone", ZONES)
def test_security_row_23_mails_tell_the_readers_own_time_also_when_the_clocks_change(zone: str) -> None:
    known = ZoneInfo(zone)
    for at in _transitions():
        shown = moment(at, known, Language.EN)
        offset = known.utcoffset(at.astimezone(known))
        assert offset is not None
        local = (at + offset).replace(tzinfo=None)  # by arithmetic, not by the conversion under test
        assert shown.endswith(f"{local.day} {local:%B} {local.year}, {local:%H:%M}")


def test_security_row_23_the_date_of_a_mail_is_one_moment_whatever_the_zone() -> None:
    for zone, at in itertools.product(ZONES, _transitions()[::7]):
        letter = replace(a_letter(mailbox=replace(MAILBOX, time_zone=zone)), written_at=at)
        assert parsedate_to_datetime(parsed(letter)["Date"]) == at.replace(microsecond=0)
