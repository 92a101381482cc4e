"""What a transport hands over, and how it says that it cannot send."""

from typing import Protocol

from ivr.sip.errors import FramingError
from ivr.sip.hops import Hop, Source


class Unreachable(OSError):  # noqa: N818 - a state of the network, not a fault of ours
    """A message cannot leave: no socket of that family, no connection, or the system refused it."""


class Receiver(Protocol):
    """Takes what transports receive; the endpoint is one. None of these may raise."""

    def received(self, data: bytes, source: Source) -> None:
        """Take one message: a datagram, or a frame of a stream."""
        ...

    def unframed(self, error: FramingError, source: Source) -> None:
        """Take in that a stream cannot be cut into messages any more; it is closed on return."""
        ...

    def lost(self, hop: Hop) -> None:
        """Take in that a connection ended: what waits for a response on it will wait in vain."""
        ...
