"""From the datagrams of half a second to what they mean: statistics, and stretches of audio at their positions.

Nearly every batch is a plain run: one source, one payload type, one size, sequence and timestamp going on by one
packet each. That is checked with a handful of operations on the whole batch. Anything else goes packet by packet.
"""

import functools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ivr.media.reception import Reception, Verdict
from ivr.media.remote import COMFORT_NOISE
from ivr.media.rtp import HEADER_BYTES, Packet, signed_32
from ivr.media.timeline import Before, Timeline
from voicebox.codec import Codec

MISORDER_S: Final = 0.2
"""How far packets may overtake each other."""
_WRAP_16: Final = 0x10000
_WRAP_32: Final = 0x1_0000_0000


@dataclass(slots=True)
class Run:
    """Audio without a gap."""

    codec: Codec
    position: int
    """Of its first sample in the recording."""
    payload: bytes
    frame_bytes: int
    """Bytes in one packet of it."""
    arrived: list[float]
    """When each packet came."""


@functools.lru_cache(maxsize=512)
def _layout(count: int, payload_bytes: int) -> struct.Struct:
    """Return the layout that reads sequence, timestamp and SSRC of `count` equal packets in one go."""
    return struct.Struct(">" + f"2xHII{payload_bytes}x" * count)


class Intake:
    """Reads the batches of one stream. Packets are normalised (`Packet.normalised`) before they come here."""

    def __init__(self, formats: Mapping[int, Codec]) -> None:
        self.formats = dict(formats)
        self.reception = Reception()
        self._timeline: Timeline | None = None

    def begin(self, now: float, rate_hz: int) -> None:
        """Begin to place audio: a recording starts now."""
        reception = self.reception
        before = None
        if reception.ssrc is not None and reception.last_arrival is not None:
            before = Before(reception.ssrc, reception.next_timestamp, reception.last_arrival)
        self._timeline = Timeline(now, rate_hz, before)

    def end(self, now: float) -> int:
        """Stop placing; return how many samples there are in all."""
        timeline, self._timeline = self._timeline, None
        return timeline.total(now) if timeline else 0

    def take(self, packets: Sequence[bytes], arrived: list[float]) -> list[Run]:
        """Count packets in the order of their arrival; return their audio if a recording is on."""
        if not packets:
            return []
        first = packets[0]
        size, count = len(first), len(packets)
        codec = self.formats.get(first[1]) if size > HEADER_BYTES else None
        if codec is None:
            return self._one_by_one(packets, arrived)
        joined = b"".join(packets)
        # Equal sizes are checked by the sum and by the fields read at equal distances: headers must lie there.
        if len(joined) != size * count or joined[1::size] != first[1:2] * count:
            return self._one_by_one(packets, arrived)
        fields = _layout(count, size - HEADER_BYTES).unpack(joined)
        sequence, timestamp, ssrc = fields[:3]
        step = size - HEADER_BYTES
        if (
            fields[2::3].count(ssrc) != count
            or sequence + count > _WRAP_16
            or timestamp + count * step > _WRAP_32
            or fields[0::3] != tuple(range(sequence, sequence + count))
            or fields[1::3] != tuple(range(timestamp, timestamp + count * step, step))
            or not self.reception.run(ssrc, sequence, timestamp, step, arrived)
        ):
            return self._one_by_one(packets, arrived)
        if self._timeline is None:
            return []
        position = self._timeline.run(ssrc, timestamp, step, count, (arrived[0], arrived[-1]))
        payload = b"".join([packet[HEADER_BYTES:] for packet in packets])
        return [Run(codec, position, payload, step, arrived)]

    def audio_of(self, packets: Sequence[bytes]) -> list[tuple[Codec, bytes]]:
        """Return the audio of packets without counting them."""
        return [
            (self.formats[packet[1]], packet[HEADER_BYTES:])
            for packet in packets
            if len(packet) > HEADER_BYTES and packet[1] in self.formats
        ]

    def _one_by_one(self, packets: Sequence[bytes], arrived: Sequence[float]) -> list[Run]:
        placed: list[Run] = []
        if self._timeline is not None and self._timeline.fresh:
            self._expect_earliest(packets)
        for data, at in zip(packets, arrived, strict=True):
            packet = Packet.parse(data)
            if packet is None:
                continue
            codec = self.formats.get(packet.payload_type)
            samples = len(packet.payload) if codec else 0
            timed = codec is not None or packet.payload_type == COMFORT_NOISE
            verdict = self.reception.packet(packet.ssrc, packet.sequence, packet.timestamp, samples, at, timed=timed)
            if verdict is Verdict.DUPLICATE or not timed or self._timeline is None:
                continue
            position = self._timeline.place(packet.ssrc, packet.timestamp, samples, at, late=verdict is Verdict.LATE)
            if position is not None and codec is not None and samples:
                placed.append(Run(codec, position, packet.payload, samples, [at]))
        return _joined(placed)

    def _expect_earliest(self, packets: Sequence[bytes]) -> None:
        """Find what a recording begins with where the first packets came out of order."""
        parsed = [packet for packet in map(Packet.parse, packets) if packet and packet.payload_type in self.formats]
        if not parsed or self._timeline is None:
            return
        first = parsed[0]
        behind = min(signed_32(each.timestamp - first.timestamp) for each in parsed if each.ssrc == first.ssrc)
        if -MISORDER_S * self.reception.clock_hz <= behind <= 0:
            self._timeline.expect(first.ssrc, (first.timestamp + behind) & 0xFFFF_FFFF)


def _joined(placed: list[Run]) -> list[Run]:
    """Put packets in the order of their positions and join those that touch."""
    placed.sort(key=lambda run: run.position)
    joined: list[Run] = []
    parts: list[bytes] = []
    end = -1
    for run in placed:
        last = joined[-1] if joined else None
        if last and run.position == end and run.codec is last.codec and run.frame_bytes == last.frame_bytes:
            parts.append(run.payload)
            last.arrived += run.arrived
        else:
            if last:
                last.payload = b"".join(parts)
            joined.append(run)
            parts = [run.payload]
        end = run.position + len(run.payload)
    if joined:
        joined[-1].payload = b"".join(parts)
    return joined
