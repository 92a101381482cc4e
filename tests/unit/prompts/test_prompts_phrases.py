from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts import phrases
from prompts.catalogue import UnknownUtteranceError, catalogue, known
from prompts.phrases import Greeting, Menu, Phrase, Variant
from prompts.tones import GROUP_PAUSE, RECORD
from voicebox.i18n import Language
from voicebox.message import Caller, Counts, State

DE, EN = Language.DE, Language.EN
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
"""A Sunday."""
COUNTS = (0, 1, 2, 20, 21, 101)


def words(phrase: Phrase) -> str:
    """What is heard: the texts in order, pauses as a dot, joints and full stops left out."""
    texts = catalogue(phrase.language)
    return " ".join("·" if each == GROUP_PAUSE else texts[each].text.rstrip(".,:") for each in phrase.ids)


@pytest.mark.parametrize(
    ("count", "german", "english"),
    [
        (0, "Sie haben keine neuen Nachrichten", "You have no new messages"),
        (1, "Sie haben eine neue Nachricht", "You have one new message"),
        (2, "Sie haben zwei neue Nachrichten", "You have two new messages"),
        (20, "Sie haben zwanzig neue Nachrichten", "You have twenty new messages"),
        (21, "Anzahl der neuen Nachrichten einundzwanzig", "Number of new messages twenty-one"),
        (101, "Anzahl der neuen Nachrichten einhundert eins", "Number of new messages one hundred and one"),
    ],
)
def test_new_messages_agree_with_their_number(count: int, german: str, english: str) -> None:
    assert words(phrases.new_messages(DE, count)) == german
    assert words(phrases.new_messages(EN, count)) == english


@pytest.mark.parametrize(
    ("count", "saved", "deleted"),
    [
        (0, "Keine gespeicherten Nachrichten", "Keine gelöschten Nachrichten"),
        (1, "Eine gespeicherte Nachricht", "Eine gelöschte Nachricht"),
        (3, "Drei gespeicherte Nachrichten", "Drei gelöschte Nachrichten"),
    ],
)
def test_saved_and_deleted_messages_agree_in_german(count: int, saved: str, deleted: str) -> None:
    assert words(phrases.saved_messages(DE, count)) == saved
    assert words(phrases.deleted_messages(DE, count)) == deleted


def test_counts_up_to_twenty_are_one_utterance() -> None:
    for language in Language:
        for say in (phrases.new_messages, phrases.saved_messages, phrases.deleted_messages):
            assert all(len(say(language, count).ids) == 1 for count in range(21))


def test_urgent_ones_and_recipients_agree() -> None:
    assert words(phrases.urgent_messages(DE, 1)) == "Davon ist eine dringend"
    assert words(phrases.urgent_messages(EN, 2)) == "Two of them are urgent"
    assert words(phrases.recipients(DE, 1)) == "Ein Empfänger"
    assert words(phrases.recipients(EN, 21)) == "Number of recipients twenty-one"


def test_the_counts_of_a_mailbox_leave_out_what_is_not_there() -> None:
    assert words(phrases.message_counts(DE, Counts(0, 0, 0, 0))) == "Sie haben keine Nachrichten"
    assert phrases.message_counts(EN, Counts(3, 0, 0, 0)).ids == ("new-messages-3",)
    full = phrases.message_counts(EN, Counts(new=3, saved=2, new_urgent=1, saved_urgent=1))
    assert full.ids == ("new-messages-3", "urgent-messages-1", "saved-messages-2")
    assert full.title == "counts"
    only_saved = phrases.message_counts(DE, Counts(0, 1, 0, 0))
    assert words(only_saved) == "Sie haben keine neuen Nachrichten Eine gespeicherte Nachricht"


