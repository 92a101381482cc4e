"""The media clock of a process: one 20 ms beat for all calls, in ten phases of 2 ms.

Due times are absolute, so lateness never adds up. Streams are spread over the phases so that a thousand packets do not
leave in one burst. A process that was held up sends each stream at most two packets to catch up and lets the rest of
the time go: a phone's jitter buffer could not use more. The same steps carry the housekeeping of each stream, twice a
second, spread over 50 slots; after a hold-up it is made up for within 0.1 s.
"""

import asyncio
import logging
from collections import deque
from typing import Final, Protocol

_log = logging.getLogger(__name__)

STEP_MS: Final = 2
"""Timers of libuv count whole milliseconds; phases finer than 2 ms would only collide."""
PHASES: Final = 10
"""Of 2 ms make one frame of 20 ms."""
SLOTS: Final = 50
"""Of 10 ms make half a second: what waits in memory of a recording is not older, after a hold-up by 0.1 s."""
_SLOT_STEPS: Final = 5
"""Finer slots would only wake the process more often."""
_SOON_SLOTS: Final = 15
"""Those that are due by themselves within 0.1 s of a hold-up: kept twice in so short a time, a stream that got no
packet in between would be taken for silent."""
CATCH_UP_FRAMES: Final = 2
_STEPS_MAX: Final = 4
"""Done in one turn of the event loop: at 1,000 playing calls 400 packets, about 2 ms."""
_CHOICE: Final = 4
"""A new talker takes the least loaded of the next four phases: its first packet leaves within 8 ms."""


class Beat(Protocol):
    """What the clock drives."""

    def send_frame(self, due_ms: int) -> None:
        """Send the packet due at this time of the clock."""
        ...

    def keep_house(self) -> None:
        """Do what is done twice a second."""
        ...

    def broke(self, error: Exception) -> None:
        """Hear that one of the above raised; the clock goes on with the others."""
        ...


_NOBODY: Final[dict[Beat, None]] = {}


class MediaClock:
    """Drives the streams of one event loop. Times are milliseconds since the clock was made."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoch_ms = round(loop.time() * 1000)
        self._next = 0
        """The step to be done next."""
        self._senders: list[dict[Beat, None]] = [{} for _ in range(PHASES)]
        self._kept: list[dict[Beat, None]] = [{} for _ in range(SLOTS)]
        self._phase: dict[Beat, int] = {}
        self._slot: dict[Beat, int] = {}
        self._overdue: deque[int] = deque(maxlen=SLOTS)
        """Steps that were skipped and had housekeeping: one is made up for with each step that is done."""
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0
        self._ticking = False
        self.skipped_steps = 0
        """Steps given up because the process was held up for longer than the catch-up allows."""

    def now_ms(self) -> int:
        """Return the time of the clock in whole milliseconds."""
        return round(self._loop.time() * 1000) - self._epoch_ms

    def monotonic(self, at_ms: int) -> float:
        """Return a time of this clock as a time of the event loop, in seconds."""
        return (self._epoch_ms + at_ms) / 1000

    def keep(self, beat: Beat) -> None:
        """Begin the housekeeping of a stream, in the slot that has the fewest."""
        slot = min(range(SLOTS), key=lambda each: len(self._kept[each]))
        self._kept[slot][beat] = None
        self._slot[beat] = slot
        self._arm()

    def drop(self, beat: Beat) -> None:
        """Forget a stream."""
        self.leave(beat)
        if (slot := self._slot.pop(beat, None)) is not None:
            del self._kept[slot][beat]

    def join(self, beat: Beat, *, not_before_ms: int, exactly_ms: int | None = None) -> int:
        """Begin sending for a stream: at `exactly_ms` if that is still ahead, else soon after `not_before_ms`.

        Returns when the first packet is due. The phase may come round once before; the stream lets that pass.
        """
        self.leave(beat)
        now = self.now_ms() // STEP_MS
        if exactly_ms is not None and exactly_ms // STEP_MS >= (self._next if self._ticking else max(self._next, now)):
            step = exactly_ms // STEP_MS
        else:
            first = max(self._next, now + 1, -(-not_before_ms // STEP_MS))
            step = min(range(first, first + _CHOICE), key=lambda each: len(self._senders[each % PHASES]))
        self._senders[step % PHASES][beat] = None
        self._phase[beat] = step % PHASES
        self._arm()
        return step * STEP_MS

    def leave(self, beat: Beat) -> None:
        """End sending for a stream."""
        if (phase := self._phase.pop(beat, None)) is not None:
            del self._senders[phase][beat]

    def close(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._phase.clear()
        self._slot.clear()
        self._overdue.clear()
        for beats in (*self._senders, *self._kept):
            beats.clear()

    def _arm(self) -> None:
        """Set the timer to the next step at which anything is to be done; none if there is nothing."""
        if self._ticking or not (self._slot or self._phase):
            return
        now = self.now_ms() // STEP_MS
        if self._timer is not None and self._armed <= now:
            return
        # Every step before the armed one is empty, so the steps up to now can be passed over.
        step = self._next = max(self._next, now)
        while not (self._overdue or self._senders[step % PHASES] or self._housekeeping(step)):
            step += 1
        if self._timer is not None:
            if self._armed <= step:
                return
            self._timer.cancel()
        self._armed = step
        self._timer = self._loop.call_at(self.monotonic(step * STEP_MS), self._tick)

    def _housekeeping(self, step: int) -> dict[Beat, None]:
        """Return whose housekeeping is due at a step."""
        slot, between = divmod(step, _SLOT_STEPS)
        return _NOBODY if between else self._kept[slot % SLOTS]

    def _tick(self) -> None:
        now = self.now_ms() // STEP_MS
        self._timer = None
        self._ticking = True
        try:
            self._catch_up(now)
        finally:
            self._ticking = False
            if self._next <= now and (self._slot or self._phase):
                self._armed = self._next
                self._timer = self._loop.call_at(self.monotonic(self._next * STEP_MS), self._tick)
            else:
                self._arm()

    def _catch_up(self, now: int) -> None:
        """Do the steps up to `now`, leaving out what is too late to be of use.

        Not too many in one go: whoever sends to us meanwhile must be heard before the kernel's buffers are full.
        """
        self._next = max(self._next, self._armed)
        behind = now - self._next - CATCH_UP_FRAMES * PHASES
        if behind > 0:
            skipped = range(self._next, self._next + behind)
            self.skipped_steps += behind
            self._next += behind
            # A packet is of no use later; what waits in memory still has to be written.
            self._overdue.extend(
                each for each in skipped[-(SLOTS - _SOON_SLOTS) * _SLOT_STEPS :] if self._housekeeping(each)
            )
        for step in range(self._next, min(now, self._next + _STEPS_MAX - 1) + 1):
            self._next = step + 1
            if senders := self._senders[step % PHASES]:
                due_ms = step * STEP_MS
                for beat in list(senders):
                    try:
                        beat.send_frame(due_ms)
                    except Exception as error:  # noqa: BLE001 - one call's fault must not silence the others
                        self._broken(beat, error)
            if self._overdue:
                self._keep_house(self._overdue.popleft())
            self._keep_house(step)

    def _keep_house(self, step: int) -> None:
        if kept := self._housekeeping(step):
            for beat in list(kept):
                try:
                    beat.keep_house()
                except Exception as error:  # noqa: BLE001 - as above
                    self._broken(beat, error)

    def _broken(self, beat: Beat, error: Exception) -> None:
        self.drop(beat)
        _log.error("a stream was stopped by a fault", exc_info=error)
        beat.broke(error)
