"""A message is whole when it is what its caller said, from the tone to the BYE."""

from collections.abc import Iterator

import numpy as np
import pytest

from bench.caller import Stream
from bench.steady import FRAME_NS, is_whole
from bench.voice import FRAME

FRAMES = 100
BEGIN = 40 * FRAME_NS
"""Frame 40 is the first after the tone."""


@pytest.fixture
def stream() -> Iterator[Stream]:
    made = Stream(1)
    for at in range(FRAMES):
        made.voice.packet()
        made.sent_ns.append(at * FRAME_NS)
    yield made
    made.close()


def test_all_that_was_said_is_whole(stream: Stream) -> None:
    assert is_whole(stream, stream.voice.said(60), BEGIN)


def test_a_frame_more_or_less_at_the_beginning_is_whole(stream: Stream) -> None:
    assert is_whole(stream, stream.voice.said(61), BEGIN)
    assert is_whole(stream, stream.voice.said(59), BEGIN)


def test_two_frames_less_at_the_beginning_are_too_few(stream: Stream) -> None:
    assert not is_whole(stream, stream.voice.said(58), BEGIN)


def test_the_last_frame_before_the_bye_must_be_there(stream: Stream) -> None:
    assert not is_whole(stream, stream.voice.said(60)[:-FRAME], BEGIN)
    assert not is_whole(stream, stream.voice.said(61)[:-FRAME], BEGIN)


def test_more_than_was_ever_said_is_not_whole(stream: Stream) -> None:
    assert not is_whole(stream, np.append(stream.voice.said(100), stream.voice.said(1)), BEGIN)


def test_one_wrong_sample_is_not_whole(stream: Stream) -> None:
    samples = stream.voice.said(60).copy()
    samples[5000] += 1
    assert not is_whole(stream, samples, BEGIN)


def test_a_frame_replaced_by_silence_is_not_whole(stream: Stream) -> None:
    samples = stream.voice.said(60).copy()
    samples[20 * FRAME : 21 * FRAME] = 0
    assert not is_whole(stream, samples, BEGIN)


def test_part_of_a_frame_is_not_whole(stream: Stream) -> None:
    assert not is_whole(stream, np.append(stream.voice.said(60), np.int16(0)), BEGIN)
