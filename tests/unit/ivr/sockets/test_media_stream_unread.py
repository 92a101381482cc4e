"""What lies unread in the socket when something else is judged, on both event loops: no word and no key is lost."""

import socket
import struct
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from ivr.media.g711 import encode
from ivr.media.plane import MediaPlane
from ivr.media.recording import Ending, Limits
from ivr.media.remote import RemoteMedia
from ivr.media.spool import Spool
from ivr.media.stream import MediaStream
from voicebox.codec import Codec

LOUD = bytes(range(160))


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


@pytest.fixture
async def stream(tmp_path: Path, phone: socket.socket) -> AsyncIterator[MediaStream]:
    spool = Spool.open(tmp_path, floor_bytes=0)
    plane = MediaPlane(spool, address="127.0.0.1", ports=(23_000, 23_199))
    made = await plane.open()
    made.connect(RemoteMedia("127.0.0.1", phone.getsockname()[1], Codec.PCMU, 0, telephone_event_pts=frozenset({101})))
    yield made
    await plane.close()
    spool.close()


def talk(phone: socket.socket, stream: MediaStream, frames: int) -> None:
    for at in range(frames):
        phone.sendto(struct.pack(">BBHII", 0x80, 0, at, at * 160, 7) + LOUD, ("127.0.0.1", stream.port))


@pytest.mark.parametrize("by", [Ending.HANGUP, Ending.SHUTDOWN])
async def test_what_waits_in_the_socket_is_in_the_recording(
    phone: socket.socket, stream: MediaStream, by: Ending
) -> None:
    recording = stream.record(uuid.uuid4().hex, b"", Limits(max_s=60))
    talk(phone, stream, 50)
    stream.stop_recording(by)  # the event loop has not had its turn
    outcome = await recording.done
    assert (outcome.by, outcome.samples) == (by, 50 * 160)
    assert stream.report().received == 50


async def test_a_stop_key_that_waits_in_the_socket_counts(phone: socket.socket, stream: MediaStream) -> None:
    recording = stream.record(uuid.uuid4().hex, b"", Limits(max_s=60, stop_keys="#"))
    talk(phone, stream, 50)
    key = struct.pack(">BBHIIBBH", 0x80, 101 | 0x80, 50, 8000, 7, 11, 10, 160)
    phone.sendto(key, ("127.0.0.1", stream.port))
    stream.stop_recording(Ending.HANGUP)
    outcome = await recording.done
    assert (outcome.by, outcome.key, outcome.samples) == (Ending.KEY, "#", 50 * 160)


async def test_without_a_recording_nothing_is_read(phone: socket.socket, stream: MediaStream) -> None:
    talk(phone, stream, 3)
    stream.stop_recording(Ending.HANGUP)
    assert stream.figures.received == 0


async def test_a_key_that_waits_in_the_socket_came_in_time(phone: socket.socket, stream: MediaStream) -> None:
    heard: list[str] = []
    stream.on_key = heard.append
    key = struct.pack(">BBHIIBBH", 0x80, 101 | 0x80, 50, 8000, 7, 11, 10, 160)
    phone.sendto(key, ("127.0.0.1", stream.port))
    stream.catch_up()  # the event loop has not had its turn
    assert heard == ["#"]


async def test_a_key_by_sound_is_heard_whoever_reads_it(
    phone: socket.socket, stream: MediaStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.media.keys.LISTEN_S", 60.0)  # by nobody but those below
    heard: list[str] = []
    stream.on_key = heard.append
    stream.connect(RemoteMedia("127.0.0.1", phone.getsockname()[1], Codec.PCMU, 0))
    times = np.arange(320) / 8000
    tone = (6000 * (np.sin(2 * np.pi * 770 * times) + np.sin(2 * np.pi * 1336 * times))).astype(np.int16)
    sound = encode(tone, Codec.PCMU) + b"\xff" * 640
    frames = [sound[at : at + 160] for at in range(0, len(sound), 160)]
    for at, frame in enumerate(frames):
        packet = struct.pack(">BBHII", 0x80, 0, at, at * 160, 7) + frame
        phone.sendto(packet, ("127.0.0.1", stream.port))
        stream._read_waiting()
        if at == 0:
            stream.keep_house()  # half of the key
    assert heard == []
    stream.catch_up()
    stream.catch_up()
    assert heard == ["5"]
