"""The catalogue: every utterance of every language, by id.

Sentences and menu options are written in `texts/<language>.toml`, where a translator finds them; whatever is made of
numbers comes from the grammar of the language (`german`, `english`). The order is fixed.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from prompts.grammar import grammar
from prompts.tones import TONES
from prompts.utterance import Utterance
from voicebox.i18n import Language


class UnknownUtteranceError(LookupError):
    """No language has an utterance of this id: a mistake in the program, found by its tests."""


@cache
def catalogue(language: Language) -> Mapping[str, Utterance]:
    """Return every utterance of a language by id, in a fixed order.

    Raises:
        ValueError: an id is defined twice.
    """
    entries: dict[str, Utterance] = {}
    for utterance in (*_sentences(language), *grammar(language).utterances()):
        if utterance.id in entries:
            raise ValueError(f"the {language} catalogue defines {utterance.id} twice")
        entries[utterance.id] = utterance
    return MappingProxyType(entries)


def known(language: Language, utterance_id: str) -> bool:
    """Return whether an id can be said in a language, or is a computed tone."""
    return utterance_id in catalogue(language) or utterance_id in TONES


def _sentences(language: Language) -> Iterator[Utterance]:
    table = tomllib.loads((files("prompts") / "texts" / f"{language}.toml").read_text(encoding="utf-8"))
    for utterance_id, text in _flatten(table):
        yield Utterance(utterance_id, text, part=text.endswith(":"))


def _flatten(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, (*path, key))
        else:
            yield "-".join((*path, key)), value
