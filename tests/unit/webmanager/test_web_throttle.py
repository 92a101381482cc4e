"""Guessing tokens: what one address may try, what all may together, and that nothing grows."""

from ipaddress import ip_address

from webmanager.throttle import ALL_BURST, EACH_BURST, EACH_PER_S, KNOWN_MAX, Throttle

HERE = ip_address("192.0.2.1")
THERE = ip_address("192.0.2.2")


def test_ten_mistakes_are_allowed_then_one_every_six_seconds() -> None:
    throttle = Throttle(100.0)
    for _ in range(int(EACH_BURST)):
        assert throttle.wait_s(HERE, 100.0) == 0
        throttle.failed(HERE, 100.0)
    assert throttle.wait_s(HERE, 100.0) == round(1 / EACH_PER_S)
    assert throttle.wait_s(HERE, 103.0) == 3
    assert throttle.wait_s(HERE, 106.1) == 0
    throttle.failed(HERE, 106.1)
    assert throttle.wait_s(HERE, 106.1) > 0


def test_one_address_does_not_answer_for_another() -> None:
    throttle = Throttle(0.0)
    for _ in range(20):
        throttle.failed(HERE, 0.0)
    assert throttle.wait_s(HERE, 0.0) > 0
    assert throttle.wait_s(THERE, 0.0) == 0


def test_a_subscribers_whole_ipv6_network_counts_as_one() -> None:
    throttle = Throttle(0.0)
    for n in range(1, 21):
        throttle.failed(ip_address(f"2001:db8::{n:x}"), 0.0)
    assert throttle.wait_s(ip_address("2001:db8::ffff"), 0.0) > 0
    assert throttle.wait_s(ip_address("2001:db8:0:1::1"), 0.0) == 0


def test_many_addresses_together_are_bounded_too() -> None:
    throttle = Throttle(0.0)
    for n in range(int(ALL_BURST)):
        throttle.failed(ip_address(0x0A000000 + n), 0.0)
    assert throttle.wait_s(THERE, 0.0) > 0
    assert throttle.wait_s(THERE, 1.0) == 0


def test_memory_is_bounded_however_many_addresses_try() -> None:
    throttle = Throttle(0.0)
    for n in range(KNOWN_MAX + 500):
        throttle.failed(ip_address(0x0A000000 + n), float(n))
    assert len(throttle) == KNOWN_MAX


def test_an_address_nobody_knows_is_counted_as_well() -> None:
    throttle = Throttle(0.0)
    for _ in range(20):
        throttle.failed(None, 0.0)
    assert throttle.wait_s(None, 0.0) > 0