@pytest.mark.parametrize(
    ("n", "german", "english"),
    [
        (0, "null", "zero"),
        (21, "einundzwanzig", "twenty-one"),
        (99, "neunundneunzig", "ninety-nine"),
        (100, "einhundert", "one hundred"),
        (1000, "eintausend", "one thousand"),
        (1005, "eintausend fünf", "one thousand and five"),
        (2300, "zweitausend dreihundert", "two thousand three hundred"),
        (
            9999,
            "neuntausend neunhundert neunundneunzig",
            "nine thousand nine hundred and ninety-nine",
        ),
        (12345, "eins zwei drei vier fünf", "one two three four five"),
    ],
)
def test_numbers_are_said_whole_up_to_9999(n: int, german: str, english: str) -> None:
    assert words(phrases.number(DE, n)) == german
    assert words(phrases.number(EN, n)) == english


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0"):
        phrases.number(DE, -1)


def test_digits_go_in_pairs_with_a_single_one_first() -> None:
    assert phrases.digits(EN, "12345").ids == ("digits-1-on", "digits-23-on", "digits-45")
    assert phrases.digits(EN, "1001").ids == ("digits-10-on", "digits-01")
    assert phrases.digits(DE, "7").ids == ("digits-7",)


def test_groups_of_digits_are_apart_and_only_the_last_falls() -> None:
    assert phrases.digits(DE, "0211-55").ids == ("digits-02-on", "digits-11-on", GROUP_PAUSE, "digits-55")


def test_star_hash_and_plus_are_said() -> None:
    assert words(phrases.digits(DE, "*21#")) == "Stern zwei eins Raute"
    assert phrases.digits(EN, "+").ids == ("digits-plus-on",)


@pytest.mark.parametrize("nothing", ["", " - ", "abc", "٣"])
def test_without_digits_nothing_is_said(nothing: str) -> None:
    assert phrases.digits(DE, nothing).ids == ()


def test_a_number_of_the_own_country_is_said_as_it_is_dialled() -> None:
    own = phrases.phone_number(DE, "+492115551001", "49")
    assert words(own) == "null zwei eins eins · fünf fünf fünf eins null null eins"
    foreign = phrases.phone_number(EN, "+492115551001", "44")
    assert words(foreign) == "plus four nine · two one one · five five five one zero zero one"


@pytest.mark.parametrize("odd", ["+", "+999999999999999999", "+49"])
def test_a_number_that_no_plan_knows_is_still_said(odd: str) -> None:
    assert phrases.phone_number(DE, odd).ids[0] == "digits-plus-on"


@pytest.mark.parametrize(
    ("hour", "minute", "german", "english"),
    [
        (0, 0, "null Uhr", "midnight"),
        (0, 5, "null Uhr fünf", "twelve oh five a.m"),
        (1, 0, "ein Uhr", "one a.m"),
        (1, 1, "ein Uhr eins", "one oh one a.m"),
        (12, 0, "zwölf Uhr", "twelve noon"),
        (12, 30, "zwölf Uhr dreißig", "twelve thirty p.m"),
        (21, 0, "einundzwanzig Uhr", "nine p.m"),
        (21, 30, "einundzwanzig Uhr dreißig", "nine thirty p.m"),
        (23, 59, "dreiundzwanzig Uhr neunundfünfzig", "eleven fifty-nine p.m"),
    ],
)
def test_times_of_day(hour: int, minute: int, german: str, english: str) -> None:
    moment = datetime(2026, 11, 22, hour, minute, 59, tzinfo=UTC)
    assert words(phrases.clock_time(DE, moment, UTC)) == german
    assert words(phrases.clock_time(EN, moment, UTC)) == english


def test_the_clock_is_the_listeners_across_the_change_of_time() -> None:
    # 2026-10-25 at 01:00 UTC, Berlin goes back from 03:00 to 02:00.
    before, after = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert words(phrases.clock_time(DE, before, BERLIN)) == "zwei Uhr dreißig"
    assert words(phrases.clock_time(DE, after, BERLIN)) == "zwei Uhr dreißig"
    assert words(phrases.clock_time(DE, after + timedelta(hours=1), BERLIN)) == "drei Uhr dreißig"


