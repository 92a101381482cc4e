"""A voice message: who called, when, why, and where its audio lies."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """The folder a message is in."""

    NEW = "new"
    SAVED = "saved"
    DELETED = "deleted"


class Reason(StrEnum):
    """Why a call reached us (interfaces.md, "call record")."""

    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNCONDITIONAL = "unconditional"
    UNREACHABLE = "unreachable"
    UNAVAILABLE = "unavailable"
    PORTAL = "portal"


class MessageKind(StrEnum):
    """How a message came into its mailbox."""

    DEPOSIT = "deposit"
    """A caller left it."""
    FORWARD = "forward"
    """A colleague sent it on, with a comment or without."""
    REPLY = "reply"
    COMPOSE = "compose"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called, as far as we may know and tell (RFC 3325)."""

    number: str | None
    """E.164 with plus, or an extension of the company; None when withheld or absent."""
    name: str = ""
    """The display name as signalled, control characters removed, at most 80 characters."""
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """One recording that is durable in the spool, not yet a message."""

    id: str
    """32 hex digits; becomes the id of the message and of its audio."""
    samples: int
    """After trimming the trailing silence."""
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds, from samples."""
        return self.samples / self.rate_hz


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a mailbox."""

    id: str
    company_id: int
    mailbox_id: int
    audio_id: str
    caller: Caller
    reason: Reason
    received_at: datetime
    """Aware, UTC."""
    samples: int
    """Of all that is played, comments included, at `rate_hz`."""
    rate_hz: int
    urgent: bool = False
    confidential: bool = False
    interrupted: bool = False
    """Recovered after a crash in mid-recording."""
    state: State = State.NEW
    call_id: str | None = None
    warning: str | None = None
    """Why it lies here although its mailbox is e-mail only (row 13): `mail-refused`, `confidential`, `audio-lost`,
    `unconfirmed`."""
    kind: MessageKind = MessageKind.DEPOSIT
    sender_id: int | None = None
    """The mailbox of the colleague who sent it; of a forwarded one, `caller` is still who left it first."""
    sending_id: str | None = None
    """The sending that it is a copy of."""
    claimed_by: int | None = None
    """The mailbox of who takes care of it (team mailboxes)."""
    handled_by: int | None = None
    """The mailbox of who marked it as handled."""
    comments: tuple[str, ...] = ()
    """Ids of the audio that is played before the message's own, the latest comment first."""

    @property
    def duration_s(self) -> float:
        """Length in seconds, from samples."""
        return self.samples / self.rate_hz

    @property
    def audio_ids(self) -> tuple[str, ...]:
        """All that is played, in its order: the comments, then the message itself."""
        return (*self.comments, self.audio_id)

    @property
    def colleagues(self) -> frozenset[int]:
        """The mailboxes of those who sent, claimed or handled it."""
        return frozenset(each for each in (self.sender_id, self.claimed_by, self.handled_by) if each is not None)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a mailbox holds (RFC 3842's four figures, and the deleted ones)."""

    new: int
    saved: int
    new_urgent: int
    saved_urgent: int
    deleted: int = 0
