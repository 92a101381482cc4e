"""Strangers knock at a bounded rate, in bounded memory, and leave lines for fail2ban."""

import pytest
from structlog.testing import capture_logs

from ivr.sip.admission import REPORT_EVERY_S, Admission, Rate, network_of
from ivr.sip.hops import Address, Source, Transport


def source(host: str = "192.0.2.7") -> Source:
    return Source(Transport.UDP, host, 5099, Address("192.0.2.1", 5060))


def test_a_burst_then_a_rate() -> None:
    gate = Admission(Rate(per_s=2.0, burst=3.0))
    assert [gate.admit(source(), 0.0) for _ in range(4)] == [True, True, True, False]
    assert [gate.admit(source(), 0.5) for _ in range(2)] == [True, False]
    assert [gate.admit(source(), 100.0) for _ in range(4)] == [True, True, True, False]
    assert gate.refused == 3


def test_sources_have_buckets_of_their_own() -> None:
    gate = Admission(Rate(per_s=1.0, burst=1.0))
    assert gate.admit(source("192.0.2.7"), 0.0)
    assert gate.admit(source("192.0.2.8"), 0.0)
    assert not gate.admit(source("192.0.2.7"), 0.0)


def test_a_loud_source_does_not_use_up_what_is_for_all() -> None:
    gate = Admission(Rate(per_s=0.0, burst=2.0), Rate(per_s=0.0, burst=3.0))
    assert [gate.admit(source("192.0.2.7"), 0.0) for _ in range(50)].count(True) == 2
    assert gate.admit(source("192.0.2.8"), 0.0)
    assert not gate.admit(source("192.0.2.9"), 0.0)


def test_an_ipv6_network_is_one_source_and_a_scope_does_not_matter() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::2:3:4:5") == "2001:db8::/64"
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("192.0.2.7") == "192.0.2.7"


def test_memory_is_bounded_and_the_longest_unheard_is_forgotten() -> None:
    gate = Admission(Rate(per_s=0.0, burst=1.0), sources_max=3)
    for number in range(3):
        assert gate.admit(source(f"192.0.2.{number}"), 0.0)
    assert not gate.admit(source("192.0.2.0"), 0.0)
    assert gate.admit(source("192.0.2.3"), 0.0)
    assert len(gate) == 3
    assert not gate.admit(source("192.0.2.0"), 0.0)
    assert gate.admit(source("192.0.2.1"), 0.0)


def test_a_flood_from_forged_sources_is_held_by_the_common_bucket() -> None:
    gate = Admission(Rate(per_s=5.0, burst=5.0), Rate(per_s=10.0, burst=20.0), sources_max=100)
    admitted = sum(gate.admit(source(f"10.{n // 65536}.{n // 256 % 256}.{n % 256}"), n / 1000) for n in range(5000))
    assert admitted <= 20 + 10 * 5
    assert len(gate) == 100


def test_a_clock_that_runs_back_gives_nothing_away() -> None:
    gate = Admission(Rate(per_s=1.0, burst=1.0))
    assert gate.admit(source(), 10.0)
    assert not gate.admit(source(), 5.0)
    assert not gate.admit(source(), 10.5)
    assert gate.admit(source(), 11.0)


def test_an_offence_costs_more() -> None:
    gate = Admission(Rate(per_s=1.0, burst=6.0))
    gate.offended(source(), "digest", 0.0)
    assert gate.admit(source(), 0.0)
    assert not gate.admit(source(), 0.0)


def test_refusals_are_logged_once_a_minute_with_their_count() -> None:
    gate = Admission(Rate(per_s=0.0, burst=0.0))
    with capture_logs() as lines:
        for second in range(int(REPORT_EVERY_S) + 1):
            gate.admit(source(), float(second))
    assert [(line["event"], line["ip"], line["reason"], line["count"]) for line in lines] == [
        ("sip_refused", "192.0.2.7", "rate", 1),
        ("sip_refused", "192.0.2.7", "rate", 60),
    ]
    assert lines[0]["log_level"] == "warning"


@pytest.mark.parametrize("cost", [0.0, 5.0])
def test_an_offence_is_logged_with_its_reason(cost: float) -> None:
    gate = Admission()
    with capture_logs() as lines:
        gate.offended(source("2001:db8::9"), "digest", 0.0, cost)
    assert [(line["ip"], line["reason"]) for line in lines] == [("2001:db8::9", "digest")]
