"""What a subscriber switches by phone about calls: the mailbox on and off, and forwarding (voicemail.md, rows 7 and 9).

Where calls are forwarded to is judged by the outbound policy (security.md, row 3), when it is set and when it is
switched on; when a call is forwarded the policy is asked once more, with what was used by then.
"""

from typing import Any

from voicebox.announcement import Change
from voicebox.clock import Clock
from voicebox.events import Events
from voicebox.mailbox import Company, Mailbox
from voicebox.notices import change_and_tell
from voicebox.outbound import Dial, Refused
from voicebox.outcalls import OutCalls
from voicebox.storage.database import Database
from voicebox.storage.swaps import swap


class Reachability:
    """The switches of every mailbox. Changes return None where somebody else was quicker, and change nothing then."""

    def __init__(self, db: Database, outcalls: OutCalls, *, events: Events, clock: Clock) -> None:
        self._db = db
        self._outcalls = outcalls
        self._events = events
        self._clock = clock

    async def set_enabled(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        """Have the mailbox take messages, or not (row 7); a recording in progress ends normally."""
        return await self._set(seen, {"enabled": on}, None)

    async def judge(self, company: Company, seen: Mailbox, typed: str) -> str | None:
        """Return a destination as it is dialled, an extension or E.164; None where calls may not be sent there.

        Args:
            company: the mailbox's.
            seen: whose calls are to be forwarded.
            typed: as a person dials it: an extension, 0211…, 0049…, or as it is stored.
        """
        match await self._outcalls.judge(company, seen, typed):
            case Dial(number=dialled):
                return dialled
            case Refused():
                return None

    async def set_destination(self, seen: Mailbox, destination: str) -> Mailbox | None:
        """Set where calls are forwarded to, as `judge` gave it; what is switched on goes there at once."""
        changes = {"forward_to": destination}
        if seen.forward_always is not None:
            changes["forward_always"] = destination
        return await self._set(seen, changes, Change.FORWARDING_TO, detail=destination)

    async def forward(self, seen: Mailbox, destination: str) -> Mailbox | None:
        """Have every call forwarded to a destination, as `judge` gave it."""
        changes = {"forward_always": destination, "forward_to": destination}
        return await self._set(seen, changes, Change.FORWARDING_ON, detail=destination)

    async def stop_forwarding(self, seen: Mailbox) -> Mailbox | None:
        """Have calls ring here again; where they went is remembered, for the next time."""
        changes = {"forward_always": None, "forward_to": seen.forward_to or seen.forward_always}
        return await self._set(seen, changes, Change.FORWARDING_OFF)

    async def _set(
        self, seen: Mailbox, changes: dict[str, Any], change: Change | None, *, detail: str = ""
    ) -> Mailbox | None:
        if all(getattr(seen, name) == value for name, value in changes.items()):
            change = None  # nobody need be told; the swap still finds out whether somebody else was quicker
        now = self._clock.now()
        return await change_and_tell(
            self._db, self._events, lambda connection: swap(connection, seen, changes, now), change, now, detail=detail
        )
