"""What can be said, as values: a phrase is a sequence of whole recorded utterances in one language.

Every function is pure: the language comes first, the moment and the zone are arguments. A flow plays what they
return; the ids are those of `prompts.catalogue` and `prompts.tones`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Final, Literal

import phonenumbers

from prompts.catalogue import UnknownUtteranceError, catalogue, known
from prompts.grammar import grammar
from prompts.tones import GROUP_PAUSE, RECORD
from prompts.utterance import WHOLE_LENGTHS
from voicebox.i18n import Language
from voicebox.message import Caller, Counts, State

WHOLE_COUNTS: Final = 20
"""Up to this many, a count and its noun are recorded as one utterance; above, a carrier precedes the number."""
LARGEST: Final = 9_999
"""Greater numbers are said digit by digit."""
LONGEST_MINUTES: Final = 60
"""Longer lengths are a carrier and a number."""
RECENT_DAYS: Final = 6
"""A weekday alone means one of the last six days; seven days back would be ambiguous."""
YEAR_DAYS: Final = 180
"""Older dates of another year are said with the year."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Utterances to be played one after the other."""

    language: Language
    ids: tuple[str, ...]
    """Ids of the catalogue, each a whole utterance."""
    name: str = ""
    """What the call's trace shows; the first id where empty."""

    def __add__(self, other: "Phrase") -> "Phrase":
        """Join two phrases of one language; the trace keeps the first one's name."""
        if other.language is not self.language:
            raise ValueError(f"cannot join a phrase in {self.language} with one in {other.language}")
        return Phrase(self.language, self.ids + other.ids, self.name or (self.ids[0] if self.ids else ""))

    @property
    def title(self) -> str:
        """The name the trace shows."""
        return self.name or (self.ids[0] if self.ids else "")


class Menu(StrEnum):
    """The menus whose options are spoken (phone-menus.md); the value is the table in `texts/*.toml`."""

    REVIEW = "review"
    DISCARD = "discard"
    CONFIRM = "confirm"
    MAIN = "main"
    MAILBOX = "mailbox"
    MESSAGE = "message"
    """The keys that work both while a message plays and after it."""
    PLAYING = "playing"
    AFTER = "after"
    MORE = "more"
    DELETED = "deleted"
    SENT = "sent"
    PASSCODE = "passcode"
    GREETING = "greeting"
    AWAY = "away"
    NAME = "name"
    FORWARDING = "forwarding"
    COMPOSE = "compose"
    FORWARD = "forward"
    REPLY = "reply"
    SEND = "send"


class Variant(StrEnum):
    """What a key does when it does not do its usual thing."""

    USUAL = ""
    OFF = "off"
    """Review 4 and 5: takes the mark away again."""
    ON = "on"
    """Mailbox 6: switches the deposit on."""
    RESTORE = "restore"
    """Message 7: brings the message back."""
    RESUME = "resume"
    """Playing 2: plays on."""


class Greeting(StrEnum):
    """The default greetings; the trace shows `greeting-` and the value."""

    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    AWAY = "away"
    AWAY_CLOSED = "away-closed"
    """Away, and no message is taken."""


Place = Literal["first", "next", "previous"]
"""How a message is announced."""


def say(language: Language, *ids: str, name: str = "") -> Phrase:
    """Return a phrase of these utterances or tones.

    Raises:
        UnknownUtteranceError: the catalogue of the language has no such id.
    """
    for utterance_id in ids:
        if not known(language, utterance_id):
            raise UnknownUtteranceError(f"nothing is called {utterance_id!r} in {language}")
    return Phrase(language, ids, name)


def join(phrases: Iterable[Phrase], name: str = "") -> Phrase:
    """Return one phrase that says all of them in order; at least one is needed.

    Raises:
        ValueError: there is none, or their languages differ.
    """
    parts = tuple(phrases)
    if not parts:
        raise ValueError("no phrases to join")
    whole = parts[0]
    for part in parts[1:]:
        whole += part
    return Phrase(whole.language, whole.ids, name or whole.name)


def record_tone(language: Language) -> Phrase:
    """Return the tone after which the caller speaks."""
    return Phrase(language, (RECORD,))


def options(language: Language, menu: Menu, keys: Iterable[str | tuple[str, Variant]]) -> Phrase:
    """Return the options of a menu in the order given; a key may come with its variant. Named `menu-<menu>`."""
    spoken = [option(language, menu, *((key,) if isinstance(key, str) else key)) for key in keys]
    return join(spoken, name=f"menu-{menu}")


