"""The RTCP of one stream: a compound report about every five seconds, BYE at the end, the peer's reports noted.

It rides on the housekeeping of the stream, so it costs no timer. Its socket is the port after RTP's, or RTP's own
where the peer multiplexes (RFC 5761).
"""

import asyncio
import contextlib
import random
import secrets
import socket
import time
from typing import Final

from ivr.media.clock import MediaClock
from ivr.media.latch import Address, Latch, same_place
from ivr.media.reception import Reception
from ivr.media.remote import RemoteMedia
from ivr.media.rtcp import (
    Bye,
    ReceiverReport,
    Report,
    ReportBlock,
    SenderReport,
    SourceDescription,
    build,
    ntp,
    parse,
)
from ivr.media.sender import Sender

BEATS: Final = (5, 15)
"""Half seconds between reports: 5 s on average, spread by half either way (RFC 3550 section 6.3.1)."""
_DATAGRAM_BYTES: Final = 2048
_READS_MAX: Final = 8
"""Datagrams taken at one wake-up; a flood waits, and is dropped by the kernel."""


class Reports:
    """Sends and takes the reports of one stream."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MediaClock,
        sockets: tuple[socket.socket, socket.socket],
        sender: Sender,
        reception: Reception,
    ) -> None:
        self.bye = False
        """The peer's source said BYE."""
        self.ignored = 0
        """Datagrams that held nothing we could read, or came from a third address."""
        self.peer_block: ReportBlock | None = None
        """What the peer last said of our packets."""
        self._loop = loop
        self._clock = clock
        self._rtp, self._socket = sockets
        self._sender = sender
        self._reception = reception
        self._latch: Latch | None = None
        self._remote: RemoteMedia | None = None
        self._source: Address | None = None
        self._cname = secrets.token_hex(8)  # says nothing of the machine (RFC 7022)
        self._sent_packets = 0
        self._heard_ntp = 0
        self._heard_at = 0.0
        self._beats = random.randint(*BEATS)  # noqa: S311 - spreads load
        self._reading = False

    def start(self) -> None:
        """Begin to listen."""
        self._loop.add_reader(self._socket, self._readable)
        self._reading = True

    def connect(self, remote: RemoteMedia, latch: Latch) -> None:
        """Take the other end from the SDP."""
        if self._remote is None or (self._remote.rtcp_host, self._remote.rtcp_port) != (
            remote.rtcp_host,
            remote.rtcp_port,
        ):
            self._source = None
        self._remote, self._latch = remote, latch

    def received(self, data: bytes, source: Address) -> None:
        """Take a datagram, from either socket. What is malformed is ignored."""
        reports = parse(data)
        if not reports or not self._ours(source):
            self.ignored += 1
            return
        self._source = source
        for report in reports:
            self._note(report)

    def beat(self) -> None:
        """Send a report if one is due."""
        self._beats -= 1
        if self._beats > 0 or self._remote is None:
            return
        self._beats = random.randint(*BEATS)  # noqa: S311 - spreads load
        self._send(self._report(), SourceDescription(self._sender.ssrc, self._cname))

    def close(self) -> None:
        """Say BYE and close."""
        if self._remote is not None:
            self._send(self._report(), SourceDescription(self._sender.ssrc, self._cname), Bye((self._sender.ssrc,)))
        if self._reading:
            self._loop.remove_reader(self._socket)
        self._socket.close()

    def _ours(self, source: Address) -> bool:
        """Tell whether a source may speak for the peer: its host must be that of the media or of the SDP."""
        if self._remote is None or self._latch is None:
            return False
        hosts = [self._remote.rtcp_host or self._remote.host]
        if self._latch.source:
            hosts.append(self._latch.source[0])
        return any(same_place((source[0], 0), (host, 0)) for host in hosts)

    def _note(self, report: Report) -> None:
        match report:
            case SenderReport(ssrc, sent_at, _, _, _, blocks):
                if ssrc == self._reception.ssrc:
                    self._heard_ntp, self._heard_at = sent_at, self._loop.time()
                self._note_blocks(blocks)
            case ReceiverReport(_, blocks):
                self._note_blocks(blocks)
            case Bye(ssrcs):
                self.bye = self.bye or self._reception.ssrc in ssrcs
            case SourceDescription():
                pass

    def _note_blocks(self, blocks: tuple[ReportBlock, ...]) -> None:
        for block in blocks:
            if block.ssrc == self._sender.ssrc:
                self.peer_block = block

    def _report(self) -> SenderReport | ReceiverReport:
        blocks = self._blocks()
        sender = self._sender
        if sender.packets == self._sent_packets:
            return ReceiverReport(sender.ssrc, blocks)
        self._sent_packets = sender.packets
        timestamp = sender.timestamp(self._clock.now_ms())
        return SenderReport(sender.ssrc, ntp(time.time()), timestamp, sender.packets, sender.octets, blocks)

    def _blocks(self) -> tuple[ReportBlock, ...]:
        reception = self._reception
        if reception.ssrc is None:
            return ()
        span = reception.since_report()
        delay = round((self._loop.time() - self._heard_at) * 65536) if self._heard_ntp else 0
        return (
            ReportBlock(
                reception.ssrc,
                min(span.lost * 256 // span.expected, 255) if span.expected > 0 else 0,
                reception.lost,
                reception.highest_sequence,
                round(reception.jitter),
                self._heard_ntp >> 16 & 0xFFFF_FFFF,
                delay,
            ),
        )

    def _send(self, *reports: Report) -> None:
        target, through = self._target()
        if target is not None:
            with contextlib.suppress(OSError):
                through.sendto(build(*reports), target)

    def _target(self) -> tuple[Address | tuple[str, int] | None, socket.socket]:
        """Return where reports go: to where the peer's come from, else as the SDP says, or beside its media."""
        remote, latch = self._remote, self._latch
        if remote is None or latch is None or latch.target is None:
            return None, self._socket
        if remote.rtcp_port is not None and remote.rtcp_port == remote.port:
            return latch.target, self._rtp
        if self._source is not None:
            return self._source, self._socket
        if remote.rtcp_port is not None or remote.rtcp_host is not None:
            return (remote.rtcp_host or remote.host, remote.rtcp_port or remote.port + 1), self._socket
        return (latch.target[0], latch.target[1] + 1), self._socket

    def _readable(self) -> None:
        for _ in range(_READS_MAX):
            try:
                data, source = self._socket.recvfrom(_DATAGRAM_BYTES)
            except OSError:
                return
            self.received(data, source)
