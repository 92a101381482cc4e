"""Ports for what tests start: from a range of each test process, so that nobody takes one before it is used.

They lie between the audio of the services (system/conftest.py) and those that systems hand out by themselves (32768
on), both above that of the softphones (system/phone.py), and away from 5060, which SIPp would take by itself, and the
demo's tests look for, too.
"""

import itertools
import os
import socket
from typing import Final

_FIRST, _LAST = 28_000, 32_700


def _own_range() -> range:
    worker, count = place()
    size = (_LAST - _FIRST) // count
    return range(_FIRST + worker * size, _FIRST + (worker + 1) * size)


def place() -> tuple[int, int]:
    """Return which of how many test processes this is; one that replaces another takes its place."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % count, count


_OWN: Final = _own_range()
_own = itertools.cycle(_OWN)
for _ in range(os.getpid() % 500):  # two runs at once begin apart
    next(_own)


def free_port(host: str, transport: str = "udp") -> int:
    """Return a port that nobody uses, and that nobody else is given soon."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    for port in itertools.islice(_own, len(_OWN)):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host.strip("[]"), port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports of this test process are taken")
