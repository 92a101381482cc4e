"""The phones' turn: a call for a mailbox's own number, brought to whoever takes it (voicemail.md, rows 7 to 10).

`voicebox.coverage` decides, again whenever more is known; here phones ring, calls are joined with who answers, and
forwardings followed. What nobody takes goes back to `ivr.incoming`: to the mailbox, or to be refused.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from ivr.branch import Branch, Invitation, Place
from ivr.departure import Gateway, Origin, SentOn, TooManyHops, end_to_end, known_as, to_outside, to_phone
from ivr.dialogs import Dialogs
from ivr.early import Early
from ivr.joined import Joined
from ivr.ringing import Answered, Deflected, Outcome, Ringing
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import ParseError
from ivr.sip.hops import Hop
from ivr.sip.message import Request
from ivr.sip.uri import Uri, escaped
from ivr.way import Spawn
from voicebox.arrival import Arrival, Refused, ToMailbox, read_deflection
from voicebox.coverage import Forward, Record, Refuse, Ring, Rung, When, cover, in_a_circle
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Mailbox
from voicebox.numbers import DialPlan, parse_signalled
from voicebox.outbound import Dial, Refusal
from voicebox.outbound import Refused as NotPermitted

log = structlog.get_logger("voicebox.ivr.covering")

_STATUS: Final = {Rung.BUSY: 486, Rung.DECLINED: 486}
"""What the caller is told when a number outside does not answer; else 480."""


class PhonesOf(Protocol):
    """Where the registered phones are; `ivr.phones`."""

    def of_mailbox(self, mailbox_id: int) -> list[tuple[str, Hop]]:
        """Return the contact URI and the way to each phone of a mailbox."""
        ...

    def path_to(self, mailbox_id: int, contact: str) -> tuple[str, ...]:
        """Return the proxies on the way to a phone (RFC 3327)."""
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


class Admits(Protocol):
    """Who may have what dialled; `voicebox.outcalls`."""

    async def admit(self, payer: Mailbox, number: str) -> Permit | NotPermitted:
        """Ask whether a mailbox may have a number dialled; a permit is to be ended."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a call goes on by."""

    endpoint: Endpoint
    domain: str
    plan: DialPlan
    """How phones spell numbers."""
    portal: Sequence[str]
    """Numbers by which a phone sends a call to the mailbox."""
    phones: PhonesOf
    outcalls: Admits
    outside: Gateway | None
    dialogs: Dialogs
    spawn: Spawn


@dataclass(frozen=True, slots=True)
class Talked:
    """The call is over: somebody answered, or the caller gave up."""

    mailbox: Mailbox
    """Whose number was called."""


Covered = ToMailbox | Refused | Talked


