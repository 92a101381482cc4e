"""What is said of numbers and PINs of a directory file that cannot be used."""

from typing import Final

from voicebox import passcode
from voicebox.numbers import NumberProblem
from voicebox.outbound import Refusal
from voicebox.passcode import PinProblem

NUMBER_CURE: Final = 'Write it as "+49 2115551111", "02115551111" or "0211-555-1111".'
NUMBER_TEXTS: Final = {
    NumberProblem.EMPTY: "is empty",
    NumberProblem.CHARACTER: "has something else than digits, hyphens, spaces and a leading plus",
    NumberProblem.PLUS: "has a plus where none may be",
    NumberProblem.ZEROS: "begins with more than one 0",
    NumberProblem.ZERO_AFTER_PLUS: "has a 0 before or after its country code",
    NumberProblem.SEPARATOR: "has a hyphen or space at an end, or two in a row",
    NumberProblem.TOO_SHORT: "is too short for a telephone number",
    NumberProblem.TOO_LONG: "is too long for a telephone number",
    NumberProblem.COUNTRY: "begins with a country code that does not exist",
}
PIN_TEXTS: Final = {
    PinProblem.NOT_DIGITS: "is not made of digits only",
    PinProblem.TOO_SHORT: f"has fewer than {passcode.PIN_MIN_DIGITS} digits",
    PinProblem.TOO_LONG: f"has more than {passcode.PIN_MAX_DIGITS} digits",
    PinProblem.RUN: "has more than 3 digits in ascending or descending order",
    PinProblem.EQUAL_DIGITS: "has more than 3 equal digits in a row",
    PinProblem.REPEATED_BLOCK: "repeats one block of digits",
    PinProblem.OWN_NUMBER: "is one of the mailbox's own numbers",
    PinProblem.RECENT: "was used before",
}
REFUSAL_TEXTS: Final = {
    Refusal.NOT_A_NUMBER: "is not a number that can be dialled",
    Refusal.EMERGENCY: "is an emergency number, and never dialled",
    Refusal.PREMIUM: "costs more than a usual call, and is never dialled",
}
