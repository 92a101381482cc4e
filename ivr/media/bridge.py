"""Connecting two calls: what comes in on one leaves on the other (RFC 3550 section 2.3 calls this a translator).

Each packet is passed on when it comes, in the receiving callback: no buffer, no clock, one copy. It leaves under our
own source and payload type, and keeps its place: gaps in sequence numbers stay gaps, so that the far end can tell loss
from silence, and timestamps keep their distances. G.711's two laws are turned into each other where the sides differ.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final

from ivr.media.clock import MediaClock
from ivr.media.g711 import across
from ivr.media.receiver import Receiver
from ivr.media.rtp import HEADER_BYTES, MARKER, Packet
from ivr.media.sender import Sender
from voicebox.codec import Codec

_FIELDS: Final = struct.Struct(">xBHII")
"""Payload type, sequence, timestamp and source of a plain header."""


class Relay:
    """One direction. Per packet: read four fields, add two offsets, send."""

    __slots__ = ("_clock", "_on_first", "_sender", "_sequence", "_source", "_timestamp", "formats", "passed")

    def __init__(
        self, formats: Mapping[int, Codec], sender: Sender, clock: MediaClock, on_first: Callable[[], None]
    ) -> None:
        """Make one.

        Args:
            formats: the payload types that carry audio where it comes from.
            sender: where it leaves.
            clock: of that sender's timestamps.
            on_first: called before the first packet leaves.
        """
        self.formats = formats
        self.passed = 0
        """Packets passed on."""
        self._sender = sender
        self._clock = clock
        self._on_first = on_first
        self._source: int | None = None
        self._sequence = 0
        self._timestamp = 0
        """What is added to the numbers of the present source."""

    def audio(self, data: bytes) -> None:
        """Pass a packet of audio on; its header is plain, whatever its marker."""
        second, sequence, timestamp, source = _FIELDS.unpack_from(data)
        marker = second & MARKER
        codec = self.formats.get(second ^ marker)
        if codec is None:
            return
        if source != self._source:
            self._anchor(source, sequence, timestamp)
            marker = MARKER
        sender = self._sender
        if codec is sender.codec:
            payload: bytes | memoryview = memoryview(data)[HEADER_BYTES:]
        else:
            payload = data[HEADER_BYTES:].translate(across(codec, sender.codec))
        self.passed += 1
        sender.pass_on(
            payload,
            sender.payload_type | marker,
            (sequence + self._sequence) & 0xFFFF,
            (timestamp + self._timestamp) & 0xFFFF_FFFF,
        )

    def event(self, packet: Packet) -> None:
        """Pass a key on (RFC 4733); where the other side takes none, it ends here."""
        if self._sender.event_pt is None:
            return
        if packet.ssrc != self._source:
            self._anchor(packet.ssrc, packet.sequence, packet.timestamp)
        self.passed += 1
        self._sender.pass_on(
            packet.payload,
            self._sender.event_pt | (MARKER if packet.marker else 0),
            (packet.sequence + self._sequence) & 0xFFFF,
            (packet.timestamp + self._timestamp) & 0xFFFF_FFFF,
        )

    def anew(self) -> None:
        """Take our own count up again: something else was sent in between."""
        self._source = None

    def _anchor(self, source: int, sequence: int, timestamp: int) -> None:
        """Go on from our own count with a source's first packet."""
        if not self.passed:
            self._on_first()
        ours, at = self._sender.anchor(self._clock.now_ms())
        self._source = source
        self._sequence, self._timestamp = ours - sequence, at - timestamp


class End:
    """What a bridge needs of one stream."""

    def __init__(
        self,
        receiver: Receiver,
        sender: Sender,
        clock: MediaClock,
        *,
        stop: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        """Make one that is connected to nothing.

        Args:
            receiver: gets the stream's packets.
            sender: sends them.
            clock: of the sender.
            stop: ends what the stream plays.
            resume: lets the stream send by itself again.
        """
        self.gives: Relay | None = None
        """Passes on what comes in here."""
        self.gets: Relay | None = None
        """Passes on what comes in there: nothing else is sent meanwhile, but silence where nothing comes."""
        self._formats: Mapping[int, Codec] = {}
        self._receiver = receiver
        self._sender = sender
        self._clock = clock
        self._stop = stop
        self._resume = resume
        self._other: End | None = None
        self._seen = 0

    def takes(self, formats: Mapping[int, Codec]) -> None:
        """Note which payload types carry audio here, as now agreed."""
        self._formats = formats
        if self.gives is not None:
            self.gives.formats = formats

    def fed(self) -> bool:
        """Tell whether packets of the other call left here since this was last asked."""
        if self.gets is None or self.gets.passed == self._seen:
            return False
        self._seen = self.gets.passed
        return True

    def pass_to(self, other: "End") -> None:
        """Send on to another stream what comes in here, from now on; what plays there ends with the first packet."""
        self.keep_to_itself()
        self._other, self.gives = other, other.fed_by(self._formats)
        self._receiver.onward = self.gives.audio

    def keep_to_itself(self) -> None:
        """End what `pass_to` began; what the other stream sends is its own again."""
        other, self._other = self._other, None
        self._receiver.onward = self.gives = None
        if other is not None:
            other.on_its_own()

    def fed_by(self, formats: Mapping[int, Codec]) -> Relay:
        """Return what sends here the packets of another stream."""
        self.gets, self._seen = Relay(formats, self._sender, self._clock, self._stop), 0
        return self.gets

    def on_its_own(self) -> None:
        """Send nothing of another stream any more."""
        self.gets = None
        self._resume()


class Bridge:
    """Two calls connected, until `end`. Keys go with the audio, and are none of ours meanwhile."""

    def __init__(self, caller: End, called: End) -> None:
        """Connect them: what the called side says is heard at once (early media), the caller only after `answered`."""
        self._caller = caller
        self._called = called
        called.pass_to(caller)

    def answered(self) -> None:
        """Let the called side hear the caller."""
        self._caller.pass_to(self._called)

    def end(self) -> None:
        """Part them."""
        self._called.keep_to_itself()
        self._caller.keep_to_itself()
