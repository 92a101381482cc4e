"""Callers: an RTP stream of their own each, one SIP socket for all of them."""

import contextlib
import itertools
import os
import socket
import time
from array import array
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple

from bench import signalling, stamped
from bench.generator import Generator
from bench.signalling import Address, Dialog
from bench.voice import KEY_PACKETS, Voice, is_silence

HOST: Final = "127.0.0.1"
SIP_BUFFER_BYTES: Final = 4 * 1024 * 1024
T1_S: Final = 0.5
"""RFC 3261 section 17.1.1.1: a request without an answer is sent again."""
ATTEMPTS: Final = 5
_DRAIN_FRAMES: Final = 10
"""What comes in is read every 200 ms; the buffer of 208 KiB holds five seconds."""
_RTP_MAX_BYTES: Final = 256


class Heard(NamedTuple):
    """A packet that came."""

    at_ns: int
    """The kernel's stamp."""
    sequence: int
    timestamp: int
    marker: bool
    """It began a sound."""
    silent: bool


class Stream:
    """The audio of one call, or of no call: what the bare servers are fed with is sent by the same code."""

    def __init__(self, number: int, *, keeps: bool = False) -> None:
        """Bind a port.

        Args:
            number: of the caller, which decides what is said.
            keeps: whether what comes in is kept, packet by packet, or only counted.
        """
        self.voice = Voice(number)
        self.received = 0
        self.lost = 0
        """Gaps in the sequence numbers of what came."""
        self.kept: list[Heard] = []
        self.sent_ns = array("q")
        """When each frame left."""
        self._keeps = keeps
        self._socket = stamped.bound(HOST)
        self._key = 0
        self._key_left = 0
        self.key_sent_ns = 0
        """When the first packet of the latest key left."""
        self._sequence: int | None = None
        self._drain_in = number % _DRAIN_FRAMES
        self.port: int = self._socket.getsockname()[1]

    def connect(self, target: Address) -> None:
        """Send to an address from now on."""
        self._socket.connect(target)

    def press(self, event: int) -> None:
        """Send a key in place of the next ten frames."""
        self._key, self._key_left = event, KEY_PACKETS

    def frame(self) -> None:
        """Send the next packet, and now and then read what came."""
        now_ns = time.time_ns()
        self.sent_ns.append(now_ns)
        if self._key_left:
            packet = self.voice.key_packet(self._key)
            if self._key_left == KEY_PACKETS:
                self.key_sent_ns = now_ns
            self._key_left -= 1
        else:
            packet = self.voice.packet()
        # What cannot be sent makes the message short, which is checked.
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self._socket.send(packet)
        self._drain_in -= 1
        if self._drain_in <= 0:
            self._drain_in = _DRAIN_FRAMES
            self.drain()

    def drain(self) -> None:
        """Read what came."""
        for data, at in stamped.waiting(self._socket, _RTP_MAX_BYTES):
            self.received += 1
            sequence = data[2] << 8 | data[3]
            if self._sequence is not None:
                gap = sequence - self._sequence - 1 & 0xFFFF
                self.lost += gap if gap < 1000 else 0
            self._sequence = sequence
            if self._keeps:
                timestamp = int.from_bytes(data[4:8], "big")
                self.kept.append(Heard(at, sequence, timestamp, data[1] >= 0x80, is_silence(data[12:])))

    def close(self) -> None:
        """Read the rest and free the port. Closing twice does nothing."""
        if self._socket.fileno() >= 0:
            self.drain()
            self._socket.close()


class State(Enum):
    """Where a call is."""

    CALLING = auto()
    TALKING = auto()
    LEAVING = auto()
    OVER = auto()


