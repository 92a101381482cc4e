"""Several phones that ring at once for one call (voicemail.md, "Towards the caller while phones ring").

The first to answer wins, and the others are given up. One that is busy lets the others ring; where nobody picks them
up, its user is busy, who has the others too. One that declines (603), or sends the call elsewhere (302), ends it for
all: its user decided. A phone that gives no sign of life within `SILENCE_S` is unreachable; when all are, or time is
over, nobody waits for answers to our CANCELs. Of servers outside, a silent one is no matter of the ringing: its branch
tries the next.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ivr.branch import SILENCE_S, Branch
from ivr.sip.message import Response
from ivr.sip.outgoing import is_made_up
from ivr.sip.turns import done_within, once_read
from ivr.sip.uri import NameAddr, Uri
from ivr.way import Spawn
from voicebox.coverage import Rung

ELSEWHERE: Final = 'SIP ;cause=200 ;text="Call completed elsewhere"'
"""RFC 3326 section 3.1: a phone that reads this lists no missed call."""
BUSY: Final = frozenset({486, 600})
DEFLECTS: Final = frozenset({300, 301, 302})
"""RFC 3261 section 21.3; 305 names a proxy, and 380 another service than a call."""
LEADS_NOWHERE: Final = frozenset({404, 408, 410, 430, 502, 503, 504})
"""Statuses by which a proxy, or nobody at all, says that the phone is not there."""
_Q: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Answered:
    """A phone picked up."""

    branch: Branch
    response: Response
    """Its 2xx, which is to be acknowledged."""


@dataclass(frozen=True, slots=True)
class Deflected:
    """A phone's user sent the call elsewhere."""

    to: Uri
    """Whom the phone named (RFC 3261 section 8.1.3.4)."""


Outcome = Answered | Deflected | Rung


class Ringing:
    """One round of ringing."""

    def __init__(self, branches: Sequence[Branch], *, spawn: Spawn) -> None:
        """Make one; `run` lets them ring."""
        self.branches = tuple(branches)
        self.on_progress: Callable[[Branch, Response], None] | None = None
        """Called with every 1xx but 100."""
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Outcome] = self._loop.create_future()
        self._refused: dict[Branch, Rung] = {}

    async def run(self, length_s: float | None) -> Outcome:
        """Let them ring, for so long or (None) as long as they do; return who answered, or why nobody did."""
        for branch in self.branches:
            branch.on_provisional = self._progress_of(branch)
            self._spawn(self._ring(branch))
        watch = self._loop.call_later(SILENCE_S, once_read, self._tell_silent)
        try:
            await done_within(self._done, length_s)
        finally:
            watch.cancel()
            self._settle(self._unanswered())
        outcome = self._done.result()
        self._give_up(outcome.branch if isinstance(outcome, Answered) else None)
        return outcome

    def stop(self) -> None:
        """Let nobody ring any more: the caller is gone, and whoever picks up meanwhile is hung up on."""
        self._settle(Rung.NO_ANSWER)

    # -- inside

    async def _ring(self, branch: Branch) -> None:
        response = await branch.ring()
        if 200 <= response.status < 300:
            if not branch.given_up and not self._settle(Answered(branch, response)):
                branch.give_up()
            return
        if response.status in {600, 603}:
            self._settle(Rung.DECLINED if response.status == 603 else Rung.BUSY)
        elif (to := _deflected_to(response)) is not None:
            self._settle(Deflected(to))
        else:
            self._refuse(branch, _meaning(response))

    def _refuse(self, branch: Branch, what: Rung) -> None:
        self._refused.setdefault(branch, what)
        if len(self._refused) == len(self.branches):
            said = set(self._refused.values())
            self._settle(next(rung for rung in (Rung.BUSY, Rung.UNAVAILABLE, Rung.UNREACHABLE) if rung in said))

    def _unanswered(self) -> Rung:
        if Rung.BUSY in self._refused.values():
            return Rung.BUSY
        return Rung.NO_ANSWER if any(branch.heard for branch in self.branches) else Rung.UNREACHABLE

    def _tell_silent(self) -> None:
        for branch in self.branches:
            if not branch.outside and not branch.heard and branch not in self._refused and not self._done.done():
                branch.give_up()
                self._refuse(branch, Rung.UNREACHABLE)

    def _settle(self, outcome: Outcome) -> bool:
        if self._done.done():
            return False
        self._done.set_result(outcome)
        return True

    def _give_up(self, winner: Branch | None) -> None:
        for branch in self.branches:
            if branch is not winner and not branch.given_up:
                branch.give_up(ELSEWHERE if winner is not None else "")

    def _progress_of(self, branch: Branch) -> Callable[[Response], None]:
        def tell(response: Response) -> None:
            if response.status > 100 and self.on_progress is not None and not self._done.done():
                self.on_progress(branch, response)

        return tell


def _deflected_to(response: Response) -> Uri | None:
    """Return whom a phone wants called instead: of several the one it likes most, of equals the first."""
    if response.status not in DEFLECTS:
        return None
    return max(response.contact, key=_preference).uri if response.contact else None


def _preference(contact: NameAddr) -> float:
    """Return a contact's q, by default the highest (RFC 3261 section 20.10)."""
    text = contact.params.get("q") or ""
    return float(text) if _Q.fullmatch(text) else 1.0


def _meaning(response: Response) -> Rung:
    if response.status in BUSY:
        return Rung.BUSY
    if is_made_up(response) or response.status in LEADS_NOWHERE or response.status >= 500:
        return Rung.UNREACHABLE
    return Rung.UNAVAILABLE
