"""The generator's clock, and what is made of what came."""

import pytest

from bench.caller import Heard
from bench.generator import SLOTS, Generator, Stuck
from bench.phone import told_after
from bench.steady import spacing_off_ms


class Talker:
    def __init__(self) -> None:
        self.frames = 0

    def frame(self) -> None:
        self.frames += 1


def test_talkers_send_every_20_ms_wherever_they_are_in_the_frame() -> None:
    generator = Generator()
    talkers = [Talker() for _ in range(SLOTS + 1)]
    for each in talkers:
        generator.begin(each)
    generator.run_until(lambda: len(generator.lags_ns) >= 3 * SLOTS, 10, "three frames")
    assert {each.frames for each in talkers} == {3}


def test_a_talker_that_ended_is_silent() -> None:
    generator = Generator()
    talker = Talker()
    generator.begin(talker)
    generator.end(talker)
    generator.run_until(lambda: len(generator.lags_ns) >= SLOTS, 10, "a frame")
    assert talker.frames == 0


def test_what_is_due_is_done_in_its_order() -> None:
    generator = Generator()
    done: list[str] = []
    generator.later(0.5, lambda: done.append("second"))
    generator.spread(1000, [lambda: done.append("first"), lambda: done.append("then")])
    generator.run_until(lambda: len(done) == 3, 10, "all")
    assert done == ["first", "then", "second"]


def test_what_never_happens_is_named() -> None:
    with pytest.raises(Stuck, match="the moon"):
        Generator().run_until(lambda: False, 0.01, "the moon")


def test_spacing_is_that_of_packets_of_one_sound() -> None:
    ms = 1_000_000
    kept = [
        Heard(0, 1, 0, marker=False, silent=False),
        Heard(21 * ms, 2, 160, marker=False, silent=False),  # 1 ms late
        Heard(80 * ms, 3, 640, marker=True, silent=False),  # another sound
        Heard(98 * ms, 4, 800, marker=False, silent=False),  # 2 ms early
        Heard(150 * ms, 6, 1120, marker=False, silent=False),  # one was lost
        Heard(175 * ms, 7, 1280, marker=False, silent=True),  # keeps the path open
    ]
    assert spacing_off_ms(kept) == [1.0, 2.0]


def test_the_first_notify_after_the_hang_up_counts() -> None:
    told = [(5, 1), (20, 2), (30, 3)]
    assert told_after(told, 10) == 20
    assert told_after(told, 31) is None
