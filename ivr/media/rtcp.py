"""RTCP packets: sender and receiver reports, source descriptions, BYE (RFC 3550 section 6). I/O-free."""

import struct
from dataclasses import dataclass
from typing import Final

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
SOURCE_DESCRIPTION: Final = 202
BYE: Final = 203
NTP_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_HEADER: Final = struct.Struct(">BBH")
_SENDER: Final = struct.Struct(">IQIII")
_BLOCK: Final = struct.Struct(">IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one side received of the other (section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 256ths, since the last report."""
    cumulative_lost: int
    """24 bit, signed."""
    highest_sequence: int
    """Extended by the cycles in the upper 16 bits."""
    jitter: int
    """In clock units."""
    last_sender_report: int
    """The middle 32 bits of that report's NTP time; 0 = none came yet."""
    delay: int
    """Since it came, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: what a source sent, and how its timestamps go with real time."""

    ssrc: int
    ntp: int
    """64 bit, 32.32 fixed point since 1900."""
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR: from a participant that sent nothing lately."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES with the one item that is a must: the canonical name."""

    ssrc: int
    cname: str


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE: these sources end."""

    ssrcs: tuple[int, ...]


Report = SenderReport | ReceiverReport | SourceDescription | Bye


def ntp(unix_s: float) -> int:
    """Return a Unix time as an NTP timestamp (RFC 3550 section 4)."""
    return round((unix_s + NTP_EPOCH_S) * 2**32) & 0xFFFF_FFFF_FFFF_FFFF


def build(*reports: Report) -> bytes:
    """Return a compound packet. It must begin with a report (section 6.1)."""
    return b"".join(map(_packet, reports))


def _packet(report: Report) -> bytes:
    match report:
        case SenderReport(ssrc, time, timestamp, packets, octets, blocks):
            sent = _SENDER.pack(ssrc, time, timestamp & 0xFFFF_FFFF, packets & 0xFFFF_FFFF, octets & 0xFFFF_FFFF)
            return _framed(SENDER_REPORT, len(blocks), sent + b"".join(map(_block, blocks)))
        case ReceiverReport(ssrc, blocks):
            return _framed(RECEIVER_REPORT, len(blocks), ssrc.to_bytes(4, "big") + b"".join(map(_block, blocks)))
        case SourceDescription(ssrc, cname):
            name = cname.encode()[:255]
            item = ssrc.to_bytes(4, "big") + bytes((1, len(name))) + name
            return _framed(SOURCE_DESCRIPTION, 1, item + bytes(4 - len(item) % 4))
        case Bye(ssrcs):
            return _framed(BYE, len(ssrcs), b"".join(ssrc.to_bytes(4, "big") for ssrc in ssrcs))


def _block(block: ReportBlock) -> bytes:
    lost = max(min(block.cumulative_lost, 0x7F_FFFF), -0x80_0000) & 0xFF_FFFF
    return _BLOCK.pack(
        block.ssrc,
        (block.fraction_lost & 0xFF) << 24 | lost,
        block.highest_sequence & 0xFFFF_FFFF,
        min(block.jitter, 0xFFFF_FFFF),
        block.last_sender_report & 0xFFFF_FFFF,
        min(block.delay, 0xFFFF_FFFF),
    )


def _framed(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def parse(data: bytes) -> list[Report]:
    """Read a compound packet, leaving out what is malformed or of a kind we do not use. Never raises."""
    found: list[Report] = []
    offset = 0
    while offset + 4 <= len(data):
        first, kind, words = _HEADER.unpack_from(data, offset)
        end = offset + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            break
        body = data[offset + 4 : end]
        if first & 0x20 and body:  # padding counts itself
            body = body[: max(len(body) - body[-1], 0)]
        report = _parsed(kind, first & 0x1F, body)
        if report is not None:
            found.append(report)
        offset = end
    return found


def _parsed(kind: int, count: int, body: bytes) -> Report | None:
    if len(body) < 4:
        return None
    ssrc = int.from_bytes(body[:4], "big")
    match kind:
        case 200 if len(body) >= _SENDER.size + count * _BLOCK.size:
            _, time, timestamp, packets, octets = _SENDER.unpack_from(body)
            return SenderReport(ssrc, time, timestamp, packets, octets, _blocks(body, _SENDER.size, count))
        case 201 if len(body) >= 4 + count * _BLOCK.size:
            return ReceiverReport(ssrc, _blocks(body, 4, count))
        case 202 if count and len(body) >= 6 and body[4] == 1 and len(body) >= 6 + body[5]:
            return SourceDescription(ssrc, body[6 : 6 + body[5]].decode(errors="replace"))
        case 203 if count and len(body) >= 4 * count:
            return Bye(tuple(int.from_bytes(body[4 * each : 4 * each + 4], "big") for each in range(count)))
    return None


def _blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    found = []
    for each in range(count):
        ssrc, lost, highest, jitter, last, delay = _BLOCK.unpack_from(body, start + each * _BLOCK.size)
        cumulative = lost & 0xFF_FFFF
        if cumulative & 0x80_0000:
            cumulative -= 0x100_0000
        found.append(ReportBlock(ssrc, lost >> 24, cumulative, highest, jitter, last, delay))
    return tuple(found)
