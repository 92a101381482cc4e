"""What takes time and is made before a directory file is written: hashes of secrets, greetings fit for the store."""

from dataclasses import dataclass, field

from voicebox.announcement import Mastered
from voicebox.ids import new_id


@dataclass(slots=True)
class Greeting:
    """A greeting from a file, made fit for the store."""

    id: str
    audio: Mastered
    key: str = "not stored yet"
    """Where it lies in the store."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A PIN or web password to be set, hashed."""

    hash: str = field(repr=False)
    known: bool = False
    """It is set already; only that it is the file's has to be remembered."""


@dataclass(slots=True)
class Prepared:
    """What takes time, done before the transaction begins."""

    pins: dict[str, NewSecret] = field(default_factory=dict)
    """By extension; only what is to be set."""
    web_passwords: dict[str, NewSecret] = field(default_factory=dict)
    greeting_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    """By extension and key."""
    list_recordings: dict[tuple[str, int], str] = field(default_factory=dict)
    """By the owner's extension and the list's number."""
    greetings: list[Greeting] = field(default_factory=list)
    """Only what is not stored yet."""
    notice_id: str = field(default_factory=new_id)
    """Of the mails that tell owners of a change, however often the transaction runs."""
