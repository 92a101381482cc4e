"""The PBX's message lamps: takes the NOTIFYs that voicebox sends unasked (RFC 3842) and answers them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from ivr.sip.errors import ParseError
from ivr.sip.message import Request, parse, response_to
from voicebox.demo.faults import deadline

HOST: Final = "127.0.0.1"
_COUNTS: Final = re.compile(r"(?im)^voice-message:\s*(\d+)/(\d+)")
_WAITING: Final = re.compile(r"(?im)^messages-waiting:\s*(yes|no)")


@dataclass(frozen=True, slots=True)
class Light:
    """What a lamp was told."""

    number: str
    """Whose lamp."""
    on: bool
    new: int
    saved: int
    at: float
    """When, by `time.monotonic`."""


class Lamps(asyncio.DatagramProtocol):
    """Where the PBX hears of messages."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._changed = asyncio.Event()
        self.now: dict[str, Light] = {}
        """The last state of each mailbox, the one told last at the end."""

    @property
    def port(self) -> int:
        """Our UDP port."""
        return int(self._transport.get_extra_info("sockname")[1]) if self._transport else 0

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer a NOTIFY; anything else is no concern of a lamp."""
        try:
            request = parse(data)
        except ParseError:
            return
        if not isinstance(request, Request) or self._transport is None:
            return
        known = request.method == "NOTIFY"
        self._transport.sendto(bytes(response_to(request, 200 if known else 405)), addr)
        light = read(request.uri.user or "", request.body.decode("utf-8", "replace")) if known else None
        if light is not None:
            self.now.pop(light.number, None)
            self.now[light.number] = light
            self._changed.set()

    async def wait(self, number: str, right: Callable[[Light], bool], within_s: float, what: str) -> Light:
        """Wait until a lamp shows what it should.

        Raises:
            TooLateError: it never did.
        """
        async with deadline(within_s, what):
            while (light := self.now.get(number)) is None or not right(light):
                self._changed.clear()
                await self._changed.wait()
            return light

    async def change(self) -> Light:
        """Return what a lamp is told next."""
        self._changed.clear()
        await self._changed.wait()
        return next(reversed(self.now.values()))


def read(number: str, body: str) -> Light | None:
    """Read a message summary; None where it is none."""
    waiting, counts = _WAITING.search(body), _COUNTS.search(body)
    if waiting is None:
        return None
    new, saved = (int(counts[1]), int(counts[2])) if counts else (0, 0)
    return Light(number, waiting[1].lower() == "yes", new, saved, time.monotonic())


@asynccontextmanager
async def lamps() -> AsyncIterator[Lamps]:
    """Have lamps while the context is open."""
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Lamps, local_addr=(HOST, 0))
    try:
        yield made
    finally:
        transport.close()
