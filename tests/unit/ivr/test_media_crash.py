"""kill -9 in mid-recording: at most the last second is missing (security.md, "Faults we survive")."""

import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

from ivr.media.assembly import samples_of
from ivr.media.g711 import decode
from ivr.media.rtp import Packet
from ivr.media.spool import Spool
from voicebox.codec import Codec

WRITER = Path(__file__).with_name("media_crash_writer.py")
ROOT = Path(__file__).parents[3]
SPEECH = bytes(range(256)) * 160


def test_kill_9_costs_at_most_the_last_second(tmp_path: Path) -> None:
    take_id = uuid.uuid4().hex
    with (
        subprocess.Popen(
            [sys.executable, str(WRITER), str(tmp_path), take_id],
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
        writer.wait()

    spool = Spool.open(tmp_path)
    (lost,) = spool.recover()
    assert (lost.id, lost.context, lost.ended, lost.accepted) == (take_id, b"the context", False, None)
    pcm = samples_of(spool.read(take_id))
    spool.close()
    assert len(pcm) == lost.take.samples
    # A phone that is held up sends the rest in a burst: what counts is when it sent, not how much.
    assert lost.take.duration_s >= 0.02 * sum(at < killed_at - 1.0 for at in sent_at)
    assert (pcm == decode(SPEECH, Codec.PCMU)[: len(pcm)]).all()
