"""Connecting a stream to what an offer and its answer agreed on, wherever its host has to be looked up."""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from ivr.media.remote import RemoteMedia
from ivr.media.stream import MediaStream
from ivr.offer import Agreed
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Destination, Transport, family, is_ip
from ivr.sip.locating import LocatingError
from ivr.way import Spawn

log = structlog.get_logger("voicebox.ivr.hookup")

RESOLVED_S: Final = 5.0
"""For a host name in the peer's SDP: until then we hear the caller and send once we know from where."""


class Hookup:
    """One stream and the other end's descriptions of its own."""

    def __init__(
        self, endpoint: Endpoint, stream: MediaStream, spawn: Spawn, *, continuous: bool, call_id: str
    ) -> None:
        """Make one.

        Args:
            endpoint: looks up names.
            stream: to be connected.
            spawn: starts a task in the engine's group.
            continuous: send silence all the time.
            call_id: for the log.
        """
        self._endpoint = endpoint
        self._stream = stream
        self._spawn = spawn
        self._continuous = continuous
        self._call_id = call_id
        self._agreed: Agreed | None = None

    def connect(self, agreed: Agreed) -> None:
        """Send to, and hear from, the other end as it was agreed last."""
        self._agreed = agreed
        remote = replace(agreed.remote, continuous=self._continuous)
        if remote.rtcp_host is not None and not is_ip(remote.rtcp_host):
            # Sending to a name would look it up and hold up every other call meanwhile.
            remote = replace(remote, rtcp_host=None)
        if is_ip(remote.host):
            self._stream.connect(remote)
        else:
            # RFC 8866 section 5.7 allows a name; until it is known we still hear the caller, and learn where from.
            self._stream.connect(replace(remote, rtcp_port=None))
            self._spawn(self._resolve(remote, agreed))

    def release(self) -> None:
        """Connect no more: the call is over."""
        self._agreed = None

    async def _resolve(self, remote: RemoteMedia, agreed: Agreed) -> None:
        """Look up the host of an SDP, and send there, unless something else was agreed meanwhile."""
        try:
            async with asyncio.timeout(RESOLVED_S):
                hops = await self._endpoint.locate(Destination(remote.host, remote.port, Transport.UDP))
        except (LocatingError, TimeoutError) as error:
            log.warning("media_host_unknown", call=self._call_id, why=str(error))
            return
        found = [hop.host for hop in hops if family(hop.host) == family(self._stream.host)]
        if found and self._agreed is agreed:
            self._stream.connect(replace(remote, host=found[0]))
