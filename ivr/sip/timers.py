"""Timer values of RFC 3261 section 17 (table 4) and RFC 6026, and the heap the transaction layer keeps them in."""

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ivr.sip.machines import Event
    from ivr.sip.transaction import Transaction

T1_S: Final = 0.5
"""Round-trip time estimate (RFC 3261 section 17.1.1.1)."""

T2_S: Final = 4.0
"""Longest interval between retransmissions of a non-INVITE request or a response to INVITE."""

T4_S: Final = 5.0
"""Longest time a message stays in the network."""

TRANSACTION_S: Final = 64 * T1_S
"""Timers B, F, H, J, L and M, and how long CANCEL waits for its INVITE to end (RFC 3261 section 9.1)."""

TIMER_D_S: Final = 32.0
"""RFC 3261 section 17.1.1.2: at least 32 s over UDP."""


class TimerHeap:
    """Pending timers, earliest first. Setting and firing cost O(log n).

    A timer that no longer means anything is not looked up and removed: no state of the machines is entered twice and
    each timer belongs to states of its own, so the layer sees from the state of the transaction that it is void.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Transaction, Event]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, due: float, transaction: "Transaction", event: "Event") -> None:
        """Let `event` happen to `transaction` at `due` seconds."""
        self._count += 1  # orders timers of one moment as they were set, and keeps transactions from being compared
        heappush(self._heap, (due, self._count, transaction, event))

    def next(self) -> float | None:
        """Return when the earliest timer is due; timers of ended transactions are dropped on the way."""
        heap = self._heap
        while heap and heap[0][2].over:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: float) -> "tuple[Transaction, Event] | None":
        """Take the earliest timer that is due at `now`, or None."""
        if self._heap and self._heap[0][0] <= now:
            _, _, transaction, event = heappop(self._heap)
            return transaction, event
        return None
