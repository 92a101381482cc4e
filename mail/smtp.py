"""Delivery to the mail server by aiosmtplib: connections kept for a burst, every failure told apart.

Which class a failure gets decides what becomes of the mail (mail.errors). A 5xx is final only where it speaks of this
sender, recipient or text; trouble at the greeting, with TLS or with our login says that the installation is set up
wrongly, and must not cost anyone a mail. After the text was sent, silence is an outcome of its own.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from mail.errors import PermanentFailure, TemporaryFailure, UnknownOutcome
from voicebox.redaction import redact_text
from voicebox.settings.smtp import Smtp, SmtpSecurity

IDLE_MAX_S: Final = 30.0
"""A connection that rested longer is not trusted: servers hang up on idle ones, some after a minute."""
MAILS_PER_CONNECTION: Final = 100
"""Postfix and others slow down or end a session that goes on for ever."""
IDLE_CONNECTIONS_MAX: Final = 4
TEXT_ANSWER_FACTOR: Final = 10.0
"""RFC 5321 section 4.5.3.2: 10 minutes for the answer to the text. Giving up early means a mail that comes twice."""
QUIT_TIMEOUT_S: Final = 5.0

# RFC 4954 section 6 and RFC 3207 section 4: these speak of our login or encryption, not of the mail.
_SETUP_CODES: Final = frozenset({454, 500, 502, 503, 504, 523, 524, 525, 530, 534, 535, 538})
# Whoever checked the address before: nothing that could end the command or begin another one (security.md, row 8).
_COMMAND_SAFE: Final = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.-]+")


class MailTransport(Protocol):
    """Takes one mail to one recipient."""

    async def send(self, sender: str, recipient: str, text: bytes) -> None:
        """Deliver `text` (CRLF line ends) and return once it was taken with 250; raises a DeliveryError."""
        ...

    async def rest(self) -> None:
        """End the connections that are kept; there is nothing to send for now."""
        ...


@dataclass(slots=True)
class _Connection:
    smtp: SMTP
    mails: int = 0
    idle_since: float = field(default_factory=time.monotonic)


class SmtpTransport:
    """Speaks SMTP to the one server of the configuration (RFC 5321, 3207, 4954, 8314)."""

    def __init__(self, settings: Smtp, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the settings; reads the authorities' file.

        Raises:
            OSError: `settings.ca` cannot be read, or (ssl.SSLError) holds no certificate.
        """
        self._settings = settings
        self._clock = clock
        self._idle: list[_Connection] = []
        self._tls: ssl.SSLContext | None = None
        if settings.security is not SmtpSecurity.NONE:
            self._tls = ssl.create_default_context(cafile=None if settings.ca is None else str(settings.ca))

    async def send(self, sender: str, recipient: str, text: bytes) -> None:
        """Deliver a mail; returns once the server took it with 250.

        Raises:
            PermanentFailure, TemporaryFailure, UnknownOutcome: as their docstrings say.
        """
        for address in (sender, recipient):
            if not _COMMAND_SAFE.fullmatch(address):
                raise PermanentFailure(f"{_said(address)!r} cannot be an address in an SMTP command")
        connection = await self._fresh_or_kept()
        reusable = False
        try:
            with _naming(sender, recipient):
                await connection.smtp.mail(sender, options=[f"SIZE={len(text)}"] if self._sizes(connection) else None)
                await connection.smtp.rcpt(recipient)
            with _sending_text():
                await connection.smtp.data(text, timeout=self._settings.timeout_s * TEXT_ANSWER_FACTOR)
            reusable = True
        except (PermanentFailure, TemporaryFailure):
            reusable = connection.smtp.is_connected  # the server said no in so many words; RSET comes before the next
            raise
        finally:
            # Also on cancellation: a connection in mid-sentence is of no use to the next mail.
            self._put_back(connection) if reusable else connection.smtp.close()

    async def rest(self) -> None:
        """Say goodbye on all connections that are kept."""
        kept, self._idle = self._idle, []
        await asyncio.gather(*(_farewell(connection.smtp) for connection in kept))

    def _sizes(self, connection: _Connection) -> bool:
        return connection.smtp.supports_extension("size")

    def _put_back(self, connection: _Connection) -> None:
        connection.mails += 1
        connection.idle_since = self._clock()
        if connection.mails < MAILS_PER_CONNECTION and len(self._idle) < IDLE_CONNECTIONS_MAX:
            self._idle.append(connection)
        else:
            connection.smtp.close()

    async def _fresh_or_kept(self) -> _Connection:
        """Return a connection that just answered: a kept one after RSET, else a new one."""
        while self._idle:
            kept = self._idle.pop()
            if self._clock() - kept.idle_since <= IDLE_MAX_S:
                try:
                    await kept.smtp.rset()
                except (SMTPException, OSError, ValueError):
                    pass  # it was hung up on meanwhile, which says nothing about the server
                except BaseException:
                    kept.smtp.close()
                    raise
                else:
                    return kept
            kept.smtp.close()
        return await self._connect()

    async def _connect(self) -> _Connection:
        settings = self._settings
        smtp = SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout_s,
            use_tls=settings.security is SmtpSecurity.TLS,
            start_tls=settings.security is SmtpSecurity.STARTTLS,
            tls_context=self._tls,
            local_hostname=_own_name(),
        )
        try:
            with _connecting(f"{settings.host} port {settings.port}"):
                # A server may answer each step just before the timeout; all of them together have one as well.
                async with asyncio.timeout(settings.timeout_s * 3):
                    await smtp.connect()
                    await smtp.ehlo()
                    if settings.username is not None and settings.password is not None:
                        await smtp.login(settings.username, settings.password.get_secret_value())
        except BaseException:
            smtp.close()
            raise
        return _Connection(smtp, idle_since=self._clock())


