"""Where a call goes (voicemail.md, "Where a call goes"): one place decides, and says why."""

from dataclasses import dataclass, field
from enum import StrEnum

from voicebox.message import Caller, Reason


class MailboxOf(StrEnum):
    """Which of our mailboxes in a chain of diversions gets the message."""

    LAST = "last"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Diversion:
    """One number that sent the call on."""

    number: str
    """The user part as signalled, undecoded."""
    reason: Reason


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as its INVITE describes it, headers already read, numbers not yet resolved."""

    called: str
    """User part of the Request-URI."""
    caller: Caller
    target: str | None = None
    """RFC 4458 `target`, user part only."""
    target_reason: Reason | None = None
    """From RFC 4458 `cause`."""
    diversions: tuple[Diversion, ...] = field(default=())
    """Oldest first, from History-Info or else Diversion."""