@pytest.mark.parametrize(
    ("moment", "german", "english"),
    [
        (datetime(2026, 11, 22, 0, 30, tzinfo=UTC), "Heute", "Today"),
        (datetime(2026, 11, 21, 23, 30, tzinfo=UTC), "Heute", "Today"),
        (datetime(2026, 11, 21, 22, 30, tzinfo=UTC), "Gestern", "Yesterday"),
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "Freitag", "Friday"),
        (datetime(2026, 11, 16, 12, 0, tzinfo=UTC), "Montag", "Monday"),
        (datetime(2026, 11, 15, 12, 0, tzinfo=UTC), "der 15. November", "the fifteenth of November"),
        (datetime(2025, 12, 31, 22, 59, tzinfo=UTC), "der 31. Dezember zweitausendfünfundzwanzig", None),
        (datetime(2025, 12, 31, 23, 1, tzinfo=UTC), "der 1. Januar", "the first of January"),
        (datetime(2025, 11, 24, 12, 0, tzinfo=UTC), None, "the twenty-fourth of November twenty twenty-five"),
        (datetime(2024, 2, 29, 12, 0, tzinfo=UTC), None, "the twenty-ninth of February twenty twenty-four"),
        (datetime(2026, 11, 23, 12, 0, tzinfo=UTC), "der 23. November", "the twenty-third of November"),
        (datetime(1999, 1, 1, 12, 0, tzinfo=UTC), "der 1. Januar", "the first of January"),
    ],
)
def test_days_are_named_in_the_listeners_zone(moment: datetime, german: str | None, english: str | None) -> None:
    if german is not None:
        assert words(phrases.day(DE, moment, BERLIN, NOW)) == german
    if english is not None:
        assert words(phrases.day(EN, moment, BERLIN, NOW)) == english


def test_a_date_of_last_year_that_is_near_goes_without_the_year() -> None:
    january = datetime(2027, 1, 10, 12, tzinfo=UTC)
    assert words(phrases.day(DE, datetime(2026, 12, 24, 12, tzinfo=UTC), BERLIN, january)) == "der 24. Dezember"


def test_yesterday_is_a_calendar_day_even_when_it_has_25_hours() -> None:
    after_the_change = datetime(2026, 10, 26, 22, 59, tzinfo=UTC)
    assert words(phrases.day(EN, datetime(2026, 10, 24, 22, 1, tzinfo=UTC), BERLIN, after_the_change)) == "Yesterday"


def test_received_joins_day_and_time() -> None:
    phrase = phrases.received(DE, datetime(2026, 11, 21, 20, 30, tzinfo=UTC), BERLIN, NOW)
    assert words(phrase) == "Gestern einundzwanzig Uhr dreißig"
    assert phrase.title == "received"


@pytest.mark.parametrize(
    ("seconds", "german", "english"),
    [
        (0, "eine Sekunde", "one second"),
        (1.4, "eine Sekunde", "one second"),
        (1.5, "zwei Sekunden", "two seconds"),
        (59.6, "eine Minute", "one minute"),
        (61, "eine Minute eine Sekunde", "one minute one second"),
        (125, "zwei Minuten fünf Sekunden", "two minutes five seconds"),
        (1259, "zwanzig Minuten neunundfünfzig Sekunden", "twenty minutes fifty-nine seconds"),
        (1260 + 29, "einundzwanzig Minuten", "twenty-one minutes"),
        (1260 + 30, "zweiundzwanzig Minuten", "twenty-two minutes"),
        (3600, "sechzig Minuten", "sixty minutes"),
        (54_000, "in Minuten neunhundert", "in minutes nine hundred"),
    ],
)
def test_lengths(seconds: float, german: str, english: str) -> None:
    assert words(phrases.length(DE, seconds)) == german
    assert words(phrases.length(EN, seconds)) == english


def test_a_messages_length_is_introduced() -> None:
    assert words(phrases.message_length(DE, 125)) == "Länge zwei Minuten fünf Sekunden"


