"""What a stream sends: RTP packets whose timestamps follow the media clock, over silence too."""

import secrets
import socket

from ivr.media.latch import Address
from ivr.media.rtp import HEADER, MARKER, VERSION_2
from voicebox.codec import FRAME_MS, Codec


class Sender:
    """Numbers and sends the packets of one stream.

    Timestamps are the clock's milliseconds in units of the codec, from a random start (RFC 3550 section 5.1), so that
    silence between two playbacks takes its true length on the other side.
    """

    __slots__ = (
        "_base",
        "_per_ms",
        "_sequence",
        "_socket",
        "_sounded_ms",
        "codec",
        "dropped",
        "event_pt",
        "last_ms",
        "octets",
        "packets",
        "payload_type",
        "silence",
        "ssrc",
        "target",
    )

    def __init__(self, sending: socket.socket) -> None:
        self._socket = sending
        self._base = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._per_ms = 8
        self.ssrc = secrets.randbits(32)
        self.codec = Codec.PCMU
        self.payload_type = 0
        self.event_pt: int | None = None
        """Payload type of keys (RFC 4733); None where the peer takes none."""
        self.silence = b""
        """One frame of it."""
        self.target: Address | tuple[str, int] | None = None
        """Where packets go; None = nowhere, the clock goes on."""
        self.last_ms = -1000
        """When the last frame was due."""
        self._sounded_ms = -1000
        self.packets = 0
        self.octets = 0
        self.dropped = 0
        """Packets that the system did not take."""

    def use(self, codec: Codec, payload_type: int) -> None:
        """Send this codec from now on."""
        self.codec, self.payload_type = codec, payload_type
        self.silence = codec.value.silence * codec.value.frame_bytes
        self._per_ms = codec.value.clock_hz // 1000

    def timestamp(self, at_ms: int) -> int:
        """Return the RTP timestamp of a moment of the media clock."""
        return (self._base + at_ms * self._per_ms) & 0xFFFF_FFFF

    def send(self, frame: bytes, due_ms: int) -> None:
        """Send one frame of sound. The marker says that silence was before it (RFC 3551 section 4.1)."""
        second = self.payload_type if due_ms == self._sounded_ms + FRAME_MS else self.payload_type | MARKER
        self._sounded_ms = due_ms
        self._send(frame, second, due_ms)

    def send_silence(self, due_ms: int) -> None:
        """Send one frame of silence."""
        self._send(self.silence, self.payload_type, due_ms)

    def anchor(self, at_ms: int) -> tuple[int, int]:
        """Return the sequence number and timestamp of a packet of somebody else's that is passed on next.

        It begins after our last frame, also where it comes before that frame is over.
        """
        return (self._sequence + 1) & 0xFFFF, self.timestamp(max(at_ms, self.last_ms + FRAME_MS))

    def pass_on(self, payload: bytes | memoryview, second: int, sequence: int, timestamp: int) -> None:
        """Send a packet of somebody else's under our own source, numbered by who passes it on (`ivr.media.bridge`)."""
        if self.target is None:
            return
        if (sequence - self._sequence) & 0x8000 == 0:  # an overtaken packet must not turn our own count back
            self._sequence = sequence
        try:
            self._socket.sendto(HEADER.pack(VERSION_2, second, sequence, timestamp, self.ssrc) + payload, self.target)
        except OSError:
            self.dropped += 1
        else:
            self.packets += 1
            self.octets += len(payload)

    def _send(self, frame: bytes, second: int, due_ms: int) -> None:
        self.last_ms = due_ms
        if self.target is None:
            return
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        timestamp = (self._base + due_ms * self._per_ms) & 0xFFFF_FFFF
        try:
            self._socket.sendto(HEADER.pack(VERSION_2, second, sequence, timestamp, self.ssrc) + frame, self.target)
        except OSError:
            # A full buffer or a route that is gone: for this frame it is too late either way.
            self.dropped += 1
        else:
            self.packets += 1
            self.octets += len(frame)
