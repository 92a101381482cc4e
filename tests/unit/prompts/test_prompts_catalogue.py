import re
from collections import Counter

import pytest

from prompts import english, german
from prompts.catalogue import catalogue, known
from prompts.grammar import grammar
from prompts.phrases import Menu
from prompts.tones import TONES
from voicebox.i18n import Language
from voicebox.passcode import PinProblem

DE, EN = Language.DE, Language.EN
GRAMMAR_ONLY = re.compile(r"^(number|clock)-")
"""Families whose ids follow from how a language builds its numbers and times."""


def test_both_languages_say_the_same_things() -> None:
    here, there = ({key for key in catalogue(each) if not GRAMMAR_ONLY.match(key)} for each in (DE, EN))
    assert here == there


@pytest.mark.parametrize("language", Language)
def test_no_id_is_written_twice(language: Language) -> None:
    made = [utterance.id for utterance in grammar(language).utterances()]
    assert [key for key, times in Counter(made).items() if times > 1] == []
    assert len(catalogue(language)) > 1_300


@pytest.mark.parametrize("language", Language)
def test_the_order_is_fixed(language: Language) -> None:
    made = [each.id for each in grammar(language).utterances()]
    assert list(catalogue(language))[-len(made) :] == made


@pytest.mark.parametrize("language", Language)
def test_ids_are_plain_file_names(language: Language) -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key) for key in catalogue(language))
    assert not catalogue(language).keys() & TONES.keys()


@pytest.mark.parametrize("language", Language)
def test_every_text_is_finished(language: Language) -> None:
    for utterance in catalogue(language).values():
        assert utterance.text == utterance.text.strip(), utterance.id
        assert utterance.text[-1] in ".?,:", utterance.id
        assert "  " not in utterance.text, utterance.id
        assert "!" not in utterance.text, utterance.id


@pytest.mark.parametrize("language", Language)
def test_carriers_and_joints_are_parts_of_sentences(language: Language) -> None:
    assert [each.id for each in catalogue(language).values() if each.carrier and not each.part] == []


@pytest.mark.parametrize("language", Language)
def test_sentences_are_short_enough_for_a_driver(language: Language) -> None:
    for utterance in catalogue(language).values():
        if utterance.id.startswith("option-"):
            assert len(utterance.text) <= 75, utterance.text
        assert len(utterance.text) <= 160, utterance.text


def test_german_is_polite_and_typographically_right() -> None:
    text = " ".join(each.text for each in catalogue(DE).values())
    assert not re.search(r"\b(du|dich|dir|dein|deine|deiner|deinen|euch|ihr)\b", text)
    assert not re.search(r"\b(ss|zur Zeit|Email|e-mail|Voicemail|Passwort|PIN)\b", text)
    assert "ß" in text


def test_german_says_please_where_it_asks_for_something() -> None:
    for utterance in catalogue(DE).values():
        if re.search(r"\b(geben|sprechen|hinterlassen) Sie\b", utterance.text):
            assert "Bitte" in utterance.text, utterance.text


def test_english_is_british() -> None:
    text = " ".join(each.text for each in catalogue(EN).values())
    assert not re.search(r"\b(pound|canceled|star key|voicemail|zip)\b", text, re.IGNORECASE)


def test_the_two_languages_have_equal_sentence_kinds() -> None:
    for key, utterance in catalogue(DE).items():
        if key in catalogue(EN):
            assert utterance.carrier == catalogue(EN)[key].carrier, key
            assert utterance.text.endswith("?") == catalogue(EN)[key].text.endswith("?"), key


@pytest.mark.parametrize("language", Language)
def test_every_reason_to_refuse_a_passcode_has_its_sentence(language: Language) -> None:
    assert [each for each in PinProblem if not known(language, f"passcode-refused-{each}")] == []


@pytest.mark.parametrize("language", Language)
def test_every_option_belongs_to_a_menu(language: Language) -> None:
    menus = {key.split("-")[1] for key in catalogue(language) if key.startswith("option-")}
    assert menus == {*Menu, "any"}


@pytest.mark.parametrize(
    ("n", "de", "en"),
    [
        (0, "null", "zero"),
        (1, "eins", "one"),
        (11, "elf", "eleven"),
        (16, "sechzehn", "sixteen"),
        (17, "siebzehn", "seventeen"),
        (21, "einundzwanzig", "twenty-one"),
        (30, "dreißig", "thirty"),
        (40, "vierzig", "forty"),
        (66, "sechsundsechzig", "sixty-six"),
        (77, "siebenundsiebzig", "seventy-seven"),
        (80, "achtzig", "eighty"),
    ],
)
def test_number_words(n: int, de: str, en: str) -> None:
    assert (german.word(n), english.word(n)) == (de, en)


def test_number_words_are_all_different() -> None:
    assert len({german.word(n) for n in range(100)}) == len({english.word(n) for n in range(100)}) == 100


@pytest.mark.parametrize(
    ("n", "text"),
    [
        *[(1, "first"), (2, "second"), (3, "third"), (5, "fifth"), (8, "eighth"), (9, "ninth"), (12, "twelfth")],
        *[(11, "eleventh"), (13, "thirteenth"), (20, "twentieth"), (21, "twenty-first"), (30, "thirtieth")],
    ],
)
def test_english_ordinals(n: int, text: str) -> None:
    assert english.ordinal(n) == text


@pytest.mark.parametrize(
    ("year", "de", "en"),
    [
        (2000, "zweitausend", "two thousand"),
        (2005, "zweitausendfünf", "two thousand and five"),
        (2026, "zweitausendsechsundzwanzig", "twenty twenty-six"),
    ],
)
def test_years(year: int, de: str, en: str) -> None:
    assert (german.year_words(year), english.year_words(year)) == (de, en)


def test_a_year_has_366_dates_in_both_languages() -> None:
    for language in Language:
        dates = [key for key in catalogue(language) if key.startswith("date-")]
        assert len(dates) == 366
        assert "date-02-29" in dates
