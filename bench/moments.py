"""Moments of a call: answering, falling silent at a key, lighting the lamp; and calls as they really come."""

import time
from dataclasses import dataclass
from typing import Final

from bench.caller import Call, Callers, State
from bench.generator import Generator
from bench.phone import Phones, told_after
from bench.service import DEFAULT_GREETING, PORTAL, USUAL_GREETING, USUAL_S, Service
from bench.spread import percentile
from bench.steady import KEY_AFTER_S, POUND, SETTLED_S, Steady
from bench.watch import Meter

IDLE_S: Final = 3.0
SETUP_PER_S: Final = 50
SETUP_LASTS_S: Final = 0.3
"""Less than the half second of silence before the greeting: such a call has no media."""
WRITTEN_S: Final = 1.5
"""Call records are written within a second."""
KEYS_PER_S: Final = 20
KEY_S: Final = 1.5
"""After the answer, when the portal's first prompt is well under way."""
SILENT_S: Final = 0.5
"""Less than the second after which a packet of silence keeps the path open."""
LIGHTS_PER_S: Final = 8
MESSAGE_S: Final = 3.0
LIT_S: Final = 10.0
ANSWER_TO_TONE_S: Final = 0.8
"""Opening silence, tone, and the moments between."""
USUAL_MESSAGE_S: Final = 11.0


@dataclass(frozen=True, slots=True)
class Setup:
    """Calls that were answered and hung up before any sound."""

    answer_ms: tuple[float, ...]
    cpu_ms: float
    """CPU of set-up, teardown, record and everything for one call."""
    failed: int
    resent: int
    """Requests that had to be sent again: nobody should lose them on loopback."""


def setup(service: Service, seconds: float, core: int) -> Setup:
    """Place calls at a constant rate and hang up at once."""
    generator = Generator()
    callers = Callers(generator, service.sip)
    # What it still works on of the calls before must not be taken for what it always does.
    service.wait(service.settled, "settlement of all messages", SETTLED_S)
    idle = Meter(service.pid, core)
    generator.run(IDLE_S)
    idle_spent = idle.stop()

    def leave_soon(call: Call) -> None:
        generator.later(SETUP_LASTS_S, call.hang_up)

    placed = [
        callers.call(DEFAULT_GREETING[index % len(DEFAULT_GREETING)], silent=True, on_answered=leave_soon)
        for index in range(round(SETUP_PER_S * seconds))
    ]
    meter = Meter(service.pid, core)
    generator.spread(SETUP_PER_S, [call.invite for call in placed])
    generator.run_until(lambda: all(call.state is State.OVER for call in placed), seconds + 30, "the end of all calls")
    generator.run(WRITTEN_S)
    spent = meter.stop()
    callers.close()
    idle_s = idle_spent.server_s / idle_spent.seconds * spent.seconds
    return Setup(
        tuple((call.answered_ns - call.invited_ns) / 1e6 for call in placed if call.answered_ns),
        (spent.server_s - idle_s) / len(placed) * 1000,
        sum(bool(call.failed) for call in placed),
        sum(call.resent for call in placed),
    )


@dataclass(frozen=True, slots=True)
class Keys:
    """How soon prompts fell silent."""

    last_packet_ms: tuple[float, ...]
    """From the key's first packet to the arrival of the prompt's last one; negative if none came after the key."""
    silent_ms: tuple[float, ...]
    """Until that packet has been played out: 20 ms later."""
    not_playing: int
    """Calls in which nothing was playing when the key came: they measure nothing."""


def keys(service: Service, calls: int) -> Keys:
    """Interrupt the portal's prompt in many calls, at every place of the frame."""
    generator = Generator()
    callers = Callers(generator, service.sip)

    def interrupt(call: Call) -> None:
        generator.later(KEY_S, lambda: call.stream.press(1))
        generator.later(KEY_S + 2 * SILENT_S, call.hang_up)

    placed = [callers.call(PORTAL, keeps=True, on_answered=interrupt) for _ in range(calls)]
    generator.spread(KEYS_PER_S, [call.invite for call in placed])
    generator.run_until(
        lambda: all(call.state is State.OVER for call in placed), calls / KEYS_PER_S + 30, "the end of all calls"
    )
    callers.close()
    delays_ms: list[float] = []
    for call in placed:
        key_ns = call.stream.key_sent_ns
        stamps = [each.at_ns for each in call.stream.kept if each.at_ns < key_ns + SILENT_S * 1e9]
        if stamps and stamps[-1] > key_ns - 25e6:
            delays_ms.append((stamps[-1] - key_ns) / 1e6)
    return Keys(tuple(delays_ms), tuple(each + 20 for each in delays_ms), len(placed) - len(delays_ms))


