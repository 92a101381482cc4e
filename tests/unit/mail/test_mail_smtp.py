"""Delivery over SMTP: to a real server (aiosmtpd) on loopback, and to one that misbehaves."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

import mail.smtp
from mail.compose import compose
from mail.errors import DeliveryError, PermanentFailure, TemporaryFailure, UnknownOutcome
from mail.letter import Purpose
from mail.smtp import SmtpTransport
from tests.fakes.smtp_letters import SENDER, a_letter
from tests.fakes.smtp_peer import GREETING, HANG_UP, KEEP_AND_HANG_UP, STALL, TEXT, SmtpPeer
from voicebox.settings import Smtp, SmtpSecurity

TEXT_SENT = b"Subject: x\r\n\r\n.leading dot\r\n..two\r\n"
PASSWORD = "s3cret-smtp"


def transport(port: int, **settings: Any) -> SmtpTransport:
    return SmtpTransport(Smtp(host="127.0.0.1", port=port, **({"timeout_s": 5.0} | settings)))


async def send(to: SmtpTransport, recipient: str = "anna@example.org", text: bytes = TEXT_SENT) -> None:
    await to.send("voicebox@example.org", recipient, text)


# --- a real server


class Kept(MessageHandler):
    """Keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.secure: list[bool] = []

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.mails.append((str(envelope.mail_from), list(envelope.rcpt_tos), envelope.content))
        self.secure.append(session.ssl is not None)
        return "250 kept"

    def handle_message(self, message: Any) -> None:
        raise AssertionError("never called")


def authenticator(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data.login == b"voice" and data.password == PASSWORD.encode())


@contextlib.asynccontextmanager
async def real_server(handler: Kept, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)


async def test_mail_arrives_byte_for_byte() -> None:
    kept = Kept()
    letter = a_letter(Purpose.COPY, mp3=bytes(range(256)) * 64)
    text = compose(letter, SENDER).as_bytes()
    async with real_server(kept) as port:
        to = transport(port)
        await send(to, text=text)
        await send(to)
        await to.rest()
    assert kept.mails == [
        ("voicebox@example.org", ["anna@example.org"], text),
        ("voicebox@example.org", ["anna@example.org"], TEXT_SENT),
    ]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    if shutil.which("openssl") is None:
        raise RuntimeError("these tests need openssl: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    command += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {cert}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return cert, key


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def test_starttls_with_login(certificate: tuple[Path, Path]) -> None:
    kept = Kept()
    options: dict[str, Any] = {"tls_context": server_context(certificate), "require_starttls": True}
    async with real_server(kept, authenticator=authenticator, auth_required=True, **options) as port:
        to = transport(
            port,
            security=SmtpSecurity.STARTTLS,
            ca=certificate[0],
            username="voice",
            password=SecretStr(PASSWORD),
        )
        await send(to)
        await to.rest()
    assert kept.secure == [True]


async def test_tls_from_the_first_byte(certificate: tuple[Path, Path]) -> None:
    kept = Kept()
    async with real_server(kept, tls=server_context(certificate)) as port:
        to = transport(port, security=SmtpSecurity.TLS, ca=certificate[0])
        await send(to)
        await to.rest()
    assert len(kept.mails) == 1


async def test_untrusted_certificate_is_our_set_up_and_not_the_mails_fault(certificate: tuple[Path, Path]) -> None:
    async with real_server(Kept(), tls=server_context(certificate)) as port:
        with pytest.raises(TemporaryFailure, match="certificate is not trusted"):
            await send(transport(port, security=SmtpSecurity.TLS))


async def test_wrong_password_is_temporary_and_never_shown() -> None:
    refusals = ["535 5.7.8 bad credentials"] * 5
    async with SmtpPeer({"AUTH": refusals}, extensions=("AUTH PLAIN LOGIN",)) as peer:
        with pytest.raises(TemporaryFailure, match="535") as caught:
            await send(transport(peer.port, username="voice", password=SecretStr(PASSWORD)))
    assert PASSWORD not in str(caught.value)
    assert peer.mails == []


async def test_server_without_starttls_gets_no_mail() -> None:
    async with SmtpPeer() as peer:
        with pytest.raises(TemporaryFailure, match="STARTTLS"):
            await send(transport(peer.port, security=SmtpSecurity.STARTTLS))
    assert peer.mails == []
    assert not any(command.startswith("MAIL") for command in peer.commands)


# --- connections are kept for a burst


async def test_one_session_serves_several_mails() -> None:
    async with SmtpPeer() as peer:
        to = transport(peer.port)
        for n in range(3):
            await send(to, f"a{n}@example.org")
        await to.rest()
        assert [mail.recipient for mail in peer.mails] == ["a0@example.org", "a1@example.org", "a2@example.org"]
        assert peer.mails[0].data == TEXT_SENT
    assert peer.sessions == 1
    assert peer.commands[-1] == "QUIT"
    assert peer.commands.count("RSET") == 2


async def test_refused_mail_does_not_end_the_session() -> None:
    async with SmtpPeer({"RCPT": ["550 no such user"]}) as peer:
        to = transport(peer.port)
        with pytest.raises(PermanentFailure):
            await send(to)
        await send(to)
        await to.rest()
    assert peer.sessions == 1
    assert len(peer.mails) == 1


async def test_kept_session_that_was_hung_up_on_is_replaced_silently() -> None:
    async with SmtpPeer({"RSET": [HANG_UP]}) as peer:
        to = transport(peer.port)
        await send(to)
        await send(to)
        await to.rest()
    assert peer.sessions == 2
    assert len(peer.mails) == 2


async def test_session_that_rested_too_long_is_not_trusted() -> None:
    moment = [0.0]
    async with SmtpPeer() as peer:
        to = SmtpTransport(Smtp(port=peer.port, timeout_s=5.0), clock=lambda: moment[0])
        await send(to)
        moment[0] += mail.smtp.IDLE_MAX_S + 1
        await send(to)
        await to.rest()
    assert peer.sessions == 2


async def test_session_ends_after_its_share_of_mails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail.smtp, "MAILS_PER_CONNECTION", 2)
    async with SmtpPeer() as peer:
        to = transport(peer.port)
        for _ in range(4):
            await send(to)
        await to.rest()
    assert peer.sessions == 2


