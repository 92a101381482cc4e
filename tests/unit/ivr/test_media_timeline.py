"""Where packets belong: the RTP clock while it is believable, the media clock where it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.timeline import SLACK_S, Before, Timeline

FRAME = 160


def test_a_plain_stream_has_no_gaps_over_the_wrap() -> None:
    timeline = Timeline(0.0, 8000)
    start = 2**32 - 10 * FRAME
    positions = [timeline.place(1, start + index * FRAME & 0xFFFF_FFFF, FRAME, index * 0.02) for index in range(50)]
    assert positions == [index * FRAME for index in range(50)]
    assert timeline.total(99.0) == 50 * FRAME


def test_a_gap_is_as_long_as_the_timestamps_say() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    assert timeline.place(1, 10 * FRAME, FRAME, 0.2) == 10 * FRAME


def test_suppressed_silence_counts_by_the_rtp_clock() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    assert timeline.place(1, 8000 * 7, FRAME, 7.03) == 8000 * 7


def test_a_jump_of_150_million_samples_is_bounded_by_the_media_clock() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    assert timeline.place(1, 150_000_000, FRAME, 0.02) == FRAME
    assert timeline.place(1, 150_000_000 + FRAME, FRAME, 0.04) == 2 * FRAME


def test_timestamps_that_stand_still_make_no_overlap() -> None:
    timeline = Timeline(0.0, 8000)
    assert [timeline.place(1, 5, FRAME, index * 0.02) for index in range(4)] == [0, 160, 320, 480]


def test_a_late_packet_goes_where_it_belongs() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    timeline.place(1, 2 * FRAME, FRAME, 0.04)
    assert timeline.place(1, FRAME, FRAME, 0.05, late=True) == FRAME
    assert timeline.end == 3 * FRAME


def test_a_packet_that_is_far_too_late_is_dropped() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    timeline.place(1, 8000 * 10, FRAME, 10.0)
    assert timeline.place(1, FRAME, FRAME, 10.01, late=True) is None


def test_a_late_packet_from_before_the_recording_is_dropped() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 8000, FRAME, 0.0)
    assert timeline.place(1, 8000 - FRAME, FRAME, 0.01, late=True) is None


def test_a_new_source_follows_at_once_or_after_the_time_that_passed() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    assert timeline.place(2, 77_000, FRAME, 0.02) == FRAME
    assert timeline.place(3, 1, FRAME, 3.02) == 2 * FRAME + 24_000


def test_silence_before_the_first_packet_counts_where_the_source_says_so() -> None:
    before = Before(ssrc=1, next_timestamp=16_000, arrived=2.0)
    timeline = Timeline(3.0, 8000, before)
    # One second passed before the recording began, two more in it: 8000 * 3 ahead.
    assert timeline.place(1, 16_000 + 24_000, FRAME, 5.0) == 16_000


@pytest.mark.parametrize("timestamp", [16_000, 16_000 + 8_100, 5, 3_000_000_000])
def test_otherwise_the_first_packet_is_the_beginning(timestamp: int) -> None:
    timeline = Timeline(3.0, 8000, Before(ssrc=1, next_timestamp=16_000, arrived=2.0))
    assert timeline.place(1, timestamp, FRAME, 3.02) == 0


def test_a_caller_never_heard_before_begins_with_the_first_packet() -> None:
    assert Timeline(0.0, 8000).place(9, 123_456, FRAME, 4.0) == 0


def test_announced_silence_goes_on_to_the_end() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    timeline.place(1, FRAME, 0, 0.02)  # comfort noise
    assert timeline.total(2.02) == FRAME + 16_000


def test_a_sender_that_just_stops_is_not_continued() -> None:
    timeline = Timeline(0.0, 8000)
    timeline.place(1, 0, FRAME, 0.0)
    assert timeline.total(5.0) == FRAME


def test_a_run_is_placed_like_its_packets() -> None:
    single, whole = Timeline(0.0, 8000), Timeline(0.0, 8000)
    for each in (single, whole):
        each.place(1, 0, FRAME, 0.0)
    found = [single.place(1, 800 + index * FRAME, FRAME, 0.1 + index * 0.02) for index in range(5)]
    assert whole.run(1, 800, FRAME, 5, (0.1, 0.18)) == found[0]
    assert whole.end == single.end
    assert whole.place(1, 800 + 5 * FRAME, FRAME, 0.2) == single.place(1, 800 + 5 * FRAME, FRAME, 0.2)


packet = st.tuples(
    st.integers(1, 3),
    st.one_of(st.integers(0, 0xFFFF_FFFF), st.integers(0, 3000).map(lambda each: each * FRAME)),
    st.integers(0, 480),
    st.floats(0, 0.5),
    st.booleans(),
)


@given(st.lists(packet, max_size=80))
def test_no_input_makes_a_recording_longer_than_the_call_and_its_audio(
    packets: list[tuple[int, int, int, float, bool]],
) -> None:
    timeline, now, audio = Timeline(0.0, 8000), 0.0, 0
    for ssrc, timestamp, samples, waited, late in packets:
        now += waited
        audio += samples
        position = timeline.place(ssrc, timestamp, samples, now, late=late)
        assert position is None or 0 <= position <= timeline.end
    # Each gap is at most the time that passed and the slack that bursts need.
    assert timeline.total(now) <= audio + (now + SLACK_S * len(packets)) * 8000
