"""Keys take the place of audio packets, as RFC 4733 has them."""

import struct

import pytest

from voicebox.demo.keypad import KEYS, Press, presses

SOURCE = 0xC0FFEE


def packets(count: int, *, first: int = 100, timestamp: int = 5000) -> list[bytes]:
    return [
        struct.pack("!BBHII", 0x80, 0, first + index, timestamp + 160 * index, SOURCE) + b"\xff" * 160
        for index in range(count)
    ]


def sent(keys: str) -> list[bytes]:
    """Return what goes out while keys are pressed, until the last one's gap is over."""
    out: list[bytes] = []
    audio = iter(packets(1000))
    for press in presses(keys):
        while not press.done:
            out.append(press.replace(next(audio)))
    return out


def test_a_key_is_one_event_with_three_ends() -> None:
    (press, _gap) = presses("5")
    out = [press.replace(packet) for packet in packets(8)]
    assert press.done
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in out]
    bodies = [struct.unpack("!BBH", packet[12:]) for packet in out]
    assert [head[1] for head in heads] == [0x80 | 101] + [101] * 7
    assert {head[3] for head in heads} == {5000}
    assert {head[4] for head in heads} == {SOURCE}
    assert {body[0] for body in bodies} == {5}
    assert [body[2] for body in bodies] == [160, 320, 480, 640, 800, 800, 800, 800]
    assert [bool(body[1] & 0x80) for body in bodies] == [False] * 4 + [True] * 4


def test_sequence_numbers_stay_whole_and_audio_is_between_keys() -> None:
    out = sent("1001#")
    assert [struct.unpack("!H", packet[2:4])[0] for packet in out] == list(range(100, 100 + len(out)))
    kinds = "".join("k" if packet[1] & 0x7F == 101 else "a" for packet in out)
    assert kinds == ("k" * 8 + "a" * 3) * 5


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_its_event(key: str) -> None:
    assert Press(key).replace(packets(1)[0])[12] == "0123456789*#".index(key)
