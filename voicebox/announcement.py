"""Announcements and greetings as values: what a mailbox can choose from, and what plays (voicemail.md, 11 and 12)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

ALTERNATIVES: Final = (1, 2, 3)
NAME_MAX: Final = 80
"""Characters of an announcement's name."""


def is_name(text: str) -> bool:
    """Tell whether an announcement can be called so: 1 to 80 characters that can be shown, no space around them."""
    return 0 < len(text) <= NAME_MAX and text == text.strip() and text.isprintable()


class Kind(StrEnum):
    """What a mailbox may have an announcement for."""

    BUSY = "busy"
    NO_ANSWER = "no-answer"
    ALTERNATIVE_1 = "alternative-1"
    ALTERNATIVE_2 = "alternative-2"
    ALTERNATIVE_3 = "alternative-3"
    AWAY = "away"

    @classmethod
    def alternative(cls, number: int) -> "Kind":
        """Return the kind of an alternative greeting, 1 to 3; raises ValueError on any other."""
        return cls(f"alternative-{number}")

    @property
    def plays_in(self) -> str | None:
        """The field of `Mailbox` that says what callers hear; None: an alternative plays only once it is chosen."""
        return {Kind.BUSY: "busy_greeting", Kind.NO_ANSWER: "no_answer_greeting", Kind.AWAY: "away_greeting"}.get(self)


class Change(StrEnum):
    """What was changed about what callers hear and where they get, as the owner is told."""

    BUSY_RECORDED = "busy-recorded"
    BUSY_CHOSEN = "busy-chosen"
    BUSY_DEFAULT = "busy-default"
    NO_ANSWER_RECORDED = "no-answer-recorded"
    NO_ANSWER_CHOSEN = "no-answer-chosen"
    NO_ANSWER_DEFAULT = "no-answer-default"
    NO_ANSWER_ALTERNATIVE = "no-answer-alternative"
    ALTERNATIVE_RECORDED = "alternative-recorded"
    ALTERNATIVE_CHOSEN = "alternative-chosen"
    AWAY_RECORDED = "away-recorded"
    AWAY_CHOSEN = "away-chosen"
    AWAY_DEFAULT = "away-default"
    AWAY_ON = "away-on"
    AWAY_OFF = "away-off"
    NAME_RECORDED = "name-recorded"
    NAME_REMOVED = "name-removed"
    FORWARDING_ON = "forwarding-on"
    FORWARDING_OFF = "forwarding-off"
    FORWARDING_TO = "forwarding-to"
    ADDRESS = "address"
    ADDRESS_REMOVED = "address-removed"


TO_DEFAULT: Final = {
    Kind.BUSY: Change.BUSY_DEFAULT,
    Kind.NO_ANSWER: Change.NO_ANSWER_DEFAULT,
    Kind.AWAY: Change.AWAY_DEFAULT,
}
"""What the owner is told where the default greeting plays again; an alternative has none."""
CHOSEN: Final = {
    Kind.BUSY: Change.BUSY_CHOSEN,
    Kind.NO_ANSWER: Change.NO_ANSWER_CHOSEN,
    Kind.ALTERNATIVE_1: Change.ALTERNATIVE_CHOSEN,
    Kind.ALTERNATIVE_2: Change.ALTERNATIVE_CHOSEN,
    Kind.ALTERNATIVE_3: Change.ALTERNATIVE_CHOSEN,
    Kind.AWAY: Change.AWAY_CHOSEN,
}
"""What the owner is told where somebody else gave the mailbox a greeting."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A recording with a name, of a company or of one mailbox."""

    id: int
    company_id: int
    mailbox_id: int | None
    """None: the company's."""
    name: str
    audio_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """An announcement that a mailbox has for a kind of greeting; whether it plays is said by the mailbox."""

    kind: Kind
    name: str
    announcement_id: int | None
    audio_id: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A mailbox that uses an announcement."""

    number: str
    kind: Kind

    def __str__(self) -> str:
        """Return the extension, and for which greeting."""
        return f"{self.number} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Mastered:
    """A recording made fit to be played to callers."""

    flac: bytes = field(repr=False)
    """Mono, 16 bits."""
    samples: int
    rate_hz: int
    peaks: bytes = field(repr=False)


class Master(Protocol):
    """Makes recordings fit to be played: level, silence, screening. Work for a process of its own."""

    async def __call__(self, data: bytes, *, spoken: bool = False) -> Mastered:
        """Master a file; `spoken`: recorded over the phone, where the key that ended it may be heard at the end.

        Raises:
            GreetingRefused: it cannot be an announcement.
        """
        ...
