"""UDP sockets whose datagrams carry the time at which the kernel took them (SO_TIMESTAMPNS, socket(7)).

The stamp does not depend on when this program gets to reading, so that a busy generator cannot spoil a latency.
"""

import socket
import struct
from collections.abc import Iterator
from typing import Final

SO_TIMESTAMPNS: Final = 35
"""Linux on x86-64 and ARM64; the control message that carries the stamp has the same number."""
_STAMP: Final = struct.Struct("@qq")
_CONTROL_BYTES: Final = socket.CMSG_SPACE(_STAMP.size)
DATAGRAM_MAX_BYTES: Final = 65_535


def bound(host: str, *, buffer_bytes: int = 0) -> socket.socket:
    """Return a non-blocking socket on a free port of `host`.

    `buffer_bytes` asks for a receive buffer above net.core.rmem_default; the system may grant less (rmem_max).
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    if buffer_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.bind((host, 0))
    return made


def waiting(from_: socket.socket, size: int = DATAGRAM_MAX_BYTES) -> Iterator[tuple[bytes, int]]:
    """Return each datagram that waits, cut to `size`, with the nanosecond (CLOCK_REALTIME) at which it came."""
    while True:
        try:
            data, control, _, _ = from_.recvmsg(size, _CONTROL_BYTES)
        except (BlockingIOError, ConnectionRefusedError):
            # Refused: what we sent before met a closed port, which is said elsewhere.
            return
        stamp = 0
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _STAMP.unpack(value[: _STAMP.size])
                stamp = seconds * 1_000_000_000 + nanoseconds
        yield data, stamp
