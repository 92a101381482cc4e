"""What would become of a call, and why: the same decisions as for a real one, with no call made.

A call for a mailbox's own number goes on by what its phones do, which nobody knows beforehand: so each thing that they
may do is followed, through every forwarding, to where it ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from voicebox.arrival import Decision, ToMailbox
from voicebox.coverage import Forward, Ring, Rung, Step, When, cover, in_a_circle
from voicebox.mailbox import Mailbox
from voicebox.outbound import Refused
from voicebox.outcalls import Permit

OUTCOMES: Final = (Rung.BUSY, Rung.DECLINED, Rung.UNAVAILABLE, Rung.NO_ANSWER, Rung.UNREACHABLE)
"""What phones may do besides answering."""
STEPS_MAX: Final = 500
"""Forwardings among colleagues branch at each of them; more than this nobody reads."""


class Admits(Protocol):
    """Who may have what dialled; `voicebox.outcalls`."""

    async def admit(self, payer: Mailbox, number: str) -> Permit | Refused:
        """Ask whether a mailbox may have a number dialled; a permit is to be ended."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of a call, under a condition."""

    after: tuple[str, ...]
    """What must have happened before, such as `1001: busy`; empty for what happens in any case."""
    mailbox: str
    """Whose number is called at this turn."""
    facts: Mapping[str, object]
    """As in a call record's `coverage` entry: `to`, `why`, and what belongs to them."""


async def explain(
    decision: Decision, phones: Mapping[int, int], outcalls: Admits, *, diversions: int = 0
) -> list[Turn]:
    """Return the steps of coverage after a decision; none where the call goes on without.

    Args:
        decision: where the call goes first (`voicebox.arrival`).
        phones: how many phones are registered, by mailbox.
        outcalls: what may be dialled.
        diversions: how often the call was sent on before it comes.

    Raises:
        DatabaseUnavailable: what was dialled today cannot be read.
    """
    if not isinstance(decision, ToMailbox) or not decision.called:
        return []
    walk = _Walk(phones, outcalls, diversions)
    await walk.to(decision.mailbox, after=(), visited=())
    return walk.turns


class _Walk:
    """Collects turns, depth first."""

    def __init__(self, phones: Mapping[int, int], outcalls: Admits, diversions: int) -> None:
        self.turns: list[Turn] = []
        self._phones = phones
        self._outcalls = outcalls
        self._diversions = diversions

    async def to(self, mailbox: Mailbox, *, after: tuple[str, ...], visited: tuple[int, ...]) -> None:
        """Follow a call for a mailbox's number."""
        registered = self._phones.get(mailbox.id, 0)
        rung = Rung.NOT_YET if registered else Rung.UNREGISTERED
        step = await self._turn(mailbox, rung, after, visited)
        if not isinstance(step, Ring):
            return
        for outcome in OUTCOMES:
            await self._turn(mailbox, outcome, (*after, f"{mailbox.number}: {outcome.value}"), visited)

    async def _turn(
        self, mailbox: Mailbox, rung: Rung, after: tuple[str, ...], visited: tuple[int, ...]
    ) -> Step | None:
        """Note what happens next, and follow it where it leads on."""
        ruled_out: set[When] = set()
        while len(self.turns) < STEPS_MAX:
            step = cover(mailbox, rung, ruled_out=ruled_out, sent_on=self._diversions + len(visited))
            if not isinstance(step, Forward):
                self._say(mailbox, after, step.facts)
                return step
            if await self._forwarded(mailbox, step, after, visited):
                return step
            ruled_out.add(step.when)
        return None

    async def _forwarded(
        self, mailbox: Mailbox, step: Forward, after: tuple[str, ...], visited: tuple[int, ...]
    ) -> bool:
        """Follow a forwarding; False where it is not allowed, and the call goes on as if it were off."""
        permit = await self._outcalls.admit(mailbox, step.number)
        if isinstance(permit, Refused):
            self._say(mailbox, after, {**step.facts, "refused": permit.why.value})
            return False
        await permit.end()
        self._say(mailbox, after, step.facts)
        colleague = permit.dial.mailbox
        if colleague is None:
            return True
        passed = (*visited, mailbox.id)
        if (loop := in_a_circle(mailbox, colleague, passed)) is not None:
            self._say(colleague, after, loop.facts)
        else:
            await self.to(colleague, after=after, visited=passed)
        return True

    def _say(self, mailbox: Mailbox, after: tuple[str, ...], facts: Mapping[str, object]) -> None:
        self.turns.append(Turn(after, mailbox.number, facts))
