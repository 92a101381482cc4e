"""The message light: which mailboxes must tell their phones, and what (row 14, RFC 3842).

A change is told at once by an event; its outbox row, written with it, sees to it that a restart or a failure does not
leave a light wrong. What is sent is always the whole state at that moment, never a difference, so telling twice is
harmless and the latest always wins.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from voicebox.clock import Clock
from voicebox.errors import DatabaseUnavailable
from voicebox.events import Event, Events, MailboxChanged
from voicebox.mailbox import Mailbox
from voicebox.message import Counts
from voicebox.storage import lights
from voicebox.storage.database import Database
from voicebox.storage.lights import LightRow
from voicebox.storage.outbox import backoff_s

LOOK_AGAIN_S: Final = 1.0
"""For rows that another process wrote (`voicebox apply`, another node): a light switched off there goes out at once."""
TOGETHER_MAX: Final = 200
"""Mailboxes being told at a time; the others wait their turn."""
DARK: Final = Counts(new=0, saved=0, new_urgent=0, saved_urgent=0)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LightState:
    """What a phone is to be told of a mailbox."""

    mailbox: Mailbox
    counts: Counts
    """All zero where the light is switched off; of an e-mail-only mailbox, what could not be mailed (row 13)."""

    @property
    def lit(self) -> bool:
        """Lit exactly when there is a new message."""
        return self.counts.new > 0


Send = Callable[[LightState], Awaitable[None]]
"""Tells every phone of the mailbox; an exception means that it is to be told again."""


class Light:
    """Sends lights while `run` is running."""

    def __init__(self, db: Database, events: Events, clock: Clock, send: Send) -> None:
        self._db = db
        self._events = events
        self._clock = clock
        self._send = send
        self._dirty: dict[int, float] = {}
        """Mailboxes to be told, with when they first changed (monotonic)."""
        self._since: dict[int, float] = {}
        """Likewise of those that are being told."""
        self._busy: set[int] = set()
        self._restated: list[int] | None = None
        """Mailboxes still to be told since the start; None until they are looked up."""
        self._look_at = 0.0
        self._wake = asyncio.Event()
        self.on_told: Callable[[float], None] = lambda _: None
        """Called with how many seconds after a change its light was sent."""

    async def state(self, mailbox_id: int) -> LightState | None:
        """Return what a phone that asks (SUBSCRIBE, REGISTER) is to be told now; None if there is no such mailbox."""
        row = await self._look(mailbox_id)
        return None if row is None else _state_of(row)

    async def run(self) -> None:
        """Tell every change at once, and what is left over from before; runs until cancelled.

        Mailboxes are told side by side: a phone that is dead for a while keeps no other light waiting.
        """
        unsubscribe = self._events.subscribe(self._on_event)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._wake.clear()
                    for mailbox_id in await self._next():
                        self._busy.add(mailbox_id)
                        group.create_task(self._tell(mailbox_id))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN_S):
                            await self._wake.wait()
        finally:
            unsubscribe()

    async def send_due(self) -> int:
        """Send the lights that changed; where none did, those that are due by their rows. Returns how many were sent.

        Raises:
            DatabaseUnavailable: their rows stay due.
        """
        mailboxes = self._changed() or await self._due()
        async with asyncio.TaskGroup() as group:
            told = [group.create_task(self._show(mailbox_id)) for mailbox_id in mailboxes]
        return sum(task.result() for task in told)

    async def _next(self) -> list[int]:
        """Return the mailboxes to tell now: those that changed, now and then those whose rows are due, at start all."""
        mailboxes = self._changed()
        loop = asyncio.get_running_loop()
        if loop.time() >= self._look_at:
            self._look_at = loop.time() + LOOK_AGAIN_S
            try:
                mailboxes += [each for each in await self._due() if each not in mailboxes]
            except DatabaseUnavailable as error:  # the rows are there when it is back
                logger.warning("the message lights wait: %s", error)
        mailboxes += [each for each in await self._restate() if each not in mailboxes]
        return mailboxes

    async def _restate(self) -> list[int]:
        """Return mailboxes to tell since we have just started: a phone or PBX may have missed what came before.

        Their number is bounded by what is free, so that changes never wait for them.
        """
        if self._restated is None:
            try:
                async with self._db.read() as connection:
                    self._restated = await lights.every(connection)
            except DatabaseUnavailable:
                return []
        free = max(0, TOGETHER_MAX // 2 - len(self._busy))
        told, self._restated = self._restated[:free], self._restated[free:]
        return [each for each in told if each not in self._busy]

    def _changed(self) -> list[int]:
        """Take the mailboxes that changed, but those that are just being told: their turn comes after."""
        free = [each for each in self._dirty if each not in self._busy][: max(0, TOGETHER_MAX - len(self._busy))]
        for mailbox_id in free:
            self._since[mailbox_id] = self._dirty.pop(mailbox_id)
        return free

    async def _due(self) -> list[int]:
        async with self._db.read() as connection:
            found = await lights.due(connection, self._clock.now(), TOGETHER_MAX)
        return [each for each in found if each not in self._busy]

    async def _tell(self, mailbox_id: int) -> None:
        try:
            await self._show(mailbox_id)
        except DatabaseUnavailable as error:  # the row is there when it is back
            logger.warning("the message light of mailbox %d waits: %s", mailbox_id, error)
        except Exception:  # one mailbox's fault must not leave the others in the dark
            logger.exception("the message light of mailbox %d failed", mailbox_id)
        finally:
            self._busy.discard(mailbox_id)
            if self._dirty or self._restated:
                self._wake.set()

    async def _show(self, mailbox_id: int) -> bool:
        """Send one mailbox's light; True when everybody was told."""
        row = await self._look(mailbox_id)
        if row is None or not await self._send_one(row):
            self._since.pop(mailbox_id, None)
            return False
        if (since := self._since.pop(mailbox_id, None)) is not None:
            self.on_told(time.monotonic() - since)
        now = self._clock.now()
        await self._db.write(lambda connection: lights.done(connection, [row], now))
        return True

    async def _send_one(self, row: LightRow) -> bool:
        try:
            await self._send(_state_of(row))
        except Exception as error:  # a phone's fault must not leave the others in the dark
            logger.exception("the light of mailbox %d could not be sent", row.mailbox.id)
            why = f"{type(error).__name__}: {error}"
            again_at = self._clock.now() + timedelta(seconds=backoff_s(row.attempts + 1))
            await self._db.write(lambda connection: lights.failed(connection, row, why, again_at))
            return False
        return True

    async def _look(self, mailbox_id: int) -> LightRow | None:
        async with self._db.read() as connection:
            return await lights.look(connection, mailbox_id)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, MailboxChanged):
            self._dirty.setdefault(event.mailbox_id, time.monotonic())
            self._wake.set()


def _state_of(row: LightRow) -> LightState:
    return LightState(row.mailbox, row.counts if row.mailbox.mwi else DARK)
