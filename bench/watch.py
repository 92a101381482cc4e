"""What a server costs, seen from outside: CPU and memory of its process tree, and the system's UDP errors (proc(5))."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_CHILDREN: Final = slice(13, 15)
"""cutime and cstime among the fields of /proc/PID/stat after the command's name."""


def descendants(pid: int) -> list[int]:
    """Return a process and all its living descendants."""
    found = [pid]
    for each in found:
        for task in _tasks(each):
            with contextlib.suppress(OSError):
                found += [int(child) for child in Path(f"/proc/{each}/task/{task}/children").read_text().split()]
    return found


def _tasks(pid: int) -> list[str]:
    try:
        return [each.name for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def tree_cpu_s(pid: int) -> float:
    """Return the CPU seconds a process and its descendants have used, ended and reaped children included.

    The CPU clock of a process (clock_getcpuclockid(3)) counts nanoseconds over all its threads, also those that have
    ended; only what reaped children used comes in ticks of 10 ms.
    """
    used = 0.0
    for each in descendants(pid):
        with contextlib.suppress(OSError):
            used += time.clock_gettime(_cpu_clock(each))
            stat = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            used += sum(int(field) for field in stat[_CHILDREN]) / _TICKS
    return used


def _cpu_clock(pid: int) -> int:
    """Return the id of a process's CPU clock: Linux makes it of the inverted pid and CPUCLOCK_SCHED."""
    return (~pid << 3) | 2


def tree_rss_kib(pid: int) -> int:
    """Return the resident memory of a process and its descendants."""
    total = 0
    for each in descendants(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
    return total


def udp_receive_errors(snmp: str | None = None) -> int:
    """Return how many datagrams the whole system has not delivered since it started (InErrors of /proc/net/snmp).

    `snmp` is the file's text, read if not given. Other programs' losses are among them.
    """
    text = Path("/proc/net/snmp").read_text() if snmp is None else snmp
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Udp:"))
    return int(values[names.index("InErrors")])


def dropped(ports: range, sockets: str | None = None) -> int:
    """Return how many datagrams the sockets now open on these local ports have lost (/proc/net/udp, its text)."""
    text = Path("/proc/net/udp").read_text() if sockets is None else sockets
    rows = [line.split() for line in text.splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[1].rpartition(":")[2], 16) in ports)


def core_busy_s(core: int) -> float:
    """Return the seconds that a core has worked for anybody."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq + steal) / _TICKS
    raise LookupError(f"there is no core {core}")


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent between two looks."""

    seconds: float
    server_s: float
    generator_s: float
    others_s: float
    """By everybody else on the server's core: they disturb it, and are not counted."""


class Meter:
    """Takes the time, the server's CPU, ours, and what others used of the server's core."""

    def __init__(self, pid: int, core: int) -> None:
        self._pid = pid
        self._core = core
        self._began = self._look()

    def _look(self) -> tuple[float, float, float, float]:
        return time.monotonic(), tree_cpu_s(self._pid), time.process_time(), core_busy_s(self._core)

    def stop(self) -> Spent:
        """Return what was spent since the meter was made."""
        passed, server, ours, core = (after - before for after, before in zip(self._look(), self._began, strict=True))
        return Spent(passed, server, ours, max(0.0, core - server))
