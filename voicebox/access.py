"""Who may open a mailbox: is the PIN right, and what happens when it is not (phone-menus.md, "Login").

(voicemail.md, rows 1 and 2; security.md, rows 1, 5 to 7. `voicebox.identity` says who is calling.) A login has one
shape whatever it finds: the attempt is counted and on disk, then one hash is computed, of a dummy if need be, then the
caller waits until a fixed time after his `#`. Nothing here logs a PIN or puts one into an exception.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from weakref import WeakValueDictionary

from voicebox import lockout, passcode
from voicebox.clock import Clock
from voicebox.identity import Ask, Identity, Line, Source, identify
from voicebox.lockout import Tally, Verdict
from voicebox.mailbox import Mailbox
from voicebox.numbers import DialPlan, spellings
from voicebox.passcode import PinProblem
from voicebox.pinhash import PinHasher
from voicebox.pinhistory import PinHistory
from voicebox.storage import credentials, mailboxes
from voicebox.storage.credentials import Attempt, Counter, Credential
from voicebox.storage.database import Database

__all__ = ["Access", "Ask", "Identity", "Line", "LoginResult", "Outcome", "Source", "identify"]

ANSWER_S: Final = 0.4
"""From the caller's `#` to the answer, right or wrong, known or unknown."""
GHOSTS_MAX: Final = 10_000
"""Numbers of no mailbox whose failures are remembered, so that they lock as real ones do."""


class Outcome(StrEnum):
    """What came of an attempt."""

    OK = "ok"
    WRONG = "wrong"
    """The number or the PIN: which of them, nobody is told."""
    LOCKED = "locked"
    """The PIN was not looked at."""


@dataclass(frozen=True, slots=True)
class LoginResult:
    """The answer to an attempt, and when to give it."""

    outcome: Outcome
    answer_after_s: float
    """Seconds to wait before the caller hears it."""
    must_change: bool = False
    """The PIN was one-time: a new one and a name recording come first (row 2)."""
    locks: bool = False
    """This failure was the last before a lock: further attempts are not looked at."""

    @property
    def ok(self) -> bool:
        """Whether the mailbox is open."""
        return self.outcome is Outcome.OK


@dataclass(frozen=True, slots=True)
class _Counted:
    """An attempt as it stands in the database, judged."""

    attempt: Attempt
    mailbox: Verdict
    source: Verdict
    credential: Credential | None

    @property
    def admitted(self) -> bool:
        return self.source.admitted and self.mailbox.admitted


