"""The call record: what happened on a call, entry by entry (interfaces.md, "machine-checkable")."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voicebox.message import Reason

TRACE_MAX = 2000
"""Entries a trace keeps; a caller leaning on a key must not grow a row without bound."""


@dataclass(slots=True)
class Trace:
    """The events of one call in order, each with `t`, seconds since its INVITE."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, t: float, event: str, **facts: Any) -> None:
        """Append an event; past the bound, one last entry says that the rest is missing."""
        if len(self.entries) < TRACE_MAX:
            self.entries.append({"t": round(t, 3), "event": event, **facts})
        elif len(self.entries) == TRACE_MAX:
            self.entries.append({"t": round(t, 3), "event": "truncated"})


@dataclass(frozen=True, slots=True)
class RtpFigures:
    """Media quality of a call, as received (RFC 3550 section 6.4.1)."""

    received: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, written within a second of its end."""

    id: str
    company_id: int | None
    mailbox: str | None
    """The mailbox's number."""
    caller: str
    """`from` in the API: the number, or "anonymous"."""
    called: str
    """`to` in the API: the Request-URI's user."""
    reason: Reason | None
    deflected_by: str | None
    started: datetime
    answered: datetime | None
    ended: datetime
    rtp: RtpFigures
    trace: list[dict[str, Any]]