def option(language: Language, menu: Menu, key: str, variant: Variant = Variant.USUAL) -> Phrase:
    """Return the option of one key, such as "Zum Löschen, die Sieben".

    Raises:
        UnknownUtteranceError: neither the menu nor `any` menu has such a key with such a variant.
    """
    tail = {"*": "star", "#": "hash"}.get(key, key) + (f"-{variant}" if variant else "")
    own = f"option-{menu}-{tail}"
    return say(language, own if own in catalogue(language) else f"option-any-{tail}")


def new_messages(language: Language, count: int) -> Phrase:
    """Return "Sie haben drei neue Nachrichten."."""
    return _count(language, "new-messages", count)


def saved_messages(language: Language, count: int) -> Phrase:
    """Return "Drei gespeicherte Nachrichten."."""
    return _count(language, "saved-messages", count)


def deleted_messages(language: Language, count: int) -> Phrase:
    """Return "Drei gelöschte Nachrichten."."""
    return _count(language, "deleted-messages", count)


def urgent_messages(language: Language, count: int) -> Phrase:
    """Return "Davon sind drei dringend."; needs at least one."""
    return _count(language, "urgent-messages", count)


def recipients(language: Language, count: int) -> Phrase:
    """Return "Drei Empfänger."; needs at least one."""
    return _count(language, "recipients", count)


def message_counts(language: Language, counts: Counts) -> Phrase:
    """Return what a mailbox holds: new ones, how many of them are urgent, and saved ones where there are any."""
    if counts.new == 0 and counts.saved == 0:
        return say(language, "folder-empty", name="counts")
    parts = [new_messages(language, counts.new)]
    if counts.new_urgent > 0:
        parts.append(urgent_messages(language, counts.new_urgent))
    if counts.saved > 0:
        parts.append(saved_messages(language, counts.saved))
    return join(parts, name="counts")


def number(language: Language, n: int) -> Phrase:
    """Return a cardinal number, 0 or more: "einundzwanzig", "one hundred and one".

    Raises:
        ValueError: the number is negative.
    """
    if n < 0:
        raise ValueError("only numbers from 0 on can be said")
    if n > LARGEST:
        return digits(language, str(n))
    return say(language, *grammar(language).number(n))


def digits(language: Language, text: str) -> Phrase:
    """Return digits, `+`, `*` and `#` one by one, in pairs; any other character separates groups by a pause.

    An odd group begins with its single digit, as a telephone number is written: 5 55 10 01.
    """
    groups = "".join(char if char in "+*#" or (char.isascii() and char.isdigit()) else " " for char in text).split()
    ids: list[str] = []
    for group in groups:
        if ids:
            ids.append(GROUP_PAUSE)
        ids += [f"digits-{pair}-on" for pair in _pairs(group)]
    if ids:
        ids[-1] = ids[-1] if ids[-1] == "digits-plus-on" else ids[-1].removesuffix("-on")
    return say(language, *ids, name="digits")


def phone_number(language: Language, text: str, country_code: str = "") -> Phrase:
    """Return a number in groups: E.164 with plus, or an extension.

    A number of the listener's own country (`country_code`, such as "49") is said as it is dialled there, with the
    area code as a group of its own: null zwo elf, fünf fünfundfünfzig ... becomes 02 11 · 5 55 10 01.
    """
    if not text.startswith("+"):
        return digits(language, text)
    try:
        parsed = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return digits(language, text)
    national = country_code == str(parsed.country_code)
    style = phonenumbers.PhoneNumberFormat.NATIONAL if national else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return digits(language, phonenumbers.format_number(parsed, style))


def clock_time(language: Language, moment: datetime, zone: tzinfo) -> Phrase:
    """Return the time of day in that zone: "einundzwanzig Uhr dreißig", "nine thirty p.m."; `moment` is aware."""
    local = moment.astimezone(zone)
    return say(language, *grammar(language).clock(local.hour, local.minute), name="clock")


def day(language: Language, moment: datetime, zone: tzinfo, now: datetime) -> Phrase:
    """Return the day in that zone: today, yesterday, the weekday of the last six days, else the date.

    A date of another year that lies further back than half a year is said with its year.
    """
    local, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    match (today - local).days:
        case 0:
            return say(language, "day-today")
        case 1:
            return say(language, "day-yesterday")
        case days if 1 < days <= RECENT_DAYS:
            return say(language, f"weekday-{local.weekday()}", name="day")
        case days:
            date = say(language, f"date-{local.month:02}-{local.day:02}", name="day")
            year = f"year-{local.year}"
            with_year = local.year != today.year and abs(days) > YEAR_DAYS and known(language, year)
            return date + say(language, year) if with_year else date