@dataclass(frozen=True, slots=True)
class Lights:
    """How soon the lamp was lit."""

    lit_ms: tuple[float, ...]
    """From BYE to NOTIFY."""
    missing: int


def lights(service: Service, calls: int) -> Lights:
    """Leave messages for mailboxes whose phones watch their light."""
    generator = Generator()
    phones = Phones(generator, service.sip, DEFAULT_GREETING)
    phones.watch()
    callers = Callers(generator, service.sip)

    def leave_message(call: Call) -> None:
        generator.later(KEY_AFTER_S, lambda: call.stream.press(POUND))
        generator.later(KEY_AFTER_S + ANSWER_TO_TONE_S + MESSAGE_S, call.hang_up)

    placed = [
        callers.call(DEFAULT_GREETING[index % len(DEFAULT_GREETING)], on_answered=leave_message)
        for index in range(calls)
    ]
    generator.spread(LIGHTS_PER_S, [call.invite for call in placed])

    def lit(call: Call) -> int | None:
        return told_after(phones.told[call.dialog.number], call.bye_ns) if call.state is State.OVER else None

    generator.run_until(
        lambda: all(call.state is State.OVER for call in placed), calls / LIGHTS_PER_S + 30, "the end of all calls"
    )
    generator.run(LIT_S / 5)
    found = [(lit(call), call.bye_ns) for call in placed if not call.failed]
    callers.close()
    phones.close()
    lit_ms = tuple((at - bye_ns) / 1e6 for at, bye_ns in found if at is not None and at < bye_ns + LIT_S * 1e9)
    return Lights(lit_ms, calls - len(lit_ms))


@dataclass(frozen=True, slots=True)
class Mix:
    """Calls as they come: a greeting heard to its end, a message, at a constant rate."""

    steady: Steady
    """Its `calls` is the mean number in progress."""
    answer_ms: tuple[float, ...]
    failed: int
    ended: int
    """Calls that ended in the window, each with a message."""


def mix(service: Service, per_s: float, seconds: float, core: int) -> Mix:
    """Let calls come at a constant rate, and look at a window in which as many come as go."""
    generator = Generator()
    callers = Callers(generator, service.sip)
    lasts_s = ANSWER_TO_TONE_S + USUAL_S + USUAL_MESSAGE_S
    ramp_s = lasts_s + 3.0

    def leave_message(call: Call) -> None:
        generator.later(lasts_s, call.hang_up)

    placed = [
        callers.call(USUAL_GREETING[index % len(USUAL_GREETING)], on_answered=leave_message)
        for index in range(round(per_s * (ramp_s + seconds)))
    ]
    generator.spread(per_s, [call.invite for call in placed])
    generator.run(ramp_s)
    generator.lags_ns = type(generator.lags_ns)("q")
    meter, began_ns = Meter(service.pid, core), time.time_ns()
    generator.run(seconds)
    spent, ended_ns = meter.stop(), time.time_ns()
    lag_ms = percentile(generator.lags_ns, 99) / 1e6
    talked_ns = sum(
        max(0, min(call.bye_ns or ended_ns, ended_ns) - max(call.answered_ns, began_ns))
        for call in placed
        if call.answered_ns
    )
    finished = [call for call in placed if began_ns <= call.bye_ns <= ended_ns]
    for call in placed:
        call.hang_up()
    generator.run_until(
        lambda: not callers.in_state(State.CALLING, State.TALKING, State.LEAVING), 30, "the end of all calls"
    )
    callers.close()
    return Mix(
        Steady(talked_ns / 1e9 / spent.seconds, spent, lag_ms),
        tuple((call.answered_ns - call.invited_ns) / 1e6 for call in placed if call.answered_ns),
        sum(bool(call.failed) for call in placed),
        len(finished),
    )
