"""The four transaction machines of RFC 3261 section 17, as RFC 6026 corrects them: one table, nothing else.

A step says where an event leads from a state, what is done, and which timers start. Timers are never stopped: each
belongs to states that a transaction enters once, so one that fires later finds no step and is void.

Everything a peer can cause has a step in every state (a peer that misbehaves is absorbed, not an error). What is left
out can only be done wrong by our own user agent: that raises. `docs/maintainers/sip-transactions.md` is drawn
from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Machine(StrEnum):
    """Which side of which kind of transaction."""

    INVITE_CLIENT = "INVITE client"
    INVITE_SERVER = "INVITE server"
    CLIENT = "non-INVITE client"
    SERVER = "non-INVITE server"


class State(StrEnum):
    """Where a transaction stands; NEW lasts only until its first step."""

    NEW = "New"
    CALLING = "Calling"
    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    COMPLETED = "Completed"
    CONFIRMED = "Confirmed"
    ACCEPTED = "Accepted"
    TERMINATED = "Terminated"


class Event(StrEnum):
    """What can happen to a transaction."""

    REQUEST = "request"
    """The request: from the user agent at a client, from the network (first or again) at a server."""
    ACK = "ACK"
    PROVISIONAL = "1xx"
    """Responses come from the network at a client and from the user agent at a server."""
    SUCCESS = "2xx"
    FAILURE = "300-699"
    TRANSPORT_ERROR = "transport error"
    FORGET = "forget"
    """The user agent has answered once and wants no state kept (RFC 3261 section 8.2.7)."""
    TIMER_A = "timer A"
    TIMER_B = "timer B"
    TIMER_D = "timer D"
    TIMER_E = "timer E"
    TIMER_F = "timer F"
    TIMER_G = "timer G"
    TIMER_H = "timer H"
    TIMER_I = "timer I"
    TIMER_J = "timer J"
    TIMER_K = "timer K"
    TIMER_L = "timer L"
    TIMER_M = "timer M"
    TIMER_CANCEL = "timer CANCEL"
    """64*T1 after a CANCEL of ours whose INVITE still has no final response (RFC 3261 section 9.1)."""
    TIMER_USELESS = "timer USELESS"
    """64*T1 after a non-INVITE request that we left unanswered: nobody waits any more (RFC 4320 section 4.2)."""


TIMERS: Final = frozenset(event for event in Event if event.startswith("timer"))


class Act(StrEnum):
    """What a step does."""

    SEND = "send"
    """Hand the message to the transport and remember it."""
    RESEND = "send again"
    """Hand the remembered message to the transport once more, if there is one."""
    ACK = "send ACK"
    """Build the ACK to a refusal once, then repeat it (RFC 3261 section 17.1.1.3)."""
    TELL = "tell user"
    """Pass the message to the user agent."""
    TIMEOUT = "tell timeout"
    FAILED = "tell failure"
    """Tell the user agent that the transport failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where an event leads, what is done on the way, which timers start, and who says so."""

    to: State
    acts: tuple[Act, ...]
    start: tuple[Event, ...]
    rfc: str


def _step(to: State, rfc: str, *acts: Act, start: tuple[Event, ...] = ()) -> Step:
    return Step(to, acts, start, rfc)


_INVITE_CLIENT: Final = {
    State.NEW: {
        Event.REQUEST: _step(State.CALLING, "RFC 3261 17.1.1.2", Act.SEND, start=(Event.TIMER_A, Event.TIMER_B)),
    },
    State.CALLING: {
        Event.TIMER_A: _step(State.CALLING, "RFC 3261 17.1.1.2", Act.RESEND, start=(Event.TIMER_A,)),
        Event.TIMER_B: _step(State.TERMINATED, "RFC 3261 17.1.1.2", Act.TIMEOUT),
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.1.1.2", Act.TELL),
        Event.SUCCESS: _step(State.ACCEPTED, "RFC 6026 7.2", Act.TELL, start=(Event.TIMER_M,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.1.1.2", Act.ACK, Act.TELL, start=(Event.TIMER_D,)),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.1.4", Act.FAILED),
    },
    State.PROCEEDING: {
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.1.1.2", Act.TELL),
        Event.SUCCESS: _step(State.ACCEPTED, "RFC 6026 7.2", Act.TELL, start=(Event.TIMER_M,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.1.1.2", Act.ACK, Act.TELL, start=(Event.TIMER_D,)),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.1.4", Act.FAILED),
        Event.TIMER_CANCEL: _step(State.TERMINATED, "RFC 3261 9.1", Act.TIMEOUT),
    },
    State.COMPLETED: {
        Event.PROVISIONAL: _step(State.COMPLETED, "late: RFC 3261 17.1.1.2"),
        Event.SUCCESS: _step(State.COMPLETED, "peer's error: RFC 3261 17.1.1.2"),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.1.1.2", Act.ACK),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.1.1.2", Act.FAILED),
        Event.TIMER_D: _step(State.TERMINATED, "RFC 3261 17.1.1.2"),
    },
    State.ACCEPTED: {
        Event.PROVISIONAL: _step(State.ACCEPTED, "late: RFC 6026 7.2"),
        Event.SUCCESS: _step(State.ACCEPTED, "RFC 6026 7.2", Act.TELL),
        Event.FAILURE: _step(State.ACCEPTED, "peer's error: RFC 6026 7.2"),
        Event.TRANSPORT_ERROR: _step(State.ACCEPTED, "RFC 6026 7.2: nothing of ours is on the way"),
        Event.TIMER_M: _step(State.TERMINATED, "RFC 6026 7.2"),
    },
    State.TERMINATED: {},
}

_INVITE_SERVER: Final = {
    State.NEW: {
        Event.REQUEST: _step(State.PROCEEDING, "RFC 3261 17.2.1", Act.TELL),
    },
    State.PROCEEDING: {
        Event.REQUEST: _step(State.PROCEEDING, "RFC 3261 17.2.1", Act.RESEND),
        Event.ACK: _step(State.PROCEEDING, "peer's error: RFC 3261 17.2.1"),
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.2.1", Act.SEND),
        Event.SUCCESS: _step(State.ACCEPTED, "RFC 6026 7.1", Act.SEND, start=(Event.TIMER_L,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.2.1", Act.SEND, start=(Event.TIMER_G, Event.TIMER_H)),
        Event.TRANSPORT_ERROR: _step(State.PROCEEDING, "RFC 6026 7.1", Act.FAILED),
        Event.FORGET: _step(State.TERMINATED, "RFC 3261 8.2.7", Act.SEND),
    },
    State.COMPLETED: {
        Event.REQUEST: _step(State.COMPLETED, "RFC 3261 17.2.1", Act.RESEND),
        Event.ACK: _step(State.CONFIRMED, "RFC 3261 17.2.1", start=(Event.TIMER_I,)),
        Event.TRANSPORT_ERROR: _step(State.COMPLETED, "RFC 6026 7.1", Act.FAILED),
        Event.TIMER_G: _step(State.COMPLETED, "RFC 3261 17.2.1", Act.RESEND, start=(Event.TIMER_G,)),
        Event.TIMER_H: _step(State.TERMINATED, "RFC 3261 17.2.1", Act.TIMEOUT),
    },
    State.CONFIRMED: {
        Event.REQUEST: _step(State.CONFIRMED, "late: RFC 3261 17.2.1"),
        Event.ACK: _step(State.CONFIRMED, "RFC 3261 17.2.1"),
        Event.TRANSPORT_ERROR: _step(State.CONFIRMED, "RFC 6026 7.1: nothing of ours is on the way"),
        Event.TIMER_I: _step(State.TERMINATED, "RFC 3261 17.2.1"),
    },
    State.ACCEPTED: {
        Event.REQUEST: _step(State.ACCEPTED, "RFC 6026 7.1"),
        Event.ACK: _step(State.ACCEPTED, "RFC 6026 7.1", Act.TELL),
        Event.SUCCESS: _step(State.ACCEPTED, "RFC 6026 7.1", Act.SEND),
        Event.TRANSPORT_ERROR: _step(State.ACCEPTED, "RFC 6026 7.1", Act.FAILED),
        Event.TIMER_L: _step(State.TERMINATED, "RFC 6026 7.1"),
    },
    State.TERMINATED: {},
}

_CLIENT: Final = {
    State.NEW: {
        Event.REQUEST: _step(State.TRYING, "RFC 3261 17.1.2.2", Act.SEND, start=(Event.TIMER_E, Event.TIMER_F)),
    },
    State.TRYING: {
        Event.TIMER_E: _step(State.TRYING, "RFC 3261 17.1.2.2", Act.RESEND, start=(Event.TIMER_E,)),
        Event.TIMER_F: _step(State.TERMINATED, "RFC 3261 17.1.2.2", Act.TIMEOUT),
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.1.2.2", Act.TELL),
        Event.SUCCESS: _step(State.COMPLETED, "RFC 3261 17.1.2.2", Act.TELL, start=(Event.TIMER_K,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.1.2.2", Act.TELL, start=(Event.TIMER_K,)),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.1.4", Act.FAILED),
    },
    State.PROCEEDING: {
        Event.TIMER_E: _step(State.PROCEEDING, "RFC 3261 17.1.2.2", Act.RESEND, start=(Event.TIMER_E,)),
        Event.TIMER_F: _step(State.TERMINATED, "RFC 3261 17.1.2.2", Act.TIMEOUT),
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.1.2.2", Act.TELL),
        Event.SUCCESS: _step(State.COMPLETED, "RFC 3261 17.1.2.2", Act.TELL, start=(Event.TIMER_K,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.1.2.2", Act.TELL, start=(Event.TIMER_K,)),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.1.4", Act.FAILED),
    },
    State.COMPLETED: {
        Event.PROVISIONAL: _step(State.COMPLETED, "late: RFC 3261 17.1.2.2"),
        Event.SUCCESS: _step(State.COMPLETED, "RFC 3261 17.1.2.2"),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.1.2.2"),
        Event.TRANSPORT_ERROR: _step(State.COMPLETED, "RFC 3261 17.1.2.2: nothing of ours is on the way"),
        Event.TIMER_K: _step(State.TERMINATED, "RFC 3261 17.1.2.2"),
    },
    State.TERMINATED: {},
}

_SERVER: Final = {
    State.NEW: {
        Event.REQUEST: _step(State.TRYING, "RFC 3261 17.2.2", Act.TELL, start=(Event.TIMER_USELESS,)),
    },
    State.TRYING: {
        Event.REQUEST: _step(State.TRYING, "RFC 3261 17.2.2"),
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.2.2", Act.SEND),
        Event.SUCCESS: _step(State.COMPLETED, "RFC 3261 17.2.2", Act.SEND, start=(Event.TIMER_J,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.2.2", Act.SEND, start=(Event.TIMER_J,)),
        Event.TRANSPORT_ERROR: _step(State.TRYING, "RFC 3261 17.2.2: nothing of ours is on the way"),
        Event.FORGET: _step(State.TERMINATED, "RFC 3261 8.2.7", Act.SEND),
        Event.TIMER_USELESS: _step(State.TERMINATED, "RFC 4320 4.2", Act.TIMEOUT),
    },
    State.PROCEEDING: {
        Event.REQUEST: _step(State.PROCEEDING, "RFC 3261 17.2.2", Act.RESEND),
        Event.PROVISIONAL: _step(State.PROCEEDING, "RFC 3261 17.2.2", Act.SEND),
        Event.SUCCESS: _step(State.COMPLETED, "RFC 3261 17.2.2", Act.SEND, start=(Event.TIMER_J,)),
        Event.FAILURE: _step(State.COMPLETED, "RFC 3261 17.2.2", Act.SEND, start=(Event.TIMER_J,)),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.2.4", Act.FAILED),
        Event.FORGET: _step(State.TERMINATED, "RFC 3261 8.2.7", Act.SEND),
        Event.TIMER_USELESS: _step(State.TERMINATED, "RFC 4320 4.2", Act.TIMEOUT),
    },
    State.COMPLETED: {
        Event.REQUEST: _step(State.COMPLETED, "RFC 3261 17.2.2", Act.RESEND),
        Event.TRANSPORT_ERROR: _step(State.TERMINATED, "RFC 3261 17.2.4", Act.FAILED),
        Event.TIMER_J: _step(State.TERMINATED, "RFC 3261 17.2.2"),
    },
    State.TERMINATED: {},
}

Rules = Mapping[State, Mapping[Event, Step]]

TABLE: Final[Mapping[Machine, Rules]] = MappingProxyType(
    {
        Machine.INVITE_CLIENT: _INVITE_CLIENT,
        Machine.INVITE_SERVER: _INVITE_SERVER,
        Machine.CLIENT: _CLIENT,
        Machine.SERVER: _SERVER,
    }
)


class IllegalEvent(Exception):  # noqa: N818 - names what was attempted
    """Our own user agent asked a transaction for what its state does not allow, such as a second final response."""

    def __init__(self, machine: Machine, state: State, event: Event) -> None:
        super().__init__(f"{machine}: {event} in state {state}")
        self.machine = machine
        self.state = state
        self.event = event
