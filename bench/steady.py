"""Calls in progress: what a packet costs while callers record or listen, beside the bare servers."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.bare import Bare
from bench.caller import HOST, Call, Callers, Heard, State, Stream
from bench.generator import Generator
from bench.service import DEFAULT_GREETING, LONG_GREETING, RTP_PORTS, Service
from bench.spread import percentile
from bench.voice import FRAME
from bench.watch import Meter, Spent, dropped, tree_cpu_s, tree_rss_kib

ARRIVALS_PER_S: Final = 50
HANG_UPS_PER_S: Final = 50
KEY_AFTER_S: Final = 0.7
"""After the answer: the greeting begins at 0.5 s, and `#` skips it."""
POUND: Final = 11
"""Event number of `#` (RFC 4733 section 3.2)."""
CALM_S: Final = 2.0
"""Between the last change and the measurement."""
SETTLED_S: Final = 180.0
FRAMES_PER_S: Final = 50
FRAME_NS: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Steady:
    """A window in which a number of calls did the same."""

    calls: float
    spent: Spent
    lag_p99_ms: float
    """How late the generator was, at the 99th percentile of its steps of 1 ms."""

    @property
    def packet_us(self) -> float:
        """CPU for each packet the server received, in microseconds."""
        return self.spent.server_s / (self.calls * self.spent.seconds * FRAMES_PER_S) * 1e6

    @property
    def call_minute_s(self) -> float:
        """CPU seconds for each minute of each call."""
        return self.spent.server_s / (self.calls * self.spent.seconds / 60)


def watched(generator: Generator, pid: int, core: int, calls: int, seconds: float) -> Steady:
    """Let the generator go on for a while and look at what that costs."""
    generator.lags_ns = type(generator.lags_ns)("q")
    meter = Meter(pid, core)
    generator.run(seconds)
    return Steady(calls, meter.stop(), percentile(generator.lags_ns, 99) / 1e6)


def bare(kind: str, calls: int, seconds: float, core: int) -> tuple[Steady, int]:
    """Measure a bare server; returns the window and how many packets it did not get."""
    server = Bare(kind, calls)
    generator = Generator()
    streams = [Stream(index) for index in range(calls)]
    for stream, port in zip(streams, server.ports, strict=True):
        stream.connect((HOST, port))
        generator.begin(stream)
    generator.run(CALM_S)
    steady = watched(generator, server.pid, core, calls, seconds)
    for stream in streams:
        generator.end(stream)
    generator.run(0.2)
    sent = sum(stream.voice.frames for stream in streams)
    lost = sent - server.stop()
    for stream in streams:
        stream.close()
    return steady, lost


@dataclass(frozen=True, slots=True)
class Recording:
    """Calls that all recorded at once, and what became of each."""

    steady: Steady
    setup_ms: tuple[float, ...]
    """INVITE to 200 of each, while the others came in and recorded."""
    rss_kib: int
    settling_s: float
    """CPU for hanging up, assembling, encoding and storing all messages."""
    recorded_min: float
    """Minutes of all messages together."""
    failed: int
    """Calls that were refused, hung up on, or did not leave their message."""
    short: int
    """Messages that do not hold exactly what was said from the tone to the BYE."""
    lost: int
    """RTP packets lost by the call records."""
    dropped: int
    """Datagrams that the server's sockets lost."""

    @property
    def settling_call_minute_s(self) -> float:
        """CPU seconds of settling for each recorded minute; infinite where nothing was recorded."""
        return self.settling_s / self.recorded_min if self.recorded_min else float("inf")


def recording(service: Service, calls: int, seconds: float, core: int) -> Recording:
    """Have a number of callers record at once."""
    generator = Generator()
    callers = Callers(generator, service.sip)

    def skip_greeting(call: Call) -> None:
        generator.later(KEY_AFTER_S, lambda: call.stream.press(POUND))

    placed = [
        callers.call(DEFAULT_GREETING[index % len(DEFAULT_GREETING)], keeps=True, on_answered=skip_greeting)
        for index in range(calls)
    ]
    come_in(generator, placed)
    generator.run(CALM_S)
    steady = watched(generator, service.pid, core, calls, seconds)
    rss_kib = tree_rss_kib(service.pid)
    lost_by_sockets = dropped(RTP_PORTS) + dropped(range(service.sip[1], service.sip[1] + 1))
    before_s = tree_cpu_s(service.pid)
    talking_s = leave(generator, callers, placed)
    service.wait(lambda: all_recorded(service, placed), "the records of all calls", 30)
    service.wait(service.settled, "settlement of all messages", SETTLED_S)
    settling_s = tree_cpu_s(service.pid) - before_s - talking_s / 60 * steady.call_minute_s
    outcomes = [outcome(service, call) for call in placed]
    good = [each for each in outcomes if each is not None]
    callers.close()
    return Recording(
        steady=steady,
        setup_ms=tuple((call.answered_ns - call.invited_ns) / 1e6 for call in placed if call.answered_ns),
        rss_kib=rss_kib,
        settling_s=max(0.0, settling_s),
        recorded_min=sum(each.samples for each in good) / 8000 / 60,
        failed=len(outcomes) - len(good),
        short=sum(not each.whole for each in good),
        lost=sum(each.lost for each in good),
        dropped=lost_by_sockets,
    )


