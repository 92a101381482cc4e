"""Where datagrams arrive: the only code that runs for every packet."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ivr.media.latch import Address
from ivr.media.rtp import DATAGRAM_MAX_BYTES, HEADER_BYTES

WAITING_MAX: Final = 1000
"""Packets kept between two batches of half a second: forty times what a call sends. A flood pushes out its own."""


class Receiver(asyncio.DatagramProtocol):
    """Keeps what is plainly the caller's audio with the time it came; hands anything else to `unusual`."""

    __slots__ = ("_packets", "_times", "_unusual", "head", "onward", "source")

    def __init__(self, unusual: Callable[[bytes, Address], None]) -> None:
        self._unusual = unusual
        self._packets: deque[bytes] = deque(maxlen=WAITING_MAX)
        self._times: deque[float] = deque(maxlen=WAITING_MAX)
        self.source: Address | None = None
        """Whose packets are taken without a look (`latch`)."""
        self.head = b""
        """The first two bytes of plain audio: version and payload type, nothing else set."""
        self.onward: Callable[[bytes], None] | None = None
        """Also given every packet of plain audio at once, while two calls are connected (`bridge`)."""

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Keep a packet. Two comparisons and two appends: everything else waits for the batch."""
        if addr == self.source and data[:2] == self.head and HEADER_BYTES < len(data) < DATAGRAM_MAX_BYTES:
            self._packets.append(data)
            self._times.append(time.monotonic())
            if self.onward is not None:
                self.onward(data)
        else:
            self._unusual(data, addr)

    def add(self, normalised: bytes, at: float) -> None:
        """Keep a packet that came by the slow way."""
        self._packets.append(normalised)
        self._times.append(at)

    def waiting(self) -> list[bytes]:
        """Return what has come since the last batch, and leave it there."""
        return list(self._packets)

    def take(self) -> tuple[list[bytes], list[float]]:
        """Return what has come since the last batch, in the order of arrival, with the times in seconds."""
        taken = list(self._packets), list(self._times)
        self._packets.clear()
        self._times.clear()
        return taken

    def last_arrival(self) -> float | None:
        """Return when the newest waiting packet came."""
        return self._times[-1] if self._times else None