class Call:
    """One call. Times are of CLOCK_REALTIME in nanoseconds, those of arrivals the kernel's."""

    def __init__(self, callers: "Callers", number: str, index: int, *, silent: bool, keeps: bool) -> None:
        self.index = index
        self.caller = f"+49151{index:08d}"
        self.state = State.CALLING
        self.invited_ns = self.answered_ns = self.bye_ns = 0
        self.failed = 0
        """The status that refused it, 408 where nothing came, 487 where the server hung up on us."""
        self.resent = 0
        self.on_answered: Callable[[Call], None] = lambda _: None
        self.stream = Stream(index, keeps=keeps)
        self._callers = callers
        self._silent = silent
        self._target = self._tag = ""
        self.dialog = Dialog(f"{callers.run}{index}", number, self.caller, callers.server, callers.here)

    def invite(self) -> None:
        """Call."""
        self.invited_ns = time.time_ns()
        self._ask(self.dialog.invite(self.stream.port), State.CALLING, ATTEMPTS)

    def hang_up(self) -> None:
        """Stop talking and send BYE."""
        if self.state is not State.TALKING:
            return
        self._callers.generator.end(self.stream)
        self.state = State.LEAVING
        self.bye_ns = time.time_ns()
        self._ask(self.dialog.bye(self._target, self._tag), State.LEAVING, ATTEMPTS)

    def _ask(self, request: bytes, state: State, left: int) -> None:
        """Send a request again and again until the state has changed."""
        if self.state is not state:
            return
        if not left:
            self._end(408)
            return
        self.resent += left < ATTEMPTS
        self._callers.send(request)
        self._callers.generator.later(T1_S * 2 ** (ATTEMPTS - left), lambda: self._ask(request, state, left - 1))

    def received(self, message: bytes, at_ns: int) -> None:
        """Take a message of this call."""
        status = signalling.status_of(message)
        if not status:
            self._callers.send(signalling.ok_to(message))
            if signalling.method_of(message) == "BYE" and self.state is State.TALKING:
                self._end(487)
        elif signalling.method_of(message) == "INVITE" and status >= 200:
            self._answered(message, status, at_ns)
        elif signalling.method_of(message) == "BYE" and self.state is State.LEAVING:
            self._end(0 if status == 200 else status)

    def _answered(self, message: bytes, status: int, at_ns: int) -> None:
        answer = signalling.answer_of(message) if status == 200 else None
        if answer is None:
            self._callers.send(self.dialog.ack(f"sip:{self.dialog.number}@{HOST}", ""))
            self._end(status)
            return
        self._target, self._tag, target = answer
        self._callers.send(self.dialog.ack(self._target, self._tag))
        if self.state is not State.CALLING:
            return
        self.state, self.answered_ns = State.TALKING, at_ns
        self.stream.connect(target)
        if not self._silent:
            self._callers.generator.begin(self.stream)
        self.on_answered(self)

    def _end(self, failed: int) -> None:
        self._callers.generator.end(self.stream)
        self.failed = failed
        self.state = State.OVER
        self.stream.close()


class Callers:
    """All callers of one measurement, on one SIP socket."""

    _index = itertools.count(1)

    def __init__(self, generator: Generator, server: Address) -> None:
        self.generator = generator
        self.server = server
        self.calls: list[Call] = []
        self.run = f"{os.getpid()}-{time.time_ns() // 1_000_000}-"
        self._by_id: dict[str, Call] = {}
        self._socket: socket.socket = stamped.bound(HOST, buffer_bytes=SIP_BUFFER_BYTES)
        self.here: Address = self._socket.getsockname()
        generator.signals.append(self)

    def call(
        self,
        number: str,
        *,
        silent: bool = False,
        keeps: bool = False,
        on_answered: Callable[[Call], None] = lambda _: None,
    ) -> Call:
        """Return a call that `invite` starts; `silent` sends no audio, `keeps` keeps what is heard."""
        call = Call(self, number, next(self._index), silent=silent, keeps=keeps)
        call.on_answered = on_answered
        self.calls.append(call)
        self._by_id[call.dialog.call_id] = call
        return call

    def in_state(self, *states: State) -> list[Call]:
        """Return the calls that are in one of these states."""
        return [call for call in self.calls if call.state in states]

    def send(self, message: bytes) -> None:
        """Send to the server."""
        self._socket.sendto(message, self.server)

    def read(self) -> None:
        """Hand what came to its calls."""
        for message, at_ns in stamped.waiting(self._socket):
            call = self._by_id.get(signalling.call_id_of(message))
            if call is not None:
                call.received(message, at_ns)

    def close(self) -> None:
        """Free everything."""
        self.generator.signals.remove(self)
        for call in self.calls:
            self.generator.end(call.stream)
            call.stream.close()
        self._socket.close()