def _own_name() -> str:
    """Return this machine's name for EHLO (RFC 5321 section 4.1.4), without asking the DNS."""
    name = socket.gethostname()
    return name if name.isascii() and all(c.isalnum() or c in "-." for c in name) and name else "localhost"


async def _farewell(smtp: SMTP) -> None:
    try:
        with contextlib.suppress(SMTPException, OSError, ValueError):
            await smtp.quit(timeout=QUIT_TIMEOUT_S)
    finally:  # also where the service ends meanwhile
        smtp.close()


@contextlib.contextmanager
def _connecting(server: str) -> Iterator[None]:
    """Whatever fails before the first mail is trouble with the set-up, never with a mail."""
    try:
        yield
    except SMTPResponseException as error:
        raise TemporaryFailure(f"{server} refused the session: {_answer(error)}") from error
    except TimeoutError as error:
        raise TemporaryFailure(f"{server} does not answer") from error
    except (SMTPException, OSError, ValueError) as error:
        raise TemporaryFailure(f"{server}: {_trouble(error)}") from error


@contextlib.contextmanager
def _naming(sender: str, recipient: str) -> Iterator[None]:
    """Failures of MAIL FROM and RCPT TO: nothing was sent yet."""
    try:
        yield
    except aiosmtplib.SMTPSenderRefused as error:
        raise _refusal(error, f"sender {sender} refused") from error
    except aiosmtplib.SMTPRecipientRefused as error:
        raise _refusal(error, f"recipient {recipient} refused") from error
    except SMTPResponseException as error:
        raise _refusal(error, "refused") from error
    except TimeoutError as error:
        raise TemporaryFailure("the mail server does not answer") from error
    except (SMTPException, OSError) as error:
        raise TemporaryFailure(f"connection lost before the mail was sent ({_trouble(error)})") from error


@contextlib.contextmanager
def _sending_text() -> Iterator[None]:
    """Failures of DATA: without an answer nobody knows whether the mail was taken."""
    try:
        yield
    except SMTPResponseException as error:
        raise _refusal(error, "mail refused") from error
    except TimeoutError as error:
        raise UnknownOutcome("no answer to the end of the text") from error
    except (SMTPException, OSError) as error:
        raise UnknownOutcome(f"connection lost after the text was sent ({_trouble(error)})") from error


def _refusal(error: SMTPResponseException, what: str) -> PermanentFailure | TemporaryFailure:
    text = f"{what}: {_answer(error)}"
    final = 500 <= error.code <= 599 and error.code not in _SETUP_CODES
    return PermanentFailure(text) if final else TemporaryFailure(text)


def _answer(error: SMTPResponseException) -> str:
    return f"{error.code} {_said(error.message)}"


def _trouble(error: Exception) -> str:
    """Return what went wrong on the connection; an untrusted certificate in words that help."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message} (see smtp.ca)"
    return _said(str(error))


def _said(text: str) -> str:
    """Return a server's words as a database and a page can hold them: one line, no secrets, valid text."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return redact_text(" ".join(valid.split()))[:300] or "no reason given"