class Access:
    """Logins and PINs."""

    def __init__(
        self, db: Database, hasher: PinHasher, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._hasher = hasher
        self._clock = clock
        self._monotonic = monotonic
        self._ghosts: OrderedDict[tuple[int, str], Tally] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[int, str | int], asyncio.Lock] = WeakValueDictionary()

    async def login(
        self,
        *,
        company_id: int,
        mailbox: Mailbox | None,
        pin: str,
        source: Source,
        typed: str = "",
        started_s: float | None = None,
    ) -> LoginResult:
        """Try a PIN.

        Args:
            company_id: Where the caller is.
            mailbox: Whose PIN it should be; None if no mailbox has the number typed.
            pin: As typed, whatever it is.
            source: From where.
            typed: The number as typed, by which failures on a mailbox that does not exist are counted.
            started_s: `time.monotonic()` at the caller's `#`; None is now.

        Raises:
            DatabaseUnavailable: the attempt could not be counted, so the PIN was not looked at.
        """
        started_s = self._monotonic() if started_s is None else started_s
        # One after the other: each counts as failed until it is checked, so that many who are right at the same moment
        # would lock one another out.
        async with self._turn(company_id, mailbox, typed):
            counted = await self._count(company_id, mailbox, source, typed)
            stored = counted.credential.pin_hash if counted.admitted and counted.credential else None
            right = await self._hasher.verify(stored, pin)
            if right:
                await self._forgive(counted)
        return LoginResult(
            outcome=Outcome.OK if right else Outcome.WRONG if counted.admitted else Outcome.LOCKED,
            answer_after_s=self._wait_s(counted, source, started_s),
            must_change=right and counted.credential is not None and counted.credential.one_time,
            locks=counted.admitted and not right and (counted.source.locks_now or counted.mailbox.locks_now),
        )

    async def is_one_time(self, mailbox: Mailbox) -> bool:
        """Tell whether a mailbox's PIN must be replaced at the next login; False where it has none."""
        async with self._db.read() as connection:
            stored = await credentials.load(connection, mailbox.id)
        return stored is not None and stored.pin_hash is not None and stored.one_time

    async def set_pin(self, mailbox: Mailbox, pin: str, *, one_time: bool = False) -> list[PinProblem]:
        """Set a mailbox's PIN and clear its lock; returns why not, empty if it was set.

        Raises:
            DatabaseUnavailable: it was not set.
        """
        before, own = await self._own(mailbox)
        problems = passcode.check(pin, own)
        if not problems and await self._is_recent(before, pin):
            problems = passcode.check(pin, own, recent=True)
        if problems:
            return problems
        await self._store(mailbox, before, pin, one_time=one_time)
        return []

    async def check_pin(self, mailbox: Mailbox, pin: str) -> list[PinProblem]:
        """Return why `set_pin` would refuse a PIN, so that it need not be typed twice."""
        before, own = await self._own(mailbox)
        return passcode.check(pin, own) or passcode.check(pin, own, recent=await self._is_recent(before, pin))

    async def generate_pin(self, mailbox: Mailbox) -> str:
        """Return a random PIN that `set_pin` would take; sets nothing (row 2: shown before saving)."""
        before, own = await self._own(mailbox)
        while True:
            pin = passcode.generate(own_numbers=own)
            if not await self._is_recent(before, pin):
                return pin

    async def reset_pin(self, mailbox: Mailbox) -> str:
        """Set a random one-time PIN and return it, to be told to its owner and nobody else."""
        pin = await self.generate_pin(mailbox)
        before, _ = await self._own(mailbox)
        await self._store(mailbox, before, pin, one_time=True)
        return pin

    async def unlock(self, mailbox: Mailbox) -> None:
        """End a lock: the owner signed in on the web, or an administrator asked for it."""
        await self._db.write(lambda connection: credentials.unlock(connection, mailbox.id))

    def _turn(self, company_id: int, mailbox: Mailbox | None, typed: str) -> asyncio.Lock:
        """Return what attempts on one mailbox, or on one number that nobody has, wait for."""
        whose = (company_id, typed[:40] if mailbox is None else mailbox.id)
        return self._turns.setdefault(whose, asyncio.Lock())

    async def _count(self, company_id: int, mailbox: Mailbox | None, source: Source, typed: str) -> _Counted:
        """Write the attempt down as failed, and judge it, in one transaction."""
        now = self._clock.now()
        mailbox_id = None if mailbox is None else mailbox.id
        # A mailbox that does not exist, or never had a PIN, locks like any other; but in memory: a row for every
        # number that somebody tries would let strangers fill the database.
        ghost = (company_id, typed[:40] if mailbox is None else f"mailbox {mailbox.id}")

        async def work(connection: Any) -> _Counted:
            attempt = await credentials.begin_attempt(
                connection, company_id=company_id, mailbox_id=mailbox_id, source_key=source.key, now=now
            )
            by_source = lockout.judge_shared if source.shared else _judge_source
            of_mailbox = _tally(attempt.mailbox) if attempt.mailbox else _one_more(self._ghosts.get(ghost, Tally()))
            counted = _Counted(
                attempt,
                lockout.judge(of_mailbox, now, lockout.MAILBOX_FORGETS),
                by_source(_tally(attempt.source), now),
                None if mailbox_id is None else await credentials.load(connection, mailbox_id),
            )
            await _keep(connection, counted)
            return counted

        counted = await self._db.write(work)
        if counted.attempt.mailbox is None and counted.admitted:
            self._ghosts[ghost] = counted.mailbox.tally
            self._ghosts.move_to_end(ghost)
            if len(self._ghosts) > GHOSTS_MAX:
                self._ghosts.popitem(last=False)
        return counted

    async def _forgive(self, counted: _Counted) -> None:
        async def work(connection: Any) -> None:
            await credentials.attempt_succeeded(connection, counted.attempt)
            if counted.source.locks_now:
                earlier = _counter(lockout.before_lock(counted.source.tally))
                await credentials.store_counters(connection, counted.attempt, source=earlier)

        await self._db.write(work)

    def _wait_s(self, counted: _Counted, source: Source, started_s: float) -> float:
        slowed_s = lockout.slowed_s(counted.source.tally.failures) if source.shared else 0.0
        return max(0.0, ANSWER_S + slowed_s - (self._monotonic() - started_s))

    async def _own(self, mailbox: Mailbox) -> tuple[Credential | None, list[str]]:
        """Return a mailbox's credential and every spelling of its numbers."""
        async with self._db.read() as connection:
            before = await credentials.load(connection, mailbox.id)
            known = {company.id: company for company in await mailboxes.companies(connection)}
            aliases = await mailboxes.aliases(connection, mailbox.id)
        company = known[mailbox.company_id]
        plan = DialPlan(company.country_code, company.area_code)
        numbers = [mailbox.number, *([mailbox.phone] if mailbox.phone else []), *(alias.number for alias in aliases)]
        return before, [spelling for number in numbers for spelling in spellings(number, plan)]

    async def _is_recent(self, before: Credential | None, pin: str) -> bool:
        if before is None:
            return False
        for stored in (before.pin_hash, *PinHistory.of(before.history).earlier):
            if stored is not None and await self._hasher.verify(stored, pin):
                return True
        return False

    async def _store(self, mailbox: Mailbox, before: Credential | None, pin: str, *, one_time: bool) -> None:
        pin_hash = await self._hasher.hash(pin)
        now = self._clock.now()
        history = [] if before is None else PinHistory.of(before.history).after(before.pin_hash).stored
        await self._db.write(
            lambda connection: credentials.set_pin(
                connection,
                company_id=mailbox.company_id,
                mailbox_id=mailbox.id,
                pin_hash=pin_hash,
                one_time=one_time,
                history=history,
                now=now,
            )
        )


