"""The exceptions of voicebox: those of its use cases and storage, which live here, and where the others are.

VoiceboxError
├── DatabaseUnavailable   the database cannot be reached or cannot write now; trying later is right
├── StoreUnavailable      the audio store cannot be reached or cannot write now
│   └── RecordingElsewhere  it is not in our spool: another node's may hold it, and brings it to the store
├── RecordingBroken       what the spool holds under this id is not playable; trying again is pointless
├── NoAudio               there is no audio under this id, or it is marked broken
├── Conflict              a unique number, name or key is taken already
├── AnnouncementInUse     it is not removed, since mailboxes use it (voicebox.announcements)
├── TooManyAnnouncements  their owner has as many as there may be (voicebox.announcements)
├── SendingRefused        nothing could be sent to others, and why (voicebox.distribution)
├── KeyUnusable           the key of the PINs cannot be read or made (voicebox.pinhash)
└── SchemaTooNew          a later version has migrated the database (voicebox.storage.schema)

What people write is refused by values, each with its problem and its cure:

ValueError
├── SettingError          a configured value cannot be (voicebox.addresses)
├── TomlError             a file is no TOML; with its line (voicebox.tomllines)
├── NumberRefused         a typed number is none, by row 5 (voicebox.numbers)
└── GreetingRefused       a file or recording is no announcement (voicebox.greeting_file)

ConfigError (voicebox.config) and DirectoryError (voicebox.directory_file) carry all the problems of one file. PortTaken
and CannotListen (voicebox.ports) are OSErrors. CommandError (voicebox.cli.exits) ends a command, DemoError,
TooLateError and SentencesError (voicebox.demo) the demo. NotReadyError and LightNotShownError (voicebox.app) tell the
health check and the light's queue that something is to be tried again; NotDecoded (voicebox.ffmpeg) tells
voicebox.greeting_file why a file gave no sound. mail.errors and ivr have trees of their own.
"""


class VoiceboxError(Exception):
    """Whatever voicebox itself refuses or cannot do."""


class DatabaseUnavailable(VoiceboxError):  # noqa: N818 - named after the state, as callers speak of it
    """The database cannot be reached, is full, or too much is waiting for it. What was asked was not done."""


class StoreUnavailable(VoiceboxError):  # noqa: N818 - likewise
    """The audio store cannot be reached or is full. What was asked was not done."""


class RecordingElsewhere(StoreUnavailable):
    """Our spool holds nothing at all under this id. Raised by the assembler.

    Another node's spool may hold it, and that node brings it to the audio store when it can: not now, but later.
    """


class RecordingBroken(VoiceboxError):  # noqa: N818 - likewise
    """What the spool holds under this id is not playable. Raised by the assembler; never retried."""


class NoAudio(VoiceboxError):  # noqa: N818 - likewise
    """There is nothing to play under this id: unknown, or marked broken."""


class Conflict(VoiceboxError):  # noqa: N818 - likewise
    """A value that must be unique is taken; `field` names it."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"{field} {value} is taken already")
        self.field = field
        self.value = value
