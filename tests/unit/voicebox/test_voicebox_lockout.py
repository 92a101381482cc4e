"""How failed logins lock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebox.lockout import (
    FAILURES_TO_LOCK,
    LONGEST_LOCK,
    MAILBOX_FORGETS,
    SOURCE_FORGETS,
    Tally,
    Verdict,
    before_lock,
    judge,
    lock_length,
    slowed_s,
)

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def fail(tally: Tally, now: datetime, forgets: timedelta = MAILBOX_FORGETS) -> Verdict:
    """Count an attempt as storage does, and judge it."""
    return judge(replace(tally, failures=tally.failures + 1), now, forgets)


def fail_often(tally: Tally, times: int, now: datetime) -> Tally:
    for _ in range(times):
        tally = fail(tally, now).tally
    return tally


def test_five_failures_lock_for_a_quarter_of_an_hour() -> None:
    tally = fail_often(Tally(), 4, START)
    assert tally.locked_until is None
    fifth = fail(tally, START)
    assert fifth.admitted
    assert fifth.locks_now
    assert fifth.tally.locked_until == START + 15 * MINUTE


def test_the_sixth_is_not_looked_at_until_the_lock_is_over() -> None:
    locked = fail_often(Tally(), 5, START)
    assert not fail(locked, START).admitted
    assert not fail(locked, START + 15 * MINUTE - timedelta(microseconds=1)).admitted
    assert fail(locked, START + 15 * MINUTE).admitted


def test_trying_while_locked_changes_nothing() -> None:
    locked = fail_often(Tally(), 5, START)
    assert fail_often(locked, 1000, START + 14 * MINUTE) == locked


def test_each_lock_is_twice_as_long_up_to_a_day() -> None:
    tally, now, lengths = Tally(), START, []
    for _ in range(10):
        tally = fail_often(tally, FAILURES_TO_LOCK, now)
        assert tally.locked_until is not None
        lengths.append((tally.locked_until - now) / MINUTE)
        now = tally.locked_until
    assert lengths == [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440]


def test_four_calls_a_day_cannot_keep_a_mailbox_locked() -> None:
    """After any lock its owner has a try that is looked at: the next lock needs five fresh failures."""
    tally = Tally(0, 50, START, START)
    verdict = fail(tally, START)
    assert verdict.admitted
    assert not verdict.locks_now


@pytest.mark.parametrize("forgets", [MAILBOX_FORGETS, SOURCE_FORGETS])
def test_failures_fade(forgets: timedelta) -> None:
    old = Tally(4, 6, None, START)
    assert fail(old, START + forgets - timedelta(seconds=1), forgets).locks_now
    assert fail(old, START + forgets, forgets).tally == Tally(1, 0, None, START + forgets)


def test_a_clock_set_back_cannot_lock_for_longer_than_the_longest() -> None:
    locked = Tally(0, 1, START + timedelta(days=400), START + timedelta(days=399))
    verdict = fail(locked, START)
    assert not verdict.admitted
    assert verdict.tally.locked_until == START + LONGEST_LOCK


def test_a_right_pin_on_the_last_try_undoes_the_lock_of_its_source() -> None:
    tally = fail_often(Tally(), 4, START)
    assert before_lock(fail(tally, START).tally) == tally


@given(st.lists(st.timedeltas(timedelta(0), timedelta(hours=30)), max_size=60))
def test_whatever_the_rhythm_at_most_five_tries_lie_between_two_locks(pauses: list[timedelta]) -> None:
    tally, now, admitted = Tally(), START, 0
    for pause in pauses:
        now += pause
        verdict = fail(tally, now)
        was_locked = tally.locked_until is not None and now < tally.locked_until
        assert verdict.admitted != was_locked
        admitted = 0 if verdict.locks_now else admitted + verdict.admitted
        tally = verdict.tally
        assert admitted < FAILURES_TO_LOCK
        assert tally.locked_until is None or tally.locked_until <= now + LONGEST_LOCK


@given(st.integers(0, 10**9))
def test_a_lock_lasts_between_a_quarter_of_an_hour_and_a_day(locks: int) -> None:
    assert timedelta(minutes=15) <= lock_length(locks) <= LONGEST_LOCK


def test_withheld_callers_wait_longer_but_never_for_ever() -> None:
    assert [slowed_s(failures) for failures in (0, 1, 5, 6, 8, 15, 10**9)] == [0, 0, 0, 1, 3, 10, 10]
