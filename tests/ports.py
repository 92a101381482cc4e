"""Ports for what tests start: from a range of each test process, so that nobody takes one before it is used.

They lie between the audio of the services (system/conftest.py) and those that systems hand out by themselves (32768
on), and away from 5060, which SIPp would take by itself, and the demo's tests look for, too.
"""

import itertools
import os
import socket
from pathlib import Path
from typing import Final

_FIRST, _LAST = 28_000, 32_700
_PROC: Final = Path("/proc/net")


def _own_range() -> range:
    worker, count = place()
    size = (_LAST - _FIRST) // count
    return range(_FIRST + worker * size, _FIRST + (worker + 1) * size)


def place() -> tuple[int, int]:
    """Return which of how many test processes this is; one that replaces another takes its place."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % count, count


_own = itertools.cycle(_own_range())
for _ in range(os.getpid() % 500):  # two runs at once begin apart
    next(_own)


def free_port(host: str, transport: str = "udp") -> int:
    """Return a port that nobody uses, and that nobody else is given soon."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    for port in itertools.islice(_own, len(_own_range())):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host.strip("[]"), port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports of this test process are taken")


def listens(host: str, port: int, transport: str = "udp") -> bool:
    """Tell whether somebody takes what comes to a port, of IPv4 or IPv6 as the host is."""
    waiting = {"udp": "07", "tcp": "0A"}[transport]  # unconnected; listening
    table = _PROC / (f"{transport}6" if ":" in host else transport)
    sockets = [line.split() for line in table.read_text().splitlines()[1:]]
    return any(local.endswith(f":{port:04X}") and state == waiting for _, local, _, state, *_ in sockets)
