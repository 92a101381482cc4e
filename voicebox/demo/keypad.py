"""Keys as telephone-events (RFC 4733), each taking the place of audio packets that were about to be sent."""

import struct
from collections.abc import Iterator
from typing import Final

KEYS: Final = "0123456789*#"
"""A key's event is its place (RFC 4733 section 3.2)."""
PAYLOAD_TYPE: Final = 101
"""What pyVoIP offers for telephone-event."""
VOLUME_DBM0: Final = 10
"""Below full scale."""
STEP: Final = 160
"""Timestamp units of a packet, 20 ms at 8 kHz."""
HELD: Final = 5
"""Packets a key is held for: 100 ms, as a finger does."""
ENDS: Final = 3
"""The last one is sent three times (RFC 4733 section 2.5.1.4)."""
GAP: Final = 3
"""Packets of audio between two keys: 60 ms."""

_HEADER: Final = struct.Struct("!BBHII")
_MARKER: Final = 0x80
_END: Final = 0x80


class Press:
    """One key being sent, or, without a key, the gap after one."""

    def __init__(self, key: str) -> None:
        """Make one; `key` is one of `KEYS`, or empty for a gap."""
        self.key = key
        self._sent = 0
        self._began: int | None = None

    @property
    def done(self) -> bool:
        """Whether all its packets have been sent."""
        return self._sent >= (HELD + ENDS if self.key else GAP)

    def replace(self, packet: bytes) -> bytes:
        """Return what is sent in place of an RTP packet of audio: same sequence number and source."""
        self._sent += 1
        if not self.key:
            return packet
        first, _, sequence, timestamp, source = _HEADER.unpack_from(packet)
        begins = self._began is None
        if self._began is None:
            self._began = timestamp
        ending = self._sent >= HELD
        head = _HEADER.pack(first, PAYLOAD_TYPE | (_MARKER if begins else 0), sequence, self._began, source)
        length = STEP * min(self._sent, HELD)
        return head + struct.pack("!BBH", KEYS.index(self.key), VOLUME_DBM0 | (_END if ending else 0), length)


def presses(keys: str) -> Iterator[Press]:
    """Yield a press for each key, with a gap after it."""
    for key in keys:
        yield Press(key)
        yield Press("")
