"""How failed logins lock (phone-menus.md, "Login"): plain arithmetic on a tally and the time.

An attempt is counted as failed before its PIN is looked at, so a tally given to `judge` includes the attempt that is
judged. Five failures lock for 15 minutes; the next five for twice as long, and so on up to 24 hours. Only a right PIN,
or a long time without a failure, starts anew. While it is locked nothing counts: nobody can lengthen a lock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

TRIES_PER_CALL: Final = 3
FAILURES_TO_LOCK: Final = 5
FIRST_LOCK: Final = timedelta(minutes=15)
LONGEST_LOCK: Final = timedelta(hours=24)
MAILBOX_FORGETS: Final = timedelta(days=7)
"""Without failures for so long, a mailbox's tally starts anew. Resting for a week gains an attacker fewer tries than
the locks of 24 hours leave him, and an owner is not locked out today for what happened last year."""
SOURCE_FORGETS: Final = timedelta(hours=12)
"""The same for a source. A right PIN takes only its own attempt back from the source (else a stranger would clear it
with a mailbox of his own), so an owner's slip of every morning must fade before the next."""
SHARED_FORGETS: Final = timedelta(minutes=15)
"""Withheld callers are slowed only as long as one of them goes on failing."""
SLOW_FROM: Final = 5
SLOW_STEP_S: Final = 1.0
SLOW_MAX_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Failed attempts on a mailbox, or of a source."""

    failures: int = 0
    """Since the last lock or success."""
    locks: int = 0
    """Since the last success."""
    locked_until: datetime | None = None
    last_failure_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt may do, and the tally to be kept if it fails."""

    admitted: bool
    """False: it was locked already, so the PIN is not looked at."""
    tally: Tally
    locks_now: bool = False
    """This attempt is the last one before a lock."""


def judge(tally: Tally, now: datetime, forgets: timedelta) -> Verdict:
    """Judge an attempt that `tally.failures` includes already; `last_failure_at` is the failure before it."""
    if tally.locked_until is not None and now < tally.locked_until:
        # A clock that was set back must not turn 15 minutes into a year.
        until = min(tally.locked_until, now + LONGEST_LOCK)
        return Verdict(admitted=False, tally=replace(tally, failures=max(0, tally.failures - 1), locked_until=until))
    if tally.last_failure_at is not None and now - tally.last_failure_at >= forgets:
        tally = Tally(failures=1)
    if tally.failures < FAILURES_TO_LOCK:
        return Verdict(admitted=True, tally=replace(tally, locked_until=None, last_failure_at=now))
    until = now + lock_length(tally.locks)
    return Verdict(admitted=True, tally=Tally(0, tally.locks + 1, until, now), locks_now=True)


def judge_shared(tally: Tally, now: datetime) -> Verdict:
    """Judge an attempt of a source that many share: always admitted; its failures say how long to wait."""
    if tally.last_failure_at is not None and now - tally.last_failure_at >= SHARED_FORGETS:
        tally = Tally(failures=1)
    return Verdict(admitted=True, tally=replace(tally, last_failure_at=now))


def before_lock(tally: Tally) -> Tally:
    """Return what a source's tally was before the attempt that locked it, for an attempt that turned out right."""
    return replace(tally, failures=FAILURES_TO_LOCK - 1, locks=max(0, tally.locks - 1), locked_until=None)


def lock_length(locks: int) -> timedelta:
    """Return how long a lock lasts after `locks` earlier ones."""
    # 128 times 15 minutes is past the longest already, so no large power is ever taken.
    return min(FIRST_LOCK * (1 << min(locks, 7)), LONGEST_LOCK)


def slowed_s(failures: int) -> float:
    """Return how much longer a withheld caller waits, in seconds, after this many failures of withheld callers.

    They share one source, so locking it would lock everyone who withholds his number.
    """
    return min(max(0, failures - SLOW_FROM) * SLOW_STEP_S, SLOW_MAX_S)
