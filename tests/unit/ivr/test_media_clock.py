"""The media clock, on a loop whose time the test moves."""

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest

from ivr.media.clock import PHASES, SLOTS, STEP_MS, MediaClock


class Timer:
    """What `call_at` returns."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Time and timers only."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None], Timer]] = []
        self.ticks = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer()
        self.timers.append((when, callback, timer))
        return timer

    def run(self, seconds: float, *, late: float = 0.0) -> None:
        """Let time pass; each timer fires `late` after it is due."""
        until = self.now + seconds
        while due := [each for each in self.timers if not each[2].cancelled and each[0] + late <= until]:
            first = min(due, key=lambda each: each[0])
            self.timers.remove(first)
            self.now = max(self.now, first[0] + late)
            self.ticks += 1
            first[1]()
        self.now = until


class Talker:
    """A stream that notes when it was called."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.kept = 0
        self.on_kept: Callable[[], None] = lambda: None
        self.errors: list[Exception] = []
        self.fails = False

    def send_frame(self, due_ms: int) -> None:
        if self.fails:
            raise RuntimeError("broken")
        self.frames.append(due_ms)

    def keep_house(self) -> None:
        self.kept += 1
        self.on_kept()

    def broke(self, error: Exception) -> None:
        self.errors.append(error)


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def clock(loop: FakeLoop) -> MediaClock:
    return MediaClock(cast("asyncio.AbstractEventLoop", cast("Any", loop)))


def test_a_talker_sends_every_20_ms_for_ever(loop: FakeLoop, clock: MediaClock) -> None:
    talker = Talker()
    clock.join(talker, not_before_ms=0)
    loop.run(10)
    assert 499 <= len(talker.frames) <= 500
    assert {later - earlier for earlier, later in zip(talker.frames, talker.frames[1:], strict=False)} == {20}


def test_lateness_never_adds_up(loop: FakeLoop, clock: MediaClock) -> None:
    talker = Talker()
    clock.join(talker, not_before_ms=0)
    loop.run(10, late=0.0013)
    assert 499 <= len(talker.frames) <= 500


def test_the_first_packet_leaves_within_8_ms(loop: FakeLoop, clock: MediaClock) -> None:
    for _ in range(200):
        loop.run(0.0137)
        talker = Talker()
        now = clock.now_ms()
        assert now < clock.join(talker, not_before_ms=now) <= now + 10


