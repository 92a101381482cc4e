"""Byte ranges: RFC 9110 section 14, for files of every size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmanager.ranges import NotSatisfiable, Span, matches, parse_range


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-9", Span(0, 10)),
        ("bytes=0-", Span(0, 100)),
        ("bytes=90-", Span(90, 100)),
        ("bytes=90-1000", Span(90, 100)),
        ("bytes=-10", Span(90, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=99-99", Span(99, 100)),
        ("Bytes = 1-2 ", Span(1, 3)),
        (None, None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=٠-١", None),
        ("bytes=0-99999999999999999999", None),
        ("", None),
    ],
)
def test_one_range_is_read_and_everything_else_means_the_whole(header: str | None, span: Span | None) -> None:
    assert parse_range(header, 100) == span


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_what_lies_behind_the_end_is_not_satisfiable(header: str, size: int) -> None:
    with pytest.raises(NotSatisfiable):
        parse_range(header, size)


@given(st.text(max_size=40), st.integers(0, 1000))
def test_whatever_is_asked_the_piece_lies_inside(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            span = parse_range(text, size)
        except NotSatisfiable:
            continue
        assert span is None or 0 <= span.start < span.stop <= size


def test_if_none_match_compares_weakly_and_if_range_strongly() -> None:
    assert matches('"a", W/"b"', '"b"', weak=True)
    assert matches("*", '"b"', weak=True)
    assert not matches('"a"', '"b"', weak=True)
    assert not matches(None, '"b"', weak=True)
    assert matches('"b"', '"b"', weak=False)
    assert not matches('W/"b"', '"b"', weak=False)
    assert not matches("*", '"b"', weak=False)
    assert not matches("Sun, 22 Nov 2026 09:30:00 GMT", '"b"', weak=False)
