"""A mail that tells a subscriber what was changed about their mailbox (security.md, row 4): its facts, and the mail."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, ClassVar, Final

from mail import wording
from mail.letter import Purpose, Sender
from mail.stationery import begun, filled
from voicebox.announcement import Change
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox, zone_of

_WHAT: Final = {
    Language.DE: {
        Change.BUSY_RECORDED: "Neue Begrüßung bei besetzt",
        Change.BUSY_CHOSEN: "Begrüßung bei besetzt: {detail}",
        Change.BUSY_DEFAULT: "Standardbegrüßung bei besetzt",
        Change.NO_ANSWER_RECORDED: "Neue Begrüßung bei keine Antwort",
        Change.NO_ANSWER_CHOSEN: "Begrüßung bei keine Antwort: {detail}",
        Change.NO_ANSWER_DEFAULT: "Standardbegrüßung bei keine Antwort",
        Change.NO_ANSWER_ALTERNATIVE: "Alternative Begrüßung {detail} bei keine Antwort",
        Change.ALTERNATIVE_RECORDED: "Neue Aufnahme: {detail}",
        Change.ALTERNATIVE_CHOSEN: "Neue alternative Begrüßung: {detail}",
        Change.AWAY_RECORDED: "Neue Begrüßung für längere Abwesenheit",
        Change.AWAY_CHOSEN: "Begrüßung für längere Abwesenheit: {detail}",
        Change.AWAY_DEFAULT: "Standardbegrüßung für längere Abwesenheit",
        Change.AWAY_ON: "Längere Abwesenheit eingeschaltet",
        Change.AWAY_OFF: "Längere Abwesenheit ausgeschaltet",
        Change.NAME_RECORDED: "Neue Aufnahme Ihres Namens",
        Change.NAME_REMOVED: "Aufnahme Ihres Namens gelöscht",
        Change.FORWARDING_ON: "Anrufe werden umgeleitet an {detail}",
        Change.FORWARDING_OFF: "Anrufumleitung ausgeschaltet",
        Change.FORWARDING_TO: "Neues Ziel der Anrufumleitung: {detail}",
        Change.ADDRESS: "Neue E-Mail-Adresse: {detail}",
        Change.ADDRESS_REMOVED: "E-Mail-Adresse entfernt: {detail}",
    },
    Language.EN: {
        Change.BUSY_RECORDED: "New busy greeting",
        Change.BUSY_CHOSEN: "Busy greeting: {detail}",
        Change.BUSY_DEFAULT: "Standard busy greeting",
        Change.NO_ANSWER_RECORDED: "New no-answer greeting",
        Change.NO_ANSWER_CHOSEN: "No-answer greeting: {detail}",
        Change.NO_ANSWER_DEFAULT: "Standard no-answer greeting",
        Change.NO_ANSWER_ALTERNATIVE: "Alternative no-answer greeting {detail}",
        Change.ALTERNATIVE_RECORDED: "New recording: {detail}",
        Change.ALTERNATIVE_CHOSEN: "New alternative greeting: {detail}",
        Change.AWAY_RECORDED: "New greeting for extended away",
        Change.AWAY_CHOSEN: "Greeting for extended away: {detail}",
        Change.AWAY_DEFAULT: "Standard greeting for extended away",
        Change.AWAY_ON: "Extended away switched on",
        Change.AWAY_OFF: "Extended away switched off",
        Change.NAME_RECORDED: "New recording of your name",
        Change.NAME_REMOVED: "Recording of your name deleted",
        Change.FORWARDING_ON: "Calls are forwarded to {detail}",
        Change.FORWARDING_OFF: "Call forwarding switched off",
        Change.FORWARDING_TO: "New destination of call forwarding: {detail}",
        Change.ADDRESS: "New e-mail address: {detail}",
        Change.ADDRESS_REMOVED: "E-mail address removed: {detail}",
    },
}
_UNKNOWN: Final = {Language.DE: "Einstellungen geändert", Language.EN: "Settings changed"}
"""Of a change that a later version wrote down."""
_SUBJECT: Final = {Language.DE: "Ihre Mailbox wurde geändert: {what}", Language.EN: "Your mailbox was changed: {what}"}


@dataclass(frozen=True, slots=True)
class Notice:
    """All facts of one notice. The same notice always makes the same mail, byte for byte."""

    purpose: ClassVar[Purpose] = Purpose.CHANGED

    key: str
    """Names the mail for ever (the outbox's key); the Message-ID is made from it."""
    to: str
    change: Change | None
    """None is one that this version does not know."""
    detail: str
    mailbox: Mailbox
    company: Company
    written_at: datetime
    """When it was changed, aware; the same at each attempt."""


def compose_notice(notice: Notice, sender: Sender) -> EmailMessage:
    """Return the mail for a notice.

    Raises:
        PermanentFailure: its address is none that mail can be sent to.
    """
    language = notice.mailbox.language
    what = _what(notice)
    subject = _SUBJECT[language].format(what=what)
    mail = begun(notice, sender, subject)
    return filled(mail, notice, "changed", _facts(notice, sender, subject, what))


def _what(notice: Notice) -> str:
    language = notice.mailbox.language
    if notice.change is None:
        return _UNKNOWN[language]
    return _WHAT[language][notice.change].format(detail=wording.plain(notice.detail))


def _facts(notice: Notice, sender: Sender, subject: str, what: str) -> dict[str, Any]:
    """Return what the templates show; every text from outside is plain by now."""
    language = notice.mailbox.language
    zone = zone_of(notice.mailbox, notice.company)
    return {
        "language": language.value,
        "subject": subject,
        "heading": what,
        "what": what,
        # The layout's line under the heading, and what mail programs show before the mail is opened.
        "number": "",
        "dialable": "",
        "length": what,
        "received": wording.moment(notice.written_at, zone, language),
        "portal": sender.portal,
        "mailbox": wording.plain(notice.mailbox.number),
        "owner": wording.plain(notice.mailbox.name),
        "company": wording.plain(notice.company.name),
    }