async def _keep(connection: Any, counted: _Counted) -> None:
    """Write the verdicts back.

    An attempt that is not looked at counts nowhere, so a lock on one side takes it back from the other.
    """
    mailbox, source = _counter(counted.mailbox.tally), _counter(counted.source.tally)
    if counted.mailbox.admitted and not counted.source.admitted and counted.attempt.mailbox is not None:
        mailbox = _one_less(counted.attempt.mailbox)
    if counted.source.admitted and not counted.mailbox.admitted and counted.attempt.source is not None:
        source = _one_less(counted.attempt.source)
    of_mailbox = None if counted.attempt.mailbox is None else mailbox
    await credentials.store_counters(connection, counted.attempt, mailbox=of_mailbox, source=source)


def _judge_source(tally: Tally, now: datetime) -> Verdict:
    return lockout.judge(tally, now, lockout.SOURCE_FORGETS)


def _one_more(tally: Tally) -> Tally:
    return replace(tally, failures=tally.failures + 1)


def _one_less(counter: Counter) -> Counter:
    return replace(counter, failures=max(0, counter.failures - 1))


def _tally(counter: Counter | None) -> Tally:
    if counter is None:
        return Tally()
    return Tally(counter.failures, counter.lock_count, counter.locked_until, counter.last_failure_at)


def _counter(tally: Tally) -> Counter:
    return Counter(tally.failures, tally.locks, tally.locked_until, tally.last_failure_at)