def come_in(generator: Generator, placed: Sequence[Call]) -> None:
    """Place calls at the usual rate; returns when all of them talk or have failed."""
    generator.spread(ARRIVALS_PER_S, [call.invite for call in placed])
    generator.run_until(
        lambda: all(call.state in {State.TALKING, State.OVER} for call in placed),
        len(placed) / ARRIVALS_PER_S + 30,
        "the answers to all calls",
    )


def leave(generator: Generator, callers: Callers, placed: Sequence[Call]) -> float:
    """Hang all calls up, one after the other; returns how many seconds they went on talking in all."""
    began_ns = time.time_ns()
    generator.spread(HANG_UPS_PER_S, [call.hang_up for call in placed])
    generator.run_until(
        lambda: not callers.in_state(State.CALLING, State.TALKING, State.LEAVING),
        len(placed) / HANG_UPS_PER_S + 30,
        "the end of all calls",
    )
    return sum(max(0, call.bye_ns - began_ns) for call in placed) / 1e9


def all_recorded(service: Service, placed: Sequence[Call]) -> bool:
    """Return whether every answered call has its record."""
    found = service.rows(
        "SELECT count(*) AS n FROM call_record WHERE caller BETWEEN ? AND ?", placed[0].caller, placed[-1].caller
    )
    return int(found[0]["n"]) >= sum(1 for call in placed if call.answered_ns)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one caller's message."""

    samples: int
    whole: bool
    lost: int


def outcome(service: Service, call: Call) -> Outcome | None:
    """Compare a caller's message with what the caller said, sample by sample; None if there is none.

    It must hold all that was sent after the tone had been played out, within a frame, and up to the BYE to the last
    sample: on loopback what left before the BYE has arrived before it, whichever of the two sockets is read first.
    """
    record, samples = service.call_of(call.caller), service.audio_of(call.caller)
    if call.failed or record is None or samples is None:
        return None
    tone_ended_ns = max((each.at_ns for each in call.stream.kept if not each.silent), default=0) + FRAME_NS
    return Outcome(len(samples), is_whole(call.stream, samples, tone_ended_ns), service.lost(record))


def is_whole(stream: Stream, samples: npt.NDArray[np.int16], begin_ns: int) -> bool:
    """Tell whether samples are exactly the last that a stream said, and all since a moment, within a frame."""
    frames, rest = divmod(len(samples), FRAME)
    due = sum(at_ns >= begin_ns for at_ns in stream.sent_ns)
    whole = rest == 0 and due - 1 <= frames <= stream.voice.frames
    return whole and np.array_equal(samples, stream.voice.said(frames))


@dataclass(frozen=True, slots=True)
class Playing:
    """Calls that all listened to a greeting while talking."""

    steady: Steady
    received: int
    """Packets that came to the callers in the window."""
    lost: int
    off_ms: tuple[float, ...]
    """How far the distance of each two packets was from 20 ms; empty where packets were not kept."""
    failed: int

    @property
    def complete(self) -> float:
        """The share of the packets that should have come."""
        return self.received / (self.steady.calls * self.steady.spent.seconds * FRAMES_PER_S)


def playing(service: Service, calls: int, seconds: float, core: int, *, keeps: bool) -> Playing:
    """Have a number of callers listen to a long greeting."""
    generator = Generator()
    callers = Callers(generator, service.sip)
    placed = [callers.call(LONG_GREETING[index % len(LONG_GREETING)], keeps=keeps) for index in range(calls)]
    come_in(generator, placed)
    generator.run(CALM_S)
    for call in placed:
        call.stream.drain()
        call.stream.kept.clear()
    before = sum(call.stream.received for call in placed)
    steady = watched(generator, service.pid, core, calls, seconds)
    for call in placed:
        call.stream.drain()
    received = sum(call.stream.received for call in placed) - before
    off_ms = [off for call in placed for off in spacing_off_ms(call.stream.kept)]
    leave(generator, callers, placed)
    callers.close()
    return Playing(
        steady,
        received,
        sum(call.stream.lost for call in placed),
        tuple(off_ms),
        sum(bool(call.failed) for call in placed),
    )


def spacing_off_ms(kept: Sequence[Heard]) -> list[float]:
    """Return by how much the distance of each two packets of one sound differed from 20 ms."""
    return [
        abs((after.at_ns - before.at_ns) / 1e6 - 20)
        for before, after in itertools.pairwise(kept)
        if not (after.marker or after.silent)
        and after.sequence == before.sequence + 1
        and after.timestamp == before.timestamp + FRAME
    ]
