"""Percentiles and medians of benchmarks."""

import pytest

from bench.spread import Runs, Spread, percentile


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_percentiles_are_values_that_were_measured(percent: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_one_value_is_every_percentile() -> None:
    assert Spread.of([7.5]) == Spread(7.5, 7.5, 7.5, 1)


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_spread_tells_the_worst_too() -> None:
    assert Spread.of([1.0] * 98 + [5.0, 9.0]) == Spread(1.0, 5.0, 9.0, 100)


def test_several_runs_show_their_median_and_range() -> None:
    assert Runs((3.0, 1.0, 2.0)).shown(1) == "2.0 (1.0 to 3.0)"


def test_one_run_shows_no_range() -> None:
    assert Runs((2.346,)).shown(2) == "2.35"
