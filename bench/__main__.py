"""What the whole service costs on one core, beside bare uvloop servers in the same run.

    make bench                      about ten minutes
    make bench ARGS=--quick         less than three
    make bench ARGS=--write         puts the figures into docs/performance.md

docs/performance.md tells what is measured and how. Nothing here fails: a missed goal is said in the table.
"""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console

from bench import figures, moments, steady
from bench.machine import CORES, GENERATOR_CORE, SERVER_CORE, Machine, on_core, priority
from bench.report import Report, Row, write
from bench.service import Service
from bench.steady import Playing, Recording, Steady
from bench.watch import tree_rss_kib, udp_receive_errors

T = TypeVar("T")

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
REST_S: Final = 2.0
"""Between two measurements, for what is still being tidied up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    window_s: float
    few: int
    """Rounds at 100 calls."""
    many: int
    """Rounds at 500 calls."""
    playing_many: int
    mix_per_s: float
    mix_s: float
    setup_s: float
    setups: int
    keys: int
    lights: int


FULL: Final = Plan(
    window_s=8.0,
    few=3,
    many=2,
    playing_many=2,
    mix_per_s=19.0,
    mix_s=25.0,
    setup_s=10.0,
    setups=3,
    keys=200,
    lights=100,
)
QUICK: Final = Plan(
    window_s=5.0, few=1, many=1, playing_many=0, mix_per_s=19.0, mix_s=8.0, setup_s=5.0, setups=1, keys=50, lights=40
)
FEW: Final = 100
MANY: Final = 500
WARM_UP_CALLS: Final = 5


@dataclass(slots=True)
class Bench:
    """One run of everything."""

    plan: Plan
    service: Service
    console: Console
    rows: list[Row] = field(default_factory=list)
    windows: list[Steady] = field(default_factory=list)

    def run(self) -> None:
        """Measure it all, the memory first: later the process has grown."""
        plan = self.plan
        # The worker process starts with the first message, and stays.
        steady.recording(self.service, WARM_UP_CALLS, 1.0, SERVER_CORE)
        time.sleep(REST_S)
        idle_kib = tree_rss_kib(self.service.pid)
        many = self._rounds(f"recording, {MANY} calls", plan.many, lambda: self._recording(MANY))
        few = self._rounds(f"recording, {FEW} calls", plan.few, lambda: self._recording(FEW))
        self.rows += figures.recording_rows(FEW, few) + figures.recording_rows(MANY, many)
        playing = self._rounds(f"playing, {FEW} calls", plan.few, lambda: self._playing(FEW))
        self.rows += figures.playing_rows(FEW, playing)
        if plan.playing_many:
            playing = self._rounds(f"playing, {MANY} calls", plan.playing_many, lambda: self._playing(MANY))
            self.rows += figures.playing_rows(MANY, playing)
        (mix,) = self._rounds("calls as they come", 1, self._mix)
        self.rows += figures.mix_rows(plan.mix_per_s, mix)
        setups = self._rounds("set-up", plan.setups, lambda: moments.setup(self.service, plan.setup_s, SERVER_CORE))
        self.rows += figures.setup_rows(setups)
        (keys,) = self._rounds("keys", 1, lambda: moments.keys(self.service, plan.keys))
        (lights,) = self._rounds("lights", 1, lambda: moments.lights(self.service, plan.lights))
        self.rows += figures.moment_rows(keys, lights)
        self.rows += figures.memory_rows(idle_kib, MANY, many[0][1])

    def _rounds(self, what: str, count: int, measure: Callable[[], T]) -> list[T]:
        found = []
        for each in range(count):
            began = time.monotonic()
            found.append(measure())
            self.service.check()
            self.console.print(f"{what}, round {each + 1} of {count}: {time.monotonic() - began:.0f} s", style="dim")
            time.sleep(REST_S)
        return found

    def _recording(self, calls: int) -> tuple[Steady, Recording]:
        floor, _ = steady.bare("receive", calls, self.plan.window_s, SERVER_CORE)
        ours = steady.recording(self.service, calls, self.plan.window_s, SERVER_CORE)
        self.windows += [floor, ours.steady]
        return floor, ours

    def _playing(self, calls: int) -> tuple[Steady, Playing]:
        floor, _ = steady.bare("pair", calls, self.plan.window_s, SERVER_CORE)
        ours = steady.playing(self.service, calls, self.plan.window_s, SERVER_CORE, keeps=calls == FEW)
        self.windows += [floor, ours.steady]
        return floor, ours

    def _mix(self) -> moments.Mix:
        mix = moments.mix(self.service, self.plan.mix_per_s, self.plan.mix_s, SERVER_CORE)
        self.windows.append(mix.steady)
        return mix

    def conditions(self, errors: int) -> tuple[str, ...]:
        """Return what the figures must be read with."""
        lag_ms = max(each.lag_p99_ms for each in self.windows)
        generator = max(each.spent.generator_s / each.spent.seconds for each in self.windows)
        others = [each.spent.others_s / each.spent.seconds for each in self.windows]
        return (
            f"Generator: at most {generator:.0%} of its core; its steps of 1 ms at most {lag_ms:.1f} ms late at p99.",
            f"Others used {min(others):.0%} to {max(others):.0%} of the server's core: not counted, but it delays.",
            f"Priority: {priority()}; below 0, others disturb it less.",
            f"UDP receive errors of the whole system, others' too (/proc/net/snmp): {errors}.",
        )


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run a voicebox in a folder."""
    service = Service(folder)
    try:
        yield service
    finally:
        service.stop()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of each, fewer calls")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.name}")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="a disk for the data (not memory: it syncs)")  # noqa: S108
    parser.add_argument("--keep", action="store_true", help="leave the data there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    console = Console()
    machine = Machine.here()
    console.print(f"{machine}\nserver on core {SERVER_CORE}, generator on core {GENERATOR_CORE}", highlight=False)
    if len(CORES) == 1:
        console.print("Only one core: the generator disturbs the server, latencies are too long.", style="bold")
    folder = Path(tempfile.mkdtemp(prefix="voicebox-bench-", dir=options.dir))
    errors = udp_receive_errors()
    try:
        with on_core(GENERATOR_CORE), running(folder) as service:
            bench = Bench(QUICK if options.quick else FULL, service, console)
            bench.run()
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    command = "make bench" + (" ARGS=--quick" if options.quick else "")
    report = Report(tuple(bench.rows), str(machine), command, bench.conditions(udp_receive_errors() - errors))
    report.show(console)
    if options.write:
        write(report, PAGE, datetime.now(UTC).date())
        console.print(f"written to {os.path.relpath(PAGE)}")


if __name__ == "__main__":
    main()
