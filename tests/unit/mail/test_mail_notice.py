"""Notices of changes (security.md, row 4): text and HTML in both languages, from the outbox row to the server's 250."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.compose import compose
from mail.errors import PermanentFailure
from mail.letter import Purpose, Sender
from mail.notice import Notice
from mail.notifier import Notifier
from mail.outgoing import Outgoing
from mail.smtp import SmtpTransport
from tests.fakes.mastering import mastered_here, spoken
from tests.fakes.rows import StandingClock, a_take, one_mailbox
from tests.fakes.smtp_letters import COMPANY, MAILBOX, SENDER
from tests.fakes.smtp_peer import SmtpPeer
from voicebox.announcement import Change, Kind
from voicebox.errors import NoAudio
from voicebox.events import Events
from voicebox.greetings import Greetings
from voicebox.i18n import Language
from voicebox.settings import Smtp
from voicebox.storage import outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database

NOTICE = Notice(
    key="mail-changed:1",
    to="anna@example.org",
    change=Change.FORWARDING_ON,
    detail="+492115559999",
    mailbox=MAILBOX,
    company=COMPANY,
    written_at=datetime(2026, 11, 22, 9, 31, tzinfo=UTC),
)


def parsed(notice: Notice, sender: Sender = SENDER) -> EmailMessage:
    mail = email.message_from_bytes(compose(notice, sender).as_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert all(part.defects == [] for part in mail.walk())
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_a_notice_says_what_when_and_what_to_do() -> None:
    mail = parsed(NOTICE)
    assert mail["Subject"] == "Ihre Mailbox wurde geändert: Anrufe werden umgeleitet an +492115559999"
    assert mail["To"] == "Anna Beispiel <anna@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    for kind in ("plain", "html"):
        text = body(mail, kind)
        assert "umgeleitet an +492115559999" in text
        assert "Sonntag, 22. November 2026, 10:31 Uhr" in text
        assert "Waren Sie das nicht" in text
        assert "8000" in text
        assert "Beispiel GmbH" in text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("change", [*Change, None])
@pytest.mark.parametrize("portal", ["8000", None])
def test_every_change_has_its_words(language: Language, change: Change | None, portal: str | None) -> None:
    notice = replace(NOTICE, change=change, mailbox=replace(MAILBOX, language=language))
    mail = parsed(notice, Sender("voicebox@example.org", portal))
    assert mail["Content-Language"] == language
    for kind in ("plain", "html"):
        text = body(mail, kind)
        assert "{" not in text or kind == "html"
        assert "None" not in text
        assert ("8000" in text) is (portal is not None)


def test_changes_are_told_apart() -> None:
    for language in Language:
        subjects = {
            parsed(replace(NOTICE, change=change, mailbox=replace(MAILBOX, language=language)))["Subject"]
            for change in Change
        }
        assert len(subjects) == len(Change)


def test_the_same_notice_is_the_same_mail() -> None:
    assert compose(NOTICE, SENDER).as_bytes() == compose(NOTICE, SENDER).as_bytes()
    assert compose(NOTICE, SENDER)["Message-ID"] != compose(replace(NOTICE, key="mail-changed:2"), SENDER)["Message-ID"]


@given(st.text())
def test_nothing_in_a_detail_breaks_a_mail(detail: str) -> None:
    mail = parsed(replace(NOTICE, detail=detail))
    assert mail["To"] == "Anna Beispiel <anna@example.org>"
    assert "Bcc" not in mail


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(PermanentFailure):
        compose(replace(NOTICE, to="nobody"), SENDER)


async def _no_audio(*audio_ids: str) -> bytes:
    raise NoAudio(audio_ids[0])


async def test_security_row_4_a_changed_greeting_mails_the_owner(db: Database, tmp_path: object) -> None:
    clock, events = StandingClock(), Events()
    anna = await one_mailbox(db, email="anna@example.org")
    store = AudioStore.open(f"file://{tmp_path}/audio")
    greetings = Greetings(db, store, spoken, mastered_here, events=events, clock=clock)
    assert await greetings.record(anna, Kind.BUSY, a_take(3)) is not None
    async with SmtpPeer() as peer:
        transport = SmtpTransport(Smtp(port=peer.port, timeout_s=5.0))
        outgoing = Outgoing(db, events, clock)
        notifier = Notifier(outgoing, transport, _no_audio, Sender("voicebox@example.org", "8000"), events=events)
        assert await notifier.send_due() == 1
        assert await notifier.send_due() == 0
    (kept,) = peer.mails
    mail = email.message_from_bytes(kept.data, policy=email.policy.default)
    assert mail["Subject"] == "Ihre Mailbox wurde geändert: Neue Begrüßung bei besetzt"
    async with db.read() as connection:
        (row,) = await outbox.page(connection, unfinished=False)
    assert (row.kind, row.done_at is not None) == (Purpose.CHANGED, True)


async def test_a_notice_of_a_later_version_is_sent_all_the_same(db: Database) -> None:
    clock, events = StandingClock(), Events()
    anna = await one_mailbox(db, email="anna@example.org")
    draft = outbox.Draft(
        anna.company_id, "mail-changed", "mail-changed:9", anna.id, None, {"to": "a@example.org", "change": "colour"}
    )
    await db.write(lambda connection: outbox.add(connection, [draft], clock.now()))
    outgoing = Outgoing(db, events, clock)
    (entry,) = await outgoing.claim(1)
    notice = await outgoing.letter(entry)
    assert isinstance(notice, Notice)
    assert parsed(notice)["Subject"] == "Ihre Mailbox wurde geändert: Einstellungen geändert"
