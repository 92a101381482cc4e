"""Every refusal has a text in both languages, with the same places to fill, and a line in the documentation."""

import re
import string
from pathlib import Path

import pytest

from voicebox.i18n import Language
from webmanager import wording
from webmanager.wording import STATUS, Code, field_text, text_of

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


class Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"<{name}>"


@pytest.mark.parametrize("code", Code)
def test_a_refusal_reads_in_german_and_in_english_and_tells_the_same(code: Code) -> None:
    german = text_of(code, Language.DE, Anything())
    english = text_of(code, Language.EN, Anything())
    assert german != english
    assert all(german + english)
    places = [set(re.findall(r"<\w+>", detail)) for _, detail in (german, english)]
    assert places[0] == places[1]
    assert 400 <= STATUS[code] <= 599


@pytest.mark.parametrize("code", sorted(wording._FIELD_TEXTS))
def test_a_wrong_field_reads_in_german_and_in_english(code: str) -> None:
    german, english = (field_text(code, language, Anything()) for language in (Language.DE, Language.EN))
    assert german != english
    assert not german.endswith(".")


def test_every_code_is_documented_with_its_status_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9]{3}) \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((code.value, str(STATUS[code])) for code in Code)


def test_every_field_code_is_documented() -> None:
    listed = re.search(r"The codes of fields are (.+?)\.", PAGE, re.DOTALL)
    assert listed is not None
    assert sorted(re.findall(r"`([a-z-]+)`", listed[1])) == sorted(wording._FIELD_TEXTS)


def test_texts_are_plain_format_strings() -> None:
    for german, english in wording._FIELD_TEXTS.values():
        for text in (german, english):
            assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(text))
