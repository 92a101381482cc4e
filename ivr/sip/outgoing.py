"""What the endpoint keeps of a request of ours: who waits for it, and which answers were acknowledged."""

import asyncio
from collections.abc import Callable
from typing import Final

from ivr.sip.hops import Hop
from ivr.sip.message import Request, Response, response_to

OnProvisional = Callable[[Response], None]
ContactAt = Callable[[Hop], str]
"""Returns our Contact value for peers at a hop."""


class Outgoing:
    """One request of ours at one hop."""

    def __init__(self, on_provisional: OnProvisional | None, silence_s: float | None = None) -> None:
        self.on_provisional = on_provisional
        self.silence_s = silence_s
        """After so long without any response nobody is there."""
        self.heard = False
        """Whether any response came from the peer."""
        self.cancelled = False
        """Whether the user agent gave it up."""
        self.winner_tag: str | None = None
        """The To tag of the 2xx that was handed to the user agent; any other 2xx is a fork nobody waits for."""
        self.acks: dict[str, tuple[bytes, Hop]] = {}
        """Our ACK by To tag, sent again whenever that 2xx comes again (RFC 3261 section 13.2.2.4)."""
        self._answer: asyncio.Future[Response] | None = None

    def expect(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Response]:
        """Return the future of the final response."""
        self._answer = loop.create_future()
        return self._answer

    @property
    def waiting(self) -> bool:
        """Whether somebody still waits for the final response."""
        return self._answer is not None and not self._answer.done()

    def settle(self, response: Response) -> bool:
        """Give the final response to who waits; False when nobody does."""
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_result(response)
        return True


TIMED_OUT: Final = "No Response"
FAILED: Final = "Cannot Be Reached"
LOCAL: Final = "local"
"""The To tag of a response that we made up ourselves, outside of a dialog."""


class MadeUp(Response):
    """A response of our own: nothing came from the peer."""

    __slots__ = ()


def made_up(request: Request, status: int, reason: str) -> Response:
    """Make the response that stands for none: 408 for silence, 503 for a transport that failed (section 8.1.3.1)."""
    response = response_to(request, status, reason, to_tag=LOCAL)
    return MadeUp(response.status, response.reason, response.headers)


def is_made_up(response: Response) -> bool:
    """Tell whether `endpoint.request` made a response up because none came."""
    return isinstance(response, MadeUp)
