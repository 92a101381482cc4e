"""Telephone numbers: what people type (strictly, voicemail.md row 5) and what signalling carries (leniently).

Both readings meet in E.164 (ITU-T E.164, RFC 3966 section 5.1.4), by the company's country and area code.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers

EXTENSION_MAX_DIGITS: Final = 5
"""Up to here a bare number is an extension and never a subscriber number of the town; numbers of the town with five
digits are so rare that reading an extension as one would harm more."""
LOCAL_MAX_DIGITS: Final = 8
"""The longest subscriber numbers dialled without their area code (Berlin, London) have eight digits."""
E164_MAX_DIGITS: Final = 15
TYPED_MAX_CHARS: Final = 40
"""Fifteen digits with a separator between any two, and some."""
SIGNALLED_MAX_CHARS: Final = 256
SIGNALLED_MAX_DIGITS: Final = 32

EMERGENCY_ANYWHERE: Final = frozenset({"110", "112", "911", "999", "000", "19222", "116117"})
"""Of every country: 112 is dialled all over the world, and travellers' phones know the others. Whatever their length,
what is dialled so is never read as a number of the town."""


@dataclass(frozen=True, slots=True)
class DialPlan:
    """How numbers of a company are read."""

    country_code: str
    """Digits only, such as 49."""
    area_code: str = ""
    """Without the leading zero, such as 211; empty where the country has none."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[1-9][0-9]{0,2}", self.country_code) or _region(self.country_code) == "ZZ":
            raise ValueError(f"{self.country_code!r} is no country code (digits only, such as 49)")
        if not re.fullmatch(r"[0-9]{0,8}", self.area_code):
            raise ValueError(f"{self.area_code!r} is no area code (digits only, such as 211)")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as signalling gave it: the readings under which it may be known to a company."""

    e164: str | None
    """With the plus sign; None where it can only be an extension."""
    digits: str
    """The digits as dialled, which may be an extension; empty for an international number."""

    @property
    def shown(self) -> str:
        """The number as records, mails and prompts show it: E.164 where it has one."""
        return self.e164 or self.digits


class NumberProblem(StrEnum):
    """Why a typed number is refused; each has its sentence in every catalogue."""

    EMPTY = "empty"
    CHARACTER = "character"
    """Something other than digits, hyphens, spaces and a leading plus."""
    PLUS = "plus"
    """A second plus, or one that is not in front."""
    ZEROS = "zeros"
    """More than one zero leads (the seed: only one may)."""
    ZERO_AFTER_PLUS = "zero-after-plus"
    """A country code follows the plus, and none begins with zero; nor does the zero of the area code belong there."""
    SEPARATOR = "separator"
    """A hyphen or space at an end, after the plus, or doubled."""
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    COUNTRY = "country"
    """No country has this code."""


class NumberRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A typed number is refused for `problem`; the text is for logs, translations go by `problem`."""

    def __init__(self, problem: NumberProblem) -> None:
        super().__init__(f"not a telephone number: {problem}")
        self.problem = problem


_TYPED: Final = re.compile(r"\+?[0-9]+(?:[ -][0-9]+)*")
_SCHEME: Final = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_HOST_ONLY: Final = re.compile(r"sips?:", re.IGNORECASE)
"""Begins a URI whose user part may be missing: the digits of an IP address are no number."""
_CONTEXT: Final = re.compile(r";phone-context=([^;]*)", re.IGNORECASE)
_GLOBAL: Final = re.compile(r"\+?[0-9.()-]+")
"""A context in digits. Lenient: without its plus, too."""
_VISUAL: Final = re.compile(r"[-. ()/\u00a0\u2010\u2011]")
_SIGNALLED: Final = re.compile(rf"\+?[0-9]{{1,{SIGNALLED_MAX_DIGITS}}}")


def parse_strict(text: str, plan: DialPlan) -> str:
    """Read a number that a person typed: row 5 of voicemail.md; return it in E.164.

    Digits with single spaces or hyphens between them, one plus or one zero in front. Without either it is a number
    of the company's own area, or a national one where the country has no prefix.

    Raises:
        NumberRefused: with the reason.
    """
    digits = _typed_digits(text)
    if digits.startswith("+"):
        return _checked(digits)
    if digits.startswith("0"):
        return _national(digits, plan)
    if len(digits) <= EXTENSION_MAX_DIGITS:
        raise NumberRefused(NumberProblem.TOO_SHORT)
    if len(digits) <= LOCAL_MAX_DIGITS and plan.area_code:
        return _checked(f"+{plan.country_code}{plan.area_code}{digits}")
    return _international_without_plus(digits, plan) or _national(digits, plan)


