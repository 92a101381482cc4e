"""Who, when and how long, in the reader's language and zone. Pure functions; sentences are in the templates."""

import unicodedata
from datetime import datetime, tzinfo
from typing import Final

import phonenumbers

from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Message, Reason

TEXT_MAX: Final = 80
"""Characters of a name that a mail shows."""

_DAYS: Final = {
    Language.DE: ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    Language.EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS: Final = {
    Language.DE: (
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
    Language.EN: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_WITHHELD: Final = {Language.DE: "unterdrückte Nummer", Language.EN: "withheld number"}
_UNKNOWN: Final = {Language.DE: "unbekannte Nummer", Language.EN: "unknown number"}
_FROM_WITHHELD: Final = {Language.DE: "einer unterdrückten Nummer", Language.EN: "a withheld number"}
_FROM_UNKNOWN: Final = {Language.DE: "einer unbekannten Nummer", Language.EN: "an unknown number"}
_REASONS: Final = {
    Language.DE: {
        Reason.BUSY: "Anschluss besetzt",
        Reason.NO_ANSWER: "Anruf nicht angenommen",
        Reason.UNREACHABLE: "Anschluss nicht erreichbar",
    },
    Language.EN: {
        Reason.BUSY: "Line was busy",
        Reason.NO_ANSWER: "Call was not answered",
        Reason.UNREACHABLE: "Phone was unreachable",
    },
}
_SUBJECT: Final = {Language.DE: "Neue Nachricht von {who} ({length})", Language.EN: "New message from {who} ({length})"}
_SUBJECT_REQUESTED: Final = {
    Language.DE: "Ihre Nachricht von {who} ({length})",
    Language.EN: "Your message from {who} ({length})",
}
_FILE_WITHHELD: Final = {Language.DE: "unterdrueckt", Language.EN: "withheld"}
_FILE_UNKNOWN: Final = {Language.DE: "unbekannt", Language.EN: "unknown"}


def plain(text: str) -> str:
    """Return a name as it may be shown in a mail: one line, nothing invisible, at most 80 characters.

    Control characters would inject headers; invisible ones (bidirectional overrides, zero-width) let one name look
    like another; lone surrogates cannot be encoded.
    """
    spaced = "".join(" " if unicodedata.category(c) in {"Zs", "Zl", "Zp"} or c in "\t\r\n\v\f\x85" else c for c in text)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    # What looks like an encoded word (RFC 2047) would be decoded by the standard library, and by some readers.
    one_line = " ".join(visible.replace("=?", "= ?").split())
    return one_line if len(one_line) <= TEXT_MAX else f"{one_line[: TEXT_MAX - 1].rstrip()}…"


def length(message: Message) -> str:
    """Return a message's length as players show it: whole seconds passed, as in 0:42."""
    minutes, seconds = divmod(int(message.duration_s), 60)
    return f"{minutes}:{seconds:02d}"


def moment(at: datetime, zone: tzinfo, language: Language) -> str:
    """Return date and time written out, in the reader's zone."""
    local = at.astimezone(zone)
    day, month = _DAYS[language][local.weekday()], _MONTHS[language][local.month - 1]
    match language:
        case Language.DE:
            return f"{day}, {local.day}. {month} {local.year}, {local:%H:%M} Uhr"
        case Language.EN:
            return f"{day}, {local.day} {month} {local.year}, {local:%H:%M}"


def number(caller: Caller) -> str:
    """Return the caller's number spaced for reading; empty where it is withheld or absent (RFC 3325)."""
    if caller.withheld or not caller.number:
        return ""
    if caller.number.startswith("+"):
        try:
            parsed = phonenumbers.parse(caller.number, None)
        except phonenumbers.NumberParseException:
            return plain(caller.number)
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
    return plain(caller.number)


def dialable(caller: Caller) -> str:
    """Return the number for a `tel:` link: digits with at most a plus before; else empty."""
    if caller.withheld or not caller.number:
        return ""
    digits = caller.number.removeprefix("+")
    return caller.number if digits.isascii() and digits.isdigit() else ""


def who(caller: Caller, language: Language) -> str:
    """Return the caller by name, else by number, else what is known: that it is withheld or unknown."""
    if caller.withheld:
        return _WITHHELD[language]
    return plain(caller.name) or number(caller) or _UNKNOWN[language]


def colleague(mailbox: Mailbox) -> str:
    """Return a colleague by name and extension, as in "Anna Beispiel (1001)"."""
    return f"{plain(mailbox.name)} ({plain(mailbox.number)})"


def heading(caller: Caller, language: Language) -> str:
    """Return `who` as a heading: what is no name begins with a capital."""
    text = who(caller, language)
    return text if not caller.withheld and plain(caller.name) else f"{text[:1].upper()}{text[1:]}"


def subject(message: Message, language: Language, *, requested: bool = False) -> str:
    """Return the mail's subject, as in "Neue Nachricht von Max Muster (0:42)"; one that was asked for may be old."""
    caller = message.caller
    if caller.withheld:
        named = _FROM_WITHHELD[language]
    else:
        named = plain(caller.name) or number(caller) or _FROM_UNKNOWN[language]
    return (_SUBJECT_REQUESTED if requested else _SUBJECT)[language].format(who=named, length=length(message))


def occasion(reason: Reason, language: Language) -> str:
    """Return why the call came to the mailbox, where that tells the reader something; else empty."""
    return _REASONS[language].get(reason, "")


def file_name(message: Message, zone: tzinfo, language: Language) -> str:
    """Return the attachment's name in ASCII: local date and time, and the number in digits."""
    local = message.received_at.astimezone(zone)
    if message.caller.withheld:
        caller = _FILE_WITHHELD[language]
    else:
        caller = dialable(message.caller) or _FILE_UNKNOWN[language]
    return f"{local:%Y-%m-%d_%H%M}_{caller}.mp3"
