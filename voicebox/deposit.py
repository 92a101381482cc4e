"""Leaving a message: from a take that is durable in the spool to a message, its mails and its light.

What a caller was told is sent is never lost, whatever fails:

1. ACCEPT is written to the spool with the caller's choices (urgent, confidential), and synced.
2. One transaction writes the audio's row (still in the spool), the message, and the outbox rows.
3. If the database is away, the take waits: it is tried again with growing pauses, and again after a restart, since the
   spool remembers it until its audio is settled.

Ids make each step harmless to repeat: take, audio and message share one, and each outbox row's key names its message.
"""

import asyncio
import itertools
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from voicebox.backoff import doubled_s
from voicebox.clock import Clock
from voicebox.errors import DatabaseUnavailable
from voicebox.events import AudioSpooled, DatabaseBack, Events, MailboxChanged, OutboxGrew
from voicebox.mailbox import Mailbox
from voicebox.message import Message, Take
from voicebox.storage import ageing, audio, confirmations, holdings, mailboxes, messages, outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Kind
from voicebox.takes import MESSAGE_MIN_S, Deposit, DepositContext, Flags, LostTake, OwnContext, sort_out

__all__ = ["MESSAGE_MIN_S", "DepositContext", "Deposits", "Flags", "LostTake", "Room", "SpoolMarks"]

COUNTED_S: Final = 1.0
"""For counting what a mailbox holds: a caller hears nothing meanwhile."""
RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 30.0
TOGETHER: Final = 50
"""Deposits written at once after a time without a database."""
WAITING_MAX: Final = 100_000
"""Takes waiting in memory for the database, 1 KiB each. Further ones wait in the spool alone, for the next start."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """What a mailbox still takes."""

    left_s: float
    full: bool


class SpoolMarks(Protocol):
    """The spool's side of a deposit: each returns when the mark is on disk."""

    async def accept(self, take_id: str, flags: bytes) -> None:
        """Mark a take as one that must become a message."""
        ...

    async def discard(self, take_id: str) -> None:
        """Mark a take as one that must not come back."""
        ...

    async def settled(self, audio_id: str) -> None:
        """Mark a take whose audio lies in the store."""
        ...


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a deposit's transaction did."""

    fresh: bool
    """False: it was done before."""
    audio: audio.AudioState
    visible: bool = False
    kinds: tuple[Kind, ...] = ()