def parse_destination(text: str, plan: DialPlan) -> str:
    """Read a number that a person writes, to send calls to (row 17 and forwarding): an extension as it is, else E.164.

    Raises:
        NumberRefused: as for `parse_strict`; what is spelled as an extension is not looked up here.
    """
    digits = _typed_digits(text)
    if digits in EMERGENCY_ANYWHERE or (len(digits) <= EXTENSION_MAX_DIGITS and digits[0] not in "+0"):
        return digits
    return parse_strict(text, plan)


def parse_dialled(text: str, plan: DialPlan) -> Number | None:
    """Read what is to be dialled: by keys, as a phone deflects a call, or as it is stored; None where it is no number.

    Digits, with spaces and hyphens between them, and what leads abroad: a plus or, on keys, which have none, `00`.
    What else signalling may hold, such as a URI of somewhere else, is not dialled. Never raises.
    """
    plain = text.replace(" ", "").replace("-", "")
    if plain in EMERGENCY_ANYWHERE:
        return Number(None, plain)
    return _signalled(plain, plan) if _SIGNALLED.fullmatch(plain) else None


def parse_signalled(user: str, plan: DialPlan) -> Number | None:
    """Read a number from signalling, in any spelling seen in the field; None where there is none.

    Takes the user part of a Request-URI, To, From, P-Asserted-Identity or Diversion, also a whole `sip:` or `tel:`
    URI: `+…`, `00…`, national, local, an extension, visual separators (RFC 3966 section 5.1.1), parameters
    (RFC 3261 section 19.1.6), `phone-context`, and %-escapes. Never raises.
    """
    if len(user) > SIGNALLED_MAX_CHARS:
        return None
    return _signalled(user, plan)


def parse_named(address: str, plan: DialPlan, domain: str) -> Number | None:
    """Read a number that signalling names to be called: as `parse_signalled`, but only where it is valid.

    With a `phone-context` a local number is that place's and no other (RFC 3966 section 5.1.4): of digits, the number
    in E.164 that they make; of `domain` (ours), one of ours; of another domain, none that we could call. Never raises.
    """
    number = parse_signalled(address, plan)
    if number is None or not number.digits or (context := _context_of(address)) is None:
        return number
    if _GLOBAL.fullmatch(context):
        return _in_context(context, number.digits)
    return number if context.lower() == domain.lower() else None


def spellings(number: str, plan: DialPlan) -> frozenset[str]:
    """Return the digit strings by which a person knows an extension or an E.164 number, for the rule on PINs."""
    if not number.startswith("+"):
        return frozenset({number})
    digits = number[1:]
    found = {digits, "00" + digits}
    if digits.startswith(plan.country_code):
        national = digits.removeprefix(plan.country_code)
        found |= {national, "0" + national}
        if plan.area_code and national.startswith(plan.area_code):
            found.add(national.removeprefix(plan.area_code))
    return frozenset(found)


def _typed_digits(text: str) -> str:
    """Check row 5's spelling; return the digits, with the plus."""
    if not text:
        raise NumberRefused(NumberProblem.EMPTY)
    if len(text) > TYPED_MAX_CHARS:
        raise NumberRefused(NumberProblem.TOO_LONG)
    if re.search(r"[^0-9+ -]", text):
        raise NumberRefused(NumberProblem.CHARACTER)
    if "+" in text[1:]:
        raise NumberRefused(NumberProblem.PLUS)
    if not _TYPED.fullmatch(text):
        raise NumberRefused(NumberProblem.SEPARATOR)
    digits = text.replace(" ", "").replace("-", "")
    if digits.startswith("+0"):
        raise NumberRefused(NumberProblem.ZERO_AFTER_PLUS)
    if digits.startswith("00"):
        raise NumberRefused(NumberProblem.ZEROS)
    return digits


def _checked(plus_digits: str) -> str:
    """Return an E.164 number whose country exists and whose length that country has."""
    try:
        parsed = phonenumbers.parse(plus_digits)
    except phonenumbers.NumberParseException as error:
        raise NumberRefused(_PARSE_PROBLEMS.get(error.error_type, NumberProblem.TOO_SHORT)) from None
    found = _possible(parsed)
    if found != plus_digits:
        # +49 0211 …: the library drops the zero that the sender should not have written.
        raise NumberRefused(NumberProblem.ZERO_AFTER_PLUS)
    return found


def _national(digits: str, plan: DialPlan) -> str:
    region = _region(plan.country_code)
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException as error:
        raise NumberRefused(_PARSE_PROBLEMS.get(error.error_type, NumberProblem.TOO_SHORT)) from None
    if parsed.italian_leading_zero and _trunk_prefix(region) == "0":
        # Too short to lose its zero, so the library took the zero for a part of the number, as Italy has it.
        raise NumberRefused(NumberProblem.TOO_SHORT)
    return _possible(parsed)


