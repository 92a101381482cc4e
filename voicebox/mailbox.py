"""The mailbox and its company: the settings of voicemail.md, rows 1 to 21, as values."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from voicebox.i18n import Language


@dataclass(frozen=True, slots=True)
class Company:
    """The voice tenant: every row of the database belongs to one."""

    id: int
    name: str
    language: Language
    time_zone: str
    """An IANA name, such as Europe/Berlin."""
    country_code: str
    """Digits only, such as 49."""
    area_code: str
    """Without the leading zero, such as 211; empty where the country has none."""
    call_back: bool = False
    """Whether subscribers may call back who left a message."""
    make_calls: bool = False
    """Whether subscribers may call any number that the outbound policy allows, from the main menu."""
    caller_login: bool = False
    """Whether `*` in a greeting leads callers from outside to the login (security.md, row 3: off by default)."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One subscriber's mailbox with everything a call needs to know of it."""

    id: int
    company_id: int
    number: str
    """The extension: unique in the company."""
    phone: str | None
    """The full number in E.164, with the plus sign."""
    name: str
    language: Language
    time_zone: str
    enabled: bool = True
    """Row 7: off means that calls are answered 480."""
    send_all: bool = False
    send_busy: bool = True
    send_no_answer: bool = True
    dnd: bool = False
    rings: int = 4
    """Row 10: 0, or 2 to 20; one ring is 5 s."""
    forward_always: str | None = None
    forward_busy: str | None = None
    forward_no_answer: str | None = None
    forward_unreachable: str | None = None
    forward_to: str | None = None
    """The destination that the phone menu switches on and off; `forward_always` holds while it is on."""
    email: str | None = None
    notify_email: str | None = None
    """Row 15; None is off."""
    copy_email: str | None = None
    """Row 16; None is off."""
    redirect_email: str | None = None
    """Row 13: set means e-mail only."""
    zero_out: str | None = None
    """Row 17."""
    mwi: bool = True
    auto_login: bool = False
    away: bool = False
    away_recording: bool = True
    """Row 11: whether callers may leave messages while away."""
    busy_greeting: str | None = None
    """Id of the recorded greeting's audio; None is the default greeting."""
    no_answer_greeting: str | None = None
    away_greeting: str | None = None
    name_recording: str | None = None
    record_notice: bool = False
    """Row 21: callers are told that they are recorded, before the greeting."""
    everyone: bool = False
    """The right to send to every mailbox of the company."""
    team: bool = False
    """Several people share it: messages are claimed and marked handled."""
    message_max_s: int = 300
    """Row 21: 60 to 600."""
    quota_s: int = 6000
    """Row 21: 600 to 54,000 (10 to 900 minutes)."""
    retention_days: int = 30


def zone_of(*owners: Mailbox | Company) -> tzinfo:
    """Return the time zone of the first of these whose zone this machine knows; of none, UTC.

    A zone was checked where it was written, maybe by a machine with newer zones than this one.
    """
    for owner in owners:
        try:
            return ZoneInfo(owner.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return UTC
