"""RTP packets: parsing, normalising, and never raising."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.rtp import Packet, is_rtcp, signed_16, signed_32

packets = st.builds(
    Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    ssrc=st.integers(0, 0xFFFF_FFFF),
    payload=st.binary(max_size=200),
    marker=st.booleans(),
)


@given(packets)
def test_a_packet_survives_the_wire(packet: Packet) -> None:
    assert Packet.parse(bytes(packet)) == packet


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    packet = Packet.parse(data)
    assert packet is None or len(packet.payload) <= len(data) - 12
    is_rtcp(data)


@given(
    packets,
    st.lists(st.integers(0, 0xFFFF_FFFF), max_size=15),
    st.one_of(st.none(), st.binary(max_size=40).filter(lambda each: len(each) % 4 == 0)),
    st.integers(0, 12),
)
def test_sources_extension_and_padding_are_cut_away(
    packet: Packet, sources: list[int], extension: bytes | None, padding: int
) -> None:
    plain = bytes(packet)
    first = 0x80 | len(sources) | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    extra = b"".join(struct.pack(">I", each) for each in sources)
    if extension is not None:
        extra += struct.pack(">HH", 0xBEDE, len(extension) // 4) + extension
    tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
    dressed = bytes((first,)) + plain[1:12] + extra + packet.payload + tail
    assert Packet.parse(dressed) == packet


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        bytes(11),
        b"\x40" + bytes(20),  # version 1
        b"\x81" + bytes(11),  # a contributing source that is not there
        b"\x90" + bytes(13),  # an extension cut short
        b"\x90" + bytes(11) + b"\0\0\xff\xff",  # an extension longer than the packet
        b"\xa0" + bytes(11),  # padding of 0
        b"\xa0" + bytes(11) + b"\x05",  # padding longer than the payload
    ],
)
def test_malformed_packets_are_refused(data: bytes) -> None:
    assert Packet.parse(data) is None


def test_normalising_clears_the_marker_only() -> None:
    packet = Packet(8, 7, 6, 5, b"audio", marker=True)
    again = Packet.parse(packet.normalised())
    assert again == Packet(8, 7, 6, 5, b"audio")


def test_rtcp_is_told_from_rtp_by_its_type() -> None:
    assert is_rtcp(bytes((0x80, 200, 0, 6)))
    assert not is_rtcp(bytes(Packet(0, 1, 2, 3, b"x", marker=True)))
    assert not is_rtcp(bytes(Packet(101, 1, 2, 3, b"x", marker=True)))


@given(st.integers(0, 0xFFFF), st.integers(-0x7FFF, 0x7FFF))
def test_sequence_differences_undo_the_wrap(start: int, ahead: int) -> None:
    assert signed_16(((start + ahead) & 0xFFFF) - start) == ahead


@given(st.integers(0, 0xFFFF_FFFF), st.integers(-0x7FFF_FFFF, 0x7FFF_FFFF))
def test_timestamp_differences_undo_the_wrap(start: int, ahead: int) -> None:
    assert signed_32(((start + ahead) & 0xFFFF_FFFF) - start) == ahead
