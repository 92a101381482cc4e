"""The media plane of a process: one clock, one spool, one range of ports, and a stream for each call."""

import asyncio
from collections.abc import Mapping

from ivr.media.clock import MediaClock
from ivr.media.library import encoded
from ivr.media.ports import PortRange
from ivr.media.recording import Ending
from ivr.media.spool import Spool
from ivr.media.stream import MediaStream
from prompts.tones import RATE_HZ, TONES, WARNING
from voicebox.codec import Codec


class MediaPlane:
    """Opens streams. Made where the event loop runs."""

    def __init__(self, spool: Spool, *, address: str, ports: tuple[int, int], external: str | None = None) -> None:
        """Prepare the plane.

        Args:
            spool: where recordings go.
            address: IPv4 or IPv6 address to bind (`rtp.address`).
            ports: first and last port (`rtp.ports`).
            external: address told to peers (`rtp.external`); None = `address`.

        Raises:
            ValueError: the range holds no pair of ports.
        """
        self.spool = spool
        self.clock = MediaClock(asyncio.get_running_loop())
        self.streams: set[MediaStream] = set()
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._external = external or address
        self._ports = PortRange(*ports)
        self._warning: Mapping[Codec, bytes] = {codec: encoded(TONES[WARNING], RATE_HZ, codec) for codec in Codec}

    @property
    def capacity(self) -> int:
        """How many streams the ports allow."""
        return self._ports.pairs

    async def open(self) -> MediaStream:
        """Return a stream on the next free pair of ports.

        Raises:
            NoPorts: all are taken.
        """
        stream = MediaStream(
            loop=self._loop,
            clock=self.clock,
            spool=self.spool,
            sockets=self._ports.bind(self._address),
            host=self._external,
            warning=self._warning,
            closed=self.streams.discard,
        )
        await stream.start()
        self.streams.add(stream)
        return stream

    def end_recordings(self) -> None:
        """End every recording as by shutdown; each is saved."""
        for stream in list(self.streams):
            stream.stop_recording(Ending.SHUTDOWN)

    async def close(self) -> None:
        """Close every stream and stop the clock. The spool stays open: it is not ours."""
        for stream in list(self.streams):
            await stream.close()
        self.clock.close()
