"""The grammar of a language: what `prompts.german` and `prompts.english` both offer, as modules."""

from collections.abc import Iterator
from typing import Protocol

from prompts import english, german
from prompts.utterance import Utterance
from voicebox.i18n import Language


class Grammar(Protocol):
    """How a language says numbers and times, as ids, and the utterances behind those ids."""

    def number(self, n: int) -> tuple[str, ...]:
        """Return the ids that say a number from 0 to 9,999."""
        ...

    def clock(self, hour: int, minute: int) -> tuple[str, ...]:
        """Return the ids that say a time of day, hour 0 to 23."""
        ...

    def utterances(self) -> Iterator[Utterance]:
        """Yield every utterance that is made of numbers, in a fixed order."""
        ...


def grammar(language: Language) -> Grammar:
    """Return the grammar of a language."""
    match language:
        case Language.DE:
            return german
        case Language.EN:
            return english