def _international_without_plus(digits: str, plan: DialPlan) -> str | None:
    """Read 49211… as +49211…: many trunks and some people leave the plus out."""
    if len(digits) <= LOCAL_MAX_DIGITS + 1 or not digits.startswith(plan.country_code):
        return None
    return _valid(f"+{digits}")


def _possible(parsed: phonenumbers.PhoneNumber) -> str:
    """Return it in E.164 if its length can be right.

    Length only: the library's number ranges are older than the numbers that operators assign.
    """
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason in _LENGTH_PROBLEMS:
        raise NumberRefused(_LENGTH_PROBLEMS[reason])
    e164 = str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    if len(e164) > 1 + E164_MAX_DIGITS:
        raise NumberRefused(NumberProblem.TOO_LONG)
    return e164


def _valid(plus_digits: str) -> str | None:
    """Return an international number if its range is known to exist: for spellings that are a guess."""
    try:
        parsed = phonenumbers.parse(plus_digits)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed) or len(plus_digits) > 1 + E164_MAX_DIGITS:
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=4096)
def _signalled(user: str, plan: DialPlan) -> Number | None:
    user = user.strip().removeprefix("<")
    if "@" not in user and _HOST_ONLY.match(user):
        return None
    text = _SCHEME.sub("", user, count=1).partition("@")[0].partition(";")[0]
    text = _VISUAL.sub("", unquote(text))
    if not _SIGNALLED.fullmatch(text):
        return None
    if text.startswith("+"):
        return _international(text)
    if text.startswith("00"):
        return _international("+" + text[2:]) or Number(None, text)
    context = _context_of(user)
    if context is not None and _GLOBAL.fullmatch(context) and (found := _in_context(context, text)) is not None:
        return Number(found.e164, text)
    if len(text) <= EXTENSION_MAX_DIGITS:
        return Number(None, text)
    return Number(_guessed(text, plan), text)


def _context_of(address: str) -> str | None:
    """Return where a local number is valid: digits, or a domain; None where it does not say."""
    found = _CONTEXT.search(unquote(address.partition("@")[0]))
    return found[1].strip(" >") if found else None


def _in_context(context: str, digits: str) -> Number | None:
    """Read a local number of a global context."""
    return _international("+" + _VISUAL.sub("", context.removeprefix("+")) + digits)


def _international(plus_digits: str) -> Number | None:
    """Read a number in international form; a zero of the area code left in it is dropped."""
    try:
        return Number(_possible(phonenumbers.parse(plus_digits)), "")
    except (phonenumbers.NumberParseException, NumberRefused):
        return None


def _guessed(digits: str, plan: DialPlan) -> str | None:
    """Read what came without a plus: local, international without plus, national, of another country; in this order."""
    if digits.startswith("0"):
        return _national_or_none(digits, plan)
    if len(digits) <= LOCAL_MAX_DIGITS and plan.area_code:
        found = _international(f"+{plan.country_code}{plan.area_code}{digits}")
        return found.e164 if found else None
    return (
        _international_without_plus(digits, plan)
        or _valid(f"+{plan.country_code}{digits}")
        or _valid(f"+{digits}")
        or _national_or_none(digits, plan)
    )


def _national_or_none(digits: str, plan: DialPlan) -> str | None:
    try:
        return _national(digits, plan)
    except NumberRefused:
        return None


@lru_cache(maxsize=256)
def _region(country_code: str) -> str:
    """Return the library's name of the country that leads a code (US for 1), or ZZ."""
    return str(phonenumbers.region_code_for_country_code(int(country_code)))


@lru_cache(maxsize=256)
def _trunk_prefix(region: str) -> str:
    """Return what a country dials before an area code (0 in Germany, nothing in Italy)."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return (metadata.national_prefix or "") if metadata else ""


_LENGTH_PROBLEMS: Final = {
    phonenumbers.ValidationResult.TOO_SHORT: NumberProblem.TOO_SHORT,
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: NumberProblem.TOO_SHORT,
    phonenumbers.ValidationResult.TOO_LONG: NumberProblem.TOO_LONG,
    phonenumbers.ValidationResult.INVALID_LENGTH: NumberProblem.TOO_SHORT,
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: NumberProblem.COUNTRY,
}
_PARSE_PROBLEMS: Final = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: NumberProblem.COUNTRY,
    phonenumbers.NumberParseException.NOT_A_NUMBER: NumberProblem.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: NumberProblem.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_SHORT_NSN: NumberProblem.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_LONG: NumberProblem.TOO_LONG,
}
