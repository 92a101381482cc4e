"""The one outbound policy: what zero-out, call back, forwarding and composing may dial, and at whose cost.

Toll fraud comes through mailboxes (security.md, rows 3, 8 and 25): whoever guesses a PIN, or a caller who presses a
key, makes the company's trunk dial. So every way out asks `permit`, a pure function. Numbers arrive here in two forms
only, an extension or E.164, and what is checked is, digit by digit, what is dialled.

Whatever the settings say, three kinds are refused: emergency numbers (a call that nobody meant blocks a line there,
and gives a wrong place), numbers that cost more than a usual call, and the paying mailbox's own numbers (a loop).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

from voicebox.mailbox import Company, Mailbox
from voicebox.numbers import EMERGENCY_ANYWHERE
from voicebox.settings.outbound import Outbound

_EXTENSION: Final = re.compile(r"[1-9][0-9]{0,4}")
"""Of the exchange; a mailbox's own may be longer."""
_E164: Final = re.compile(r"\+[1-9][0-9]{2,14}")

_USUAL: Final = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.VOIP,
        PhoneNumberType.UAN,
    }
)
"""Company-wide numbers (UAN) cost as others do; Germany's, which do not, are among the prefixes below."""
_DEAR_PREFIXES: Final = {
    # 0900 and 0190 premium, 0137 and 0138 votes, 0180 and its neighbours service, 0191 to 0194 online, 012 trials,
    # 0700 personal, 118 enquiries. Bundesnetzagentur, "Struktur und Ausgestaltung des Nummernbereichs"; numbers of a
    # range that is withdrawn (0190) are unknown to the library, not dear, hence a list of our own.
    "49": ("900", "19", "137", "138", "18", "12", "700", "118"),
}


class Refusal(StrEnum):
    """Why a number is not dialled."""

    NOT_A_NUMBER = "not-a-number"
    """Neither an extension nor a whole number in E.164."""
    EMERGENCY = "emergency"
    PREMIUM = "premium"
    """It costs more than a usual call, or is of a range abroad that nobody knows."""
    OWN_NUMBER = "own-number"
    """The paying mailbox's extension, number or alias."""
    NO_PEER = "no-peer"
    """`[outbound] peer` is not set."""
    NOT_ALLOWED = "not-allowed"
    """None of the prefixes in `[outbound] allow` fits; or it is an extension, and the way out has none."""
    TOO_MANY_CALLS = "too-many-calls"
    BUDGET_SPENT = "budget-spent"


@dataclass(frozen=True, slots=True)
class Owner:
    """The company's mailbox that a number belongs to."""

    mailbox: Mailbox
    alias: bool = False
    """The number is an alias: another telephone of the subscriber, outside of the house."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was dialled outside so far."""

    seconds_today: int = 0
    """By the company on its own day, calls in progress included."""
    calls: int = 0
    """In progress, of this `voicebox serve`."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Allowed: dial this."""

    number: str
    """An extension, or E.164 with the plus sign."""
    mailbox: Mailbox | None = None
    """The colleague whose phones ring; None goes to the outbound peer."""
    internal: bool = True
    """Whether the call stays in the house, so that it neither costs nor counts."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not to be dialled."""

    why: Refusal


def permit(
    company: Company, payer: Mailbox, number: str, settings: Outbound, *, owner: Owner | None, usage: Usage
) -> Dial | Refused:
    """Decide whether a mailbox may have a number dialled.

    Args:
        company: the mailbox's; its country decides what an emergency number is.
        payer: the mailbox that pays for the call, and is named as its origin.
        number: an extension or E.164, as `OutCalls` reads it.
        settings: the installation's.
        owner: whose number of the company it is, if anybody's (`Directory.find_line`).
        usage: what limits are compared with.
    """
    colleague = None if owner is None or owner.alias else owner.mailbox
    why = always_refused(number, company.country_code, colleague=colleague)
    if number in {payer.number, payer.phone} or (owner is not None and owner.mailbox.id == payer.id):
        why = why or Refusal.OWN_NUMBER
    if why is not None:
        return Refused(why)
    if colleague is not None:
        return Dial(colleague.number, colleague)
    if settings.peer is None:
        return Refused(Refusal.NO_PEER)
    if not number.startswith("+"):
        # A telephone of the exchange that has no mailbox: the switchboard, most of all.
        return Dial(number) if settings.extensions else Refused(Refusal.NOT_ALLOWED)
    return _within_limits(number, settings, usage)


