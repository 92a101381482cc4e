"""One utterance: the smallest thing that is recorded, spoken as a whole."""

from dataclasses import dataclass
from typing import Final

WHOLE_LENGTHS: Final = 20
"""Lengths up to this many minutes are said to the second, longer ones to the minute."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """An id and the words a speaker reads for it."""

    id: str
    text: str
    """What is heard, as a transcript. A text that ends in a comma or a colon is a carrier: more follows."""
    part: bool = False
    """Said beside others within one sentence. Such utterances must come from one and the same voice."""

    @property
    def carrier(self) -> bool:
        """Whether something always follows, so that the voice stays up at the end."""
        return self.text.endswith((",", ":"))
