"""Waits that double, however often something has failed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebox.backoff import doubled_s


@given(failures=st.integers(1, 1_000_000), first_s=st.floats(0.001, 60), most_s=st.floats(60, 86_400))
def test_waits_grow_to_a_bound(failures: int, first_s: float, most_s: float) -> None:
    first, this, following = (doubled_s(each, first_s=first_s, most_s=most_s) for each in (1, failures, failures + 1))
    assert first_s == first <= this <= following <= most_s
    assert doubled_s(1_000_000, first_s=first_s, most_s=most_s) == most_s


def test_waits_double() -> None:
    assert [doubled_s(failures, first_s=0.5, most_s=3) for failures in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 3]
    with pytest.raises(ValueError, match="first attempt"):
        doubled_s(0, first_s=1, most_s=2)