def test_talkers_that_begin_together_are_spread_over_phases(loop: FakeLoop, clock: MediaClock) -> None:
    talkers = [Talker() for _ in range(100)]
    for talker in talkers:
        clock.join(talker, not_before_ms=0)
        loop.run(0.003)
    loop.run(1)
    phases = [talker.frames[-1] // STEP_MS % PHASES for talker in talkers]
    assert max(phases.count(each) for each in range(PHASES)) <= 12


def test_a_following_playback_keeps_the_beat(loop: FakeLoop, clock: MediaClock) -> None:
    talker = Talker()
    clock.join(talker, not_before_ms=0)
    loop.run(0.09)
    last = talker.frames[-1]
    clock.leave(talker)
    loop.run(0.004)
    assert clock.join(talker, not_before_ms=last + 20, exactly_ms=last + 20) == last + 20
    loop.run(0.04)
    assert last + 20 in talker.frames


def test_a_held_up_process_catches_up_with_two_packets_at_most(loop: FakeLoop, clock: MediaClock) -> None:
    talker = Talker()
    clock.join(talker, not_before_ms=0)
    loop.run(0.1)
    before = len(talker.frames)
    loop.now += 0.5
    loop.run(0.0)
    assert 1 <= len(talker.frames) - before <= 3
    assert clock.skipped_steps > 0
    loop.run(0.1)
    later = talker.frames[-5:]
    assert [b - a for a, b in itertools.pairwise(later)] == [20] * 4
    assert clock.now_ms() - later[-1] <= 20


def test_catching_up_lets_others_work_in_between(loop: FakeLoop, clock: MediaClock) -> None:
    talkers = [Talker() for _ in range(PHASES)]
    for talker in talkers:
        clock.join(talker, not_before_ms=0)
        loop.run(0.002)
    loop.run(0.1)
    loop.now += 0.039
    turns = loop.ticks
    loop.run(0.0)
    assert loop.ticks - turns >= 5


def test_a_short_hold_up_loses_nothing(loop: FakeLoop, clock: MediaClock) -> None:
    talker = Talker()
    clock.join(talker, not_before_ms=0)
    loop.run(0.1)
    loop.now += 0.035
    loop.run(0.1)
    assert [b - a for a, b in zip(talker.frames, talker.frames[1:], strict=False)] == [20] * (len(talker.frames) - 1)


def test_housekeeping_comes_twice_a_second_and_is_spread(loop: FakeLoop, clock: MediaClock) -> None:
    talkers = [Talker() for _ in range(SLOTS)]
    for talker in talkers:
        clock.keep(talker)
    loop.run(5)
    assert all(9 <= talker.kept <= 11 for talker in talkers)
    assert max(map(len, clock._kept)) == 1


@pytest.mark.parametrize("held_up_s", [0.1, 0.3, 0.5, 7.0])
def test_a_held_up_process_makes_up_for_housekeeping_soon(loop: FakeLoop, clock: MediaClock, held_up_s: float) -> None:
    talkers = [Talker() for _ in range(SLOTS)]
    for talker in talkers:
        clock.keep(talker)
    loop.run(5)
    before = [talker.kept for talker in talkers]
    kept_at: list[list[float]] = [[] for _ in talkers]
    for talker, moments in zip(talkers, kept_at, strict=True):
        talker.on_kept = partial(note, moments, loop)
    loop.now += held_up_s
    loop.run(0.0)
    assert sum(talker.kept for talker in talkers) - sum(before) <= 30, "not all in one go"
    loop.run(0.12)
    assert sum(map(bool, kept_at)) == pytest.approx(min(held_up_s / 0.01 + 12, SLOTS), abs=1)
    loop.run(1)
    assert all(later - earlier > 0.1 for each in kept_at for earlier, later in itertools.pairwise(each))


def note(moments: list[float], loop: FakeLoop) -> None:
    moments.append(loop.now)


def test_an_idle_clock_sets_no_timer(loop: FakeLoop, clock: MediaClock) -> None:
    talker = Talker()
    clock.keep(talker)
    clock.drop(talker)
    loop.run(5)
    assert loop.ticks <= 1
    loop.run(1000)
    clock.join(talker, not_before_ms=clock.now_ms())
    loop.run(0.1)
    assert len(talker.frames) in {4, 5}
    assert clock.skipped_steps == 0


def test_one_idle_stream_does_not_delay_a_new_talker(loop: FakeLoop, clock: MediaClock) -> None:
    idle, talker = Talker(), Talker()
    clock.keep(idle)
    loop.run(0.251)
    due = clock.join(talker, not_before_ms=clock.now_ms())
    loop.run(0.02)
    assert talker.frames == [due]
    assert due > 251


def test_a_broken_stream_is_dropped_and_told_and_the_others_go_on(loop: FakeLoop, clock: MediaClock) -> None:
    good, bad = Talker(), Talker()
    for each in (good, bad):
        clock.keep(each)
        clock.join(each, not_before_ms=0)
    loop.run(0.1)
    bad.fails = True
    loop.run(0.1)
    assert len(bad.errors) == 1
    assert len(good.frames) >= 9


def test_leaving_in_mid_beat_is_safe(loop: FakeLoop, clock: MediaClock) -> None:
    other = Talker()

    class Leaver(Talker):
        def send_frame(self, due_ms: int) -> None:
            super().send_frame(due_ms)
            clock.leave(self)
            clock.drop(other)

    leaver = Leaver()
    clock.join(leaver, not_before_ms=0)
    clock.join(other, not_before_ms=0)
    loop.run(0.2)
    assert len(leaver.frames) == 1
    assert len(other.frames) <= 1
