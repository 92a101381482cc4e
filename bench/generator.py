"""The load generator's clock: one thread, one loop, calls spread over the 20 ms frame in steps of 1 ms.

Each step reads the signalling sockets, does what is due, and sends one frame for each talker of the step's slot.
Steps have absolute due times; a generator that was held up does all of them, late, and says how late it was.
"""

import heapq
import itertools
import time
from array import array
from collections.abc import Callable
from typing import Final, Protocol

STEP_NS: Final = 1_000_000
SLOTS: Final = 20


class Talker(Protocol):
    """Something that sends a packet every 20 ms."""

    def frame(self) -> None:
        """Send the next packet."""
        ...


class Signals(Protocol):
    """Something that reads signalling."""

    def read(self) -> None:
        """Take whatever waits; never blocks."""
        ...


class Stuck(Exception):  # noqa: N818 - reads as what it is
    """What was waited for did not happen."""


class Generator:
    """Runs talkers, timers and signalling. Times are of `time.monotonic_ns`."""

    def __init__(self) -> None:
        self.signals: list[Signals] = []
        self.lags_ns = array("q")
        """How late each step was done."""
        self._slots: list[dict[Talker, None]] = [{} for _ in range(SLOTS)]
        self._timers: list[tuple[int, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._step = 0
        self._due_ns = time.monotonic_ns()

    def begin(self, talker: Talker) -> None:
        """Send for a talker, in the slot that has the fewest."""
        min(self._slots, key=len)[talker] = None

    def end(self, talker: Talker) -> None:
        """Stop sending for a talker."""
        for slot in self._slots:
            slot.pop(talker, None)

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Do something at a time from now."""
        due_ns = time.monotonic_ns() + round(seconds * 1e9)
        heapq.heappush(self._timers, (due_ns, next(self._order), what))

    def spread(self, per_s: float, what: list[Callable[[], object]]) -> None:
        """Do things at a constant rate."""
        for index, each in enumerate(what):
            self.later(index / per_s, each)

    def run(self, seconds: float) -> None:
        """Go on for a while."""
        until_ns = time.monotonic_ns() + round(seconds * 1e9)
        self.run_until(lambda: time.monotonic_ns() >= until_ns, seconds + 5, "the time")

    def run_until(self, enough: Callable[[], bool], limit_s: float, what: str) -> None:
        """Go on until it is enough.

        Raises:
            Stuck: it was not, within the limit; `what` is named.
        """
        limit_ns = time.monotonic_ns() + round(limit_s * 1e9)
        # What passed between two runs is nobody's lag.
        self._due_ns = max(self._due_ns, time.monotonic_ns())
        while not enough():
            if time.monotonic_ns() > limit_ns:
                raise Stuck(f"{what} did not happen within {limit_s:.0f} s")
            self._turn()

    def _turn(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns < self._due_ns:
            time.sleep((self._due_ns - now_ns) / 1e9)
            now_ns = time.monotonic_ns()
        self.lags_ns.append(now_ns - self._due_ns)
        self._due_ns += STEP_NS
        for each in self.signals:
            each.read()
        while self._timers and self._timers[0][0] <= now_ns:
            heapq.heappop(self._timers)[2]()
        for talker in list(self._slots[self._step % SLOTS]):
            talker.frame()
        self._step += 1
