"""Keys as telephone-events (RFC 4733), and one key that came by two ways.

A key acts on the first packet of its event, whichever that is: the start and the marker may be lost. The event is known
by its RTP timestamp, so that its repetitions and its end count no more; and by its key, since of two that are pressed
at once some phones send the second with the timestamp of the first. It ends with the E bit, or 100 ms without one.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ivr.media.rtp import signed_32

KEYS: Final = "0123456789*#ABCD"
"""By event number (RFC 4733 section 3.2)."""
END_S: Final = 0.1
SEGMENT_MAX: Final = 0xFFFF
"""A longer press goes on as a new event whose timestamp follows this one (RFC 4733 section 2.5.1.3)."""
_CREEP: Final = 400
"""50 ms: some senders move the timestamp on with each packet of one event. No finger presses again that fast."""
_REMEMBERED: Final = 8
"""Past events whose packets may still straggle in."""


@dataclass(slots=True)
class _Event:
    ssrc: int
    number: int
    timestamp: int
    duration: int
    heard: float
    ended: bool


class KeyReceiver:
    """Finds the keys in the telephone-event packets of one stream."""

    def __init__(self) -> None:
        self.ignored = 0
        """Packets that were too short or no key (events above 15: flash, modem tones)."""
        self._now: _Event | None = None
        self._past: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED)

    def receive(self, payload: bytes, timestamp: int, ssrc: int, now: float) -> str | None:
        """Take one packet; return the key if this is the first of its press. Never raises."""
        if len(payload) < 4 or payload[0] >= len(KEYS):
            self.ignored += 1
            return None
        number, ended = payload[0], bool(payload[1] & 0x80)  # the reserved bit and the volume say nothing to us
        duration = int.from_bytes(payload[2:4], "big")
        event = self._now
        if event and event.ssrc == ssrc and event.number == number and self._continues(event, timestamp):
            if timestamp != event.timestamp:
                self._past.append((ssrc, event.timestamp, number))
                event.timestamp = timestamp
            event.duration, event.heard = duration, now
            event.ended = event.ended or ended
            return None
        if (ssrc, timestamp, number) in self._past:
            return None
        if event:
            self._past.append((event.ssrc, event.timestamp, event.number))
        self._now = _Event(ssrc, number, timestamp, duration, now, ended)
        return KEYS[number]

    def pressed(self, now: float) -> str | None:
        """Return the key that is held down."""
        event = self._now
        if event is None or event.ended or now - event.heard >= END_S:
            return None
        return KEYS[event.number]

    @staticmethod
    def _continues(event: _Event, timestamp: int) -> bool:
        """Tell whether a packet of the same key is of the same press: with its timestamp, or one that went on."""
        ahead = signed_32(timestamp - event.timestamp)
        if ahead == 0 or event.ended:
            return ahead == 0
        if 0 < ahead <= _CREEP:
            return True
        # Of a long press, the next segment begins where the longest possible duration ends.
        return event.duration > SEGMENT_MAX // 2 and abs(ahead - SEGMENT_MAX) <= _CREEP


class Way(Enum):
    """How a key came."""

    RTP = auto()
    INFO = auto()
    SOUND = auto()


TWICE_S: Final = 1.0
"""The same key by another way within this time is the same press."""
_OPEN_MAX: Final = 32


class KeyOnce:
    """Lets a key that comes by two ways through once (security.md, row 20). I/O-free; one for each call."""

    def __init__(self) -> None:
        self._open: deque[tuple[str, Way, float]] = deque(maxlen=_OPEN_MAX)
        """Keys let through that no other way has repeated yet."""

    def take(self, key: str, way: Way, now: float) -> bool:
        """Tell whether this is a press of its own; each press takes one repetition by another way with it."""
        while self._open and now - self._open[0][2] > TWICE_S:
            self._open.popleft()
        for earlier in self._open:
            if earlier[0] == key and earlier[1] is not way:
                self._open.remove(earlier)
                return False
        self._open.append((key, way, now))
        return True
