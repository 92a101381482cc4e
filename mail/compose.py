"""A letter becomes a mail: text and HTML in the reader's language, the recording as MP3.

Source: voicemail.md, rows 13, 15 and 16; web.md, "Mail".

Pure: no clock, no randomness, no I/O but the templates. A mail that is sent again after an answer got lost is the same
to the last byte, Message-ID included, so the receiving side can tell that it has it.
"""

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mail import wording
from mail.errors import PermanentFailure
from mail.letter import Letter, Purpose, Sender
from mail.wire import new_mail
from voicebox.i18n import Language

ADDRESS_MAX: Final = 254
"""RFC 5321 section 4.5.3.1, less the angle brackets."""
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

_TEMPLATES: Final = Environment(
    loader=PackageLoader("mail", "templates"),
    autoescape=select_autoescape(("html.jinja2",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def compose(letter: Letter, sender: Sender) -> EmailMessage:
    """Return the mail for a letter.

    Raises:
        PermanentFailure: the letter's address is none that mail can be sent to.
    """
    to = _address(letter.to)
    language = letter.mailbox.language
    zone = wording.zone_of(letter.mailbox, letter.company)
    token = hashlib.sha256(letter.key.encode()).hexdigest()[:40]
    facts = _facts(letter, sender)

    mail = new_mail()
    mail["From"] = _named(f"{letter.company.name} Voicebox", sender.address)
    mail["To"] = _named(letter.mailbox.name, to)
    mail["Subject"] = wording.subject(letter.message, language)
    mail["Date"] = format_datetime(letter.written_at.astimezone(zone))
    mail["Message-ID"] = f"<{token}@{sender.address.rpartition('@')[2]}>"
    # No answering machine shall answer (RFC 3834 section 5, and Exchange's own); bounces are welcome.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "DR, RN, NRN, OOF, AutoReply"
    if letter.message.urgent:
        mail["Importance"] = "high"  # RFC 4021 section 2.1.54
        mail["X-Priority"] = "1"
    if letter.message.confidential:
        mail["Sensitivity"] = "private"  # RFC 4021 section 2.1.55

    mail.set_content(_render(language, "message.txt", facts), cte="quoted-printable")
    mail.add_alternative(_render(language, "message.html", facts), subtype="html", cte="quoted-printable")
    if letter.carries_message and letter.mp3 is not None:
        name = wording.file_name(letter.message, zone, language)
        mail.add_attachment(letter.mp3, maintype="audio", subtype="mpeg", filename=name)
    mail["Content-Language"] = language.value  # last, since content headers move into the first part
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        # "=_" occurs neither in quoted-printable nor in base64, so this line cannot occur in a part.
        part.set_boundary(f"=_{token}_{number}")
    return mail


def envelope_recipient(letter: Letter) -> str:
    """Return the address for RCPT TO.

    Raises:
        PermanentFailure: it is none that mail can be sent to.
    """
    return _address(letter.to)


def _address(text: str) -> str:
    """Return an address in ASCII, a domain of other letters in its IDNA form."""
    local, _, domain = text.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    address = f"{local}@{ascii_domain}"
    if not ascii_domain or not _ADDRESS.fullmatch(address) or len(address) > ADDRESS_MAX:
        raise PermanentFailure(f"{wording.plain(text)!r} is not an address that mail can be sent to")
    return address


def _named(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(wording.plain(name), local, domain)


def _render(language: Language, name: str, facts: dict[str, Any]) -> str:
    return _TEMPLATES.get_template(f"{language.value}/{name}.jinja2").render(facts)


def _facts(letter: Letter, sender: Sender) -> dict[str, Any]:
    """Return what the templates show; every text from outside is plain by now."""
    message, language = letter.message, letter.mailbox.language
    zone = wording.zone_of(letter.mailbox, letter.company)
    caller, number = wording.who(message.caller, language), wording.number(message.caller)
    return {
        "language": language.value,
        "subject": wording.subject(message, language),
        "caller": caller,
        "heading": wording.heading(message.caller, language),
        "number": number if number != caller else "",
        "dialable": wording.dialable(message.caller),
        "received": wording.moment(message.received_at, zone, language),
        "length": wording.length(message),
        "occasion": wording.occasion(message.reason, language),
        "forwarder": wording.colleague(letter.forwarder) if letter.forwarder else "",
        "urgent": message.urgent,
        "confidential": message.confidential,
        "interrupted": message.interrupted,
        "attached": letter.carries_message,
        "audio_lost": letter.wants_audio and letter.audio_lost,
        "kept": letter.purpose is not Purpose.REDIRECT or not letter.carries_message,
        "notification": letter.purpose is Purpose.NOTIFY,
        "portal": sender.portal,
        "listen_url": letter.listen_url,
        "mailbox": wording.plain(letter.mailbox.number),
        "owner": wording.plain(letter.mailbox.name),
        "company": wording.plain(letter.company.name),
    }
