"""The mail that asks an address: parsed back in both languages, without anything of any message."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.compose import compose, envelope_recipient
from mail.errors import PermanentFailure
from mail.invitation import Invitation
from mail.notifier import Notifier
from mail.outgoing import Outgoing
from mail.smtp import SmtpTransport
from tests.fakes.rows import Marks, StandingClock, a_context, a_take, one_mailbox
from tests.fakes.smtp_letters import COMPANY, MAILBOX, SENDER
from tests.fakes.smtp_peer import SmtpPeer
from tests.unit.mail.test_mail_compose import ANYTHING, HEADERS, SNAPSHOTS, body, parse
from voicebox.confirmation import AddressOf, Confirmations
from voicebox.deposit import Deposits
from voicebox.events import Events
from voicebox.i18n import Language
from voicebox.links import Links
from voicebox.settings import Smtp
from voicebox.storage import outbox
from voicebox.storage.database import Database

URL = "https://voicebox.example/confirm/XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
INVITATION = Invitation(
    key="mail-confirm:1",
    to="b@example.org",
    url=URL,
    expires_at=datetime(2026, 11, 24, 9, 31, 7, tzinfo=UTC),
    mailbox=MAILBOX,
    company=COMPANY,
    written_at=datetime(2026, 11, 22, 9, 31, 7, tzinfo=UTC),
)


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("language", list(Language))
def test_mail_reads_as_it_did(language: Language, kind: str) -> None:
    """Look at a change, then accept it with UPDATE_SNAPSHOTS=1."""
    invitation = replace(INVITATION, mailbox=replace(MAILBOX, language=language))
    text = body(parse(compose(invitation, SENDER)), kind)
    assert URL in text
    file: Path = SNAPSHOTS / f"confirm.{language}.{'txt' if kind == 'plain' else 'html'}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_it_is_text_and_html_with_the_headers_of_every_mail() -> None:
    mail = parse(compose(INVITATION, SENDER))
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert {name.lower() for name in mail.keys()} == HEADERS  # noqa: SIM118 - a message is no mapping
    assert mail["Subject"] == "Bitte bestätigen: Nachrichten der Mailbox 1001"
    assert "Dienstag, 24. November 2026, 10:31 Uhr" in body(mail, "plain")
    assert compose(INVITATION, SENDER).as_bytes() == compose(INVITATION, SENDER).as_bytes()


@given(owner=ANYTHING, company=ANYTHING, number=st.text(max_size=20))
def test_no_name_injects_a_header_or_markup(owner: str, company: str, number: str) -> None:
    mailbox = replace(MAILBOX, name=owner, number=number)
    mail = parse(compose(replace(INVITATION, mailbox=mailbox, company=replace(COMPANY, name=company)), SENDER))
    assert {name.lower() for name in mail.keys()} == HEADERS  # noqa: SIM118 - a message is no mapping
    assert "<script" not in body(mail, "html")


def test_impossible_address_is_refused_for_good() -> None:
    with pytest.raises(PermanentFailure, match="not an address"):
        envelope_recipient(replace(INVITATION, to="b@example.org\r\nRCPT TO:<x@y>"))


async def test_it_is_sent_once_and_dropped_when_the_address_has_confirmed_already(db: Database) -> None:
    clock, events, links = StandingClock(), Events(), Links(b"k" * 32, "https://voicebox.example")
    anna = await one_mailbox(db)
    confirmations = Confirmations(db, events, clock, links)
    outgoing = Outgoing(db, events, clock, links=links)

    async def mp3(*audio_ids: str) -> bytes:
        raise AssertionError(audio_ids)

    async with SmtpPeer() as peer:
        notifier = Notifier(outgoing, SmtpTransport(Smtp(port=peer.port)), mp3, SENDER, events=events)
        await confirmations.set_addresses(anna, {AddressOf.COPY: "b@example.org"})
        assert await notifier.send_due() == 1
        clock.advance(86400)
        assert await notifier.send_due() == 0
        (sent,) = peer.mails
        assert sent.recipient == "b@example.org"
        token = sent.data.replace(b"=\r\n", b"").partition(b"/confirm/")[2][:43].decode()
        assert await confirmations.request(anna, "b@example.org")
        assert await confirmations.confirm(token) is None, "asked again, under a new link"
        await notifier.send_due()
        token = peer.mails[1].data.replace(b"=\r\n", b"").partition(b"/confirm/")[2][:43].decode()
        assert await confirmations.confirm(token) is not None
        assert await notifier.send_due() == 0
    assert len(peer.mails) == 2


@pytest.mark.parametrize("setting", ["copy_email", "redirect_email"])
async def test_row_16_a_confidential_message_is_never_attached_and_its_mail_has_a_link(
    db: Database, setting: str
) -> None:
    clock, events, links = StandingClock(), Events(), Links(b"k" * 32, "https://voicebox.example")
    anna = await one_mailbox(db, **{setting: "anna@example.org"})
    made = await Deposits(db, events, Marks(), clock).accept(a_context(anna), a_take(), confidential=True)
    assert made is not None

    async def mp3(*audio_ids: str) -> bytes:
        raise AssertionError(audio_ids)

    async with SmtpPeer({"RCPT": ["550 no such user"]}) as peer:
        outgoing = Outgoing(db, events, clock, links=links)
        notifier = Notifier(outgoing, SmtpTransport(Smtp(port=peer.port)), mp3, SENDER, events=events)
        await notifier.send_due()
        clock.advance(30 * 86400)
        async with db.read() as connection:
            (given_up,) = [each for each in await outbox.page(connection) if each.given_up_at is not None]
        await db.write(lambda connection: outbox.retry(connection, given_up, clock.now()))
        await notifier.send_due()
    (sent,) = peer.mails
    assert b"audio/mpeg" not in sent.data
    link = sent.data.replace(b"=\r\n", b"").partition(f"https://voicebox.example/listen/{made.id}/".encode())[2]
    until, _, signature = link.split()[0].decode().partition("/")
    assert links.may_listen(made.id, until, signature, clock.now()), "its days begin when it is tried anew"
