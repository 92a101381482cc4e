"""A mail that asks an address whether it wants a mailbox's messages: its facts, and the mail."""

from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import ClassVar, Final

from mail import wording
from mail.letter import Purpose, Sender
from mail.stationery import begun, filled
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox, zone_of

_SUBJECT: Final = {
    Language.DE: "Bitte bestätigen: Nachrichten der Mailbox {mailbox}",
    Language.EN: "Please confirm: messages of mailbox {mailbox}",
}
_HEADING: Final = {Language.DE: "Bitte bestätigen Sie Ihre Adresse", Language.EN: "Please confirm your address"}


@dataclass(frozen=True, slots=True)
class Invitation:
    """All facts of one invitation. The same invitation always makes the same mail, byte for byte."""

    purpose: ClassVar[Purpose] = Purpose.CONFIRM

    key: str
    """Names the mail for ever (the outbox's key); the Message-ID is made from it."""
    to: str
    url: str = field(repr=False)
    """The link that confirms: a secret."""
    expires_at: datetime
    mailbox: Mailbox
    company: Company
    written_at: datetime
    """When it was asked for, aware; the same at each attempt."""


def compose_invitation(invitation: Invitation, sender: Sender) -> EmailMessage:
    """Return the mail for an invitation. Nothing of any message is in it.

    Raises:
        PermanentFailure: its address is none that mail can be sent to.
    """
    language = invitation.mailbox.language
    mailbox = wording.plain(invitation.mailbox.number)
    subject = _SUBJECT[language].format(mailbox=mailbox)
    zone = zone_of(invitation.mailbox, invitation.company)
    expires = wording.moment(invitation.expires_at, zone, language)
    facts = {
        "language": language.value,
        "subject": subject,
        "heading": _HEADING[language],
        "number": "",
        "dialable": "",
        # What mail programs show before the mail is opened.
        "length": wording.plain(invitation.company.name),
        "received": mailbox,
        "expires": expires,
        "url": invitation.url,
        "mailbox": mailbox,
        "owner": wording.plain(invitation.mailbox.name),
        "company": wording.plain(invitation.company.name),
    }
    return filled(begun(invitation, sender, subject), invitation, "confirm", facts)
