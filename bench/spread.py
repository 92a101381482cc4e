"""Statistics of a benchmark: percentiles by nearest rank, and medians of several runs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of the values do not exceed (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values were measured")
    ranked = sorted(values)
    return ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread: median, 99th percentile and maximum, in the unit of the values."""

    p50: float
    p99: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Sum up values; raises ValueError if there are none."""
        return cls(percentile(values, 50), percentile(values, 99), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Runs:
    """One figure of several runs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure that is reported."""
        return statistics.median(self.values)

    def shown(self, places: int) -> str:
        """Return the median, and where there were several runs the range they covered."""
        text = f"{self.median:.{places}f}"
        if len(self.values) == 1:
            return text
        return f"{text} ({min(self.values):.{places}f} to {max(self.values):.{places}f})"
