"""Where a call goes (voicemail.md, "Where a call goes"): one place decides, and says why.

`ivr` reads an INVITE's headers into an `Arrival`; `decide` resolves its numbers with one query and applies the four
rules. Nothing here depends on SIP beyond the status of a refusal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Reason
from voicebox.numbers import DialPlan, Number, parse_named, parse_signalled

DIVERSIONS_MAX: Final = 5
"""More than these is a loop."""
_SHOWN_MAX: Final = 40


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


@dataclass(frozen=True, slots=True)
class ToPortal:
    """Rule 1: the caller wants to fetch messages."""

    why: str

    @property
    def facts(self) -> dict[str, str | None]:
        """What the trace's `decision` entry says."""
        return {"to": "portal", "reason": Reason.PORTAL.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class ToMailbox:
    """Rules 2 and 3: the caller leaves a message."""

    mailbox: Mailbox
    reason: Reason
    """Which greeting fits."""
    deflected_by: str | None
    """The number that sent the call on; None for a call to the mailbox's own number."""
    why: str
    called: bool = False
    """Rule 3: its own number was called, so that coverage comes first (`voicebox.coverage`), and may refuse."""

    @property
    def facts(self) -> dict[str, str | None]:
        """What the trace's `decision` entry says."""
        return {
            "to": "mailbox",
            "mailbox": self.mailbox.number,
            "reason": self.reason.value,
            "deflected_by": self.deflected_by,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """The call is not answered. To strangers the engine gives one and the same refusal, whatever the status here."""

    status: int
    """404 no such number, 480 the mailbox is switched off, 482 a loop (RFC 3261 section 21.4)."""
    why: str
    mailbox: Mailbox | None = None
    """The mailbox that is switched off."""

    @property
    def facts(self) -> dict[str, str | None]:
        """What the trace's `decision` entry says."""
        number = self.mailbox.number if self.mailbox else None
        return {"to": "refused", "status": str(self.status), "mailbox": number, "why": self.why}


Decision = ToPortal | ToMailbox | Refused


class Lookup(Protocol):
    """Finds mailboxes by number; `voicebox.directory` is the real one."""

    async def find_all(self, company_id: int, numbers: Sequence[Number]) -> Mapping[Number, Mailbox]:
        """Return whose these numbers are, in one query; numbers of nobody are left out."""
        ...


async def decide(
    arrival: Arrival,
    *,
    company: Company,
    plan: DialPlan,
    portal_numbers: Iterable[str],
    mailbox_of: MailboxOf,
    directory: Lookup,
) -> Decision:
    """Decide where a call goes; one query at most.

    Args:
        arrival: The call.
        company: Whose numbers are meant: that of the peer or device that sent the call.
        plan: How that peer spells numbers.
        portal_numbers: The portal's, as configured.
        mailbox_of: Which mailbox of a chain counts, by the peer's configuration.
        directory: Finds mailboxes.
    """
    route = read_route(arrival, plan, portal_numbers)
    settled = settle(route)
    if settled is not None:
        return settled
    found = await directory.find_all(company.id, route.candidates)
    return choose(route, mailbox_of, found)


@dataclass(frozen=True, slots=True)
class Step:
    """A number of the call that may name a mailbox, as signalled and as read."""

    text: str
    number: Number | None
    reason: Reason | None = None

    @property
    def shown(self) -> str:
        """The number for records and reasons, bounded: what does not read as a number is anybody's text."""
        return self.number.shown if self.number else self.text[:_SHOWN_MAX]


@dataclass(frozen=True, slots=True)
class Route:
    """An arrival with its numbers read."""

    called: Step
    called_portal: bool
    target: Step | None
    target_portal: bool
    chain: tuple[Step, ...]
    """The diversions, oldest first."""

    @property
    def candidates(self) -> list[Number]:
        """Every number that could name a mailbox, each once."""
        steps = [*([self.target] if self.target else []), *self.chain, self.called]
        return list(dict.fromkeys(step.number for step in steps if step.number is not None))


def read_route(arrival: Arrival, plan: DialPlan, portal_numbers: Iterable[str]) -> Route:
    """Read an arrival's numbers."""
    portals = _read_all(portal_numbers, plan)
    called = Step(arrival.called, parse_signalled(arrival.called, plan), arrival.target_reason)
    target = None
    if arrival.target is not None:
        target = Step(arrival.target, parse_signalled(arrival.target, plan), arrival.target_reason)
    return Route(
        called=called,
        called_portal=_is_portal(called.number, portals),
        target=target,
        target_portal=target is not None and _is_portal(target.number, portals),
        chain=tuple(Step(step.number, parse_signalled(step.number, plan), step.reason) for step in arrival.diversions),
    )


def read_deflection(uri: str, plan: DialPlan, portal_numbers: Iterable[str], *, domain: str) -> str | None:
    """Return the number that a phone deflects a call to; None where it means the mailbox, by a portal's number.

    Digits stay as the phone gave them, for they may be an extension: what is dialled, the outbound policy reads. So it
    refuses what is no number, which is returned as it stands.
    """
    number = parse_named(uri, plan, domain)
    if number is None:
        return uri[:_SHOWN_MAX]
    return None if _is_portal(number, _read_all(portal_numbers, plan)) else number.digits or number.shown


def settle(route: Route) -> ToPortal | Refused | None:
    """Return the decision where it needs no mailbox: a loop, or rule 1; else None."""
    if len(route.chain) > DIVERSIONS_MAX:
        return Refused(482, f"the call was diverted {len(route.chain)} times; more than {DIVERSIONS_MAX} is a loop")
    if route.chain:
        return None
    if route.target is not None:
        # A target that is no portal names a mailbox, and so a diversion (rule 2a).
        return ToPortal(f"the target {route.target.shown} is a portal number") if route.target_portal else None
    return ToPortal(f"{route.called.shown} is a portal number, and nobody diverted") if route.called_portal else None


def choose(route: Route, mailbox_of: MailboxOf, found: Mapping[Number, Mailbox]) -> Decision:
    """Apply rules 2 to 4 to the mailboxes found."""

    def owner(step: Step) -> Mailbox | None:
        return found.get(step.number) if step.number else None

    if route.target is not None and (mailbox := owner(route.target)) is not None:
        diverter = _same(route, mailbox, found)
        reason = route.target.reason or (diverter.reason if diverter else None) or Reason.UNAVAILABLE
        return _deposit(mailbox, reason, route.target, f"the target {route.target.shown} names it")
    ours = [(step, mailbox) for step in route.chain if (mailbox := owner(step)) is not None]
    if ours:
        step, mailbox = ours[-1] if mailbox_of is MailboxOf.LAST else ours[0]
        return _deposit(mailbox, step.reason or Reason.UNAVAILABLE, step, _chain_reason(route, ours, step, mailbox_of))
    mailbox = None if route.called_portal else owner(route.called)
    if mailbox is not None:
        diverter = route.chain[-1] if route.chain else None
        why = f"{route.called.shown} was called"
        if diverter is not None:
            why += f"; it was diverted by {diverter.shown}, which is not ours"
        if route.called.reason is None:
            return ToMailbox(mailbox, Reason.UNAVAILABLE, diverter.shown if diverter else None, why, called=True)
        # A cause without a target: the exchange has tried already (rule 2a, leniently).
        return _deposit(mailbox, route.called.reason, diverter, why)
    return Refused(404, _nobody(route))


def _deposit(mailbox: Mailbox, reason: Reason, by: Step | None, why: str) -> ToMailbox | Refused:
    if not mailbox.enabled:
        return Refused(480, f"mailbox {mailbox.number} is switched off ({why})", mailbox)
    return ToMailbox(mailbox, reason, by.shown if by else None, why)


def _same(route: Route, mailbox: Mailbox, found: Mapping[Number, Mailbox]) -> Step | None:
    """Return the most recent diversion of this mailbox."""
    for step in reversed(route.chain):
        owner = found.get(step.number) if step.number else None
        if owner is not None and owner.id == mailbox.id:
            return step
    return None


def _chain_reason(route: Route, ours: Sequence[tuple[Step, Mailbox]], step: Step, mailbox_of: MailboxOf) -> str:
    chain = ", ".join(f"{each.shown} ({each.reason})" for each in route.chain)
    if len({mailbox.id for _, mailbox in ours}) == 1:
        return f"diverted by {step.shown}; the chain is {chain}"
    place = "last" if mailbox_of is MailboxOf.LAST else "first"
    return f"{step.shown} is the {place} of our numbers in the chain {chain}"


def _nobody(route: Route) -> str:
    tried = [f"the called number {route.called.shown!r}"]
    if route.target is not None:
        tried.insert(0, f"the target {route.target.shown!r}")
    if route.chain:
        tried.insert(0, "a diverting number (" + ", ".join(step.shown for step in route.chain) + ")")
    if route.called_portal:
        return f"no mailbox has {' or '.join(tried[:-1])}, and the portal takes no diverted call"
    return f"no mailbox has {' or '.join(tried)}"


def _read_all(numbers: Iterable[str], plan: DialPlan) -> list[Number]:
    return [number for text in numbers if (number := parse_signalled(text, plan))]


def _is_portal(number: Number | None, portals: Iterable[Number]) -> bool:
    if number is None:
        return False
    return any(
        (number.e164 is not None and number.e164 == portal.e164)
        or (number.digits != "" and number.digits == portal.digits)
        for portal in portals
    )
