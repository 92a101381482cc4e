"""SIP over UDP (RFC 3261 section 18): one socket for each listening address, read straight from the event loop.

Rejected: asyncio's datagram transport. It reports a failed send without saying which, and it queues without bound.
"""

import asyncio
import contextlib
import errno
import socket
from typing import Final

import structlog

from ivr.sip.counters import Counters
from ivr.sip.hops import Address, Hop, Source, Transport
from ivr.sip.receiver import Receiver, Unreachable
from voicebox.ports import bind

RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""About 3,000 requests: what comes in while a burst is worked off. The system may grant less (net.core.rmem_max)."""

DATAGRAM_MAX_BYTES: Final = 65_535

BATCH: Final = 64
"""Datagrams taken at one wake-up, at about 0.2 ms each: then the media clock gets its turn."""

KEEPALIVE_MAX_BYTES: Final = 4
"""CRLF CRLF, CRLF or zero bytes: what phones send to keep a NAT binding open."""

_log = structlog.get_logger("voicebox.sip.udp")


class UdpSocket:
    """One listening address."""

    def __init__(self, host: str, port: int, receiver: Receiver, counters: Counters) -> None:
        """Bind; `start` begins to read.

        Raises:
            PortTaken: another process holds the port.
            CannotListen: the address cannot be had for another reason.
        """
        self._socket: Final = bind("udp", host, port)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        name = self._socket.getsockname()
        self.address: Final = Address(name[0], name[1])
        self._receiver = receiver
        self._counters = counters
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand received datagrams to the receiver from now on."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """Stop reading and free the port. Closing twice does nothing."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def send(self, data: bytes, hop: Hop) -> None:
        """Send one datagram; over the path's MTU it travels in fragments.

        A full send buffer loses it, as any network may: the transaction sends again.

        Raises:
            Unreachable: the system knows that it cannot get there, or it exceeds 64 KiB.
        """
        try:
            self._socket.sendto(data, (hop.host, hop.port))
        except BlockingIOError:
            _log.debug("udp_send_buffer_full", to=str(hop))
        except OSError as error:
            raise Unreachable(error.errno or errno.EHOSTUNREACH, f"{hop}: {error.strerror}") from error

    def _read(self) -> None:
        for _ in range(BATCH):
            if self._loop is None:
                return
            try:
                data, name = self._socket.recvfrom(DATAGRAM_MAX_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                # An ICMP error of an earlier send: the transaction's timers deal with it.
                _log.debug("udp_receive_failed", error=error.strerror)
                continue
            if len(data) <= KEEPALIVE_MAX_BYTES:
                self._counters.keepalives += 1
                continue
            self._receiver.received(data, Source(Transport.UDP, name[0], name[1], self.address))
