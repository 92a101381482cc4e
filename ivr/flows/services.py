"""What the flows need of the rest of voicebox, handed in by the engine.

The protocols name exactly what flows call. The use cases of `voicebox` of the same names fulfil them; so do the fakes
of the flows' tests, which keep no database.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicebox.access import LoginResult, Source
from voicebox.announcement import Choice, Kind
from voicebox.clock import Clock
from voicebox.copies import CopyOutcome
from voicebox.deposit import DepositContext, Room
from voicebox.distribution import Dispatch, DistributionList, Result, Sending, Sent, Standing
from voicebox.inbox import Cursor
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Counts, Message, State, Take
from voicebox.numbers import Number
from voicebox.outbound import Dial, Refused
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
            SpoolError: nothing was promised.
        """
        ...


class Access(Protocol):
    """Logins and passcodes; `voicebox.access`."""

    async def login(
        self, *, company_id: int, mailbox: Mailbox | None, pin: str, source: Source, typed: str = ""
    ) -> LoginResult:
        """Try a passcode; the answer says when to give it."""
        ...

    async def is_one_time(self, mailbox: Mailbox) -> bool:
        """Tell whether a mailbox's passcode must be replaced at the next login."""
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

    async def delete_all(self, *, there_until: datetime | None = None) -> int:
        """Delete the new and saved messages that came until a moment; return how many."""
        ...


class Copies(Protocol):
    """Mails copies on demand; `voicebox.copies`."""

    async def mail(self, mailbox: Mailbox, message: Message) -> CopyOutcome:
        """Have a message mailed to the owner of its mailbox."""
        ...


class Greetings(Protocol):
    """What callers hear; `voicebox.greetings`. Changes return None where somebody else was quicker."""

    async def present(self, mailbox: Mailbox) -> Mailbox:
        """Return a mailbox as it is now, to be changed."""
        ...

    async def choices(self, mailbox: Mailbox) -> dict[Kind, Choice]:
        """Return what a mailbox has to choose from, by kind."""
        ...

    async def record(self, seen: Mailbox, kind: Kind, take: Take) -> Mailbox | None:
        """Keep a recording for a kind of greeting, and have it play; an alternative plays when nobody answers.

        Raises:
            GreetingRefused: it cannot be played to callers.
            VoiceboxError: it could not be stored.
        """
        ...

    async def use_default(self, seen: Mailbox, kind: Kind) -> Mailbox | None:
        """Have the default greeting play."""
        ...

    async def choose_alternative(self, seen: Mailbox, number: int) -> Mailbox | None:
        """Have an alternative greeting, 1 to 3, play when nobody answers."""
        ...

    async def set_away(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        """Switch extended away."""
        ...

    async def set_away_recording(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        """Let callers leave messages while away, or not."""
        ...

    async def record_name(self, seen: Mailbox, take: Take) -> Mailbox | None:
        """Keep a recording of the owner's name; raises as `record`."""
        ...

    async def remove_name(self, seen: Mailbox) -> Mailbox | None:
        """Have callers hear no name any more."""
        ...


class Reachability(Protocol):
    """Where calls go; `voicebox.reachability`. Changes return None where somebody else was quicker."""

    async def set_enabled(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        """Have the mailbox take messages, or not."""
        ...

    async def judge(self, company: Company, seen: Mailbox, typed: str) -> str | None:
        """Return a destination as it is dialled; None where calls may not be sent there."""
        ...

    async def set_destination(self, seen: Mailbox, destination: str) -> Mailbox | None:
        """Set where calls are forwarded to."""
        ...

    async def forward(self, seen: Mailbox, destination: str) -> Mailbox | None:
        """Have every call forwarded."""
        ...

    async def stop_forwarding(self, seen: Mailbox) -> Mailbox | None:
        """Have calls ring here again."""
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

    async def sent(self, sender: Mailbox, *, limit: int = ...) -> list[tuple[Sending, list[Result]]]:
        """Return what a subscriber sent, the latest first, with what became of it at each recipient."""
        ...

    async def has_sent(self, sender: Mailbox) -> bool:
        """Tell whether anything that a subscriber sent has reached anybody."""
        ...

    async def standing(self, sender: Mailbox, sending_id: str) -> Standing | None:
        """Return how the copies of a sending stand."""
        ...

    async def recall(self, sender: Mailbox, sending_id: str) -> int | None:
        """Take back the copies that nobody has heard; return how many."""
        ...


class Teams(Protocol):
    """Team mailboxes; `voicebox.teams`."""

    async def of(self, member: Mailbox) -> list[Mailbox]:
        """Return the team mailboxes that a subscriber belongs to."""
        ...


class Clips(Protocol):
    """Recorded audio that calls can play."""

    async def length_s(self, audio_id: str) -> float | None:
        """Make a recording ready to be played and return its length; None when it is missing, broken or away."""
        ...

    async def away(self, audio_id: str) -> bool:
        """Tell whether a recording cannot be read now, and may be later; False where it can, is missing or broken."""
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


class Permit(Protocol):
    """A call out that is allowed, and held until its end."""

    @property
    def dial(self) -> Dial:
        """What to dial."""
        ...

    def answered(self) -> None:
        """Count its minutes from now on."""
        ...

    def lease_s(self) -> float | None:
        """Return for how long it may go on before this is asked again, once answered; 0 ends it, None costs nothing."""
        ...

    async def end(self) -> None:
        """Give it back, and count what was used."""
        ...


class OutCalls(Protocol):
    """Calls that a mailbox pays for; `voicebox.outcalls`."""

    async def admit(self, payer: Mailbox, number: str) -> Permit | Refused:
        """Ask the outbound policy.

        Raises:
            DatabaseUnavailable: nobody knows what was used.
        """
        ...

    async def would_admit(self, payer: Mailbox, number: str) -> bool:
        """Tell whether `admit` would allow it now."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """All of it, in one hand."""

    directory: Directory
    deposits: Deposits
    access: Access
    inbox: Callable[[Mailbox], Inbox]
    """Opens one mailbox."""
    copies: Copies
    clips: Clips
    space: Space
    outcalls: OutCalls
    clock: Clock
    greetings: Greetings
    reachability: Reachability
    distribution: Distribution
    teams: Teams
