"""The JSON of greetings and announcements."""

from typing import Final, Literal

from pydantic import Field

from voicebox.announcement import Choice, Kind
from voicebox.mailbox import Mailbox
from voicebox.storage.announcements import Listed
from webmanager.api.shapes import Moment, Shape, moment

Plays = Literal["default", "own", "alternative-1", "alternative-2", "alternative-3"]


class AnnouncementOut(Shape):
    """A recording with a name."""

    id: int
    name: str
    mailbox: str | None = Field(description="Whose it is; null is the company's.")
    duration_s: float
    created: Moment

    @classmethod
    def of(cls, listed: Listed) -> "AnnouncementOut":
        """Return an announcement as lists show it."""
        found = listed.announcement
        return cls(
            id=found.id,
            name=found.name,
            mailbox=listed.number,
            duration_s=round(listed.duration_s, 2),
            created=moment(found.created_at),
        )


class AnnouncementsOut(Shape):
    """Announcements by name."""

    announcements: list[AnnouncementOut]


class ChoiceOut(Shape):
    """What a mailbox has for a kind of greeting."""

    kind: Kind
    name: str
    announcement: int | None = Field(description="Its id in `/api/v1/announcements`.")
    changed: Moment

    @classmethod
    def of(cls, choice: Choice) -> "ChoiceOut":
        """Return a choice as the API shows it."""
        return cls(
            kind=choice.kind,
            name=choice.name,
            announcement=choice.announcement_id,
            changed=moment(choice.changed_at),
        )


class GreetingsOut(Shape):
    """What callers of a mailbox hear now, and what there is to choose."""

    busy: Plays
    no_answer: Plays
    away: bool = Field(description="Extended away is on: its greeting is all that callers hear.")
    away_greeting: Plays
    away_recording: bool = Field(description="Messages are taken while away.")
    name: bool = Field(description="The owner's name was recorded; the default greetings say it.")
    record_notice: bool = Field(description="Callers are told before the greeting that they are recorded.")
    greetings: list[ChoiceOut]

    @classmethod
    def of(cls, mailbox: Mailbox, choices: list[Choice]) -> "GreetingsOut":
        """Return a mailbox's greetings."""
        return cls(
            busy=_plays(mailbox.busy_greeting, []),
            no_answer=_plays(mailbox.no_answer_greeting, choices),
            away=mailbox.away,
            away_greeting=_plays(mailbox.away_greeting, []),
            away_recording=mailbox.away_recording,
            name=mailbox.name_recording is not None,
            record_notice=mailbox.record_notice,
            greetings=[ChoiceOut.of(choice) for choice in choices],
        )


_ALTERNATIVES: Final[dict[Kind, Plays]] = {
    Kind.ALTERNATIVE_1: "alternative-1",
    Kind.ALTERNATIVE_2: "alternative-2",
    Kind.ALTERNATIVE_3: "alternative-3",
}


def _plays(audio_id: str | None, choices: list[Choice]) -> Plays:
    """Say what a recording is among the alternatives."""
    if audio_id is None:
        return "default"
    same = (choice.kind for choice in choices if choice.audio_id == audio_id and choice.kind in _ALTERNATIVES)
    return next((_ALTERNATIVES[kind] for kind in same), "own")
