"""How long to wait before something that failed is tried again: ever longer, up to a bound."""

from typing import Final

DOUBLINGS_MAX: Final = 40
"""By then beyond any bound; without it, what fails for days would leave the range of a float."""


def doubled_s(failures: int, *, first_s: float, most_s: float) -> float:
    """Return how long to wait after so many failures in a row: `first_s`, doubled each time, at most `most_s`.

    Raises:
        ValueError: nothing has failed yet.
    """
    if failures < 1:
        raise ValueError("there is no wait before the first attempt")
    return min(most_s, first_s * 2.0 ** min(failures - 1, DOUBLINGS_MAX))
