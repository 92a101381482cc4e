"""Batches of datagrams become statistics and stretches of audio: the quick way and the long way agree."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.intake import Intake, Run
from ivr.media.rtp import Packet
from voicebox.codec import Codec

FORMATS = {0: Codec.PCMU, 8: Codec.PCMA}


def payload(index: int) -> bytes:
    return bytes((index * 7 + each) % 256 for each in range(160))


def stream(count: int, *, sequence: int = 0, timestamp: int = 0, ssrc: int = 1) -> list[Packet]:
    return [
        Packet(0, (sequence + index) & 0xFFFF, (timestamp + index * 160) & 0xFFFF_FFFF, ssrc, payload(index))
        for index in range(count)
    ]


def recorded(packets: list[Packet], *, batch: int = 25, intake: Intake | None = None) -> tuple[Intake, list[Run]]:
    intake = intake or Intake(FORMATS)
    intake.begin(0.0, 8000)
    runs: list[Run] = []
    for start in range(0, len(packets), batch):
        part = packets[start : start + batch]
        arrived = [0.02 * (start + index) for index in range(len(part))]
        runs += intake.take([each.normalised() for each in part], arrived)
    return intake, runs


def sound(runs: list[Run]) -> bytes:
    """Lay the runs out; gaps are 0xFF."""
    out = bytearray(b"\xff" * max((run.position + len(run.payload) for run in runs), default=0))
    for run in runs:
        out[run.position : run.position + len(run.payload)] = run.payload
    return bytes(out)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF), st.integers(1, 60))
def test_a_clean_stream_comes_out_as_it_went_in(sequence: int, timestamp: int, batch: int) -> None:
    packets = stream(100, sequence=sequence, timestamp=timestamp)
    intake, runs = recorded(packets, batch=batch)
    assert sound(runs) == b"".join(each.payload for each in packets)
    assert (intake.reception.received, intake.reception.lost) == (100, 0)
    assert intake.end(9.0) == 16_000


def test_a_clean_batch_is_one_run() -> None:
    _, runs = recorded(stream(75))
    assert [(run.position, len(run.payload), len(run.arrived)) for run in runs] == [
        (0, 4000, 25),
        (4000, 4000, 25),
        (8000, 4000, 25),
    ]


@settings(max_examples=60)
@given(
    st.randoms(use_true_random=False),
    st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)),
    st.integers(1, 9),
    st.integers(0, 0xFFFF),
    st.integers(10, 40),
)
def test_loss_duplicates_and_reordering(
    rng: random.Random, rates: tuple[float, float], reach: int, sequence: int, batch: int
) -> None:
    loss, doubled = rates
    whole = stream(120, sequence=sequence, timestamp=2**32 - 8000)
    kept = [each for index, each in enumerate(whole) if index == 0 or rng.random() >= loss]
    sent = [each for each in kept for _ in range(2 if rng.random() < doubled else 1)]
    order = [sent[at] for at in sorted(range(len(sent)), key=lambda at: at + rng.random() * reach)]
    intake, runs = recorded(order, batch=batch)
    expected = bytearray()
    present = {each.sequence for each in kept}
    for each in whole:
        expected += each.payload if each.sequence in present else b"\xff" * 160
    last = max(index for index, each in enumerate(whole) if each.sequence in present)
    assert sound(runs) == bytes(expected[: (last + 1) * 160])
    assert intake.reception.received == len(kept)
    assert intake.reception.lost == last + 1 - len(kept)
    assert intake.reception.duplicates == len(sent) - len(kept)


def test_the_first_packets_of_a_recording_may_overtake_each_other() -> None:
    """Also when the call's audio has been coming in before: the packet before the recording says what is missing."""
    whole = stream(60)
    intake = Intake(FORMATS)
    intake.take([each.normalised() for each in whole[:30]], [0.02 * index for index in range(30)])
    intake.begin(0.6, 8000)
    order = [whole[31], whole[32], whole[30], *whole[33:]]
    runs = [run for index, each in enumerate(order) for run in intake.take([each.normalised()], [0.6 + 0.02 * index])]
    assert sound(runs) == b"".join(each.payload for each in whole[30:])


def test_a_jump_of_150_million_samples_allocates_nothing() -> None:
    packets = [*stream(50), *stream(50, sequence=50, timestamp=150_008_000)]
    _, runs = recorded(packets)
    assert sound(runs) == b"".join(each.payload for each in packets)


def test_a_change_of_source_goes_on() -> None:
    packets = [*stream(30), *stream(30, sequence=777, timestamp=99, ssrc=2)]
    intake, runs = recorded(packets)
    assert sound(runs) == b"".join(each.payload for each in packets)
    assert intake.reception.lost == 0


def test_a_change_of_codec_makes_two_runs() -> None:
    packets = stream(30)
    packets[10:] = [Packet(8, each.sequence, each.timestamp, 1, each.payload) for each in packets[10:]]
    _, runs = recorded(packets, batch=30)
    assert [(run.codec, run.position, len(run.payload)) for run in runs] == [
        (Codec.PCMU, 0, 1600),
        (Codec.PCMA, 1600, 3200),
    ]


def test_packets_of_other_lengths_are_taken() -> None:
    lengths = [80, 240, 160, 160, 1, 320]
    packets, at = [], 0
    for index, length in enumerate(lengths):
        packets.append(Packet(0, index, at, 1, bytes((index,)) * length))
        at += length
    _, runs = recorded(packets)
    assert sound(runs) == b"".join(each.payload for each in packets)


def test_events_and_comfort_noise_count_but_are_no_audio() -> None:
    packets = stream(40)
    packets[10] = Packet(101, 10, 1600, 1, bytes((5, 0x8A, 0, 160)))
    packets[20] = Packet(13, 20, 3200, 1, b"\x40")
    intake, runs = recorded(packets)
    assert intake.reception.received == 40
    assert sound(runs)[1600:1760] == b"\xff" * 160
    assert sound(runs)[3200:3360] == b"\xff" * 160
    assert len(sound(runs)) == 40 * 160


def test_without_a_recording_only_the_figures_are_kept() -> None:
    intake = Intake(FORMATS)
    assert intake.take([each.normalised() for each in stream(25)], [0.02 * index for index in range(25)]) == []
    assert intake.reception.received == 25


@pytest.mark.parametrize("shift", [0, 1, 4, 11])
def test_equal_lengths_by_sum_do_not_deceive(shift: int) -> None:
    first, second = stream(2)
    data = [first.normalised() + b"x" * shift, second.normalised()[: 172 - shift]]
    intake = Intake(FORMATS)
    intake.begin(0.0, 8000)
    runs = intake.take(data, [0.0, 0.02])
    assert sum(len(run.payload) for run in runs) <= 320


@given(st.lists(st.binary(max_size=60), max_size=40))
def test_no_bytes_raise(datagrams: list[bytes]) -> None:
    intake = Intake(FORMATS)
    intake.begin(0.0, 8000)
    for run in intake.take(datagrams, [0.02 * index for index in range(len(datagrams))]):
        assert run.position >= 0
