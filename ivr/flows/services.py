"""What the flows need of the rest of voicebox, handed in by the engine.

The protocols name exactly what flows call. The use cases of `voicebox` of the same names fulfil them; so do the fakes
of the flows' tests, which keep no database.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicebox.access import LoginResult, Source
from voicebox.clock import Clock
from voicebox.deposit import DepositContext, Room
from voicebox.distribution import Dispatch, DistributionList, Sent
from voicebox.inbox import Cursor
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Counts, Message, State, Take
from voicebox.numbers import Number
from voicebox.passcode import PinProblem


class Directory(Protocol):
    """Who is who; `voicebox.directory`."""

    async def companies(self) -> list[Company]:
        """Return all companies."""
        ...

    async def mailbox(self, company_id: int, number: str) -> Mailbox | None:
        """Return a company's mailbox by its extension."""
        ...

    async def by_id(self, mailbox_id: int) -> Mailbox | None:
        """Return a mailbox by its key."""
        ...

    async def find(self, company_id: int, number: Number) -> Mailbox | None:
        """Return the mailbox a number belongs to: as its extension, its full number, or an alias."""
        ...


class Deposits(Protocol):
    """Takes what callers leave; `voicebox.deposit`."""

    async def room(self, mailbox: Mailbox) -> Room:
        """Return how much a mailbox still takes."""
        ...

    async def accept(
        self, context: DepositContext, take: Take, *, urgent: bool = False, confidential: bool = False
    ) -> Message | None:
        """Make a take a message, durable when this returns; None for a take under 2 s.

        Raises:
            OSError: nothing was promised.
        """
        ...


class Access(Protocol):
    """Logins and passcodes; `voicebox.access`."""

    async def login(
        self, *, company_id: int, mailbox: Mailbox | None, pin: str, source: Source, typed: str = ""
    ) -> LoginResult:
        """Try a passcode; the answer says when to give it."""
        ...

    async def check_pin(self, mailbox: Mailbox, pin: str) -> list[PinProblem]:
        """Return why `set_pin` would refuse a passcode."""
        ...

    async def set_pin(self, mailbox: Mailbox, pin: str) -> list[PinProblem]:
        """Set a passcode; return why not, empty if it was set."""
        ...


class Inbox(Protocol):
    """One mailbox's messages; `voicebox.inbox`. Changes return None where there was nothing to change."""

    async def counts(self) -> Counts:
        """Count the messages."""
        ...

    async def messages(self, state: State, *, after: Cursor | None = None) -> list[Message]:
        """Return a page of a folder by time, from the message after the cursor."""
        ...

    async def get(self, message_id: str) -> Message | None:
        """Return a message of this mailbox."""
        ...

    async def claim(self, message_id: str, by: Mailbox) -> Message | None:
        """Note that somebody takes care of a message that nobody does yet."""
        ...

    async def handled(self, message_id: str, by: Mailbox) -> Message | None:
        """Mark a message as handled that is not yet."""
        ...

    async def heard(self, message_id: str) -> Message | None:
        """Move a new message, heard to its end, to the saved ones."""
        ...

    async def save(self, message_id: str) -> Message | None:
        """Move a new message to the saved ones."""
        ...

    async def keep_new(self, message_id: str) -> Message | None:
        """Move a saved message back to the new ones."""
        ...

    async def delete(self, message_id: str) -> Message | None:
        """Move a message to the deleted ones."""
        ...

    async def restore(self, message_id: str) -> Message | None:
        """Move a deleted message back to where it was."""
        ...

    async def delete_all(self, *, received_until: datetime | None = None) -> int:
        """Delete the new and saved messages that came until a moment; return how many."""
        ...


class Distribution(Protocol):
    """Sends to others; `voicebox.distribution`."""

    async def list_for(self, sender: Mailbox, number: int) -> DistributionList | None:
        """Return what a subscriber means by a list's number."""
        ...

    async def everyone(self, sender: Mailbox) -> int:
        """Return how many mailboxes the company has besides the sender's."""
        ...

    async def send(self, dispatch: Dispatch) -> Sent:
        """Send; durable when this returns.

        Raises:
            SendingRefused: nothing was sent.
            DatabaseUnavailable: likewise.
        """
        ...


class Teams(Protocol):
    """Team mailboxes; `voicebox.teams`."""

    async def of(self, member: Mailbox) -> list[Mailbox]:
        """Return the team mailboxes that a subscriber belongs to."""
        ...


class Clips(Protocol):
    """Recorded audio that calls can play."""

    async def length_s(self, audio_id: str) -> float | None:
        """Make a recording ready to be played and return its length; None when it is missing or broken."""
        ...


class Reserved(Protocol):
    """Space on the disk held for one call."""

    def release(self) -> None:
        """Give it back."""
        ...


class Space(Protocol):
    """Room on the disk for recordings."""

    async def reserve(self, length_s: float) -> Reserved | None:
        """Hold space for a message of this length; None when there is not enough."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """All of it, in one hand."""

    directory: Directory
    deposits: Deposits
    access: Access
    inbox: Callable[[Mailbox], Inbox]
    """Opens one mailbox."""
    clips: Clips
    space: Space
    clock: Clock
    distribution: Distribution
    teams: Teams
