"""Takes on their way to messages: what the spool keeps with a recording, and what a crash leaves of it. I/O-free."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol, Self

from voicebox.message import Caller, Message, Reason, Take

MESSAGE_MIN_S: Final = 2.0
"""Less than this, after trimming, is no message: no row, no mail (security.md, row 15)."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DepositContext:
    """All that makes a recording a message; written into the spool before the first sample is."""

    company_id: int
    mailbox_id: int
    call_id: str
    caller: Caller
    reason: Reason
    received_at: datetime
    """Aware."""
    replaces: str | None = None
    """The take this one is recorded instead of; it counts until this one is accepted."""

    def to_bytes(self) -> bytes:
        """Return the context as JSON in UTF-8."""
        facts = {
            "company": self.company_id,
            "mailbox": self.mailbox_id,
            "call": self.call_id,
            "number": self.caller.number,
            "name": self.caller.name,
            "withheld": self.caller.withheld,
            "reason": self.reason.value,
            "received": self.received_at.isoformat(),
            "replaces": self.replaces,
        }
        return json.dumps(facts, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; raises ValueError on anything else."""
        try:
            facts: dict[str, Any] = json.loads(data)
            return cls(
                company_id=int(facts["company"]),
                mailbox_id=int(facts["mailbox"]),
                call_id=str(facts["call"]),
                caller=Caller(facts["number"], facts["name"], withheld=bool(facts["withheld"])),
                reason=Reason(facts["reason"]),
                received_at=datetime.fromisoformat(facts["received"]),
                replaces=facts["replaces"],
            )
        except (KeyError, TypeError) as error:
            raise ValueError("the spool holds a recording without a readable context") from error


@dataclass(frozen=True, slots=True)
class OwnContext:
    """A recording that a subscriber makes for a purpose of their own: a greeting, a name, a comment.

    It never becomes a message by itself. After a crash it stays only where a row of audio refers to it.
    """

    company_id: int
    mailbox_id: int
    call_id: str
    purpose: str
    """`greeting`, `name` or `comment`."""

    def to_bytes(self) -> bytes:
        """Return the context as JSON in UTF-8."""
        facts = {"own": self.purpose, "company": self.company_id, "mailbox": self.mailbox_id, "call": self.call_id}
        return json.dumps(facts, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self | None:
        """Read what `to_bytes` wrote; None for anything else."""
        try:
            facts: dict[str, Any] = json.loads(data)
            return cls(int(facts["company"]), int(facts["mailbox"]), str(facts["call"]), str(facts["own"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Flags:
    """What the caller chose in the review, and what recovery found."""

    urgent: bool = False
    confidential: bool = False
    interrupted: bool = False

    def to_bytes(self) -> bytes:
        """Return the flags as they are written with ACCEPT."""
        return json.dumps({"urgent": self.urgent, "confidential": self.confidential}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; what cannot be read is no flag, since the message matters more."""
        try:
            facts = json.loads(data)
            return cls(urgent=bool(facts.get("urgent")), confidential=bool(facts.get("confidential")))
        except (ValueError, AttributeError):
            return cls()


class LostTake(Protocol):
    """A recording the spool still holds at start, neither settled nor discarded."""

    @property
    def take(self) -> Take:
        """What there is of it."""
        ...

    @property
    def context(self) -> bytes:
        """What `DepositContext.to_bytes` gave."""
        ...

    @property
    def ended(self) -> bool:
        """Whether its recording came to an end before the process did."""
        ...

    @property
    def accepted(self) -> bytes | None:
        """The flags of its ACCEPT, if it was accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Deposit:
    """A take that is to be a message."""

    context: DepositContext
    take: Take
    flags: Flags

    def message(self) -> Message:
        """Return the message, as new; it shares the take's id with its audio."""
        context, take, flags = self.context, self.take, self.flags
        return Message(
            id=take.id,
            company_id=context.company_id,
            mailbox_id=context.mailbox_id,
            audio_id=take.id,
            caller=context.caller,
            reason=context.reason,
            received_at=context.received_at,
            samples=take.samples,
            rate_hz=take.rate_hz,
            urgent=flags.urgent,
            confidential=flags.confidential,
            interrupted=flags.interrupted,
            call_id=context.call_id,
        )


def sort_out(lost: Sequence[LostTake]) -> tuple[list[Deposit], list[str]]:
    """Decide what a crash left behind: deposits to make, and takes to discard.

    Of takes recorded one instead of the other the last one with at least 2 s counts, as if its caller had hung up. What
    the same call recorded before an accepted take was replaced by it, also where the takes in between are gone already.
    """
    contexts: dict[str, DepositContext] = {}
    for item in lost:
        try:
            contexts[item.take.id] = DepositContext.from_bytes(item.context)
        except ValueError:
            logger.exception("recording %s stays in the spool", item.take.id)

    def age(item: LostTake) -> int:
        """Count the takes it replaced, itself among them (a circle would be a bug: it ends all the same)."""
        seen: set[str] = set()
        at: str | None = item.take.id
        while at in contexts and at not in seen:
            seen.add(at)
            at = contexts[at].replaces
        return len(seen)

    accepted = [contexts[item.take.id] for item in lost if item.take.id in contexts and item.accepted is not None]

    def outlived(context: DepositContext) -> bool:
        return any(later.call_id == context.call_id and later.received_at > context.received_at for later in accepted)

    deliver: list[Deposit] = []
    discard: list[str] = []
    superseded: set[str] = {
        item.take.id for item in lost if item.take.id in contexts and outlived(contexts[item.take.id])
    }
    for item in sorted((item for item in lost if item.take.id in contexts), key=age, reverse=True):
        take_id, context = item.take.id, contexts[item.take.id]
        counts = item.take.duration_s >= MESSAGE_MIN_S and take_id not in superseded
        if context.replaces is not None and (counts or item.accepted is not None or take_id in superseded):
            superseded.add(context.replaces)
        if counts or item.accepted is not None:
            flags = Flags() if item.accepted is None else Flags.from_bytes(item.accepted)
            interrupted = not item.ended and item.accepted is None
            deliver.append(Deposit(context, item.take, replace(flags, interrupted=interrupted)))
        else:
            discard.append(take_id)
    deliver.sort(key=lambda deposit: deposit.context.received_at)
    return deliver, discard
