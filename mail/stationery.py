"""What all our mails have in common: addresses, headers, text and HTML from a pair of templates.

Pure: no clock, no randomness, no I/O but the templates. A mail that is sent again after an answer got lost is the same
to the last byte, Message-ID included, so the receiving side can tell that it has it.
"""

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mail import wording
from mail.errors import PermanentFailure
from mail.letter import Sender
from mail.wire import new_mail
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox, zone_of

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


class Piece(Protocol):
    """Something to be sent: a letter about a message, or a notice."""

    @property
    def key(self) -> str:
        """Names the mail for ever; the Message-ID is made from it."""
        ...

    @property
    def to(self) -> str:
        """The reader's address, as it was entered."""
        ...

    @property
    def mailbox(self) -> Mailbox:
        """Whose mailbox it is about."""
        ...

    @property
    def company(self) -> Company:
        """The mailbox's company."""
        ...

    @property
    def written_at(self) -> datetime:
        """When it was queued."""
        ...


def begun(piece: Piece, sender: Sender, subject: str) -> EmailMessage:
    """Return a mail with its headers, and nothing in it yet.

    Raises:
        PermanentFailure: the address is none that mail can be sent to.
    """
    to = recipient(piece.to)
    zone = zone_of(piece.mailbox, piece.company)
    mail = new_mail()
    mail["From"] = _named(f"{piece.company.name} Voicebox", sender.address)
    mail["To"] = _named(piece.mailbox.name, to)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(piece.written_at.astimezone(zone))
    mail["Message-ID"] = f"<{_token(piece)}@{sender.address.rpartition('@')[2]}>"
    # No answering machine shall answer (RFC 3834 section 5, and Exchange's own); bounces are welcome.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "DR, RN, NRN, OOF, AutoReply"
    return mail


def filled(
    mail: EmailMessage, piece: Piece, name: str, facts: dict[str, Any], *, mp3: tuple[bytes, str] | None = None
) -> EmailMessage:
    """Put text and HTML into a mail, by the templates `name`, and a recording with its file's name."""
    language = piece.mailbox.language
    mail.set_content(_render(language, f"{name}.txt", facts), cte="quoted-printable")
    mail.add_alternative(_render(language, f"{name}.html", facts), subtype="html", cte="quoted-printable")
    if mp3 is not None:
        data, file_name = mp3
        mail.add_attachment(data, maintype="audio", subtype="mpeg", filename=file_name)
    mail["Content-Language"] = language.value  # last, since content headers move into the first part
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        # "=_" occurs neither in quoted-printable nor in base64, so this line cannot occur in a part.
        part.set_boundary(f"=_{_token(piece)}_{number}")
    return mail


def recipient(text: str) -> str:
    """Return an address in ASCII, a domain of other letters in its IDNA form.

    Raises:
        PermanentFailure: it is none that mail can be sent to.
    """
    local, _, domain = text.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    address = f"{local}@{ascii_domain}"
    if not ascii_domain or not _ADDRESS.fullmatch(address) or len(address) > ADDRESS_MAX:
        raise PermanentFailure(f"{wording.plain(text)!r} is not an address that mail can be sent to")
    return address


def _token(piece: Piece) -> str:
    return hashlib.sha256(piece.key.encode()).hexdigest()[:40]


def _named(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(wording.plain(name), local, domain)


def _render(language: Language, name: str, facts: dict[str, Any]) -> str:
    return _TEMPLATES.get_template(f"{language.value}/{name}.jinja2").render(facts)
