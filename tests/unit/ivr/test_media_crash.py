"""kill -9 in mid-recording: at most the last second is missing (security.md, "Faults we survive")."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from ivr.media.assembly import samples_of
from ivr.media.g711 import decode
from ivr.media.rtp import Packet
from ivr.media.spool import Spool
from voicebox.codec import Codec

WRITER = Path(__file__).with_name("media_crash_writer.py")
ROOT = Path(__file__).parents[3]
SPEECH = bytes(range(256)) * 160
MEMORY: Final = "/dev/shm"  # noqa: S108 - only a folder of ours is made there
HELD_UP_S: Final = 0.2
WATCHED_S: Final = 1.5
"""Before the kill: the second that may be missing, and the half second between two housekeepings before it."""
ATTEMPTS: Final = 12
"""To be in time on a machine that others keep busy; a recorder that holds itself up is so each time."""


@dataclass
class Killed:
    """A recording whose process is gone."""

    folder: Path
    take_id: str
    sent_at: list[float]
    signs: list[float]
    """Of its life: when."""
    killed_at: float

    @property
    def waited_s(self) -> float:
        """The longest time without a sign shortly before it was killed: all that time where there was none."""
        since = self.killed_at - WATCHED_S
        last_before = max((sign for sign in self.signs if sign <= since), default=since)
        moments = [last_before, *(sign for sign in self.signs if sign > since), self.killed_at]
        return max(later - earlier for earlier, later in pairwise(moments))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where there is such a place: kill -9 tries the process, not a disk that others keep busy."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as made:
        yield Path(made)


def record_and_kill(folder: Path) -> Killed:
    take_id = uuid.uuid4().hex
    with (
        subprocess.Popen(
            [sys.executable, str(WRITER), str(folder), take_id],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        ) as writer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        assert writer.stdout is not None
        port = int(writer.stdout.readline())
        sent_at: list[float] = []
        began = time.monotonic()
        while time.monotonic() - began < 2.75:  # real time: the clock of another process cannot be moved
            sent = len(sent_at)
            packet = Packet(0, sent, sent * 160, 7, SPEECH[sent * 160 : sent * 160 + 160])
            phone.sendto(bytes(packet), ("127.0.0.1", port))
            sent_at.append(time.monotonic())
            time.sleep(max(0.0, began + len(sent_at) * 0.02 - time.monotonic()))
        killed_at = time.monotonic()
        writer.kill()
        *lines, _ = writer.stdout.read().split(b"\n")  # the last one may be torn
    return Killed(folder, take_id, sent_at, [float(line) for line in lines], killed_at)


def test_kill_9_costs_at_most_the_last_second(folder: Path) -> None:
    seen: list[str] = []
    for attempt in range(ATTEMPTS):
        killed = record_and_kill(folder / str(attempt))
        if killed.waited_s <= HELD_UP_S:
            break
        seen.append(f"{len(killed.signs)} signs, {killed.waited_s:.2f} s without one")
    else:
        pytest.fail(f"held up each time: {'; '.join(seen)}")

    spool = Spool.open(killed.folder)
    (lost,) = spool.recover()
    assert (lost.id, lost.context, lost.ended, lost.accepted) == (killed.take_id, b"the context", False, None)
    pcm = samples_of(spool.read(killed.take_id))
    spool.close()
    assert len(pcm) == lost.take.samples
    # A phone that is held up sends the rest in a burst: what counts is when it sent, not how much.
    assert lost.take.duration_s >= 0.02 * sum(at < killed.killed_at - 1.0 for at in killed.sent_at)
    assert (pcm == decode(SPEECH, Codec.PCMU)[: len(pcm)]).all()
