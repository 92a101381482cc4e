"""RTP packets (RFC 3550 section 5.1): the twelve-byte header, parsed with everything that may follow it.

What arrives is normalised: extension, contributing sources and padding are cut away, the marker is cleared, so that
every packet kept is twelve bytes of header and then audio, whatever the sender added.
"""

import struct
from dataclasses import dataclass
from typing import Final, Self

HEADER: Final = struct.Struct(">BBHII")
"""Version and flags, marker and payload type, sequence, timestamp, SSRC."""
HEADER_BYTES: Final = 12
VERSION_2: Final = 0x80
"""The first byte of a header without padding, extension or contributing sources."""
MARKER: Final = 0x80
DATAGRAM_MAX_BYTES: Final = 1500
"""Longer datagrams are not audio of one call: an Ethernet frame bounds what phones send."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet."""

    payload_type: int
    sequence: int
    """16 bit."""
    timestamp: int
    """32 bit, in units of the codec's clock."""
    ssrc: int
    payload: bytes
    marker: bool = False

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """Read a datagram; None when it is not a well-formed RTP packet. Never raises."""
        if len(data) < HEADER_BYTES or data[0] >> 6 != 2:
            return None
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        start, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
        if first & 0x10:  # header extension, section 5.3.1: its length counts 32-bit words after its first
            if start + 4 > end:
                return None
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        if first & 0x20:  # padding, its length in the last octet, which counts itself
            if not 0 < data[-1] <= end:
                return None
            end -= data[-1]
        if start > end:
            return None
        return cls(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & MARKER))

    def __bytes__(self) -> bytes:
        """Return the packet with the plain header: no extension, no padding."""
        second = self.payload_type | (MARKER if self.marker else 0)
        return HEADER.pack(VERSION_2, second, self.sequence, self.timestamp, self.ssrc) + self.payload

    def normalised(self) -> bytes:
        """Return the packet with the plain header and no marker, as the receiving batch holds them."""
        return HEADER.pack(VERSION_2, self.payload_type, self.sequence, self.timestamp, self.ssrc) + self.payload


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on one port by the packet type (RFC 5761 section 4)."""
    return len(data) >= 4 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def signed_16(difference: int) -> int:
    """Return a sequence number's difference, wrap undone: from -32768 to 32767."""
    return ((difference + 0x8000) & 0xFFFF) - 0x8000


def signed_32(difference: int) -> int:
    """Return a timestamp's difference, wrap undone."""
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
