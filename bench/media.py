"""What the media plane costs per packet, beside a bare uvloop receiver and sender in the same run.

    python -m bench.media [--streams 200] [--seconds 10] [--rounds 3]

Each trial is a process of its own on one core; the generator, another process, sends every stream 50 packets a second
from the other core. CPU time is that of the whole process tree (the spool's thread included), so a shared machine
disturbs it little; the ratio of neighbouring trials is what counts.

    bare receive    uvloop datagram endpoints that count
    record          MediaStreams that record: statistics, silence rules, spool with a sync every second
    bare pair       endpoints that answer each packet with one of 172 bytes
    play            MediaStreams that play a greeting while audio comes in
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from ivr.media.plane import MediaPlane
from ivr.media.recording import Ending, Limits
from ivr.media.remote import RemoteMedia
from ivr.media.spool import Spool
from voicebox.codec import Codec

SPEECH: Final = bytes(range(256)) * 2500
"""80 s, loud enough to count as speech all along."""
WARM_UP_S: Final = 2.0
HEADER: Final = struct.Struct(">BBHII")


@dataclass(frozen=True, slots=True)
class Result:
    """One trial."""

    kind: str
    received: int
    sent: int
    cpu_s: float
    seconds: float
    lost: int = 0
    short: int = 0
    """Recordings that are not of full length."""
    worst_block_ms: float = 0.0
    """The longest work of the media clock in one go, catching up included."""
    kib_each: float = 0.0
    """Memory of the process per stream."""

    @property
    def us_per_packet(self) -> float:
        """CPU per received packet, with the one that was sent in the meantime."""
        return self.cpu_s / self.received * 1e6


def generate(ports: Sequence[int], seconds: float) -> None:
    """Send each port a stream: 50 packets a second, spread over ten phases."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(("127.0.0.1", 0))
        out.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)  # what comes back is dropped at once
        targets = [("127.0.0.1", port) for port in ports]
        began = time.monotonic()
        for step in range(round(seconds * 500)):
            frame, phase = divmod(step, 10)
            at = frame * 160 % (len(SPEECH) - 160)
            for index in range(phase, len(targets), 10):
                packet = HEADER.pack(0x80, 0, frame & 0xFFFF, frame * 160, index + 1) + SPEECH[at : at + 160]
                out.sendto(packet, targets[index])
            time.sleep(max(0.0, began + step * 0.002 - time.monotonic()))


class Longest:
    """The longest work of a function in one go, in CPU time: on a shared machine it may also wait for its core."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self.worst_s = 0.0
        self._work = work

    def __call__(self, argument: int) -> None:
        """Do the work."""
        before = time.thread_time()
        self._work(argument)
        self.worst_s = max(self.worst_s, time.thread_time() - before)


class Bare(asyncio.DatagramProtocol):
    """Counts, and answers where it is told to."""

    __slots__ = ("answer", "count", "transport")

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.count = 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - the floor
        """Count, and answer."""
        self.count += 1
        if self.answer:
            self.transport.sendto(self.answer, addr)


def rss_kib() -> float:
    """Return the memory of this process."""
    return float(psutil.Process().memory_info().rss / 1024)


async def timed(ports: list[int], seconds: float) -> tuple[float, float]:
    """Have the ports sent to; return CPU seconds and the seconds they were spent in."""
    generator = multiprocessing.get_context("spawn").Process(
        target=pinned_generate, args=(ports, seconds + WARM_UP_S), daemon=True
    )
    generator.start()
    await asyncio.sleep(WARM_UP_S + 1.0)
    before, began = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds - 1.5)
    spent, passed = time.process_time() - before, time.monotonic() - began
    await asyncio.to_thread(generator.join)
    return spent, passed


def pinned_generate(ports: Sequence[int], seconds: float) -> None:
    """Generate on the other core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(os.getppid())) ^ 1} if (os.cpu_count() or 1) > 1 else {0})
    generate(ports, seconds)


