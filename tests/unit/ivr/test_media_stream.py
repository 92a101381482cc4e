"""Streams on loopback: playing, keys, recording, hold, third parties."""

import asyncio
import contextlib
import random
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.media import dtmf, latch
from ivr.media.assembly import samples_of
from ivr.media.g711 import decode, encode, transcode
from ivr.media.plane import MediaPlane
from ivr.media.playback import Playback
from ivr.media.ports import NoPorts
from ivr.media.recorder import RecordingOutcome
from ivr.media.recording import Ending, Limits
from ivr.media.remote import RemoteMedia
from ivr.media.rtcp import Bye, SenderReport, SourceDescription, build, parse
from ivr.media.rtp import Packet
from ivr.media.spool import Spool
from ivr.media.stream import MediaStream
from voicebox.codec import FRAME_MS, Codec

SPEECH = bytes(range(256)) * 100
LIMITS = Limits(max_s=60, stop_keys="#")
ATTEMPTS = 50
"""To be in time on a machine that others keep busy."""


class Phone:
    """The other end: a socket that numbers what it sends."""

    def __init__(self, host: str = "127.0.0.1", ssrc: int = 77) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()[:2]
        self.ssrc = ssrc
        self.sequence = 65_500
        self.timestamp = 2**32 - 2000

    def remote(self, **changes: Any) -> RemoteMedia:
        media = RemoteMedia(self.host, self.port, Codec.PCMU, 0, telephone_event_pts=frozenset({101}))
        return replace(media, **changes)

    def packets(self, payload: bytes, payload_type: int = 0) -> list[bytes]:
        made = []
        for at in range(0, len(payload), 160):
            part = payload[at : at + 160]
            made.append(
                bytes(Packet(payload_type, self.sequence & 0xFFFF, self.timestamp & 0xFFFF_FFFF, self.ssrc, part))
            )
            self.sequence += 1
            self.timestamp += len(part)
        return made

    def send(self, stream: MediaStream, data: bytes) -> None:
        self.socket.sendto(data, (self.host, stream.port))

    def talk(self, stream: MediaStream, payload: bytes, payload_type: int = 0) -> None:
        for each in self.packets(payload, payload_type):
            self.send(stream, each)

    def press(self, stream: MediaStream, key: int) -> None:
        for end in (False, False, True, True, True):
            payload = bytes((key, 0x8A if end else 0x0A, 1, 64))
            self.send(
                stream, bytes(Packet(101, self.sequence & 0xFFFF, self.timestamp & 0xFFFF_FFFF, self.ssrc, payload))
            )
            self.sequence += 1
        self.timestamp += 320

    def heard(self) -> list[Packet]:
        found: list[Packet] = []
        for data in received_by(self.socket):
            packet = Packet.parse(data)
            assert packet is not None
            found.append(packet)
        return found


def received_by(listening: socket.socket) -> Iterator[bytes]:
    """Read the datagrams that have come."""
    with contextlib.suppress(BlockingIOError):
        while True:
            yield listening.recv(2000)


def sound(packets: list[Packet]) -> list[Packet]:
    """Leave out the silence that keeps the way open: on a busy machine a second without sound passes anywhere."""
    return [packet for packet in packets if packet.payload.strip(b"\xff")]


