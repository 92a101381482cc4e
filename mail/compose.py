"""A letter becomes a mail: text and HTML in the reader's language, the recording as MP3.

Source: voicemail.md, rows 13, 15 and 16; web.md, "Mail".

Pure: no clock, no randomness, no I/O but the templates. A mail that is sent again after an answer got lost is the same
to the last byte, Message-ID included, so the receiving side can tell that it has it.
"""

from email.message import EmailMessage
from typing import Any

from mail import wording
from mail.invitation import Invitation, compose_invitation
from mail.letter import Letter, Purpose, Sender
from mail.notice import Notice, compose_notice
from mail.stationery import begun, filled, recipient
from voicebox.mailbox import zone_of


def compose(letter: Letter | Notice | Invitation, sender: Sender) -> EmailMessage:
    """Return the mail for a letter, for a notice, or for an invitation.

    Raises:
        PermanentFailure: the letter's address is none that mail can be sent to.
    """
    if isinstance(letter, Notice):
        return compose_notice(letter, sender)
    if isinstance(letter, Invitation):
        return compose_invitation(letter, sender)
    language = letter.mailbox.language
    zone = zone_of(letter.mailbox, letter.company)
    facts = _facts(letter, sender)
    mail = begun(letter, sender, facts["subject"])
    if letter.message.urgent:
        mail["Importance"] = "high"  # RFC 4021 section 2.1.54
        mail["X-Priority"] = "1"
    if letter.message.confidential:
        mail["Sensitivity"] = "private"  # RFC 4021 section 2.1.55
    mp3 = None
    if letter.carries_message and letter.mp3 is not None:
        mp3 = letter.mp3, wording.file_name(letter.message, zone, language)
    return filled(mail, letter, "message", facts, mp3=mp3)


def envelope_recipient(letter: Letter | Notice | Invitation) -> str:
    """Return the address for RCPT TO.

    Raises:
        PermanentFailure: it is none that mail can be sent to.
    """
    return recipient(letter.to)


def _facts(letter: Letter, sender: Sender) -> dict[str, Any]:
    """Return what the templates show; every text from outside is plain by now."""
    message, language = letter.message, letter.mailbox.language
    zone = zone_of(letter.mailbox, letter.company)
    caller, number = wording.who(message.caller, language), wording.number(message.caller)
    return {
        "language": language.value,
        "subject": wording.subject(message, language, requested=letter.purpose is Purpose.REQUEST),
        "requested": letter.purpose is Purpose.REQUEST,
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
