"""What can be said, as values: a phrase is a sequence of whole recorded utterances in one language."""

from dataclasses import dataclass

from voicebox.i18n import Language


@dataclass(frozen=True, slots=True)
class Phrase:
    """Utterances to be played one after the other."""

    language: Language
    ids: tuple[str, ...]
    """Ids of the catalogue, each a whole utterance."""
    name: str = ""
    """What the call's trace shows; the first id where empty."""

    def __add__(self, other: "Phrase") -> "Phrase":
        """Join two phrases of one language; the trace keeps the first one's name."""
        if other.language is not self.language:
            raise ValueError(f"cannot join a phrase in {self.language} with one in {other.language}")
        return Phrase(self.language, self.ids + other.ids, self.name or (self.ids[0] if self.ids else ""))

    @property
    def title(self) -> str:
        """The name the trace shows."""
        return self.name or (self.ids[0] if self.ids else "")
