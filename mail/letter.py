"""What a mail is made of: a message, whose mailbox it is in, and for whom and why the mail is written."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from voicebox.mailbox import Company, Mailbox
from voicebox.message import Message


class Purpose(StrEnum):
    """Which rule of voicemail.md asks for the mail; the values are the outbox's kinds."""

    NOTIFY = "mail-notify"
    """Row 15: tells of the message, without audio."""
    COPY = "mail-copy"
    """Row 16: a copy of the message, with audio."""
    REDIRECT = "mail-redirect"
    """Row 13: the message itself, by e-mail only."""
    REQUEST = "mail-request"
    """phone-menus.md, More, key 4: a copy that the subscriber asked for."""
    CHANGED = "mail-changed"
    """Security row 4: tells the owner what was changed; a notice, without a message."""
    CONFIRM = "mail-confirm"
    """Rows 13, 15 and 16: asks an address that a subscriber named whether it wants mails; without a message."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails come from, and how their reader reaches us."""

    address: str
    portal: str | None = None
    """The number to call for messages."""


@dataclass(frozen=True, slots=True)
class Letter:
    """All facts of one mail. The same letter always makes the same mail, byte for byte."""

    purpose: Purpose
    key: str
    """Names the mail for ever (the outbox's key); the Message-ID is made from it."""
    to: str
    message: Message
    mailbox: Mailbox
    company: Company
    written_at: datetime
    """When it was queued, aware; the same at each attempt."""
    forwarder: Mailbox | None = None
    """The colleague who forwarded the message; its caller is still who left it."""
    mp3: bytes | None = None
    """The recording, where it may and can be attached."""
    audio_lost: bool = False
    """It should have been attached, but nothing playable is left of it."""
    listen_url: str | None = None
    """A signed link to the recording, once there is a web manager to serve it."""

    @property
    def wants_audio(self) -> bool:
        """Whether the recording belongs into this mail; a confidential one never leaves (row 16)."""
        return self.purpose is not Purpose.NOTIFY and not self.message.confidential

    @property
    def carries_message(self) -> bool:
        """Whether the mail holds the whole message, recording included."""
        return self.wants_audio and self.mp3 is not None
