"""Who judges that nothing came in time has read what lies in the sockets, on both event loops."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from ivr import ringing
from ivr.branch import Branch
from ivr.ringing import Answered, Ringing
from ivr.sip.message import Response
from ivr.sip.turns import caught_up, done_within, once_read

P = TypeVar("P", bound=asyncio.DatagramProtocol)


class Mailslot(asyncio.DatagramProtocol):
    """Hands what comes to whoever waits."""

    def __init__(self) -> None:
        self.came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.set_result(data)


class Busy(asyncio.DatagramProtocol):
    """Takes 0.3 s over what it reads; meanwhile something comes to another.

    Held up while it reads, uvloop looks at its timers next, and at the sockets only then.
    """

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile
        self._transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._meanwhile()
        time.sleep(0.3)
        self._transport.close()


class Post:
    """Sends datagrams to whom it opened a socket for."""

    def __init__(self, sender: socket.socket) -> None:
        self._sender = sender
        self._open: list[asyncio.DatagramTransport] = []

    async def slot(self) -> tuple[Mailslot, Callable[[], object]]:
        """Return a slot and what sends something there."""
        return await self._opened(Mailslot)

    async def held_up(self, begin_s: float, meanwhile: Callable[[], object]) -> None:
        """Let the loop be held up from then on, while something comes."""
        _, begin = await self._opened(lambda: Busy(meanwhile))
        asyncio.get_running_loop().call_later(begin_s, begin)

    async def _opened(self, make: Callable[[], P]) -> tuple[P, Callable[[], object]]:
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(make, ("127.0.0.1", 0))
        self._open.append(transport)
        place = transport.get_extra_info("sockname")
        return protocol, lambda: self._sender.sendto(b"in time", place)

    def close(self) -> None:
        for transport in self._open:
            transport.close()


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        made = Post(sender)
        yield made
        made.close()


async def test_what_came_in_time_is_done_though_it_is_read_late(post: Post) -> None:
    slot, send = await post.slot()
    await post.held_up(0.05, send)
    assert await done_within(slot.came, 0.2)


async def test_what_does_not_come_is_not_done(post: Post) -> None:
    slot, _ = await post.slot()
    assert not await done_within(slot.came, 0.01)


async def test_a_timer_that_waits_for_what_is_read_finds_it(post: Post) -> None:
    slot, send = await post.slot()
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[str, bool]] = loop.create_future()
    await post.held_up(0.05, send)
    loop.call_later(0.2, once_read, lambda what: found.set_result((what, slot.came.done())), "judged")
    assert await found == ("judged", True)


async def test_after_catching_up_it_is_read(post: Post) -> None:
    slot, send = await post.slot()
    send()
    await caught_up()
    assert slot.came.done()


class Phone:
    """A branch whose phone rings, and is picked up, by datagrams."""

    outside = False
    given_up = False
    on_provisional: Callable[[Response], None] | None = None

    def __init__(self, rings: Mailslot, picked_up: Mailslot) -> None:
        self._rings = rings
        self._picked_up = picked_up

    @property
    def heard(self) -> bool:
        return self._rings.came.done() or self._picked_up.came.done()

    async def ring(self) -> Any:
        await self._picked_up.came
        return SimpleNamespace(status=200)

    def give_up(self, cause: str = "") -> None:
        self.given_up = True


async def test_who_rang_in_time_is_not_silent(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringing, "SILENCE_S", 0.2)
    (rings, ring), (picked_up, pick_up) = await post.slot(), await post.slot()
    await post.held_up(0.05, ring)
    asyncio.get_running_loop().call_later(1.0, pick_up)
    assert isinstance(await rung(Phone(rings, picked_up), 20.0), Answered)


async def test_who_picked_up_in_time_has_answered(post: Post) -> None:
    (rings, _), (picked_up, pick_up) = await post.slot(), await post.slot()
    await post.held_up(0.05, pick_up)
    assert isinstance(await rung(Phone(rings, picked_up), 0.2), Answered)


async def rung(phone: Phone, length_s: float) -> object:
    spawn = asyncio.get_running_loop().create_task
    return await Ringing([cast("Branch", phone)], spawn=spawn).run(length_s)
