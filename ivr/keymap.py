"""What a key of the phone menus is: an act, its words, and the menu that offers it. The table is `ivr.menu`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto

from prompts import phrases
from prompts.phrases import Phrase, Variant
from voicebox.i18n import Language


class Act(StrEnum):
    """What a key does."""

    REPEAT = auto()
    BACK = auto()
    ENTER = auto()
    CONFIRM = auto()
    # the caller
    SKIP = auto()
    STOP = auto()
    LOGIN = auto()
    TRANSFER = auto()
    SEND = auto()
    LISTEN = auto()
    AGAIN = auto()
    URGENT = auto()
    CONFIDENTIAL = auto()
    DISCARD = auto()
    # the portal
    OTHER_NUMBER = auto()
    MAILBOX = auto()
    NAME = auto()
    FORWARDING = auto()
    DIAL = auto()
    PASSCODE = auto()
    EXIT = auto()
    BUSY_GREETING = auto()
    NO_ANSWER_GREETING = auto()
    AWAY = auto()
    TEAM = auto()
    COMPOSE = auto()
    DEPOSIT = auto()
    DELETE_ALL = auto()
    DELETED = auto()
    SENT = auto()
    # a message
    SAVE = auto()
    DELETE = auto()
    ENVELOPE = auto()
    MORE = auto()
    REWIND = auto()
    PAUSE = auto()
    WIND = auto()
    START = auto()
    END = auto()
    SPEED = auto()
    PLAY = auto()
    PREVIOUS = auto()
    NEXT = auto()
    CALL_BACK = auto()
    REPLY = auto()
    FORWARD = auto()
    KEEP_NEW = auto()
    MAIL = auto()
    HANDLED = auto()
    CLAIM = auto()
    RECALL = auto()
    # recording and sending
    RECORD = auto()
    TO_PERSON = auto()
    TO_EVERYONE = auto()
    TO_LIST = auto()
    ON = auto()
    OFF = auto()
    USE_DEFAULT = auto()
    ALTERNATIVE_1 = auto()
    ALTERNATIVE_2 = auto()
    ALTERNATIVE_3 = auto()
    DESTINATION = auto()
    STATUS = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a menu."""

    key: str
    act: Act
    text: Mapping[Language, str]
    """What it does, for the page of keys."""
    spoken: bool = True
    """Whether the menu speaks of it."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Keys that work at one point of a call."""

    name: str
    title: Mapping[Language, str]
    options: tuple[Option, ...]
    spoken_as: tuple[tuple[phrases.Menu, str], ...] = field(default=())
    """The tables of texts with the keys that each speaks of, in the order in which they are said."""

    @property
    def keys(self) -> str:
        """The keys that work."""
        return "".join(option.key for option in self.options)

    def act(self, key: str) -> Act | None:
        """Return what a key does, or None for one that does nothing here."""
        return next((option.act for option in self.options if option.key == key), None)

    def phrase(self, language: Language, variants: Mapping[str, Variant] | None = None) -> Phrase:
        """Return the options as they are spoken; `variants` names the keys that do something else just now.

        Raises:
            ValueError: nothing of this menu is spoken.
        """
        variants = variants or {}
        spoken = {option.key for option in self.options if option.spoken}
        return phrases.join(
            [
                phrases.option(language, table, key, variants.get(key, Variant.USUAL))
                for table, keys in self.spoken_as
                for key in keys
                if key in spoken
            ],
            name=f"menu-{self.name}",
        )

    def without(self, *acts: Act) -> "Menu":
        """Return the menu as it is where these acts are not to be had; neither offered nor spoken of."""
        return replace(self, options=tuple(option for option in self.options if option.act not in acts))

    def __or__(self, other: "Menu") -> "Menu":
        """Join the keys of two menus; the first one's name stays."""
        return Menu(self.name, self.title, self.options + other.options, self.spoken_as + other.spoken_as)
