"""The exceptions of voicebox's use cases and storage.

VoiceboxError
├── DatabaseUnavailable   the database cannot be reached or cannot write now; trying later is right
├── StoreUnavailable      the audio store cannot be reached or cannot write now
├── RecordingBroken       the spool holds nothing playable under this id; trying again is pointless
├── NoAudio               there is no audio under this id, or it is marked broken
└── Conflict              a unique number, name or key is taken already
"""


class VoiceboxError(Exception):
    """Whatever voicebox itself refuses or cannot do."""


class DatabaseUnavailable(VoiceboxError):  # noqa: N818 - named after the state, as callers speak of it
    """The database cannot be reached, is full, or too much is waiting for it. What was asked was not done."""


class StoreUnavailable(VoiceboxError):  # noqa: N818 - likewise
    """The audio store cannot be reached or is full. What was asked was not done."""


class RecordingBroken(VoiceboxError):  # noqa: N818 - likewise
    """The spool holds nothing playable under this id. Raised by the assembler; never retried."""


class NoAudio(VoiceboxError):  # noqa: N818 - likewise
    """There is nothing to play under this id: unknown, or marked broken."""


class Conflict(VoiceboxError):  # noqa: N818 - likewise
    """A value that must be unique is taken; `field` names it."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"{field} {value} is taken already")
        self.field = field
        self.value = value