def test_headings_are_one_utterance() -> None:
    assert words(phrases.heading(DE, "first", State.NEW, urgent=True)) == "Erste neue Nachricht, dringend"
    assert words(phrases.heading(EN, "next", State.SAVED)) == "Next saved message"
    both = phrases.heading(DE, "previous", State.DELETED, urgent=True, confidential=True)
    assert words(both) == "Vorherige gelöschte Nachricht, dringend und vertraulich"
    assert words(phrases.heading(EN, "next", State.NEW, confidential=True)) == "Next new message, confidential"


def test_marks() -> None:
    assert phrases.marks(DE) is None
    assert phrases.marks(DE, urgent=True) == Phrase(DE, ("envelope-urgent",))
    assert phrases.marks(EN, urgent=True, confidential=True) == Phrase(EN, ("envelope-urgent-confidential",))


def test_a_withheld_number_is_never_said() -> None:
    assert phrases.caller(DE, Caller("+492115551001", withheld=True), "49").ids == ("caller-withheld",)


def test_callers() -> None:
    assert phrases.caller(DE, Caller(None)).ids == ("caller-unknown",)
    assert phrases.caller(DE, Caller("anonymous")).ids == ("caller-unknown",)
    assert words(phrases.caller(DE, Caller("105"))) == "Von der Durchwahl eins null fünf"
    assert phrases.caller(EN, Caller("+442079460000"), "44").ids[0] == "caller-number"


def test_greetings_keep_the_name_that_the_trace_shows() -> None:
    assert phrases.greeting(DE, Greeting.UNAVAILABLE) == Phrase(DE, ("greeting-unavailable",))
    with_number = phrases.greeting(EN, Greeting.BUSY, "+492115551001", "49")
    assert with_number.title == "greeting-busy"
    assert with_number.ids[0] == "greeting-mailbox-of-number"
    assert with_number.ids[-1] == "greeting-named-busy"
    assert phrases.greeting_after_name(DE, Greeting.AWAY).title == "greeting-away"
    assert known(DE, phrases.greeting_before_name(DE).ids[0])


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", Greeting)
def test_every_greeting_can_be_said(language: Language, kind: Greeting) -> None:
    for phrase in (phrases.greeting(language, kind), phrases.greeting(language, kind, "1001")):
        assert all(known(language, each) for each in phrase.ids)


def test_the_mailbox_being_opened_is_named() -> None:
    assert words(phrases.mailbox_opened(DE, "1001")) == "Mailbox der Rufnummer eins null null eins"


MENUS = {
    Menu.REVIEW: "1234567890*#".translate({ord(key): None for key in "6789"}),
    Menu.DISCARD: "1*",
    Menu.CONFIRM: "1*",
    Menu.MAIN: "1345689*#",
    Menu.MAILBOX: "1234567890*#",
    Menu.MESSAGE: "#759*",
    Menu.PLAYING: "123460",
    Menu.AFTER: "2468",
    Menu.MORE: "123456*#",
    Menu.DELETED: "24567*#",
    Menu.SENT: "4567*",
    Menu.PASSCODE: "*",
    Menu.GREETING: "123456*#",
    Menu.AWAY: "12345*#",
    Menu.NAME: "123*#",
    Menu.FORWARDING: "1234*#",
    Menu.COMPOSE: "1234567*#",
    Menu.FORWARD: "1234567*#",
    Menu.REPLY: "12367*#",
    Menu.SEND: "*#",
}
"""Every key of phone-menus.md, and of the menu of sent messages."""