async def bare(kind: str, streams: int, seconds: float) -> Result:
    """Measure endpoints that do nothing."""
    loop = asyncio.get_running_loop()
    answer = bytes(172) if kind == "bare pair" else b""
    endpoints = [
        await loop.create_datagram_endpoint(lambda: Bare(answer), local_addr=("127.0.0.1", 0)) for _ in range(streams)
    ]
    ports = [transport.get_extra_info("sockname")[1] for transport, _ in endpoints]
    cpu_s, passed = await timed(ports, seconds)
    received = round(passed * 50 * streams)
    return Result(kind, received, received if answer else 0, cpu_s, passed)


async def media(kind: str, streams: int, seconds: float) -> Result:
    """Measure media streams that record or play."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        spool = Spool.open(Path(folder), floor_bytes=0)
        plane = MediaPlane(spool, address="127.0.0.1", ports=(30_000, 30_001 + 2 * streams))
        remote = RemoteMedia("127.0.0.1", 9, Codec.PCMU, 0, telephone_event_pts=frozenset({101}))
        before = rss_kib()
        opened = [await plane.open() for _ in range(streams)]
        handles, greeting = {}, SPEECH * 8
        for stream in opened:
            stream.connect(remote)
            if kind == "record":
                take_id = uuid.uuid4().hex
                handles[take_id] = stream.record(take_id, b"bench", Limits(max_s=600))
            else:
                stream.play([greeting])
        sent_before = sum(stream.figures.sent for stream in opened)
        longest = Longest(plane.clock._catch_up)  # noqa: SLF001 - measured from outside, to cost nothing inside
        plane.clock._catch_up = longest  # type: ignore[method-assign, assignment] # noqa: SLF001
        cpu_s, passed = await timed([stream.port for stream in opened], seconds)
        kib_each = (rss_kib() - before) / streams
        figures = [stream.report() for stream in opened]
        short = 0
        for stream in opened:
            stream.stop_recording(Ending.HANGUP)
        for handle in handles.values():
            outcome = await handle.done
            short += outcome.samples != round((seconds + WARM_UP_S) * 50) * 160
        received = round(passed * 50 * streams)
        sent = round((sum(each.sent for each in figures) - sent_before) * passed / (seconds + WARM_UP_S))
        await plane.close()
        spool.close()
    lost = sum(each.lost for each in figures)
    lost += sum(round((seconds + WARM_UP_S) * 50) - each.received - each.lost for each in figures)
    return Result(kind, received, sent, cpu_s, passed, lost, short, longest.worst_s * 1000, kib_each)


def trial(kind: str, streams: int, seconds: float) -> Result:
    """Run one trial in a process of its own on one core."""
    command = [
        sys.executable,
        "-m",
        "bench.media",
        "--child",
        kind,
        "--streams",
        str(streams),
        "--seconds",
        str(seconds),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Result(**json.loads(done.stdout.splitlines()[-1]))


def child(kind: str, streams: int, seconds: float) -> None:
    """Be the process of one trial."""
    os.sched_setaffinity(0, {0})
    gc.freeze()  # as `serve` does: a full collection of what the imports left takes 10 ms
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    measure = bare if kind.startswith("bare") else media
    print(json.dumps(asdict(uvloop.run(measure(kind, streams, seconds)))))


def main() -> None:
    """Run the trials in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.streams, options.seconds)
        return
    table = Table(title=f"{options.streams} streams on one core, {options.seconds:.0f} s, {options.rounds} rounds")
    for column in ("", "us a packet", "times bare", "lost", "short", "worst clock ms", "KiB each"):
        table.add_column(column, justify="right" if column else "left")
    for floor, ours in (("bare receive", "record"), ("bare pair", "play")):
        pairs = [
            (trial(floor, options.streams, options.seconds), trial(ours, options.streams, options.seconds))
            for _ in range(options.rounds)
        ]
        ratios = [mine.us_per_packet / least.us_per_packet for least, mine in pairs]
        table.add_row(floor, f"{statistics.median(each.us_per_packet for each, _ in pairs):.2f}", "1", "", "", "", "")
        table.add_row(
            ours,
            f"{statistics.median(each.us_per_packet for _, each in pairs):.2f}",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            str(sum(each.lost for _, each in pairs)),
            str(sum(each.short for _, each in pairs)),
            f"{max(each.worst_block_ms for _, each in pairs):.1f}",
            f"{statistics.median(each.kib_each for _, each in pairs):.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
