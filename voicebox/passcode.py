"""The PIN of a mailbox: which are accepted, and how one is made (voicemail.md, rows 1 and 2).

Two rule sets with their own reasons: the product's own (length, digits, runs), and a hardening set on top of it.
Phone, web, API and `apply` all call `check`.
"""

import secrets
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import Final

PIN_MIN_DIGITS: Final = 6
PIN_MAX_DIGITS: Final = 30
RUN_MAX_DIGITS: Final = 3
"""123 may stand in a PIN, 1234 may not."""
EQUAL_MAX_DIGITS: Final = 3
RECENT_PINS: Final = 5
"""So many earlier PINs may not come back."""

_ALWAYS_GOOD: Final = "123567"
"""The product's documentation shows this PIN as accepted, so no hardening may ever refuse it."""


class PinProblem(StrEnum):
    """Why a PIN is refused; each has its sentence in every catalogue."""

    NOT_DIGITS = "not-digits"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    RUN = "run"
    """More than three digits in ascending or descending order."""
    EQUAL_DIGITS = "equal-digits"
    """Hardening: more than three equal digits in a row."""
    REPEATED_BLOCK = "repeated-block"
    """Hardening: nothing but one block said again (121212, 123123)."""
    OWN_NUMBER = "own-number"
    """Hardening: the extension, number or an alias, forwards or backwards."""
    RECENT = "recent"
    """Hardening: one of the last five PINs."""


def check(
    pin: str, own_numbers: Iterable[str] = (), *, recent: bool = False, hardened: bool = True
) -> list[PinProblem]:
    """Return every reason to refuse a PIN, the product's rules first; an empty list accepts it.

    Args:
        pin: As typed.
        own_numbers: Digit strings the PIN may not be (see `voicebox.numbers.spellings`).
        recent: Whether it is one of the last `RECENT_PINS`; those are known as hashes only, so the caller compares.
        hardened: False leaves the second rule set out.
    """
    found = _product_rules(pin)
    if hardened and not found:
        found = _hardening(pin, own_numbers, recent=recent)
    return found


def generate(length: int = PIN_MIN_DIGITS, own_numbers: Iterable[str] = ()) -> str:
    """Return a random PIN that `check` accepts.

    Drawn from the system's generator and drawn again until it passes, so that every acceptable PIN is equally likely.

    Raises:
        ValueError: no PIN has that length.
    """
    if not PIN_MIN_DIGITS <= length <= PIN_MAX_DIGITS:
        raise ValueError(f"a PIN has {PIN_MIN_DIGITS} to {PIN_MAX_DIGITS} digits")
    own = tuple(own_numbers)
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(length))
        if not check(pin, own):
            return pin


def _product_rules(pin: str) -> list[PinProblem]:
    found = []
    # str.isdigit alone takes other scripts' digits, which no telephone sends.
    if not (pin.isascii() and pin.isdigit()):
        found.append(PinProblem.NOT_DIGITS)
    if len(pin) < PIN_MIN_DIGITS:
        found.append(PinProblem.TOO_SHORT)
    if len(pin) > PIN_MAX_DIGITS:
        found.append(PinProblem.TOO_LONG)
    if not found and (_longest(pin, step=1) > RUN_MAX_DIGITS or _longest(pin, step=-1) > RUN_MAX_DIGITS):
        found.append(PinProblem.RUN)
    return found


def _hardening(pin: str, own_numbers: Iterable[str], *, recent: bool) -> list[PinProblem]:
    if pin == _ALWAYS_GOOD:
        return []
    found = []
    if _longest(pin, step=0) > EQUAL_MAX_DIGITS:
        found.append(PinProblem.EQUAL_DIGITS)
    # A text that repeats a block is found again inside its own doubling before its end.
    if (pin + pin).find(pin, 1) < len(pin):
        found.append(PinProblem.REPEATED_BLOCK)
    if any(pin in (number, number[::-1]) for number in own_numbers):
        found.append(PinProblem.OWN_NUMBER)
    if recent:
        found.append(PinProblem.RECENT)
    return found


def _longest(pin: str, *, step: int) -> int:
    """Return the length of the longest stretch in which each digit is the one before plus `step` (9 to 0 is none)."""
    longest = length = 1
    for before, digit in pairwise(pin):
        length = length + 1 if ord(digit) - ord(before) == step else 1
        longest = max(longest, length)
    return longest