SPOKEN_KEYS = {
    DE: "Null Eins Zwei Drei Vier Fünf Sechs Sieben Acht Neun Stern-Taste Raute-Taste",
    EN: "zero one two three four five six seven eight nine star hash",
}
NUMERALS = {
    language: dict(zip("0123456789*#", spoken.split(), strict=True)) for language, spoken in SPOKEN_KEYS.items()
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("menu", Menu)
def test_every_option_of_every_menu_names_its_own_key(language: Language, menu: Menu) -> None:
    for key in MENUS[menu]:
        said = words(phrases.option(language, menu, key))
        assert said.endswith(NUMERALS[language][key]), said


@pytest.mark.parametrize("language", Language)
def test_variants_say_the_opposite_with_the_same_key(language: Language) -> None:
    for menu, key, variant in (
        (Menu.REVIEW, "4", Variant.OFF),
        (Menu.REVIEW, "5", Variant.OFF),
        (Menu.MAILBOX, "6", Variant.ON),
        (Menu.MESSAGE, "7", Variant.RESTORE),
        (Menu.PLAYING, "2", Variant.RESUME),
    ):
        other = phrases.option(language, menu, key, variant)
        assert words(other).endswith(NUMERALS[language][key])
        assert other != phrases.option(language, menu, key)


def test_an_option_that_nobody_wrote_is_an_error() -> None:
    with pytest.raises(UnknownUtteranceError, match="option-any-9"):
        phrases.option(DE, Menu.REVIEW, "9")
    with pytest.raises(UnknownUtteranceError):
        phrases.option(DE, Menu.MAIN, "1", Variant.OFF)


def test_options_are_said_in_order_and_named_after_the_menu() -> None:
    phrase = phrases.options(EN, Menu.REVIEW, ["1", ("4", Variant.OFF), "#"])
    assert phrase.ids == ("option-review-1", "option-review-4-off", "option-any-hash")
    assert phrase.title == "menu-review"


def test_a_refused_passcode_is_explained_and_an_unknown_reason_too() -> None:
    assert phrases.passcode_refused(DE, "run").ids == ("passcode-refused-run",)
    assert phrases.passcode_refused(DE, "something-new").ids == ("passcode-refused",)


def test_only_what_is_written_can_be_said() -> None:
    with pytest.raises(UnknownUtteranceError, match="no-such-thing"):
        phrases.say(DE, "no-such-thing")
    assert phrases.say(DE, "menu-main", RECORD, name="x") == Phrase(DE, ("menu-main", RECORD), "x")
    assert phrases.record_tone(EN).ids == (RECORD,)


def test_phrases_of_two_languages_do_not_join() -> None:
    with pytest.raises(ValueError, match="cannot join"):
        phrases.join([phrases.say(DE, "menu-main"), phrases.say(EN, "menu-main")])
    with pytest.raises(ValueError, match="no phrases"):
        phrases.join([])


def test_the_title_of_nothing_is_empty() -> None:
    assert Phrase(DE, ()).title == ""


languages = st.sampled_from(Language)
moments = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds and adds the zone
zones = st.sampled_from(["Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "UTC"]).map(ZoneInfo)


@given(languages, moments, moments, zones)
def test_any_moment_can_be_said(language: Language, moment: datetime, now: datetime, zone: ZoneInfo) -> None:
    phrase = phrases.received(language, moment, zone, now)
    assert phrase.ids
    assert all(known(language, each) for each in phrase.ids)


@given(languages, st.integers(0, 10**9), st.floats(0, 10**6))
def test_any_number_and_length_can_be_said(language: Language, n: int, seconds: float) -> None:
    for phrase in (
        phrases.number(language, n),
        phrases.new_messages(language, n),
        phrases.saved_messages(language, n),
        phrases.deleted_messages(language, n),
        phrases.length(language, seconds),
    ):
        assert phrase.ids
        assert all(known(language, each) for each in phrase.ids)


@given(languages, st.text(max_size=40), st.sampled_from(["", "49", "44", "1"]))
def test_any_caller_can_be_said(language: Language, number: str, country_code: str) -> None:
    for text in (number, f"+{number}", f"+49{number}"):
        phrase = phrases.caller(language, Caller(text), country_code)
        assert phrase.ids
        assert all(known(language, each) for each in phrase.ids)


@given(languages, st.text("0123456789", min_size=1, max_size=30))
def test_digits_are_said_one_for_one(language: Language, typed: str) -> None:
    said = "".join(each.removeprefix("digits-").removesuffix("-on") for each in phrases.digits(language, typed).ids)
    assert said == typed


@given(languages, st.integers(0, 9_999))
def test_a_number_is_the_sum_of_its_parts(language: Language, n: int) -> None:
    parts = [int(each.removeprefix("number-").split("-")[0]) for each in phrases.number(language, n).ids]
    assert sum(parts) == n