async def test_mails_together_take_a_session_each() -> None:
    async with SmtpPeer() as peer:
        to = transport(peer.port)
        await asyncio.gather(*(send(to) for _ in range(3)))
        await to.rest()
    assert peer.sessions == 3
    assert len(peer.mails) == 3


# --- failures told apart


@pytest.mark.parametrize(
    ("answers", "failure", "words"),
    [
        ({"RCPT": ["550 5.1.1 no such user"]}, PermanentFailure, "recipient anna@example.org refused: 550"),
        ({"RCPT": ["450 4.2.0 greylisted"]}, TemporaryFailure, "450 4.2.0 greylisted"),
        ({"RCPT": ["552 5.2.2 over quota"]}, PermanentFailure, "over quota"),
        ({"MAIL": ["553 5.1.8 sender unknown"]}, PermanentFailure, "sender voicebox@example.org refused"),
        ({"MAIL": ["530 5.7.0 authentication required"]}, TemporaryFailure, "530"),
        ({"MAIL": ["421 shutting down"]}, TemporaryFailure, "421"),
        ({"DATA": ["451 try later"]}, TemporaryFailure, "mail refused: 451"),
        ({"DATA": ["554 no valid recipients"]}, PermanentFailure, "mail refused: 554"),
        ({TEXT: ["554 5.7.1 looks like spam"]}, PermanentFailure, "looks like spam"),
        ({TEXT: ["452 disk full"]}, TemporaryFailure, "disk full"),
        ({GREETING: ["554 no service for you"]}, TemporaryFailure, "refused the session: 554"),
        ({GREETING: ["421 too many connections"]}, TemporaryFailure, "refused the session: 421"),
        ({GREETING: [HANG_UP]}, TemporaryFailure, "127.0.0.1 port"),
        ({GREETING: ["gibberish"]}, TemporaryFailure, "127.0.0.1 port"),
        ({"MAIL": [HANG_UP]}, TemporaryFailure, "connection lost before"),
        ({"RCPT": [HANG_UP]}, TemporaryFailure, "connection lost before"),
        ({TEXT: [HANG_UP]}, UnknownOutcome, "connection lost after the text"),
        ({TEXT: [KEEP_AND_HANG_UP]}, UnknownOutcome, "connection lost after the text"),
    ],
)
async def test_failure_is_told_apart(answers: dict[str, list[str]], failure: type[DeliveryError], words: str) -> None:
    async with SmtpPeer(answers) as peer:
        to = transport(peer.port)
        with pytest.raises(failure) as caught:
            await send(to)
        assert words in str(caught.value)
        await send(to)
        await to.rest()
        assert peer.mails[-1].data == TEXT_SENT


@pytest.mark.parametrize(
    ("place", "failure"),
    [
        (GREETING, TemporaryFailure),
        ("EHLO", TemporaryFailure),
        ("MAIL", TemporaryFailure),
        ("RCPT", TemporaryFailure),
        (TEXT, UnknownOutcome),
    ],
)
async def test_stalled_server_is_left_after_the_timeout(
    place: str, failure: type[DeliveryError], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the answer that is stalled is waited for so briefly.
    monkeypatch.setattr(mail.smtp, "TEXT_ANSWER_FACTOR", 0.05)
    async with SmtpPeer({place: [STALL]}) as peer:
        with pytest.raises(failure, match="answer"):
            await send(transport(peer.port, timeout_s=10.0 if place == TEXT else 1.0))


async def test_nobody_listening_is_temporary() -> None:
    async with SmtpPeer() as peer:
        port = peer.port
    with pytest.raises(TemporaryFailure, match=f"127.0.0.1 port {port}"):
        await send(transport(port))


async def test_odd_words_of_a_server_can_be_kept_and_shown() -> None:
    async with SmtpPeer({"RCPT": ["550-first\r\n550 \x1b[31m\udcff"]}) as peer:
        with pytest.raises(PermanentFailure) as caught:
            await send(transport(peer.port))
    assert str(caught.value).encode("utf-8").isascii()
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_command_injection_by_an_address_is_impossible() -> None:
    async with SmtpPeer() as peer:
        with pytest.raises(PermanentFailure):
            await send(transport(peer.port), "a@b>\r\nRCPT TO:<evil@example.org")
    assert not any("evil" in command for command in peer.commands)


async def test_a_farewell_that_is_cancelled_closes_the_connection() -> None:
    async with SmtpPeer({"QUIT": [STALL]}) as peer:
        to = transport(peer.port)
        await send(to)
        (kept,) = to._idle
        goodbye = asyncio.create_task(to.rest())
        await peer.stalled.wait()
        goodbye.cancel()
        with pytest.raises(asyncio.CancelledError):
            await goodbye
        assert not kept.smtp.is_connected


async def test_cancelled_delivery_leaves_no_session_in_mid_sentence() -> None:
    async with SmtpPeer({TEXT: [STALL]}) as peer:
        to = transport(peer.port)
        task = asyncio.create_task(send(to))
        await peer.stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await send(to)
        await to.rest()
    assert peer.sessions == 2
    assert len(peer.mails) == 1
