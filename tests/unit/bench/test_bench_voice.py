"""What callers of a benchmark say, and the packets that carry it."""

import numpy as np

from bench.voice import FRAME, KEY_PACKETS, Voice, bank, is_silence
from ivr.media.dtmf import KeyReceiver
from ivr.media.g711 import decode
from ivr.media.level import levels_dbfs
from ivr.media.rtp import Packet
from voicebox.codec import Codec


def parsed(data: bytes) -> Packet:
    packet = Packet.parse(data)
    assert packet is not None
    return packet


def test_packets_follow_each_other() -> None:
    voice = Voice(3)
    first, second = parsed(voice.packet()), parsed(voice.packet())
    assert (second.sequence, second.timestamp) == (first.sequence + 1, first.timestamp + FRAME)
    assert (first.payload_type, first.ssrc, len(first.payload)) == (0, second.ssrc, FRAME)


def test_what_was_said_is_what_the_packets_held() -> None:
    voice = Voice(5)
    sent = b"".join(parsed(voice.packet()).payload for _ in range(40))
    assert np.array_equal(voice.said(40), decode(sent, Codec.PCMU))
    assert np.array_equal(voice.said(7), decode(sent[-7 * FRAME :], Codec.PCMU))


def test_what_was_said_is_known_beyond_the_end_of_the_bank() -> None:
    voice = Voice(0)
    frames = len(bank()) // 2 // FRAME + 30
    sent = [parsed(voice.packet()).payload for _ in range(frames)]
    assert np.array_equal(voice.said(60), decode(b"".join(sent[-60:]), Codec.PCMU))


def test_a_key_takes_the_place_of_audio_and_counts_once() -> None:
    voice, keys = Voice(1), KeyReceiver()
    before = parsed(voice.packet())
    events = [parsed(voice.key_packet(11)) for _ in range(KEY_PACKETS)]
    after = parsed(voice.packet())
    assert [keys.receive(each.payload, each.timestamp, each.ssrc, 0.02 * at) for at, each in enumerate(events)] == [
        "#",
        *[None] * (KEY_PACKETS - 1),
    ]
    assert {each.timestamp for each in events} == {before.timestamp + FRAME}
    assert after.timestamp == before.timestamp + FRAME * (KEY_PACKETS + 1)
    assert after.sequence == before.sequence + KEY_PACKETS + 1


def test_nothing_was_said_while_a_key_was_down() -> None:
    voice = Voice(2)
    before = parsed(voice.packet()).payload
    for _ in range(KEY_PACKETS):
        voice.key_packet(11)
    after = parsed(voice.packet()).payload
    silence = np.zeros(KEY_PACKETS * FRAME, np.int16)
    whole = np.concatenate((decode(before, Codec.PCMU), silence, decode(after, Codec.PCMU)))
    assert np.array_equal(voice.said(KEY_PACKETS + 2), whole)
    assert np.array_equal(voice.said(4), whole[-4 * FRAME :])


def test_another_key_is_another_event() -> None:
    voice = Voice(1)
    first = [parsed(voice.key_packet(1)) for _ in range(KEY_PACKETS)]
    second = parsed(voice.key_packet(1))
    assert second.timestamp != first[0].timestamp
    assert second.payload[1] & 0x80 == 0


def test_callers_say_different_things() -> None:
    assert parsed(Voice(1).packet()).payload != parsed(Voice(2).packet()).payload


def test_the_bank_is_speech_all_along() -> None:
    levels = levels_dbfs(bank()[: len(bank()) // 2], Codec.PCMU, FRAME)
    assert min(levels) > -35


def test_silence_is_told_from_sound() -> None:
    assert is_silence(b"\xff" * FRAME)
    assert not is_silence(bank()[:FRAME])
