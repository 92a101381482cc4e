"""Keys by RFC 4733: one key is one key (security.md, row 20)."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.dtmf import KEYS, TWICE_S, KeyOnce, KeyReceiver, Way


@dataclass(frozen=True)
class Event:
    """One telephone-event packet."""

    number: int
    timestamp: int
    duration: int
    at: float
    end: bool = False
    reserved: bool = False
    ssrc: int = 1

    def payload(self) -> bytes:
        flags = (0x80 if self.end else 0) | (0x40 if self.reserved else 0) | 10
        return bytes((self.number, flags)) + self.duration.to_bytes(2, "big")


def press(key: str, timestamp: int, at: float, *, packets: int = 5) -> list[Event]:
    """Return what a phone sends for one press: a packet each 20 ms, the last three times with the E bit."""
    number = KEYS.index(key)
    during = [Event(number, timestamp, 160 * (index + 1), at + 0.02 * index) for index in range(packets)]
    last = Event(number, timestamp, 160 * packets, at + 0.02 * packets, end=True)
    return [*during, last, last, last]


def receive(receiver: KeyReceiver, events: list[Event]) -> str:
    return "".join(
        receiver.receive(each.payload(), each.timestamp & 0xFFFF_FFFF, each.ssrc, each.at) or "" for each in events
    )


def presses(keys: str, *, start: int = 1000) -> list[list[Event]]:
    return [press(key, start + 2400 * index, 0.3 * index) for index, key in enumerate(keys)]


@given(st.text(KEYS, max_size=12), st.integers(0, 0xFFFF_FFFF), st.randoms(use_true_random=False))
def test_each_press_counts_once_whatever_is_lost(keys: str, start: int, random: "object") -> None:
    events: list[Event] = []
    for each in presses(keys, start=start):
        kept = [event for event in each if random.random() > 0.6]  # type: ignore[attr-defined] # hypothesis's Random
        events += kept or [each[len(each) // 2]]
    assert receive(KeyReceiver(), events) == keys


def test_a_key_acts_on_its_first_packet_whichever_that_is() -> None:
    for first in range(8):
        receiver = KeyReceiver()
        events = press("7", 100, 0.0)[first:]
        assert receive(receiver, events[:1]) == "7"
        assert receive(receiver, events[1:]) == ""


def test_the_same_key_twice_is_two_keys() -> None:
    assert receive(KeyReceiver(), [*press("5", 1000, 0.0), *press("5", 2200, 0.15)]) == "55"


def test_the_same_key_twice_with_the_end_lost_is_two_keys() -> None:
    assert receive(KeyReceiver(), [*press("5", 1000, 0.0)[:5], *press("5", 2600, 0.2)]) == "55"


def test_a_straggler_of_an_earlier_press_is_no_key() -> None:
    first, second = press("1", 1000, 0.0), press("2", 3000, 0.25)
    assert receive(KeyReceiver(), [*first[:4], second[0], first[4], second[1], first[5]]) == "12"


def test_another_key_with_the_same_timestamp_is_another_key() -> None:
    first, second = press("9", 1000, 0), press("5", 1000, 0.3)
    assert receive(KeyReceiver(), [*first, *second, first[-1], *press("9", 1000 + 4800, 0.6)]) == "959"


def test_the_reserved_bit_is_tolerated() -> None:
    assert receive(KeyReceiver(), [replace(each, reserved=True) for each in press("#", 5, 0.0)]) == "#"


def test_a_timestamp_that_creeps_within_one_event_is_one_key() -> None:
    events = [Event(3, 1000 + 160 * index, 160 * index, 0.02 * index) for index in range(10)]
    assert receive(KeyReceiver(), events) == "3"


def test_a_press_of_20_seconds_is_one_key() -> None:
    events, at, timestamp, duration = [], 0.0, 4_294_900_000, 0
    for _ in range(1000):
        duration += 160
        if duration > 0xFFFF:
            timestamp, duration = timestamp + 0xFFFF, duration - 0xFFFF
        events.append(Event(9, timestamp, duration, at))
        at += 0.02
    assert receive(KeyReceiver(), events) == "9"


def test_all_sixteen_keys_and_nothing_beyond() -> None:
    receiver = KeyReceiver()
    found = receive(receiver, [Event(number, 1000 * number, 160, float(number)) for number in range(30)])
    assert found == "0123456789*#ABCD"
    assert receiver.ignored == 14


def test_a_key_is_held_until_its_end_or_100_ms_without_a_packet() -> None:
    receiver = KeyReceiver()
    events = press("4", 100, 0.0)
    receive(receiver, events[:3])
    assert receiver.pressed(0.1) == "4"
    assert receiver.pressed(0.141) is None
    receive(receiver, events[3:])
    assert receiver.pressed(0.1) is None


def test_another_source_with_the_same_timestamp_is_another_press() -> None:
    assert receive(KeyReceiver(), [Event(1, 50, 160, 0.0), Event(1, 50, 160, 0.5, ssrc=2)]) == "11"


@given(st.lists(st.tuples(st.binary(max_size=8), st.integers(0, 0xFFFF_FFFF), st.integers(0, 2)), max_size=50))
def test_no_bytes_raise(packets: list[tuple[bytes, int, int]]) -> None:
    receiver = KeyReceiver()
    for index, (payload, timestamp, ssrc) in enumerate(packets):
        key = receiver.receive(payload, timestamp, ssrc, index * 0.02)
        assert key is None or key in KEYS


def test_a_key_by_two_ways_counts_once() -> None:
    once = KeyOnce()
    assert once.take("5", Way.RTP, 0.0)
    assert not once.take("5", Way.INFO, 0.08)


def test_two_presses_by_two_ways_are_two_keys_in_any_order() -> None:
    for order in ("rrii", "riri", "irir", "iirr", "riir"):
        once = KeyOnce()
        ways = {"r": Way.RTP, "i": Way.INFO}
        taken = [once.take("5", ways[each], 0.1 * index) for index, each in enumerate(order)]
        assert taken.count(True) == 2, order


def test_the_same_key_much_later_is_another_press() -> None:
    once = KeyOnce()
    assert once.take("5", Way.RTP, 0.0)
    assert once.take("5", Way.INFO, TWICE_S + 0.1)


def test_different_keys_do_not_hide_each_other() -> None:
    once = KeyOnce()
    assert all(once.take(key, way, 0.0) for key, way in [("1", Way.RTP), ("2", Way.INFO), ("3", Way.SOUND)])


@pytest.mark.parametrize("way", list(Way))
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0, 3)), max_size=40))
def test_one_way_alone_never_loses_a_key(way: Way, keys: list[tuple[str, float]]) -> None:
    once, now = KeyOnce(), 0.0
    for key, waited in keys:
        now += waited
        assert once.take(key, way, now)
