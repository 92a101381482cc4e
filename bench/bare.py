"""The floor in Python: a bare uvloop server with one datagram endpoint for each call.

    python -m bench.bare receive|pair ENDPOINTS

It prints its ports as JSON and goes on until standard input ends. `receive` counts what comes; `pair` also answers
each packet with one of the same size, which is the least that playing to a talking caller can cost.
"""

import asyncio
import contextlib
import json
import resource
import subprocess
import sys
from typing import Any

import uvloop

from bench.machine import SERVER_CORE, on_core

PACKET = bytes(172)


class Receiver(asyncio.DatagramProtocol):
    """Counts."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - the floor
        """Count a packet."""
        self.count += 1


class Pair(Receiver):
    """Counts and answers."""

    __slots__ = ("transport",)

    def connection_made(self, transport: Any) -> None:
        """Keep what answers go by."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - the floor
        """Count a packet and answer it."""
        self.count += 1
        self.transport.sendto(PACKET, addr)


async def serve(kind: str, endpoints: int) -> None:
    """Receive until standard input ends."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_datagram_endpoint(Pair if kind == "pair" else Receiver, local_addr=("127.0.0.1", 0))
        for _ in range(endpoints)
    ]
    print(json.dumps([transport.get_extra_info("sockname")[1] for transport, _ in made]), flush=True)
    ended = loop.create_future()
    loop.add_reader(sys.stdin.fileno(), ended.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await ended
    for transport, _ in made:
        transport.close()
    print(json.dumps(sum(protocol.count for _, protocol in made)), flush=True)


class Bare:
    """A bare server in a process of its own, on the server's core."""

    def __init__(self, kind: str, endpoints: int) -> None:
        with on_core(SERVER_CORE):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.bare", kind, str(endpoints)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self.pid = self._process.pid
        self.ports: list[int] = json.loads(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def stop(self) -> int:
        """End it; return how many packets it received."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        count = int(self._line())
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return count


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
