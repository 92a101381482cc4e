"""Two streams connected on loopback: audio, keys and gaps pass as they came, under our own numbers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.media.bridge import Bridge
from ivr.media.clock import SLOTS
from ivr.media.g711 import transcode
from ivr.media.plane import MediaPlane
from ivr.media.rtp import Packet
from ivr.media.spool import Spool
from ivr.media.stream import SPARSE_MS, MediaStream
from tests.unit.ivr.test_media_stream import Phone
from voicebox.codec import FRAME_MS, Codec

SPEECH = bytes(range(256)) * 5
HOUSEKEEPING_MS = 10 * SLOTS
"""From one to the next, at the second of which silence stands in where no packet came between them."""


class Stage:
    """Two phones, each on a stream of ours."""

    def __init__(self, caller: MediaStream, called: MediaStream) -> None:
        self.caller, self.called = caller, called
        self.near, self.far = Phone(ssrc=1), Phone(ssrc=2)
        self.keys: list[str] = []
        self.pressed = asyncio.Event()
        caller.on_key = called.on_key = self._press

    def _press(self, key: str) -> None:
        self.keys.append(key)
        self.pressed.set()

    def connect(self, near: Codec = Codec.PCMU, far: Codec = Codec.PCMU, far_event_pt: int | None = 101) -> Bridge:
        for stream, phone, codec, event_pt in (
            (self.caller, self.near, near, 101),
            (self.called, self.far, far, far_event_pt),
        ):
            stream.connect(phone.remote(codec=codec, payload_type=codec.value.payload_type, send_event_pt=event_pt))
        bridge = Bridge(self.caller.bridged, self.called.bridged)
        bridge.answered()
        return bridge


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    spool = Spool.open(tmp_path, floor_bytes=0, segment_bytes=1 << 20)
    plane = MediaPlane(spool, address="127.0.0.1", ports=(24_000, 24_099))
    made = Stage(await plane.open(), await plane.open())
    yield made
    for phone in (made.near, made.far):
        phone.socket.close()
    await plane.close()
    spool.close()


async def hears(phone: Phone, enough: Callable[[list[Packet]], object]) -> list[Packet]:
    """Wait until a phone has heard enough; silence, which opens the way and keeps it open, is left out."""
    return sound(await hears_all(phone, lambda found: enough(sound(found))))


async def hears_all(phone: Phone, enough: Callable[[list[Packet]], object]) -> list[Packet]:
    """Wait until a phone has heard enough, silence included: wherever a busy machine lets it go out in between."""
    found: list[Packet] = []
    async with asyncio.timeout(20):
        while not enough(found):
            await asyncio.sleep(0.002)
            found += phone.heard()
    return found


def sound(packets: list[Packet]) -> list[Packet]:
    return [each for each in packets if each.payload.strip(b"\xff\xd5")]


def apart_ms(before: Packet, after: Packet) -> float:
    """Return how much later a packet's sound is than another's."""
    return ((after.timestamp - before.timestamp) & 0xFFFF_FFFF) / 8


def unbroken(packets: list[Packet]) -> bool:
    """Tell whether no number is missing between packets."""
    return all((after.sequence - before.sequence) & 0xFFFF == 1 for before, after in pairwise(packets))


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        for _ in iter(ready, True):
            await asyncio.sleep(0.002)


def payload_of(packets: list[Packet]) -> bytes:
    return b"".join(packet.payload for packet in packets)


def whole(packets: list[Packet]) -> bool:
    return len(payload_of(sound(packets))) >= len(SPEECH)


async def test_each_side_hears_the_other_under_our_own_source(stage: Stage) -> None:
    stage.connect()
    for speaker, stream, listener in (
        (stage.near, stage.caller, stage.far),
        (stage.far, stage.called, stage.near),
    ):
        speaker.talk(stream, SPEECH)
        heard = await hears(listener, whole)
        assert payload_of(heard) == SPEECH
        assert len({packet.ssrc for packet in heard}) == 1
        assert heard[0].ssrc != speaker.ssrc
        assert [packet.marker for packet in heard] == [True] + [False] * 7
        for before, after in pairwise(heard):
            assert (after.sequence - before.sequence) & 0xFFFF == 1
            assert (after.timestamp - before.timestamp) & 0xFFFF_FFFF == 160


@pytest.mark.parametrize(("near", "far"), [(Codec.PCMU, Codec.PCMA), (Codec.PCMA, Codec.PCMU)])
async def test_different_laws_are_turned_into_each_other(stage: Stage, near: Codec, far: Codec) -> None:
    stage.connect(near, far)
    stage.near.talk(stage.caller, SPEECH, near.value.payload_type)
    heard = await hears(stage.far, lambda found: len(payload_of(found)) >= 1280)
    assert payload_of(heard) == transcode(SPEECH, near, far)
    assert {packet.payload_type for packet in heard} == {far.value.payload_type}


async def test_lost_and_overtaken_packets_keep_their_places(stage: Stage) -> None:
    stage.connect()
    packets = stage.near.packets(SPEECH)
    for at in (0, 2, 1, 3, 5, 6, 7):  # the fifth is lost
        stage.near.send(stage.caller, packets[at])
    heard = await hears(stage.far, lambda found: len(found) >= 7)
    first = heard[0].sequence
    assert [(packet.sequence - first) & 0xFFFF for packet in heard] == [0, 2, 1, 3, 5, 6, 7]
    assert [((packet.timestamp - heard[0].timestamp) & 0xFFFF_FFFF) // 160 for packet in heard] == [0, 2, 1, 3, 5, 6, 7]


async def test_a_key_passes_and_is_none_of_ours(stage: Stage) -> None:
    stage.connect()
    stage.near.talk(stage.caller, SPEECH)
    stage.near.press(stage.caller, 5)
    heard = await hears(stage.far, lambda found: sum(each.payload_type == 101 for each in found) >= 5)
    events = [packet for packet in heard if packet.payload_type == 101]
    assert {packet.payload[0] for packet in events} == {5}
    assert len({packet.timestamp for packet in events}) == 1
    assert stage.keys == []


async def test_a_key_that_the_other_side_cannot_take_ends_here(stage: Stage) -> None:
    stage.connect(far_event_pt=None)
    stage.near.press(stage.caller, 5)
    stage.near.talk(stage.caller, SPEECH)
    heard = await hears(stage.far, whole)
    assert {packet.payload_type for packet in heard} == {0}
    assert stage.keys == []


async def test_early_media_goes_one_way_and_ends_the_ringing_tone(stage: Stage) -> None:
    stage.caller.connect(stage.near.remote())
    stage.called.connect(stage.far.remote())
    bridge = Bridge(stage.caller.bridged, stage.called.bridged)
    playback = stage.caller.play([b"\x55" * 160 * 500])
    await hears(stage.near, lambda found: len(found) >= 3)
    stage.near.talk(stage.caller, SPEECH)
    stage.far.talk(stage.called, SPEECH)
    heard = await hears(stage.near, lambda found: found[-1:] and found[-1].payload == SPEECH[-160:])
    assert await playback.done is False
    assert SPEECH in payload_of(heard)
    assert [each for each in stage.far.heard() if each.payload.strip(b"\xff")] == []
    bridge.answered()
    stage.near.talk(stage.caller, SPEECH)
    assert payload_of(await hears(stage.far, whole)) == SPEECH


async def test_after_the_end_each_stream_is_itself_again(stage: Stage) -> None:
    bridge = stage.connect()
    stage.far.talk(stage.called, SPEECH)
    before = await hears_all(stage.near, whole)
    bridge.end()
    await stage.caller.play([SPEECH]).done
    heard = await hears_all(stage.near, whole)
    assert payload_of(sound(heard)) == SPEECH
    assert unbroken([before[-1], *heard])
    assert {packet.ssrc for packet in heard} == {before[-1].ssrc}
    stage.near.press(stage.caller, 7)
    async with asyncio.timeout(20):
        await stage.pressed.wait()
    assert stage.keys == ["7"]


async def test_a_new_source_goes_on_from_the_old_ones_numbers(stage: Stage) -> None:
    stage.connect()
    stage.near.talk(stage.caller, SPEECH)
    before = await hears_all(stage.far, whole)
    stage.near.ssrc, stage.near.sequence, stage.near.timestamp = 99, 7, 2**31
    stage.near.talk(stage.caller, SPEECH)
    heard = await hears_all(stage.far, whole)
    assert payload_of(sound(heard)) == SPEECH
    assert unbroken([before[-1], *heard])
    assert sound(heard)[0].marker


async def test_a_side_that_holds_is_sent_nothing(stage: Stage) -> None:
    stage.connect()
    stage.called.connect(stage.far.remote(may_send=False))
    stage.near.talk(stage.caller, SPEECH)
    relay = stage.called.bridged.gets
    assert relay is not None
    await until(lambda: relay.passed == 8)
    stage.called.connect(stage.far.remote())
    stage.near.talk(stage.caller, SPEECH[::-1])
    heard = await hears(stage.far, whole)
    assert payload_of(heard) == SPEECH[::-1]


async def test_a_peer_that_wants_a_steady_stream_gets_the_other_sides_packets_and_silence_again_afterwards(
    stage: Stage,
) -> None:
    bridge = stage.connect()
    stage.caller.connect(stage.near.remote(continuous=True, send_event_pt=101))
    opened = stage.near.heard()
    said = SPEECH * 10  # for longer than it takes until silence stands in
    for packet in stage.far.packets(said):
        stage.far.send(stage.called, packet)
        await asyncio.sleep(0.02)
    heard = await hears_all(stage.near, lambda found: len(payload_of(sound(found))) >= len(said))
    assert payload_of(sound(heard)) == said
    # Silence only stands in for what did not come for long: from one housekeeping to the next, and never for itself.
    together = [*opened[-1:], *heard]
    stood_in = [packet for packet in together if not sound([packet])]
    assert all(apart_ms(before, after) >= SPARSE_MS for before, after in pairwise(stood_in))
    assert all(
        apart_ms(before, after) >= HOUSEKEEPING_MS - 2 * FRAME_MS
        for before, after in pairwise(together)
        if not sound([after])
    )
    bridge.end()
    silence: list[Packet] = []

    def flows() -> bool:
        silence.extend(stage.near.heard())
        return len(silence) >= 3

    await until(flows)
    assert {packet.payload for packet in silence} == {b"\xff" * 160}


async def test_a_side_that_says_nothing_is_stood_in_for_by_a_packet_of_silence_now_and_then(stage: Stage) -> None:
    stage.connect()
    stage.far.talk(stage.called, SPEECH)
    before = await hears_all(stage.near, whole)
    stands_in = await hears_all(stage.near, bool)
    assert {packet.payload for packet in stands_in} == {b"\xff" * 160}
    stage.far.talk(stage.called, SPEECH)
    again = await hears_all(stage.near, whole)
    assert payload_of(sound(again)) == SPEECH
    together = [before[-1], *stands_in, *again]
    assert unbroken(together)
    assert all(0 < (after.timestamp - before.timestamp) & 0xFFFF_FFFF < 2**31 for before, after in pairwise(together))
