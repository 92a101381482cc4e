"""Call coverage: what happens next to a call for a mailbox's own number, and why (voicemail.md, rows 7 to 10).

`cover` is pure. It is asked again whenever more is known: first before any phone rings, then with what became of the
ringing. Forwarding beats the mailbox's settings at each turn; do-not-disturb is busy. A call that was sent on too often
already, or comes back to where it was (`in_a_circle`), is a loop.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voicebox.arrival import DIVERSIONS_MAX
from voicebox.mailbox import Mailbox
from voicebox.message import Reason

RING_S: Final = 5.0
"""Row 10: one ring, as a German exchange rings (1 s tone, 4 s pause)."""
UNCOVERED_RINGS: Final = 4
"""For phones that are to be rung "not at all" where nothing takes the call instead: then the default of row 10."""


class Rung(StrEnum):
    """What is known of the phones."""

    NOT_YET = "not-yet"
    """Some are registered, none has rung."""
    BUSY = "busy"
    """486 from one, and nobody else answered."""
    DECLINED = "declined"
    """603 from one: it ends all."""
    UNAVAILABLE = "unavailable"
    """480 or another refusal that says nothing of busy."""
    DEFLECTED = "deflected"
    """302 from one: its user sent the call elsewhere, which ends it for all."""
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    """Registered, but no phone gave any sign of life."""
    UNREGISTERED = "unregistered"


class When(StrEnum):
    """Which forwarding it is."""

    ALWAYS = "always"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    DEFLECTED = "deflected"
    """A phone's own, for this call."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Let the phones ring."""

    length_s: float
    why: str

    @property
    def facts(self) -> dict[str, object]:
        """What the trace's `coverage` entry says."""
        return {"to": "phones", "length_s": self.length_s, "why": self.why}


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the call on to another number."""

    number: str
    """As the subscriber or administrator entered it, or a phone said."""
    when: When
    reason: Reason | None
    """Of the diversion; None is a deflection."""
    why: str

    @property
    def facts(self) -> dict[str, object]:
        """What the trace's `coverage` entry says."""
        return {"to": "number", "number": self.number, "when": self.when.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class Record:
    """Let the caller leave a message."""

    reason: Reason
    """Which greeting fits."""
    why: str

    @property
    def facts(self) -> dict[str, object]:
        """What the trace's `coverage` entry says."""
        return {"to": "mailbox", "reason": self.reason.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nobody takes the call."""

    status: int
    """486 busy, 480 unavailable, 482 a loop (RFC 3261 sections 21.4.24, 21.4.18 and 21.4.20)."""
    why: str

    @property
    def facts(self) -> dict[str, object]:
        """What the trace's `coverage` entry says."""
        return {"to": "refused", "status": self.status, "why": self.why}


Step = Ring | Forward | Record | Refuse

_BUSY: Final = {
    Rung.BUSY: "a phone is busy",
    Rung.DECLINED: "a phone declined the call",
}
_UNANSWERED: Final = {
    Rung.UNAVAILABLE: "the phones turned the call away",
    Rung.DEFLECTED: "a phone deflected the call",
    Rung.NO_ANSWER: "nobody answered",
    Rung.UNREACHABLE: "no phone could be reached",
    Rung.UNREGISTERED: "no phone is registered",
}
_REASON: Final = {
    Rung.UNAVAILABLE: Reason.UNAVAILABLE,
    Rung.DEFLECTED: Reason.UNAVAILABLE,
    Rung.NO_ANSWER: Reason.NO_ANSWER,
    Rung.UNREACHABLE: Reason.UNREACHABLE,
    Rung.UNREGISTERED: Reason.UNAVAILABLE,
}


def cover(
    mailbox: Mailbox,
    rung: Rung,
    *,
    deflected_to: str | None = None,
    ruled_out: Collection[When] = (),
    sent_on: int = 0,
) -> Step:
    """Return what to do next with a call for a mailbox's own number.

    Args:
        mailbox: whose number was called.
        rung: what is known of its phones.
        deflected_to: the number that a phone named which deflected the call; None is the mailbox.
        ruled_out: forwardings that cannot be followed (not allowed, say): the call goes on as if they were off.
        sent_on: how often the call was sent on before it came to this mailbox, by others and by us.
    """
    step = _cover(mailbox, rung, deflected_to, ruled_out)
    if isinstance(step, Forward) and sent_on >= DIVERSIONS_MAX:
        return Refuse(482, f"the call was sent on {DIVERSIONS_MAX} times; once more is a loop")
    return step


def in_a_circle(mailbox: Mailbox, colleague: Mailbox, passed: Collection[int]) -> Refuse | None:
    """Return the end of a call that a mailbox forwards to a colleague where it has been; None where it may go there.

    Args:
        mailbox: which forwards.
        colleague: to whom.
        passed: ids of the mailboxes that have sent the call on, this one among them.
    """
    if colleague.id not in passed:
        return None
    return Refuse(482, f"mailboxes {mailbox.number} and {colleague.number} forward in a circle")


def _cover(mailbox: Mailbox, rung: Rung, deflected_to: str | None, ruled_out: Collection[When]) -> Step:
    if (always := _forward(mailbox, When.ALWAYS, ruled_out)) is not None:
        return Forward(always, When.ALWAYS, Reason.UNCONDITIONAL, "all calls are forwarded")
    if mailbox.enabled and mailbox.send_all:
        return Record(Reason.UNCONDITIONAL, "all calls go to the mailbox")
    if mailbox.dnd:
        return _busy(mailbox, "do not disturb is on", ruled_out)
    if rung in _BUSY:
        return _busy(mailbox, _BUSY[rung], ruled_out)
    if rung is Rung.DEFLECTED and deflected_to is not None and When.DEFLECTED not in ruled_out:
        return Forward(deflected_to, When.DEFLECTED, None, "a phone deflected the call to this number")
    if rung is Rung.DEFLECTED and deflected_to is None and mailbox.enabled:
        # Whoever sent it there wants it recorded, whatever becomes of calls that nobody answers.
        return Record(Reason.UNAVAILABLE, "a phone deflected the call to the mailbox")
    if rung is not Rung.NOT_YET:
        return _unanswered(mailbox, rung, _UNANSWERED[rung], ruled_out)
    if mailbox.rings == 0 and _takes_unanswered(mailbox, ruled_out):
        return _unanswered(mailbox, Rung.NO_ANSWER, "the phones are not to ring (0 rings)", ruled_out)
    rings = mailbox.rings or UNCOVERED_RINGS
    return Ring(rings * RING_S, f"the phones ring {rings} times")


def _busy(mailbox: Mailbox, because: str, ruled_out: Collection[When]) -> Step:
    if (number := _forward(mailbox, When.BUSY, ruled_out)) is not None:
        return Forward(number, When.BUSY, Reason.BUSY, f"{because}, and calls on busy are forwarded")
    if mailbox.enabled and mailbox.send_busy:
        return Record(Reason.BUSY, f"{because}, and the mailbox takes calls on busy")
    return Refuse(486, f"{because}, and {_nobody(mailbox, 'calls on busy')}")


def _unanswered(mailbox: Mailbox, rung: Rung, because: str, ruled_out: Collection[When]) -> Step:
    if rung in {Rung.UNREACHABLE, Rung.UNREGISTERED}:
        number = _forward(mailbox, When.UNREACHABLE, ruled_out)
        if number is not None:
            why = f"{because}, and calls to unreachable phones are forwarded"
            return Forward(number, When.UNREACHABLE, Reason.UNREACHABLE, why)
    if (number := _forward(mailbox, When.NO_ANSWER, ruled_out)) is not None:
        return Forward(number, When.NO_ANSWER, _REASON[rung], f"{because}, and unanswered calls are forwarded")
    if mailbox.enabled and mailbox.send_no_answer:
        return Record(_REASON[rung], f"{because}, and the mailbox takes unanswered calls")
    return Refuse(480, f"{because}, and {_nobody(mailbox, 'unanswered calls')}")


def _forward(mailbox: Mailbox, when: When, ruled_out: Collection[When]) -> str | None:
    number = {
        When.ALWAYS: mailbox.forward_always,
        When.BUSY: mailbox.forward_busy,
        When.NO_ANSWER: mailbox.forward_no_answer,
        When.UNREACHABLE: mailbox.forward_unreachable,
    }[when]
    return None if when in ruled_out else number or None


def _takes_unanswered(mailbox: Mailbox, ruled_out: Collection[When]) -> bool:
    forwarded = _forward(mailbox, When.NO_ANSWER, ruled_out) is not None
    return forwarded or (mailbox.enabled and mailbox.send_no_answer)


def _nobody(mailbox: Mailbox, calls: str) -> str:
    return f"the mailbox does not take {calls}" if mailbox.enabled else "the mailbox is switched off"
