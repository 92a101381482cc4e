"""`[smtp]`: the mail server that takes our mails."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from voicebox.addresses import SettingError, parse_ip
from voicebox.settings.section import FilePath, HostName, Port, Section


def _mail_address(text: str) -> str:
    """Refuse a sender that is no plain address; the display name is the company's own."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or not text.isascii() or any(c in text for c in '<>",;: \t\r\n'):
        raise SettingError(f"{text!r} is not a mail address", 'Write it plainly, such as "voicebox@example.org".')
    return text


MailAddress = Annotated[str, AfterValidator(_mail_address)]


class SmtpSecurity(StrEnum):
    """How the way to the mail server is protected (RFC 3207, RFC 8314)."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


SMTP_PORTS = {SmtpSecurity.NONE: 25, SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465}
"""RFC 5321 section 4.5.4.2, RFC 6409, RFC 8314 section 3.3."""


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this very machine."""
    if host.lower() == "localhost":
        return True
    try:
        return parse_ip(host).is_loopback
    except SettingError:
        return False


def _security_for(host: str) -> SmtpSecurity:
    return SmtpSecurity.NONE if is_loopback(host) else SmtpSecurity.STARTTLS


class Smtp(Section):
    """The mail server that takes our mails."""

    host: HostName = "127.0.0.1"
    security: SmtpSecurity = Field(default_factory=lambda data: _security_for(data.get("host", "127.0.0.1")))
    port: Port = Field(default_factory=lambda data: SMTP_PORTS[data.get("security", SmtpSecurity.NONE)])
    sender: MailAddress = "voicebox@localhost"
    username: str | None = None
    password: SecretStr | None = None
    ca: FilePath | None = None
    """PEM file of the authorities trusted for this server; None is the system's."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """For connecting and each command; the answer to a mail's text may take ten times as long."""

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            missing, there = ("password", "username") if self.password is None else ("username", "password")
            raise SettingError(f"is missing, and smtp.{there} is set", "Write both, or neither.", at=(missing,))
        if self.password is not None and self.security is SmtpSecurity.NONE and not is_loopback(self.host):
            raise SettingError(
                "would send the password in clear over the network",
                'Write security = "starttls" or "tls".',
                at=("security",),
            )
        return self