def always_refused(number: str, country_code: str, *, colleague: Mailbox | None = None) -> Refusal | None:
    """Say why a number is never dialled, whatever the settings; None where it depends on them.

    Args:
        number: as for `permit`.
        country_code: the company's.
        colleague: the mailbox whose extension or number it is, if any.
    """
    external = bool(_E164.fullmatch(number))
    extension = bool(_EXTENSION.fullmatch(number)) or (colleague is not None and number == colleague.number)
    if not external and not extension and number not in EMERGENCY_ANYWHERE:
        return Refusal.NOT_A_NUMBER
    if _emergency(number, country_code, known=colleague is not None):
        return Refusal.EMERGENCY
    if colleague is not None:
        return None
    if external:
        return _dear(number)
    return Refusal.PREMIUM if _service(number, country_code) else None


def left_s(settings: Outbound, seconds_today: int) -> int:
    """Return how many seconds of a day's budget are left; below zero where more were used."""
    return settings.daily_budget_min * 60 - seconds_today


def _within_limits(number: str, settings: Outbound, usage: Usage) -> Dial | Refused:
    if not number.startswith(settings.allow):
        return Refused(Refusal.NOT_ALLOWED)
    if usage.calls >= settings.max_calls:
        return Refused(Refusal.TOO_MANY_CALLS)
    if left_s(settings, usage.seconds_today) <= 0:
        return Refused(Refusal.BUDGET_SPENT)
    return Dial(number, internal=False)


@lru_cache(maxsize=4096)
def _emergency(number: str, country_code: str, *, known: bool) -> bool:
    """Tell whether a number reaches an emergency service of its country or of the company's.

    An exchange may connect to 112 as soon as it has read these digits, so that further ones do not help; a number that
    is `known` as somebody's (1101) is not sent out as such.
    """
    if number in EMERGENCY_ANYWHERE:
        return True
    if number.startswith("+"):
        code, national = _parts(number)
        return national in EMERGENCY_ANYWHERE or bool(shortnumberinfo.is_emergency_number(national, _region(code)))
    region = _region(country_code)
    if known:
        return bool(shortnumberinfo.is_emergency_number(number, region))
    return bool(shortnumberinfo.connects_to_emergency_number(number, region))


@lru_cache(maxsize=4096)
def _dear(number: str) -> Refusal | None:
    """Say why an E.164 number is no usual call; None where it is one."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Refusal.NOT_A_NUMBER
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if written != number or not phonenumbers.is_possible_number(parsed):
        # What the library corrects silently (+49 0900 …) would be checked as one number and dialled as another.
        return Refusal.NOT_A_NUMBER
    code, national = _parts(number)
    kind = phonenumbers.number_type(parsed)
    ours = _DEAR_PREFIXES.get(code)
    if ours is not None and national.startswith(ours):
        return Refusal.PREMIUM
    if kind == PhoneNumberType.UNKNOWN:
        # At home new ranges come before the library knows them; abroad they are where the fraud is.
        return None if ours is not None else Refusal.PREMIUM
    return None if kind in _USUAL else Refusal.PREMIUM


@lru_cache(maxsize=4096)
def _service(number: str, country_code: str) -> bool:
    """Tell whether an extension that nobody has is a short number of the country: enquiries, an office (115)."""
    try:
        parsed = phonenumbers.parse(number, _region(country_code))
    except phonenumbers.NumberParseException:
        return False  # one digit: the switchboard
    return bool(shortnumberinfo.is_valid_short_number_for_region(parsed, _region(country_code))) or (
        country_code == "49" and number.startswith("118")
    )


def _parts(number: str) -> tuple[str, str]:
    """Split an E.164 number into its country code and what follows."""
    digits = number[1:]
    code = next((digits[:length] for length in (1, 2, 3) if _region(digits[:length]) != "ZZ"), digits[:3])
    return code, digits[len(code) :]


@lru_cache(maxsize=1024)
def _region(country_code: str) -> str:
    """Return the library's name of the country that leads a code (US for 1), or ZZ."""
    return str(phonenumbers.region_code_for_country_code(int(country_code)))
