"""The tables of `directory.toml` and the types of their keys (interfaces.md, "Provisioning").

What can be judged key by key is judged here; what takes the whole file (numbers by the company's dial plan, duplicates,
members) is the business of `voicebox.directory_file`. Secrets are hidden from `repr` and from every error.
"""

import re
import zoneinfo
from functools import cache
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from voicebox.addresses import SettingError
from voicebox.i18n import Language

GREETINGS: Final = ("busy_greeting", "no_answer_greeting", "away_greeting")
"""Keys of a mailbox that name a greeting's file, and fields of `Mailbox`; the alternatives are a table of their own."""
ALIASES_MAX: Final = 10
LISTS_MAX: Final = 15
PASSWORD_MIN: Final = 8
"""NIST SP 800-63B section 5.1.1."""
PASSWORD_MAX: Final = 200

# One @, a dotted or plain host, nothing that could start another header or recipient (RFC 5321 section 4.1.2).
_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _email(text: str) -> str:
    if len(text) > 254 or ".." in text or not _EMAIL.fullmatch(text):
        raise SettingError(f"{text[:80]!r} is not an e-mail address", 'Write one such as "anna@example.org".')
    return text


# It searches folders each time it is asked: for every mailbox of a file that would be most of the work.
_time_zones: Final = cache(zoneinfo.available_timezones)


def _time_zone(text: str) -> str:
    if text not in _time_zones():
        raise SettingError(f"{text[:80]!r} is not a time zone", 'Write an IANA name such as "Europe/Berlin".')
    return text


def _text(text: str) -> str:
    # Control characters and lone surrogates have no place in a mail header, a log line or a database.
    if not text.isprintable():
        raise SettingError("contains characters that cannot be shown", "Write plain text on one line.")
    return text


def _extension(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise SettingError(f"{text[:40]!r} is not an extension", 'Write 1 to 15 digits in quotes, such as "1001".')
    return text


def _username(text: str) -> str:
    # What every phone can be given as its user name (RFC 3261 section 25.1, without what needs escaping).
    if not re.fullmatch(r"[A-Za-z0-9._~+-]{1,64}", text):
        raise SettingError(f"{text[:40]!r} is not a user name", "Write up to 64 letters, digits and . _ ~ + -.")
    return text


def _password(text: str) -> str:
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise SettingError(f"has {len(text)} characters", f"Write {PASSWORD_MIN} to {PASSWORD_MAX}.")
    return _text(text)


def _rings(count: int) -> int:
    if count != 0 and not 2 <= count <= 20:
        raise SettingError(f"{count} is not a number of rings", "Write 0 for at once, or 2 to 20.")
    return count


def _retention(days: int) -> int:
    if days not in (0, 7, 15, 30, 60):
        raise SettingError(f"{days} is not a choice", "Write 0 (keep for ever), 7, 15, 30 or 60.")
    return days


Name = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_text)]
Email = Annotated[str, AfterValidator(_email)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Extension = Annotated[str, AfterValidator(_extension)]
Password = Annotated[str, AfterValidator(_password)]


class Entry(BaseModel):
    """What all tables have in common: frozen, strict about types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class CompanyEntry(Entry):
    """`[company]`. Its name says which company the file is about."""

    name: Name
    language: Annotated[Language, Field(strict=False)] = Language.DE
    time_zone: TimeZone = "Europe/Berlin"
    country_code: str = "49"
    area_code: str = ""
    call_back: bool = False
    make_calls: bool = False
    caller_login: bool = False


class AlternativeEntry(Entry):
    """One of `alternative_greetings`."""

    name: Name
    file: str


class MailboxEntry(Entry):
    """One `[[mailbox]]`. None is a key that the file leaves out."""

    number: Extension
    phone: str | None = None
    name: Name
    language: Annotated[Language | None, Field(strict=False)] = None
    time_zone: TimeZone | None = None
    pin: str | None = Field(default=None, repr=False)
    pin_is_final: bool = False
    web_password: Password | None = Field(default=None, repr=False)
    device_password: Password | None = Field(default=None, repr=False)
    device_username: Annotated[str, AfterValidator(_username)] | None = None
    device_md5_only: bool = False
    """For a phone that mishandles two challenges (RFC 8760): it is offered MD5 alone."""
    email: Email | None = None
    notify_email: Email | None = None
    copy_email: Email | None = None
    redirect_email: Email | None = None
    zero_out: str | None = None
    aliases: tuple[str, ...] | None = Field(default=None, strict=False)
    auto_login: bool | None = None
    rings: Annotated[int, AfterValidator(_rings)] | None = None
    busy_greeting: str | None = None
    no_answer_greeting: str | None = None
    away_greeting: str | None = None
    alternative_greetings: tuple[AlternativeEntry, ...] | None = Field(default=None, strict=False, max_length=3)
    send_all: bool | None = None
    send_busy: bool | None = None
    send_no_answer: bool | None = None
    enabled: bool | None = None
    mwi: bool | None = None
    dnd: bool | None = None
    forward_always: str | None = None
    forward_busy: str | None = None
    forward_no_answer: str | None = None
    forward_unreachable: str | None = None
    away: bool | None = None
    away_recording: bool | None = None
    record_notice: bool | None = None
    message_max_min: Annotated[int, Field(ge=1, le=10)] | None = None
    mailbox_max_min: Annotated[int, Field(ge=10, le=900)] | None = None
    retention_days: Annotated[int, AfterValidator(_retention)] | None = None
    everyone: bool | None = None
    team: bool | None = None
    members: tuple[str, ...] | None = Field(default=None, strict=False, max_length=200)


class ListEntry(Entry):
    """One `[[distribution_list]]`."""

    owner: Extension
    number: Annotated[int, Field(ge=1, le=LISTS_MAX)]
    description: Name
    recording: str | None = None
    """A file that says the description."""
    members: tuple[str, ...] = Field(strict=False, min_length=1, max_length=10_000)
    shared: bool = False


class Tables(Entry):
    """The whole file."""

    company: CompanyEntry
    mailbox: tuple[MailboxEntry, ...] = Field(default=(), strict=False)
    distribution_list: tuple[ListEntry, ...] = Field(default=(), strict=False)


SECRET_KEYS: Final = frozenset({"pin", "web_password", "device_password"})
"""Their values are never shown, in whatever is wrong with them."""
LATER_TABLES: Final = frozenset({"tariff", "customer", "account", "family", "domain", "instance"})
"""The mail side's, which this version does not have yet."""
