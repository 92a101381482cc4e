"""German spoken grammar: numbers, counts, times of day, dates and lengths, each written out as it is said."""

from collections.abc import Iterator
from typing import Final

from prompts.utterance import WHOLE_LENGTHS, Utterance

_UNITS: Final = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_TEENS: Final = (
    *("zehn", "elf", "zwölf", "dreizehn", "vierzehn"),
    *("fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"),
)
_TENS: Final = ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
_JOINED: Final = ("", "ein", *_UNITS[2:])
"""The units as first part of a longer word: einundzwanzig, einhundert."""
WEEKDAYS: Final = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS: Final = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
_PLACES: Final = {"first": "Erste", "next": "Nächste", "previous": "Vorherige"}
_STATES: Final = {"new": "neue Nachricht", "saved": "gespeicherte Nachricht", "deleted": "gelöschte Nachricht"}
_MARKS: Final = {
    "": ".",
    "-urgent": ", dringend.",
    "-confidential": ", vertraulich.",
    "-both": ", dringend und vertraulich.",
}


def word(n: int) -> str:
    """Return a number from 0 to 99 as a word: einundzwanzig."""
    if n < 10:
        return _UNITS[n]
    if n < 20:
        return _TEENS[n - 10]
    tens, unit = divmod(n, 10)
    return _TENS[tens] if unit == 0 else f"{_JOINED[unit]}und{_TENS[tens]}"


def article(n: int) -> str:
    """Return a number as it stands before a feminine noun: eine Nachricht, drei Nachrichten, keine Nachrichten."""
    match n:
        case 0:
            return "keine"
        case 1:
            return "eine"
        case _:
            return word(n)


def clock_hour(hour: int) -> str:
    """Return the hour as the clock says it: ein Uhr, einundzwanzig Uhr."""
    return "ein Uhr" if hour == 1 else f"{word(hour)} Uhr"


def year_words(year: int) -> str:
    """Return a year of this century as it is said: zweitausendsechsundzwanzig."""
    rest = year - 2000
    return "zweitausend" + (word(rest) if rest else "")


def number(n: int) -> tuple[str, ...]:
    """Return the ids that say a number from 0 to 9,999: einhundert, eins."""
    if n < 100:
        return (f"number-{n}",)
    thousands, hundreds, rest = n // 1000 * 1000, n % 1000 // 100 * 100, n % 100
    opening = [f"number-{part}-on" for part in (thousands, hundreds) if part]
    return (*opening, f"number-{rest}") if rest else (*opening[:-1], opening[-1].removesuffix("-on"))


def clock(hour: int, minute: int) -> tuple[str, ...]:
    """Return the ids that say a time of day: einundzwanzig Uhr, dreißig."""
    if minute == 0:
        return (f"clock-whole-{hour}",)
    return (f"clock-hour-{hour}", f"number-{minute}")


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
    for size, name in ((100, "hundert"), (1000, "tausend")):
        for n in range(1, 10):
            yield Utterance(f"number-{n * size}", f"{_JOINED[n]}{name}.", part=True)
            yield Utterance(f"number-{n * size}-on", f"{_JOINED[n]}{name},", part=True)


def _digits() -> Iterator[Utterance]:
    groups = [str(n) for n in range(10)] + [f"{n:02}" for n in range(100)]
    for group in groups:
        spoken = " ".join(_UNITS[int(digit)] for digit in group)
        yield Utterance(f"digits-{group}", f"{spoken}.", part=True)
        yield Utterance(f"digits-{group}-on", f"{spoken},", part=True)
    yield Utterance("digits-plus-on", "plus,", part=True)
    yield Utterance("digits-star", "Stern.", part=True)
    yield Utterance("digits-star-on", "Stern,", part=True)
    yield Utterance("digits-hash", "Raute.", part=True)
    yield Utterance("digits-hash-on", "Raute,", part=True)


def _counts() -> Iterator[Utterance]:
    for kind, adjective in (("new", "neue"), ("saved", "gespeicherte"), ("deleted", "gelöschte")):
        opening = "Sie haben " if kind == "new" else ""
        for n in range(21):
            ending = "n" if n == 0 else ""
            noun = "Nachricht" if n == 1 else "Nachrichten"
            text = f"{opening}{article(n)} {adjective}{ending} {noun}."
            yield Utterance(f"{kind}-messages-{n}", text[0].upper() + text[1:])
        yield Utterance(f"{kind}-messages-many", f"Anzahl der {adjective}n Nachrichten:", part=True)
    for n in range(1, 21):
        count = "eine" if n == 1 else word(n)
        yield Utterance(f"urgent-messages-{n}", f"Davon {'ist' if n == 1 else 'sind'} {count} dringend.")
    yield Utterance("urgent-messages-many", "Davon dringend:", part=True)
    for n in range(1, 21):
        yield Utterance(f"recipients-{n}", "Ein Empfänger." if n == 1 else f"{word(n).capitalize()} Empfänger.")
    yield Utterance("recipients-many", "Anzahl der Empfänger:", part=True)


def _clock() -> Iterator[Utterance]:
    for hour in range(24):
        yield Utterance(f"clock-whole-{hour}", f"{clock_hour(hour)}.", part=True)
        yield Utterance(f"clock-hour-{hour}", f"{clock_hour(hour)},", part=True)


def _dates() -> Iterator[Utterance]:
    yield Utterance("day-today", "Heute,", part=True)
    yield Utterance("day-yesterday", "Gestern,", part=True)
    for index, name in enumerate(WEEKDAYS):
        yield Utterance(f"weekday-{index}", f"{name},", part=True)
    for month, days in enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1):
        for day in range(1, days + 1):
            yield Utterance(f"date-{month:02}-{day:02}", f"der {day}. {MONTHS[month - 1]},", part=True)
    for year in range(2024, 2046):
        yield Utterance(f"year-{year}", f"{year_words(year)},", part=True)


def _lengths() -> Iterator[Utterance]:
    for n in range(1, 60):
        seconds = "eine Sekunde" if n == 1 else f"{word(n)} Sekunden"
        yield Utterance(f"seconds-{n}", f"{seconds}.", part=True)
    for n in range(1, 61):
        minutes = "eine Minute" if n == 1 else f"{word(n)} Minuten"
        yield Utterance(f"minutes-{n}", f"{minutes}.", part=True)
        if n <= WHOLE_LENGTHS:
            yield Utterance(f"minutes-{n}-on", f"{minutes},", part=True)
    yield Utterance("minutes-many", "in Minuten:", part=True)


def _headings() -> Iterator[Utterance]:
    for place, opening in _PLACES.items():
        for state, noun in _STATES.items():
            for mark, ending in _MARKS.items():
                yield Utterance(f"heading-{place}-{state}{mark}", f"{opening} {noun}{ending}")
