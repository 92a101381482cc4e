"""Local ports for RTP: even ones of a range, with the next odd one for RTCP (RFC 3550 section 11)."""

import errno
import ipaddress
import socket
from typing import Final

RECEIVE_BUFFER_BYTES: Final = 256 * 1024
"""A second and more of audio waits in the kernel while the process is held up."""


class NoPorts(Exception):  # noqa: N818 - reads as what it is: there are no ports left
    """Every port of the range is taken."""


class PortRange:
    """Hands out pairs of bound sockets, going round the range so that a port rests after use."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first + first % 2
        self._pairs = (last - self._first + 1) // 2
        if self._pairs < 1:
            raise ValueError(f"no even port with a successor between {first} and {last}")
        self._next = 0

    @property
    def pairs(self) -> int:
        """How many calls the range can hold."""
        return self._pairs

    def bind(self, address: str) -> tuple[socket.socket, socket.socket]:
        """Bind the next free pair of ports at an IPv4 or IPv6 address; return the RTP and the RTCP socket.

        A port that something else holds is passed over.

        Raises:
            NoPorts: the whole range is taken.
            OSError: the address is not one of this machine's.
        """
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        for _ in range(self._pairs):
            port = self._first + 2 * self._next
            self._next = (self._next + 1) % self._pairs
            rtp = _bound(family, address, port)
            if rtp is None:
                continue
            rtcp = _bound(family, address, port + 1)
            if rtcp is None:
                rtp.close()
                continue
            return rtp, rtcp
        raise NoPorts(f"all {self._pairs} pairs of RTP ports from {self._first} on are taken")


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
    except OSError as error:
        made.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            return None
        raise
    return made
