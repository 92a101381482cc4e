"""The machine that measures: its cores, and what a reader must know to compare figures."""

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[0]
GENERATOR_CORE: Final = CORES[1] if len(CORES) > 1 else CORES[0]
"""The same one where there is no other: then latencies contain the generator's work, and the report says so."""


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Let what is started meanwhile run on one core only: children inherit it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures belong to."""

    cpu: str
    cores: int
    kernel: str
    python: str
    load: float
    """The load average of the last minute when the benchmark began."""

    @classmethod
    def here(cls) -> "Machine":
        """Describe this one."""
        return cls(_cpu_model(), len(CORES), platform.release(), platform.python_version(), os.getloadavg()[0])

    def __str__(self) -> str:
        cores = f"{self.cores} cores" if self.cores > 1 else "one core: server and generator share it"
        return f"{self.cpu}, {cores}; Linux {self.kernel}; Python {self.python}; load before {self.load:.2f}"


def priority() -> str:
    """Return the niceness we and the server run at: the process's, and its session's where the kernel has those."""
    ours = f"niceness {os.nice(0)}"
    with contextlib.suppress(OSError):
        # sched(7), "The autogroup feature": the process's own niceness counts within its session only.
        return f"{ours}, session {Path('/proc/self/autogroup').read_text().split()[-1]}"
    return ours


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
