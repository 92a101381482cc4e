"""The rules of a recording, on a clock that the test moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.recording import UNDERWAY_S, Ending, Limits, RecordingRules

LOUD, QUIET = -20.0, -80.0
FRAME = 160


class Line:
    """Feeds frames of 20 ms and keeps the time."""

    def __init__(self, limits: Limits, began: float = 100.0) -> None:
        self.rules = RecordingRules(limits, began, 8000)
        self.now = began
        self.position = 0
        self.ended: Ending | None = None
        self.warned_at: float | None = None

    def hear(self, level: float, seconds: float) -> None:
        """Send sound, a batch each half second, until the recording ends."""
        for _ in range(round(seconds / 0.5)):
            if self.ended:
                return
            arrived = [self.now + 0.02 * (index + 1) for index in range(25)]
            self.rules.hear([level] * 25, self.position, FRAME, arrived)
            self.position += 25 * FRAME
            self.wait(0.5)

    def wait(self, seconds: float) -> None:
        """Let time pass without packets."""
        until = self.now + seconds
        while not self.ended and self.now < until:
            self.now = min(until, max(self.rules.deadline(), self.now + 0.001))
            if self.rules.warn(self.now):
                self.warned_at = self.now
            self.ended = self.rules.decide(self.now)


def test_ten_seconds_of_silence_after_speech_end_it() -> None:
    line = Line(Limits(max_s=300))
    line.hear(LOUD, 5)
    line.hear(QUIET, 60)
    assert line.ended is Ending.SILENCE
    assert line.now == pytest.approx(115, abs=0.03)
    assert line.rules.kept(line.position) == 5.5 * 8000


def test_no_packets_count_as_silence() -> None:
    line = Line(Limits(max_s=300))
    line.hear(LOUD, 5)
    line.wait(60)
    assert line.ended is Ending.SILENCE
    assert line.now == pytest.approx(115, abs=0.03)
    assert line.rules.kept(line.position) == 5 * 8000


@pytest.mark.parametrize("sound", [True, False])
def test_no_speech_at_all_ends_it_and_nothing_stays(sound: bool) -> None:
    line = Line(Limits(max_s=300))
    if sound:
        line.hear(QUIET, 60)
    else:
        line.wait(60)
    assert line.ended is Ending.NO_SPEECH
    assert line.now == pytest.approx(110)
    assert line.rules.kept(line.position) == 0


def test_the_maximum_counts_from_the_end_of_the_tone() -> None:
    line = Line(Limits(max_s=60))
    line.hear(LOUD, 90)
    assert line.ended is Ending.MAXIMUM
    assert line.now == pytest.approx(160 + UNDERWAY_S)
    assert line.rules.kept(line.position) == 60 * 8000


def test_what_was_said_before_the_maximum_may_come_a_little_later() -> None:
    line = Line(Limits(max_s=60))
    line.hear(LOUD, 59.5)
    line.wait(0.65)  # the last half second is late
    assert not line.ended
    line.hear(LOUD, 0.5)
    assert line.ended is Ending.MAXIMUM
    assert line.rules.kept(line.position) == 60 * 8000


def test_it_warns_once_ten_seconds_before_the_maximum() -> None:
    line = Line(Limits(max_s=60))
    line.hear(LOUD, 90)
    assert line.warned_at == pytest.approx(150)
    assert not line.rules.warn(159.0)


def test_a_maximum_within_the_warning_is_not_warned_of() -> None:
    line = Line(Limits(max_s=8))
    line.hear(LOUD, 20)
    assert line.ended is Ending.MAXIMUM
    assert line.warned_at is None


def test_no_rtp_for_a_minute_ends_it() -> None:
    line = Line(Limits(max_s=600, silence_s=300, no_speech_s=300))
    line.hear(LOUD, 2)
    line.wait(200)
    assert line.ended is Ending.NO_RTP
    assert line.now == pytest.approx(162, abs=0.03)


def test_on_hold_missing_rtp_is_no_fault() -> None:
    line = Line(Limits(max_s=600, silence_s=300, no_speech_s=300))
    line.hear(LOUD, 2)
    line.rules.hold(True, line.now)
    line.wait(200)
    assert line.ended is None
    line.rules.hold(False, line.now)
    line.wait(59)
    assert line.ended is None
    line.wait(2)
    assert line.ended is Ending.NO_RTP


def test_only_trailing_silence_is_trimmed() -> None:
    line = Line(Limits(max_s=300))
    line.hear(QUIET, 3)
    line.hear(LOUD, 1)
    line.hear(QUIET, 4)
    line.hear(LOUD, 1)
    line.hear(QUIET, 2)
    assert line.rules.kept(line.position) == 9.5 * 8000


def test_a_short_tail_stays_whole() -> None:
    line = Line(Limits(max_s=300))
    line.hear(LOUD, 3)
    assert line.rules.kept(line.position + 100) == 3 * 8000 + 100


steps = st.lists(st.tuples(st.sampled_from([LOUD, QUIET, None]), st.integers(1, 30)), max_size=12)


@given(steps, st.integers(12, 60))
def test_whatever_is_heard_the_rules_hold(heard: list[tuple[float | None, int]], max_s: int) -> None:
    line = Line(Limits(max_s=max_s))
    spoken_until, spoke_at = 0, None
    for level, halves in heard:
        for _ in range(halves):
            if line.ended:
                break
            if level is None:
                line.wait(0.5)
                continue
            line.hear(level, 0.5)
            if level == LOUD:
                spoken_until, spoke_at = line.position, line.now
    kept = line.rules.kept(line.position)
    assert kept <= max_s * 8000
    assert kept == min(line.position, spoken_until + 4000 if spoken_until else 0, max_s * 8000)
    assert line.now <= 100 + max_s + UNDERWAY_S + 0.002
    if line.ended is Ending.SILENCE:
        assert spoke_at is not None
    if line.ended is Ending.NO_SPEECH:
        assert spoke_at is None