def received(language: Language, moment: datetime, zone: tzinfo, now: datetime) -> Phrase:
    """Return day and time of day: "Gestern, einundzwanzig Uhr dreißig."."""
    return join([day(language, moment, zone, now), clock_time(language, moment, zone)], name="received")


def length(language: Language, seconds: float) -> Phrase:
    """Return a length, at least a second: "zwei Minuten, fünf Sekunden"; from 21 minutes on in whole minutes."""
    whole_s = max(1, int(seconds + 0.5))
    minutes, rest_s = divmod(whole_s, 60)
    if minutes == 0:
        return say(language, f"seconds-{whole_s}", name="length")
    if minutes > WHOLE_LENGTHS:
        minutes, rest_s = (whole_s + 30) // 60, 0
    if minutes > LONGEST_MINUTES:
        return join([say(language, "minutes-many"), number(language, minutes)], name="length")
    if rest_s == 0:
        return say(language, f"minutes-{minutes}", name="length")
    return say(language, f"minutes-{minutes}-on", f"seconds-{rest_s}", name="length")


def message_length(language: Language, seconds: float) -> Phrase:
    """Return "Länge: zwei Minuten, fünf Sekunden."."""
    return join([say(language, "envelope-length"), length(language, seconds)], name="length")


def heading(
    language: Language, place: Place, state: State, *, urgent: bool = False, confidential: bool = False
) -> Phrase:
    """Return "Nächste neue Nachricht, dringend."."""
    mark = "-both" if urgent and confidential else "-urgent" if urgent else "-confidential" if confidential else ""
    return say(language, f"heading-{place}-{state}{mark}")


def caller(language: Language, who: Caller, country_code: str = "") -> Phrase:
    """Return who called: "Von der Rufnummer: ...", of a colleague "Von der Durchwahl: ...", withheld, or unknown.

    For a colleague with a recorded name, play `say(language, "caller-name")` and the recording instead.
    """
    if who.withheld:
        return say(language, "caller-withheld")
    said = phone_number(language, who.number or "", country_code)
    if not said.ids:
        return say(language, "caller-unknown")
    kind = "number" if (who.number or "").startswith("+") else "extension"
    return say(language, f"caller-{kind}") + said


def marks(language: Language, *, urgent: bool = False, confidential: bool = False) -> Phrase | None:
    """Return "Dringend und vertraulich.", or None where neither holds."""
    names = [name for name, on in (("urgent", urgent), ("confidential", confidential)) if on]
    return say(language, f"envelope-{'-'.join(names)}") if names else None


def greeting(language: Language, kind: Greeting, number: str = "", country_code: str = "") -> Phrase:
    """Return a default greeting, with the mailbox's number where one is given; named `greeting-<kind>`."""
    if not number:
        return say(language, f"greeting-{kind}")
    parts = [
        say(language, "greeting-mailbox-of-number"),
        phone_number(language, number, country_code),
        greeting_after_name(language, kind),
    ]
    return join(parts, name=f"greeting-{kind}")


def greeting_before_name(language: Language) -> Phrase:
    """Return "Guten Tag. Sie sind verbunden mit der Mailbox von:"; the owner's name recording follows."""
    return say(language, "greeting-mailbox-of-name")


def greeting_after_name(language: Language, kind: Greeting) -> Phrase:
    """Return the rest of a default greeting, after the name; named `greeting-<kind>`."""
    return say(language, f"greeting-named-{kind}", name=f"greeting-{kind}")


def mailbox_opened(language: Language, number: str, country_code: str = "") -> Phrase:
    """Return "Mailbox der Rufnummer: ...". With a name recording: `say(language, "login-opened-name")` and the clip."""
    parts = [say(language, "login-opened-number"), phone_number(language, number, country_code)]
    return join(parts, name="mailbox-opened")


def passcode_refused(language: Language, reason: str) -> Phrase:
    """Return why a new passcode was refused; an unknown reason gets the general words, never an error."""
    specific = f"passcode-refused-{reason}"
    return say(language, specific if specific in catalogue(language) else "passcode-refused")


def _count(language: Language, family: str, count: int) -> Phrase:
    if count > WHOLE_COUNTS:
        return join([say(language, f"{family}-many"), number(language, count)], name=family)
    return say(language, f"{family}-{count}", name=family)


def _pairs(group: str) -> list[str]:
    names = {"+": "plus", "*": "star", "#": "hash"}
    pairs: list[str] = []
    run = ""
    for char in f"{group} ":
        if char.isdigit():
            run += char
            continue
        head = len(run) % 2
        pairs += [run[:head]] if head else []
        pairs += [run[at : at + 2] for at in range(head, len(run), 2)]
        run = ""
        pairs += [names[char]] if char in names else []
    return pairs