class Covering:
    """One call's way over the phones."""

    def __init__(
        self,
        means: Means,
        early: Early,
        request: Request,
        *,
        source: Hop,
        arrival: Arrival,
        note: Callable[..., None],
    ) -> None:
        """Make one.

        Args:
            means: what it goes on by.
            early: the caller's side.
            request: the caller's INVITE.
            source: where it came from: that phone does not ring.
            arrival: the INVITE as read.
            note: writes into the call's trace.
        """
        self.answered_at: datetime | None = None
        self._means = means
        self._early = early
        self._request = request
        self._source = source
        self._arrival = arrival
        self._note = note
        self._sent_on: list[SentOn] = []
        self._visited: set[int] = set()
        self._ruled_out: set[When] = set()
        self._deflected_to: str | None = None
        """Where a phone sent the call, where it was not to the mailbox."""
        self._ringing: Ringing | None = None
        self._joined: Joined | None = None
        self._lease: asyncio.Handle | None = None
        """Asks whether the call may go on."""
        early.on_over = self._stop

    @property
    def ended_by(self) -> str:
        """Who ended the call, for the trace; empty while it goes on, or went on to the mailbox."""
        return self._joined.ended_by if self._joined is not None else self._early.ended_by

    async def run(self, decision: ToMailbox) -> Covered:
        """Bring the call to its end, or to where `ivr.incoming` takes over: the early dialogs are left then."""
        try:
            return await self._run(decision)
        except TooManyHops:
            return Refused(483, "the call came over too many hops (Max-Forwards)", decision.mailbox)
        finally:
            self._early.leave()

    def end(self) -> None:
        """End the call from outside: the server stops."""
        if self._joined is not None:
            self._joined.end('SIP ;cause=503 ;text="Shutting down"')
        else:
            self._early.refuse(503)

    def cancelled(self) -> None:
        """Take in that the caller gave up: nobody is to ring any more."""
        self._early.cancelled()

    def acked(self, request: Request) -> None:
        """Take an ACK that names another dialog."""
        if self._joined is not None:
            self._joined.caller.acked(request)

    # -- inside

    async def _run(self, decision: ToMailbox) -> Covered:
        mailbox = decision.mailbox
        rung = self._known_of(mailbox)
        while not self._early.ended_by:
            sent_on = len(self._arrival.diversions) + len(self._sent_on)
            step = cover(mailbox, rung, deflected_to=self._deflected_to, ruled_out=self._ruled_out, sent_on=sent_on)
            self._note("coverage", mailbox=mailbox.number, phones=rung.value, **step.facts)
            match step:
                case Record(reason, why):
                    by = self._sent_on[-1].number if self._sent_on else decision.deflected_by
                    return ToMailbox(mailbox, reason, by, why, called=True)
                case Refuse(status, why):
                    return Refused(status, why, mailbox)
                case Ring(length_s):
                    outcome = await self._ring(self._branches(mailbox), length_s)
                    if isinstance(outcome, Answered):
                        await self._join(outcome, mailbox.number)
                        break
                    rung = self._rung(outcome)
                case Forward():
                    gone = await self._forward(mailbox, step)
                    if isinstance(gone, Talked | Refused):
                        return gone
                    if gone is not None:
                        mailbox, rung = gone, self._known_of(gone)
        return Talked(mailbox)

    def _rung(self, outcome: Deflected | Rung) -> Rung:
        """Take in what the phones did."""
        if not isinstance(outcome, Deflected):
            return outcome
        means = self._means
        self._deflected_to = read_deflection(str(outcome.to), means.plan, means.portal, domain=means.domain)
        return Rung.DEFLECTED

    def _known_of(self, mailbox: Mailbox) -> Rung:
        return Rung.NOT_YET if self._contacts(mailbox) else Rung.UNREGISTERED

    def _contacts(self, mailbox: Mailbox) -> list[tuple[str, Hop]]:
        """Return a mailbox's phones, but for the one that calls: it would only find itself busy.

        A phone that started anew registers under a new name (baresip does) while its old one still counts: the newer
        registration at an address is the phone, and rings once.
        """
        here = (self._source.transport, self._source.host, self._source.port)
        own = [each.uri for each in self._request.contact]
        newest: dict[tuple[object, ...], tuple[str, Hop]] = {}
        for contact, hop in self._means.phones.of_mailbox(mailbox.id):
            at = (hop.transport, hop.host, hop.port)
            path = self._means.phones.path_to(mailbox.id, contact)
            # Behind a proxy all come from its address: there only the Contact tells who calls.
            if at == here and (not path or _is_one_of(contact, own)):
                continue
            newest[*at, *path, contact.rpartition("@")[2]] = (contact, hop)
        return list(newest.values())

    def _branches(self, mailbox: Mailbox) -> list[Branch]:
        found = []
        for contact, hop in self._contacts(mailbox):
            try:
                path = self._means.phones.path_to(mailbox.id, contact)
                said = to_phone(contact, mailbox.number, self._origin(mailbox), self._means.domain, path)
            except ParseError as error:
                log.warning("contact_unreadable", mailbox=mailbox.number, why=error.detail)
                continue
            found.append(self._branch(said, Place(hop)))
        return found

    def _origin(self, mailbox: Mailbox) -> Origin:
        """Return the call as it goes on from a mailbox."""
        return Origin(mailbox, self._arrival.caller, self._request, tuple(self._sent_on))

    def _branch(self, said: Invitation, place: Place) -> Branch:
        means = self._means
        user = escaped(self._arrival.caller.number or "")
        offer = end_to_end(said, self._request)
        return Branch(means.endpoint, offer, place, user=user, dialogs=means.dialogs, spawn=means.spawn)

    async def _ring(self, branches: Sequence[Branch], length_s: float | None) -> Outcome:
        if self._early.ended_by:  # while we asked whether to dial
            return Rung.NO_ANSWER
        if not branches:
            return Rung.UNREACHABLE
        self._early.sole = len(branches) == 1
        self._ringing = Ringing(branches, spawn=self._means.spawn)
        self._ringing.on_progress = self._early.progress
        try:
            return await self._ringing.run(length_s)
        finally:
            self._ringing = None

    async def _join(self, answered: Answered, number: str, permit: Permit | None = None) -> None:
        """Connect the caller with who answered, until either hangs up, or the permit's day has no minutes left."""
        branch = answered.branch
        phone = branch.side
        if self._early.ended_by or phone is None:
            branch.give_up()
            return
        caller = self._early.answered(branch, answered.response)
        self._note("coverage", to="answered", number=number, by=str(branch.uri), why="it was picked up there")
        self.answered_at = datetime.now(UTC)
        joined = self._joined = Joined(caller, branch, phone, spawn=self._means.spawn)
        if permit is not None:
            self._lease = asyncio.get_running_loop().call_soon(self._renew, joined, permit)
        try:
            await joined.run(answered.response)
        finally:
            if self._lease is not None:
                self._lease.cancel()

    def _renew(self, joined: Joined, permit: Permit) -> None:
        """End a call whose day has no minutes left; else ask again later."""
        lease_s = permit.lease_s()
        if lease_s is None:
            return
        if lease_s <= 0:
            joined.end('SIP ;cause=408 ;text="Outbound budget spent"', ended_by="limit")
            return
        self._lease = asyncio.get_running_loop().call_later(lease_s, self._renew, joined, permit)

    # -- forwarding

    async def _forward(self, mailbox: Mailbox, step: Forward) -> Mailbox | Talked | Refused | None:
        """Follow a forwarding or a phone's deflection: to a colleague, or outside; None where it is ruled out."""
        try:
            permit = await self._means.outcalls.admit(mailbox, step.number)
        except DatabaseUnavailable:
            self._rule_out(step, "nobody knows now what was dialled today")
            return None
        if isinstance(permit, NotPermitted):
            self._rule_out(step, permit.why.value)
            if step.when is When.DEFLECTED and permit.why is Refusal.OWN_NUMBER and self._names(mailbox, step.number):
                # A phone whose user sends the call to its own number means the mailbox; by an alias, a telephone that
                # its user has elsewhere.
                self._deflected_to = None
            return None
        self._sent_on.append(SentOn(known_as(mailbox), step.reason))
        try:
            colleague = permit.dial.mailbox
            if colleague is None:
                return await self._outside(mailbox, step, permit)
        finally:
            await permit.end()
        self._visited.add(mailbox.id)
        self._ruled_out.clear()
        if (loop := in_a_circle(mailbox, colleague, self._visited)) is not None:
            return Refused(loop.status, loop.why, mailbox)
        return colleague

    def _names(self, mailbox: Mailbox, text: str) -> bool:
        """Tell whether a number is a mailbox's own, not an alias of it."""
        number = parse_signalled(text, self._means.plan)
        return number is not None and (
            number.digits == mailbox.number or (number.e164 is not None and number.e164 == mailbox.phone)
        )

    def _rule_out(self, step: Forward, why: str) -> None:
        self._ruled_out.add(step.when)
        self._note("coverage", to="number", number=step.number, when=step.when.value, refused=why)

    async def _outside(self, mailbox: Mailbox, step: Forward, permit: Permit) -> Talked | Refused | None:
        """Let a number outside ring; who answers there ends coverage, and so does who does not."""
        way = self._means.outside
        if way is None:
            self._sent_on.pop()
            self._rule_out(step, "the outbound peer has no address of its own")
            return None
        number = permit.dial.number
        said = to_outside(number, way, self._origin(mailbox), self._means.domain)
        outcome = await self._ring([self._branch(said, way.place)], None)
        if isinstance(outcome, Answered):
            permit.answered()
            await self._join(outcome, number, permit)
            return Talked(mailbox)
        if self._early.ended_by:
            return Talked(mailbox)
        # A number outside that names another one (302) has not answered: what it costs there is nobody's wish here.
        rung = Rung.UNAVAILABLE if isinstance(outcome, Deflected) else outcome
        return Refused(_STATUS.get(rung, 480), f"{number} did not answer ({rung.value})", mailbox)

    def _stop(self) -> None:
        if self._ringing is not None:
            self._ringing.stop()


def _is_one_of(contact: str, others: Sequence[Uri]) -> bool:
    """Tell whether a registered contact is one of these addresses, whatever their parameters."""
    try:
        uri = Uri.parse(contact)
    except ParseError:
        return False
    return any((uri.user, uri.host, uri.port) == (each.user, each.host, each.port) for each in others)
