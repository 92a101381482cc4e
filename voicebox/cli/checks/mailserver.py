"""The mail server: reachable, its certificate trusted, our login taken. No mail is sent."""

import ssl
from typing import Final

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from voicebox.cli.checks.finding import Finding, failed, ok
from voicebox.config import Config
from voicebox.redaction import redact_text
from voicebox.settings.smtp import Smtp, SmtpSecurity

TIMEOUT_S: Final = 10.0
"""Somebody is waiting for the table."""


async def mail_server(settings: Config) -> Finding:
    """Open a session as the notifier would, and end it."""
    smtp = settings.smtp
    place = f"{smtp.host} port {smtp.port}, security {smtp.security}"
    try:
        context = _context(smtp)
    except OSError as error:
        return failed("mail server", f"smtp.ca cannot be used: {error}", "Name a PEM file with certificates.")
    session = SMTP(
        hostname=smtp.host,
        port=smtp.port,
        timeout=min(TIMEOUT_S, smtp.timeout_s),
        use_tls=smtp.security is SmtpSecurity.TLS,
        start_tls=smtp.security is SmtpSecurity.STARTTLS,
        tls_context=context,
    )
    try:
        await session.connect()
        if smtp.username is not None and smtp.password is not None:
            await session.login(smtp.username, smtp.password.get_secret_value())
        await session.quit()
    except SMTPResponseException as error:
        answer = redact_text(f"{error.code} {error.message}")
        cure = "Correct smtp.username and smtp.password." if error.code in (530, 534, 535) else _CURE
        return failed("mail server", f"{place} refused: {answer}", cure)
    except (SMTPException, OSError, ValueError) as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            why = f"its certificate is not trusted: {error.__cause__.verify_message}"
            return failed("mail server", f"{place}: {why}", "Set smtp.ca to its authority's PEM file.")
        return failed("mail server", f"{place}: {redact_text(str(error)) or type(error).__name__}", _CURE)
    finally:
        session.close()
    return ok("mail server", f"{place} answers")


_CURE: Final = "Start it, or correct smtp.host, smtp.port and smtp.security. Until then mails wait; none is lost."


def _context(smtp: Smtp) -> ssl.SSLContext | None:
    if smtp.security is SmtpSecurity.NONE:
        return None
    return ssl.create_default_context(cafile=None if smtp.ca is None else str(smtp.ca))