class Deposits:
    """Takes what callers leave. `run` must be running for what the database did not take at once."""

    def __init__(self, db: Database, events: Events, spool: SpoolMarks, clock: Clock) -> None:
        self._db = db
        self._events = events
        self._spool = spool
        self._clock = clock
        self._waiting: dict[str, Deposit] = {}
        self._overdue = asyncio.Event()
        self.stuck = 0
        """Messages that stay in the spool since they can never be stored (their mailbox is gone): an alarm."""

    @property
    def waiting(self) -> int:
        """How many messages wait in the spool for the database."""
        return len(self._waiting)

    async def room(self, mailbox: Mailbox) -> Room:
        """Return how much a mailbox still takes, from the samples of its new and saved messages.

        Of one that is e-mail only, from what waits to be mailed and what could not be: the others do not stay.
        While the database is away or hangs there is always room: a message too many is better than none.
        """
        try:
            async with asyncio.timeout(COUNTED_S), self._db.read() as connection:
                by_mail = mailbox.redirect_email is not None
                used_s = await holdings.used_s(connection, mailbox.id, by_mail=by_mail)
        except (DatabaseUnavailable, TimeoutError):
            return Room(left_s=float(mailbox.message_max_s), full=False)
        used_s += sum(
            waiting.take.duration_s for waiting in self._waiting.values() if waiting.context.mailbox_id == mailbox.id
        )
        left_s = max(0.0, mailbox.quota_s - used_s)
        return Room(left_s=left_s, full=left_s < MESSAGE_MIN_S)

    async def accept(
        self,
        context: DepositContext,
        take: Take,
        *,
        urgent: bool = False,
        confidential: bool = False,
        interrupted: bool = False,
    ) -> Message | None:
        """Make a take a message; when this returns it is durable, in the database or else in the spool.

        Accepting the same take again changes nothing. Returns None for a take under 2 s, which is discarded.

        Raises:
            Exception: the spool's own, where neither it nor the database could write: nothing was promised.
        """
        if take.duration_s < MESSAGE_MIN_S:
            await self._spool.discard(take.id)
            return None
        deposit = Deposit(context, take, Flags(urgent=urgent, confidential=confidential, interrupted=interrupted))
        unmarked = await self._mark(deposit)
        if self._waiting:  # the database is away: do not make the caller wait for it to fail again
            self._keep(deposit, "it is still away")
            stored = None
        else:
            stored = await self._try(deposit)
        if unmarked is not None and stored is None:
            raise unmarked
        if context.replaces is not None and context.replaces != take.id:
            await self._discard_replaced(context.replaces)
        return deposit.message()

    async def recover(self, *lost: LostTake) -> int:
        """Make messages of the recordings that a crash or a fault of the disk left in the spool.

        Returns how many are messages now that were none before, or will be once the database is back.

        Give all of them in one call: a take that was recorded again must not become a message beside its successor.
        A recording that had not come to its end is marked interrupted. One that is a message already is left to
        settlement, or marked settled where only that mark was missing. So is what subscribers recorded for a purpose of
        their own, where a row of audio says that it was kept; otherwise nobody was told so, and it is forgotten.
        """
        own = [item for item in lost if OwnContext.from_bytes(item.context) is not None]
        for item in own:
            await self._recover_own(item.take.id)
        deliver, discard = sort_out([item for item in lost if item not in own])
        for take_id in discard:
            await self._spool.discard(take_id)
        recovered = 0
        for at in range(0, len(deliver), TOGETHER):
            async with asyncio.TaskGroup() as group:  # so that they share commits
                tries = {each.take.id: group.create_task(self._try(each)) for each in deliver[at : at + TOGETHER]}
            for take_id, tried in tries.items():
                stored = tried.result()
                recovered += stored.fresh if stored is not None else take_id in self._waiting
        return recovered

    async def _recover_own(self, take_id: str) -> None:
        try:
            async with self._db.read() as connection:
                row = await audio.get(connection, take_id)
        except DatabaseUnavailable as error:
            logger.warning("recording %s waits in the spool for the next start: %s", take_id, error)
            return
        if row is None:
            await self._spool.discard(take_id)
        elif row.state is audio.AudioState.STORED:
            await self._spool.settled(take_id)

    async def retry(self) -> bool:
        """Try once more what waits for the database, the oldest first; True when nothing waits any more."""
        while self._waiting:
            before = len(self._waiting)
            first, *others = list(self._waiting.values())[:TOGETHER]
            await self._try(first)  # one asks for all: a database that is away is asked once
            if first.take.id in self._waiting:
                return False
            async with asyncio.TaskGroup() as group:
                for deposit in others:
                    group.create_task(self._try(deposit))
            if len(self._waiting) >= before:
                return False
        return True

    async def run(self) -> None:
        """Bring what the database did not take to it as soon as it is back; runs until cancelled."""
        while True:
            await self._overdue.wait()
            for failures in itertools.count(1):
                await asyncio.sleep(doubled_s(failures, first_s=RETRY_FIRST_S, most_s=RETRY_MAX_S))
                if await self.retry():
                    break
            self._overdue.clear()
            self._events.publish(DatabaseBack())

    async def _mark(self, deposit: Deposit) -> Exception | None:
        """Write ACCEPT; returns the spool's error, which matters only if the database fails too."""
        try:
            await self._spool.accept(deposit.take.id, deposit.flags.to_bytes())
        except Exception as error:
            logger.exception("the spool could not mark message %s", deposit.take.id)
            return error
        return None

    async def _discard_replaced(self, take_id: str) -> None:
        try:
            await self._spool.discard(take_id)
        except Exception:  # its successor is safe; recovery knows that it was replaced
            logger.exception("the spool could not forget take %s, which was recorded again", take_id)

    async def _try(self, deposit: Deposit) -> _Stored | None:
        """Write a deposit; return what that did, or None where it is not in the database.

        What fails stays in the spool, and is tried again if that may help.
        """
        now = self._clock.now()
        try:
            stored = await self._db.write(lambda connection: _store(connection, deposit, now))
        except DatabaseUnavailable as error:
            self._keep(deposit, str(error))
            return None
        except Exception:  # the caller was told that it is sent: whatever this is, the recording must stay
            self.stuck += 1
            self._waiting.pop(deposit.take.id, None)
            logger.exception("message %s cannot be stored; it stays in the spool", deposit.take.id)
            return None
        self._waiting.pop(deposit.take.id, None)
        if stored.audio is audio.AudioState.STORED:  # a crash came between the store and the spool's last mark
            await self._spool.settled(deposit.take.id)
            return stored
        self._events.publish(AudioSpooled(deposit.take.id))
        if stored.fresh:
            if stored.visible:
                self._events.publish(MailboxChanged(deposit.context.company_id, deposit.context.mailbox_id))
            for kind in stored.kinds:
                self._events.publish(OutboxGrew(kind))
        return stored

    def _keep(self, deposit: Deposit, why: str) -> None:
        if deposit.take.id in self._waiting:
            return
        if len(self._waiting) >= WAITING_MAX:
            logger.critical("message %s waits in the spool until the next start: %s", deposit.take.id, why)
            return
        self._waiting[deposit.take.id] = deposit
        level = logging.ERROR if len(self._waiting) == 1 else logging.INFO  # an outage is one alarm, not thousands
        logger.log(level, "message %s waits in the spool for the database: %s", deposit.take.id, why)
        self._overdue.set()


