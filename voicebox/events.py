"""What happened, told within the process: phone, web, light and notifier stay in step by it.

Events are wake-ups, not the truth: they are published after the commit, and whoever misses one (a restart, another
process) finds the same facts in the database.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MailboxChanged:
    """Messages of a mailbox came, went or moved, or its light was switched."""

    company_id: int
    mailbox_id: int


@dataclass(frozen=True, slots=True)
class OutboxGrew:
    """A mail of this kind is due; of lights, `MailboxChanged` tells."""

    kind: str


@dataclass(frozen=True, slots=True)
class AudioSpooled:
    """A message's audio lies in the spool and waits for settlement."""

    audio_id: str


@dataclass(frozen=True, slots=True)
class AudioStored:
    """A message's audio has moved from the spool to the audio store. Tests wait for it; nothing else has to."""

    audio_id: str


@dataclass(frozen=True, slots=True)
class DatabaseBack:
    """All messages that waited in the spool have been taken by the database. Tests wait for it; nothing else has to."""


Event = MailboxChanged | OutboxGrew | AudioSpooled | AudioStored | DatabaseBack


class Events:
    """Hands each published event to every subscriber, at once and in the publisher's task.

    Subscribers are plain functions that must return quickly (set a flag, put into a queue). One that raises is logged
    and does not keep the others from being told.
    """

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Event], None]] = []

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Have `callback` called with each event from now on; returns the function that ends it."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Tell everyone."""
        for callback in tuple(self._subscribers):
            try:
                callback(event)
            except Exception:  # one listener's fault must not undo the others' work or the publisher's
                logger.exception("a subscriber failed on %s", type(event).__name__)
