"""Reception statistics: loss, duplicates, wrap, restarts and jitter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.reception import Reception, Verdict


def feed(reception: Reception, sequences: list[int], *, ssrc: int = 1, start: float = 0.0) -> list[Verdict]:
    return [
        reception.packet(ssrc, each & 0xFFFF, each * 160 & 0xFFFF_FFFF, 160, start + 0.02 * index, timed=True)
        for index, each in enumerate(sequences)
    ]


@given(st.integers(0, 0xFFFF), st.lists(st.integers(1, 5), min_size=1, max_size=200))
def test_loss_is_counted_over_the_wrap(first: int, steps: list[int]) -> None:
    reception = Reception()
    sequences = [first]
    for step in steps:
        sequences.append(sequences[-1] + step)
    feed(reception, sequences)
    assert reception.received == len(sequences)
    assert reception.expected == sequences[-1] - first + 1
    assert reception.lost == sequences[-1] - first + 1 - len(sequences)


@given(st.integers(0, 0xFFFF), st.permutations(list(range(12))))
def test_reordering_loses_nothing(first: int, order: list[int]) -> None:
    reception = Reception()
    verdicts = feed(reception, [first + each for each in order])
    assert reception.lost == 0
    assert reception.received == 12
    assert Verdict.DUPLICATE not in verdicts


def test_duplicates_are_counted_apart() -> None:
    reception = Reception()
    verdicts = feed(reception, [10, 11, 11, 10, 12])
    assert [each for each in verdicts if each is Verdict.DUPLICATE] == [Verdict.DUPLICATE] * 2
    assert (reception.received, reception.duplicates, reception.lost) == (3, 2, 0)


def test_a_restarted_numbering_is_no_loss() -> None:
    reception = Reception()
    feed(reception, [*range(100, 150), *range(40_000, 40_050)])
    assert reception.received == 100
    assert reception.lost == 0


def test_one_stray_number_is_not_a_restart() -> None:
    reception = Reception()
    feed(reception, [*range(100, 110), 40_000, *range(110, 120)])
    assert (reception.received, reception.lost) == (20, 0)


def test_a_new_source_goes_on_counting() -> None:
    reception = Reception()
    feed(reception, [1, 2, 4])
    feed(reception, [9000, 9001], ssrc=2, start=1.0)
    assert (reception.received, reception.lost) == (5, 1)


def test_jitter_follows_the_formula_of_rfc_3550() -> None:
    arrivals = [0.0, 0.021, 0.039, 0.062, 0.080, 0.115]
    reception = Reception()
    expected, transit = 0.0, None
    for index, at in enumerate(arrivals):
        reception.packet(1, index, index * 160, 160, at, timed=True)
        now = at * 8000 - index * 160
        if transit is not None:
            expected += (abs(now - transit) - expected) / 16
        transit = now
    assert reception.jitter == pytest.approx(expected)
    assert reception.jitter_ms == pytest.approx(expected / 8)


@given(st.integers(0, 0xFFFF_FFFF), st.lists(st.floats(0, 0.01), min_size=2, max_size=60))
def test_a_run_counts_like_its_packets(timestamp: int, delays: list[float]) -> None:
    arrived = [0.02 * index + delay for index, delay in enumerate(delays)]
    single, whole = Reception(), Reception()
    for reception in (single, whole):
        reception.packet(7, 65_530, timestamp, 160, -0.02, timed=True)
    for index, at in enumerate(arrived, 1):
        single.packet(7, 65_530 + index & 0xFFFF, timestamp + 160 * index & 0xFFFF_FFFF, 160, at, timed=True)
    assert whole.run(7, 65_531, timestamp + 160 & 0xFFFF_FFFF, 160, arrived)
    assert whole.jitter == pytest.approx(single.jitter, abs=1e-4)
    assert (whole.received, whole.expected, whole.next_timestamp, whole.highest_sequence) == (
        single.received,
        single.expected,
        single.next_timestamp,
        single.highest_sequence,
    )
    assert whole.packet(7, 65_531, 0, 160, 9.0, timed=True) is Verdict.DUPLICATE


def test_a_run_that_does_not_continue_is_left_to_the_packets() -> None:
    reception = Reception()
    assert not reception.run(1, 5, 800, 160, [0.0])
    feed(reception, [4])
    assert not reception.run(2, 5, 800, 160, [0.0])
    assert not reception.run(1, 6, 960, 160, [0.0])
    assert reception.run(1, 5, 800, 160, [0.02])


def test_a_timestamp_jump_is_not_jitter() -> None:
    reception = Reception()
    for index in range(10):
        jump = 150_000_000 if index >= 5 else 0
        reception.packet(1, index, (index * 160 + jump) & 0xFFFF_FFFF, 160, index * 0.02, timed=True)
    assert reception.jitter < 1


def test_a_report_covers_what_came_since_the_last() -> None:
    reception = Reception()
    feed(reception, [1, 2, 4])
    first = reception.since_report()
    feed(reception, [5, 8])
    second = reception.since_report()
    assert (first.expected, first.received, first.lost) == (4, 3, 1)
    assert (second.expected, second.received, second.lost) == (4, 2, 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF), st.floats(0, 1e6)),
        max_size=60,
    )
)
def test_no_packets_raise_or_make_figures_negative(packets: list[tuple[int, int, int, float]]) -> None:
    reception = Reception()
    for ssrc, sequence, timestamp, at in packets:
        reception.packet(ssrc, sequence, timestamp, 160, at, timed=True)
    assert reception.lost >= 0
    assert reception.received <= len(packets)
    assert reception.jitter >= 0