async def _store(connection: AsyncConnection, deposit: Deposit, now: datetime) -> _Stored:
    """Write audio, message and outbox rows: all of a deposit, or (if it is there already) nothing."""
    made = deposit.message()
    owner = await mailboxes.by_id(connection, made.mailbox_id)
    if owner is None:
        raise LookupError(f"there is no mailbox {made.mailbox_id} any more")
    if await ageing.was_removed(connection, made.audio_id):  # it was a message, whose time is over
        return _Stored(fresh=False, audio=audio.AudioState.STORED)
    fresh = await audio.add(
        connection,
        audio_id=made.audio_id,
        company_id=owner.company_id,
        samples=made.samples,
        rate_hz=made.rate_hz,
        now=now,
    )
    if not fresh:
        there = await audio.get(connection, made.audio_id)
        return _Stored(fresh=False, audio=audio.AudioState.SPOOL if there is None else there.state)
    held = await confirmations.held(connection, owner.id)
    made, pending = placed(owner, made, held)
    await messages.add(connection, made, now, pending=pending)
    drafts = mails_of(owner, made, held)
    await outbox.add(connection, drafts, now)
    if owner.mwi and not pending:
        await outbox.remind_light(connection, owner.company_id, owner.id, now)
    kinds = tuple(Kind(draft.kind) for draft in drafts)
    return _Stored(fresh=True, audio=audio.AudioState.SPOOL, visible=not pending, kinds=kinds)


def placed(owner: Mailbox, made: Message, held: frozenset[str]) -> tuple[Message, bool]:
    """Return a message as it comes to its mailbox, and whether it waits for the mail server there (row 13)."""
    if owner.redirect_email is None:
        return made, False
    if owner.redirect_email.casefold() in held:  # the address has not said yet that it wants messages
        return replace(made, warning="unconfirmed"), False
    return made, True


def mails_of(owner: Mailbox, made: Message, held: frozenset[str]) -> list[Draft]:
    """Return the mails a message causes: rows 13, 15 and 16, each at most once per message, ever.

    None of them goes to an address in `held`, which has not confirmed.
    """
    wanted = (
        (Kind.MAIL_REDIRECT, owner.redirect_email),
        (Kind.MAIL_NOTIFY, owner.notify_email),
        (Kind.MAIL_COPY, owner.copy_email),
    )
    return [
        Draft(owner.company_id, kind, f"{kind}:{made.id}", owner.id, made.id, {"to": address})
        for kind, address in wanted
        if address is not None and address.casefold() not in held
    ]
