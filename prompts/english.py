"""British English spoken grammar: numbers, counts, times of day, dates and lengths, each written out as it is said."""

from collections.abc import Iterator
from typing import Final

from prompts.utterance import WHOLE_LENGTHS, Utterance

_UNITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS: Final = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PLACES: Final = {"first": "First", "next": "Next", "previous": "Previous"}
_STATES: Final = {"new": "new message", "saved": "saved message", "deleted": "deleted message"}
_MARKS: Final = {
    "": ".",
    "-urgent": ", urgent.",
    "-confidential": ", confidential.",
    "-both": ", urgent and confidential.",
}


def word(n: int) -> str:
    """Return a number from 0 to 99 as a word: twenty-one."""
    if n < 10:
        return _UNITS[n]
    if n < 20:
        return _TEENS[n - 10]
    tens, unit = divmod(n, 10)
    return _TENS[tens] if unit == 0 else f"{_TENS[tens]}-{_UNITS[unit]}"


def ordinal(n: int) -> str:
    """Return a day of the month as an ordinal: twenty-first."""
    if n in _ORDINALS:
        return _ORDINALS[n]
    if n < 20:
        return f"{word(n)}th"
    tens, unit = divmod(n, 10)
    return f"{_TENS[tens][:-1]}ieth" if unit == 0 else f"{_TENS[tens]}-{ordinal(unit)}"


def year_words(year: int) -> str:
    """Return a year of this century as it is said: twenty twenty-six, two thousand and five."""
    rest = year - 2000
    match rest:
        case 0:
            return "two thousand"
        case _ if rest < 10:
            return f"two thousand and {word(rest)}"
        case _:
            return f"twenty {word(rest)}"


def number(n: int) -> tuple[str, ...]:
    """Return the ids that say a number from 0 to 9,999: one thousand, one hundred and, five."""
    if n < 100:
        return (f"number-{n}",)
    thousands, hundreds, rest = n // 1000 * 1000, n % 1000 // 100 * 100, n % 100
    parts = [part for part in (thousands, hundreds) if part]
    if not rest:
        return (*(f"number-{part}-on" for part in parts[:-1]), f"number-{parts[-1]}")
    return (*(f"number-{part}-on" for part in parts[:-1]), f"number-{parts[-1]}-and", f"number-{rest}")


def clock(hour: int, minute: int) -> tuple[str, ...]:
    """Return the ids that say a time of day on the twelve-hour clock: nine, thirty p.m."""
    if minute == 0:
        return (f"clock-whole-{hour}",)
    half = "am" if hour < 12 else "pm"
    return (f"clock-hour-{hour % 12 or 12}", f"clock-minute-{minute}-{half}")


def utterances() -> Iterator[Utterance]:
    """Yield every utterance that is made of numbers, in a fixed order."""
    yield from _numbers()
    yield from _digits()
    yield from _counts()
    yield from _clock()
    yield from _dates()
    yield from _lengths()
    yield from _headings()


def _numbers() -> Iterator[Utterance]:
    for n in range(100):
        yield Utterance(f"number-{n}", f"{word(n)}.", part=True)
    for size, name in ((100, "hundred"), (1000, "thousand")):
        for n in range(1, 10):
            yield Utterance(f"number-{n * size}", f"{word(n)} {name}.", part=True)
            yield Utterance(f"number-{n * size}-and", f"{word(n)} {name} and,", part=True)
    for n in range(1, 10):
        yield Utterance(f"number-{n}000-on", f"{word(n)} thousand,", part=True)


def _digits() -> Iterator[Utterance]:
    groups = [str(n) for n in range(10)] + [f"{n:02}" for n in range(100)]
    for group in groups:
        spoken = " ".join(_UNITS[int(digit)] for digit in group)
        yield Utterance(f"digits-{group}", f"{spoken}.", part=True)
        yield Utterance(f"digits-{group}-on", f"{spoken},", part=True)
    yield Utterance("digits-plus-on", "plus,", part=True)
    yield Utterance("digits-star", "star.", part=True)
    yield Utterance("digits-star-on", "star,", part=True)
    yield Utterance("digits-hash", "hash.", part=True)
    yield Utterance("digits-hash-on", "hash,", part=True)


def _counts() -> Iterator[Utterance]:
    for kind in ("new", "saved", "deleted"):
        opening = "You have " if kind == "new" else ""
        for n in range(21):
            text = f"{opening}{word(n) if n else 'no'} {kind} {'message' if n == 1 else 'messages'}."
            yield Utterance(f"{kind}-messages-{n}", text[0].upper() + text[1:])
        yield Utterance(f"{kind}-messages-many", f"Number of {kind} messages:", part=True)
    for n in range(1, 21):
        yield Utterance(f"urgent-messages-{n}", f"{word(n).capitalize()} of them {'is' if n == 1 else 'are'} urgent.")
    yield Utterance("urgent-messages-many", "Number of urgent messages:", part=True)
    for n in range(1, 21):
        yield Utterance(f"recipients-{n}", f"{word(n).capitalize()} {'recipient' if n == 1 else 'recipients'}.")
    yield Utterance("recipients-many", "Number of recipients:", part=True)


def _clock() -> Iterator[Utterance]:
    for hour in range(24):
        match hour:
            case 0:
                text = "midnight."
            case 12:
                text = "twelve noon."
            case _:
                text = f"{word(hour % 12)} {'a.m.' if hour < 12 else 'p.m.'}"
        yield Utterance(f"clock-whole-{hour}", text, part=True)
    for hour in range(1, 13):
        yield Utterance(f"clock-hour-{hour}", f"{word(hour)},", part=True)
    for minute in range(1, 60):
        spoken = f"oh {word(minute)}" if minute < 10 else word(minute)
        yield Utterance(f"clock-minute-{minute}-am", f"{spoken} a.m.", part=True)
        yield Utterance(f"clock-minute-{minute}-pm", f"{spoken} p.m.", part=True)


def _dates() -> Iterator[Utterance]:
    yield Utterance("day-today", "Today,", part=True)
    yield Utterance("day-yesterday", "Yesterday,", part=True)
    for index, name in enumerate(WEEKDAYS):
        yield Utterance(f"weekday-{index}", f"{name},", part=True)
    for month, days in enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1):
        for day in range(1, days + 1):
            yield Utterance(f"date-{month:02}-{day:02}", f"the {ordinal(day)} of {MONTHS[month - 1]},", part=True)
    for year in range(2024, 2046):
        yield Utterance(f"year-{year}", f"{year_words(year)},", part=True)


def _lengths() -> Iterator[Utterance]:
    for n in range(1, 60):
        seconds = f"{word(n)} {'second' if n == 1 else 'seconds'}"
        yield Utterance(f"seconds-{n}", f"{seconds}.", part=True)
    for n in range(1, 61):
        minutes = f"{word(n)} {'minute' if n == 1 else 'minutes'}"
        yield Utterance(f"minutes-{n}", f"{minutes}.", part=True)
        if n <= WHOLE_LENGTHS:
            yield Utterance(f"minutes-{n}-on", f"{minutes},", part=True)
    yield Utterance("minutes-many", "in minutes:", part=True)


def _headings() -> Iterator[Utterance]:
    for place, opening in _PLACES.items():
        for state, noun in _STATES.items():
            for mark, ending in _MARKS.items():
                yield Utterance(f"heading-{place}-{state}{mark}", f"{opening} {noun}{ending}")