def steady(packets: list[Packet], *, skipped: int) -> bool:
    """Tell whether packets of sound follow each other on the beat of 20 ms, none missing.

    A machine that held the process up for more than two frames makes a gap of whole frames, which the marker tells; for
    each frame that is missing then, the clock skipped a step at least.
    """
    gaps = [b.timestamp - a.timestamp & 0xFFFF_FFFF for a, b in pairwise(packets)]
    return (
        all(b.sequence - a.sequence & 0xFFFF == 1 for a, b in pairwise(packets))
        and all(gap % 160 == 0 for gap in gaps)
        and sum(gap // 160 - 1 for gap in gaps) <= skipped
        and all(packet.marker == (gap > 160) for packet, gap in zip(packets[1:], gaps, strict=True))
    )


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool.open(tmp_path, floor_bytes=0, segment_bytes=1 << 20)
    yield opened
    opened.close()


@pytest.fixture
async def plane(spool: Spool) -> AsyncIterator[MediaPlane]:
    made = MediaPlane(spool, address="127.0.0.1", ports=(25_000, 25_999), external="192.0.2.9")
    yield made
    await made.close()


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    made = Phone()
    yield made
    made.socket.close()


@pytest.fixture
async def stream(plane: MediaPlane, phone: Phone) -> MediaStream:
    opened = await plane.open()
    opened.connect(phone.remote())
    return opened


def new_id() -> str:
    return uuid.uuid4().hex


async def until(true: Callable[[], bool]) -> None:
    """Let the loop run until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for is in a socket or in another thread
            await asyncio.sleep(0.002)


async def received(stream: MediaStream, count: int) -> None:
    await until(lambda: stream.report().received >= count)


def in_time(plane: MediaPlane, stream: MediaStream, audio: bytes) -> Playback | None:
    """Play before the frame after the last one is due; None, with nothing playing, where this process was held up.

    Whoever comes later than that begins a beat of its own.
    """
    last_ms = stream._sender.last_ms
    playback = stream.play([audio])
    if plane.clock.now_ms() - last_ms < FRAME_MS:
        return playback
    playback.stop()
    return None


# Playing


async def test_playing_sends_every_byte_in_order(plane: MediaPlane, stream: MediaStream, phone: Phone) -> None:
    phone.heard()
    skipped = plane.clock.skipped_steps
    playback = stream.play([SPEECH[:3200], SPEECH[3200:4000]])
    assert await playback.done
    packets = sound(phone.heard())
    assert b"".join(each.payload for each in packets) == SPEECH[:4000]
    assert packets[0].marker
    assert steady(packets, skipped=plane.clock.skipped_steps - skipped)
    assert playback.position_bytes == 4000


async def test_a_following_playback_goes_on_without_a_gap(plane: MediaPlane, stream: MediaStream, phone: Phone) -> None:
    for _ in range(ATTEMPTS):
        phone.heard()
        skipped = plane.clock.skipped_steps
        await stream.play([SPEECH[:1600]]).done
        if (second := in_time(plane, stream, SPEECH[:1600])) is not None:
            break
    else:
        pytest.fail("never in time")
    await second.done
    packets = sound(phone.heard())
    assert len(packets) == 20
    assert steady(packets, skipped=plane.clock.skipped_steps - skipped)


async def test_timestamps_go_on_over_silence(stream: MediaStream, phone: Phone) -> None:
    loop = asyncio.get_running_loop()
    phone.heard()
    began = loop.time()
    await stream.play([SPEECH[:160]]).done
    due_ms = stream._sender.last_ms
    await asyncio.sleep(0.3)
    await stream.play([SPEECH[:160]]).done
    passed = loop.time() - began
    first, *_, last = phone.heard()
    apart = last.timestamp - first.timestamp & 0xFFFF_FFFF
    assert apart == 8 * (stream._sender.last_ms - due_ms)
    # However late this process was told of what it waited for.
    assert 0.29 <= apart / 8000 <= passed + 0.03
    assert last.marker


async def test_stopping_is_immediate(stream: MediaStream, phone: Phone) -> None:
    playback = stream.play([SPEECH])
    await until(lambda: playback.position_bytes > 0)
    playback.stop()
    assert playback.done.result() is False
    phone.heard()
    await asyncio.sleep(0.06)
    assert sound(phone.heard()) == []
    playback.stop()


async def test_a_key_stops_the_prompt_within_a_frame(stream: MediaStream, phone: Phone) -> None:
    playback = stream.play([SPEECH])
    stream.on_key = lambda _: playback.stop()
    await until(lambda: playback.position_bytes > 0)
    phone.press(stream, 5)
    await until(playback.done.done)
    phone.heard()
    await asyncio.sleep(0.06)
    assert sound(phone.heard()) == []


async def test_a_new_playback_replaces_the_old(stream: MediaStream) -> None:
    first = stream.play([SPEECH])
    second = stream.play([b"x" * 160])
    assert first.done.result() is False
    assert await second.done


async def test_nothing_to_play_is_over_at_once(stream: MediaStream) -> None:
    assert stream.play([]).done.result() is True


async def test_silence_opens_the_way_at_once(plane: MediaPlane, phone: Phone) -> None:
    stream = await plane.open()
    stream.connect(phone.remote())
    assert stream.figures.sent == 1
    packets: list[Packet] = []

    def heard() -> bool:
        packets.extend(phone.heard())
        return bool(packets)

    await until(heard)
    assert packets[0].payload == b"\xff" * 160


async def test_a_peer_may_ask_for_silence_all_the_time(plane: MediaPlane, phone: Phone) -> None:
    stream = await plane.open()
    stream.connect(phone.remote(continuous=True))
    packets: list[Packet] = []

    async def hear(count: int) -> None:
        wanted = len(packets) + count

        def heard() -> bool:
            packets.extend(phone.heard())
            return len(packets) >= wanted

        await until(heard)

    for _ in range(ATTEMPTS):
        packets.clear()
        await hear(5)
        if (playback := in_time(plane, stream, SPEECH[:320])) is not None:
            break
    else:
        pytest.fail("never in time")
    await playback.done
    await hear(5)
    assert SPEECH[:320] in b"".join(each.payload for each in packets)
    assert all(b.sequence - a.sequence & 0xFFFF == 1 for a, b in pairwise(packets))
    gaps = [b.timestamp - a.timestamp & 0xFFFF_FFFF for a, b in pairwise(packets)]
    assert all(gap % 160 == 0 for gap in gaps)
    assert gaps.count(160) > 0.5 * len(gaps)
    assert any(each.marker for each in packets)


async def test_on_hold_nothing_is_sent_and_time_goes_on(stream: MediaStream, phone: Phone) -> None:
    playback = stream.play([SPEECH[:3200]])
    await until(lambda: playback.position_bytes >= 320)
    stream.connect(phone.remote(may_send=False, may_receive=False))
    phone.heard()
    assert await playback.done
    assert phone.heard() == []
    assert stream.last_packet_age(asyncio.get_running_loop().time() + 100) == 0
    # Held the ordinary way (sendonly), many phones send no RTP at all.
    stream.connect(phone.remote(may_send=False))
    assert stream.last_packet_age(asyncio.get_running_loop().time() + 100) == 0
    stream.connect(phone.remote())
    assert stream.last_packet_age(asyncio.get_running_loop().time() + 100) == pytest.approx(100, abs=5)
    await stream.play([SPEECH[:160]]).done
    assert len(phone.heard()) == 1


async def test_a_codec_change_in_mid_prompt_is_followed(stream: MediaStream, phone: Phone) -> None:
    phone.heard()
    playback = stream.play([SPEECH[:1600]])
    await until(lambda: playback.position_bytes >= 320)
    stream.connect(phone.remote(codec=Codec.PCMA, payload_type=8))
    await playback.done
    packets = phone.heard()
    mu = b"".join(each.payload for each in packets if each.payload_type == 0)
    a = b"".join(each.payload for each in packets if each.payload_type == 8)
    assert mu + transcode(SPEECH[len(mu) : 1600], Codec.PCMU, Codec.PCMA) == SPEECH[: len(mu)] + a
    assert a


# Keys


async def test_keys_are_heard_once_by_any_way(
    stream: MediaStream, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtmf, "TWICE_S", 60.0)  # however late the second way is read
    keys: list[str] = []
    stream.on_key = keys.append
    for key in (1, 2, 2, 11):
        phone.press(stream, key)
    await until(lambda: len(keys) == 4)
    stream.info_key("#")
    stream.info_key("7")
    assert keys == ["1", "2", "2", "#", "7"]


async def test_keys_in_the_sound_count_where_no_event_was_agreed(plane: MediaPlane, phone: Phone) -> None:
    stream = await plane.open()
    keys: list[str] = []
    stream.on_key = keys.append
    stream.connect(phone.remote(telephone_event_pts=frozenset()))
    times = np.arange(1600) / 8000
    tone = (6000 * (np.sin(2 * np.pi * 770 * times) + np.sin(2 * np.pi * 1336 * times))).astype(np.int16)
    phone.talk(stream, encode(tone, Codec.PCMU) + b"\xff" * 800)
    await until(lambda: keys == ["5"])
    stream.record(new_id(), b"", LIMITS)
    phone.talk(stream, encode(tone, Codec.PCMU) + b"\xff" * 800)
    await asyncio.sleep(0.1)
    assert keys == ["5"]


async def test_undeclared_events_are_keys_all_the_same(plane: MediaPlane, phone: Phone) -> None:
    stream = await plane.open()
    keys: list[str] = []
    stream.on_key = keys.append
    stream.connect(phone.remote(telephone_event_pts=frozenset()))
    phone.press(stream, 9)
    await until(lambda: keys == ["9"])


# Recording


async def test_a_recording_is_what_was_sent_sample_for_sample(stream: MediaStream, phone: Phone, spool: Spool) -> None:
    take_id = new_id()
    keys: list[str] = []
    stream.on_key = keys.append
    handle = stream.record(take_id, b"context", LIMITS)
    phone.talk(stream, SPEECH)
    await received(stream, 160)
    phone.press(stream, 11)
    outcome = await handle.done
    assert outcome == RecordingOutcome(Ending.KEY, "#", len(SPEECH), 8000)
    assert keys == ["#"]
    assert np.array_equal(samples_of(spool.read(take_id)), decode(SPEECH, Codec.PCMU))
    figures = stream.report()
    assert figures.received >= 161
    assert figures.lost == 0


async def test_other_keys_do_not_end_it(stream: MediaStream, phone: Phone) -> None:
    keys: list[str] = []
    stream.on_key = keys.append
    handle = stream.record(new_id(), b"", LIMITS)
    phone.press(stream, 3)
    await until(lambda: keys == ["3"])
    assert not handle.done.done()


async def test_loss_duplicates_and_reordering_cost_only_what_was_lost(
    stream: MediaStream, phone: Phone, spool: Spool
) -> None:
    rng = random.Random(4)
    take_id = new_id()
    handle = stream.record(take_id, b"", LIMITS)
    packets = phone.packets(SPEECH)
    lost = {index for index in range(2, 155) if rng.random() < 0.05}
    order = sorted(
        (index for index in range(160) if index not in lost), key=lambda index: index + rng.random() * 8 * (index > 0)
    )
    for index in order:
        phone.send(stream, packets[index])
        if rng.random() < 0.1:
            phone.send(stream, packets[index])
    await received(stream, 160 - len(lost))
    handle.stop(Ending.HANGUP)
    outcome = await handle.done
    expected = decode(SPEECH, Codec.PCMU).reshape(160, 160).copy()
    expected[sorted(lost)] = 0
    assert outcome.samples == len(SPEECH)
    assert np.array_equal(samples_of(spool.read(take_id)), expected.ravel())
    assert stream.report().lost == len(lost)


async def test_nothing_said_leaves_nothing(stream: MediaStream, phone: Phone, spool: Spool) -> None:
    take_id = new_id()
    handle = stream.record(take_id, b"", LIMITS)
    phone.talk(stream, b"\xff" * 16_000)
    await received(stream, 100)
    handle.stop(Ending.HANGUP)
    assert (await handle.done).samples == 0
    assert not spool.holds(take_id)


async def test_the_maximum_ends_it_to_the_sample(stream: MediaStream, phone: Phone) -> None:
    handle = stream.record(new_id(), b"", Limits(max_s=0.6, warn_s=0))
    phone.talk(stream, SPEECH)
    outcome = await handle.done
    assert (outcome.by, outcome.samples) == (Ending.MAXIMUM, 4800)
    assert sound(phone.heard()) == []


async def test_a_warning_comes_before_the_maximum(stream: MediaStream, phone: Phone) -> None:
    handle = stream.record(new_id(), b"", Limits(max_s=60, warn_s=59.9))
    phone.talk(stream, SPEECH)
    await until(lambda: bool(sound(phone.heard())))
    assert not handle.over
    handle.stop(Ending.HANGUP)
    outcome = await handle.done
    assert (outcome.by, outcome.samples) == (Ending.HANGUP, len(SPEECH))


async def test_what_a_held_up_process_has_not_read_yet_is_no_silence(
    stream: MediaStream, phone: Phone, spool: Spool
) -> None:
    take_id = new_id()
    handle = stream.record(take_id, b"", Limits(max_s=60, no_speech_s=0.1))
    time.sleep(0.2)  # noqa: ASYNC251 - it holds this process up, as a busy machine does
    phone.talk(stream, SPEECH)
    stream.keep_house()
    assert not handle.over
    handle.stop(Ending.HANGUP)
    assert (await handle.done).samples == len(SPEECH)
    assert np.array_equal(samples_of(spool.read(take_id)), decode(SPEECH, Codec.PCMU))


async def test_silence_ends_it_on_time(stream: MediaStream, phone: Phone) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    handle = stream.record(new_id(), b"", Limits(max_s=60, silence_s=0.7))
    phone.talk(stream, SPEECH[:8000])
    outcome = await handle.done
    assert (outcome.by, outcome.samples) == (Ending.SILENCE, 8000)
    assert loop.time() - began > 0.69


async def test_a_second_recording_is_refused_while_one_is_on(stream: MediaStream) -> None:
    stream.record(new_id(), b"", LIMITS)
    with pytest.raises(RuntimeError):
        stream.record(new_id(), b"", LIMITS)


async def test_closing_ends_the_recording_as_by_hang_up(stream: MediaStream, phone: Phone, plane: MediaPlane) -> None:
    handle = stream.record(new_id(), b"", LIMITS)
    phone.talk(stream, SPEECH)
    await received(stream, 160)
    await stream.close()
    await stream.close()
    assert (await handle.done).by is Ending.HANGUP
    assert stream not in plane.streams
    assert stream.figures.received == 160


async def test_shutdown_saves_every_recording(plane: MediaPlane, phone: Phone) -> None:
    handles = []
    for _ in range(5):
        stream = await plane.open()
        stream.connect(phone.remote())
        handles.append(stream.record(new_id(), b"", LIMITS))
        phone.talk(stream, SPEECH[:8000])
        await received(stream, 50)
    plane.end_recordings()
    assert {(await each.done).by for each in handles} == {Ending.SHUTDOWN}


async def test_a_codec_change_while_recording_is_decoded_right(stream: MediaStream, phone: Phone, spool: Spool) -> None:
    take_id = new_id()
    handle = stream.record(take_id, b"", LIMITS)
    phone.talk(stream, SPEECH)
    phone.talk(stream, SPEECH, payload_type=8)  # without asking
    await received(stream, 320)
    stream.connect(phone.remote(codec=Codec.PCMA, payload_type=8))
    phone.talk(stream, SPEECH, payload_type=8)
    await received(stream, 480)
    handle.stop(Ending.HANGUP)
    await handle.done
    expected = [decode(SPEECH, codec) for codec in (Codec.PCMU, Codec.PCMA, Codec.PCMA)]
    assert np.array_equal(samples_of(spool.read(take_id)), np.concatenate(expected))


# Who is heard


async def test_a_third_address_is_ignored_and_counted(
    stream: MediaStream, phone: Phone, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latch, "SILENCE_S", 60.0)  # the caller is not silent, only read late
    take_id = new_id()
    keys: list[str] = []
    stream.on_key = keys.append
    third = Phone(ssrc=77)
    handle = stream.record(take_id, b"", LIMITS)
    phone.talk(stream, SPEECH[:160])
    await received(stream, 1)
    third.talk(stream, b"\x00" * 16_000)
    third.press(stream, 11)
    phone.talk(stream, SPEECH[160:])
    await received(stream, 160)
    handle.stop(Ending.HANGUP)
    await handle.done
    assert np.array_equal(samples_of(spool.read(take_id)), decode(SPEECH, Codec.PCMU))
    assert stream.injected == 105
    assert keys == []
    phone.heard()
    await stream.play([SPEECH[:160]]).done
    assert len(phone.heard()) == 1
    third.socket.close()


async def test_behind_a_nat_the_answer_goes_to_where_the_packets_come_from(plane: MediaPlane, phone: Phone) -> None:
    stream = await plane.open()
    stream.connect(phone.remote(port=9))
    phone.talk(stream, SPEECH[:800])
    await received(stream, 5)
    await stream.play([SPEECH[:320]]).done
    assert b"".join(each.payload for each in sound(phone.heard())) == SPEECH[:320]


async def test_a_re_invite_moves_the_stream(stream: MediaStream, phone: Phone) -> None:
    phone.talk(stream, SPEECH[:800])
    await received(stream, 5)
    other = Phone(ssrc=5)
    stream.connect(other.remote())
    other.talk(stream, SPEECH[:800])
    phone.talk(stream, SPEECH[:800])
    await received(stream, 10)
    await until(lambda: stream.injected == 5)
    await stream.play([SPEECH[:160]]).done
    assert other.heard()
    other.socket.close()


async def test_rubbish_is_counted_and_harms_nothing(stream: MediaStream, phone: Phone) -> None:
    rng = random.Random(1)
    phone.talk(stream, SPEECH[:160])
    await received(stream, 1)
    for _ in range(300):
        phone.send(stream, rng.randbytes(rng.randrange(0, 60)))
    phone.send(stream, b"\x80\x00" + bytes(8000))
    await asyncio.sleep(0.02)
    phone.talk(stream, SPEECH[160:1600])
    await received(stream, 10)
    assert stream.malformed > 0


# RTCP


async def test_reports_are_sent_and_bye_at_the_end(stream: MediaStream, phone: Phone) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        stream.connect(phone.remote(rtcp_port=listener.getsockname()[1]))
        phone.talk(stream, SPEECH[:1600])
        await received(stream, 10)
        await stream.play([SPEECH[:320]]).done
        await stream.close()
        *_, data = received_by(listener)  # the last: a report may be due before, too
        sender, name, bye = parse(data)
    assert isinstance(sender, SenderReport)
    heard = phone.heard()  # silence opens the way, and may go out again meanwhile
    assert len(sound(heard)) == 2
    assert len(heard) >= 3
    assert (sender.packets, sender.octets) == (len(heard), sum(len(packet.payload) for packet in heard))
    assert stream.figures.sent == len(heard)
    (block,) = sender.blocks
    assert (block.ssrc, block.cumulative_lost, block.highest_sequence & 0xFFFF) == (77, 0, 65_509)
    assert isinstance(name, SourceDescription)
    assert bye == Bye((sender.ssrc,))


async def test_the_peers_bye_is_noted(stream: MediaStream, phone: Phone) -> None:
    phone.talk(stream, SPEECH[:160])
    await received(stream, 1)
    for data in (b"\x80\xc9\x00", b"\x80\xcb\xff\xff", build(Bye((99,)))):
        phone.socket.sendto(data, ("127.0.0.1", stream.port + 1))
    await asyncio.sleep(0.02)
    assert not stream.said_bye
    phone.socket.sendto(build(Bye((77,))), ("127.0.0.1", stream.port + 1))
    await until(lambda: stream.said_bye)


# The plane


async def test_the_sdp_names_the_external_address(stream: MediaStream) -> None:
    assert stream.host == "192.0.2.9"
    assert stream.port % 2 == 0


async def test_ports_run_out(spool: Spool) -> None:
    # At an address of its own: four ports are few, where others listen, too.
    plane = MediaPlane(spool, address="127.0.0.77", ports=(26_000, 26_003))
    assert plane.capacity == 2
    first, _ = await plane.open(), await plane.open()
    with pytest.raises(NoPorts):
        await plane.open()
    await first.close()
    await asyncio.sleep(0)
    await plane.open()
    await plane.close()


async def test_ipv6_works_too(spool: Spool) -> None:
    plane, phone = MediaPlane(spool, address="::1", ports=(26_100, 26_199)), Phone("::1")
    stream = await plane.open()
    stream.connect(phone.remote())
    phone.talk(stream, SPEECH[:1600])
    await received(stream, 10)
    phone.heard()
    await stream.play([SPEECH[:320]]).done
    assert len(phone.heard()) == 2
    await plane.close()
    phone.socket.close()


async def test_a_fault_in_one_stream_ends_only_that_one(plane: MediaPlane, stream: MediaStream, phone: Phone) -> None:
    faults: list[Exception] = []
    other = await plane.open()
    other.on_fault = faults.append
    other.connect(phone.remote())
    playback = stream.play([SPEECH[:4800]])
    broken = other.play([SPEECH[:160]])
    broken.left = 99  # frames that are not there
    assert await playback.done
    assert len(faults) == 1
    assert broken.done.result() is False
