"""Ports for RTP and RTCP."""

import contextlib
import socket

import pytest

from ivr.media.ports import NoPorts, PortRange

FIRST = 23_500


def bound(ports: PortRange, address: str = "127.0.0.1") -> tuple[int, int]:
    rtp, rtcp = ports.bind(address)
    with contextlib.closing(rtp), contextlib.closing(rtcp):
        return rtp.getsockname()[1], rtcp.getsockname()[1]


def test_rtp_is_even_and_rtcp_the_next() -> None:
    ports = PortRange(FIRST + 1, FIRST + 9)
    assert ports.pairs == 4
    assert [bound(ports) for _ in range(4)] == [(FIRST + each, FIRST + each + 1) for each in (2, 4, 6, 8)]
    assert bound(ports)[0] == FIRST + 2


@pytest.mark.parametrize("taken", [0, 1])
def test_a_busy_port_is_passed_over(taken: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", FIRST + 20 + taken))
        assert bound(PortRange(FIRST + 20, FIRST + 25))[0] == FIRST + 22


def test_a_range_that_is_taken_is_told() -> None:
    ports = PortRange(FIRST + 30, FIRST + 33)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            for each in ports.bind("127.0.0.1"):
                stack.enter_context(each)
        with pytest.raises(NoPorts, match="all 2 pairs"):
            ports.bind("127.0.0.1")


def test_ipv6_stands_beside_ipv4() -> None:
    four, six = PortRange(FIRST + 40, FIRST + 41), PortRange(FIRST + 40, FIRST + 41)
    with contextlib.ExitStack() as stack:
        for each in (*four.bind("127.0.0.1"), *six.bind("::1")):
            stack.enter_context(each)


def test_a_foreign_address_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        PortRange(FIRST + 50, FIRST + 51).bind("203.0.113.77")


def test_a_range_without_a_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="no even port"):
        PortRange(FIRST + 1, FIRST + 2)
