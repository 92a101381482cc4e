"""RTCP packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.rtcp import (
    Bye,
    ReceiverReport,
    Report,
    ReportBlock,
    SenderReport,
    SourceDescription,
    build,
    ntp,
    parse,
)

word = st.integers(0, 0xFFFF_FFFF)
blocks = st.lists(
    st.builds(ReportBlock, word, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), word, word, word, word),
    max_size=3,
).map(tuple)
reports: st.SearchStrategy[Report] = st.one_of(
    st.builds(SenderReport, word, st.integers(0, 2**64 - 1), word, word, word, blocks),
    st.builds(ReceiverReport, word, blocks),
    st.builds(SourceDescription, word, st.text(st.characters(max_codepoint=127), max_size=40)),
    st.builds(Bye, st.lists(word, min_size=1, max_size=3).map(tuple)),
)


@given(st.lists(reports, max_size=4))
def test_reports_survive_the_wire(sent: list[Report]) -> None:
    data = build(*sent)
    assert len(data) % 4 == 0
    assert parse(data) == sent


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    parse(data)


@given(st.lists(reports, min_size=1, max_size=3), st.data())
def test_damage_raises_nothing(sent: list[Report], data: st.DataObject) -> None:
    packed = bytearray(build(*sent))
    for _ in range(3):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    parse(bytes(packed))


def test_unknown_kinds_are_passed_over() -> None:
    app = bytes((0x80, 204, 0, 2)) + b"\0\0\0\1NAME"
    assert parse(app + build(Bye((5,)))) == [Bye((5,))]


def test_padding_at_the_end_is_cut() -> None:
    padded = bytes((0xA1, 203, 0, 2)) + (5).to_bytes(4, "big") + b"\0\0\0\4"
    assert parse(padded) == [Bye((5,))]


@pytest.mark.parametrize("lost", [2**24, -(2**24)])
def test_more_loss_than_fits_stays_at_the_bound(lost: int) -> None:
    (report,) = parse(build(ReceiverReport(1, (ReportBlock(2, 0, lost, 0, 0, 0, 0),))))
    assert isinstance(report, ReceiverReport)
    assert report.blocks[0].cumulative_lost == (2**23 - 1 if lost > 0 else -(2**23))


def test_ntp_counts_from_1900() -> None:
    assert ntp(0.5) == (2_208_988_800 << 32) + 2**31
