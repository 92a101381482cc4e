"""Symmetric RTP: who is heard, who is not (security.md, row 28)."""

from ivr.media.latch import CANDIDATES_MAX, PROOF_PACKETS, Address, Latch, same_place
from ivr.media.rtp import Packet

SIGNALLED = ("192.0.2.1", 4000)
NAT: Address = ("198.51.100.7", 61_000)
THIRD: Address = ("203.0.113.9", 5555)


def packet(sequence: int, ssrc: int = 1, payload_type: int = 0) -> Packet:
    return Packet(payload_type, sequence & 0xFFFF, sequence * 160, ssrc, b"x" * 160)


def known(payload_type: int) -> bool:
    return payload_type in {0, 101}


def opened() -> Latch:
    latch = Latch()
    latch.signal(*SIGNALLED)
    return latch


def offer(
    latch: Latch, source: Address, sequences: range, *, ssrc: int = 1, heard: int | None = None, silent_s: float = 0.0
) -> list[int]:
    """Return the sequence numbers that were accepted."""
    found: list[int] = []
    for each in sequences:
        accepted = latch.consider(packet(each, ssrc), source, known, ssrc=heard, silent_s=silent_s)
        found += [item.sequence for item in accepted]
    return found


def test_nothing_is_accepted_before_the_sdp() -> None:
    latch = Latch()
    assert offer(latch, NAT, range(10)) == []
    assert latch.target is None


def test_packets_go_to_the_sdp_address_until_latched() -> None:
    assert opened().target == SIGNALLED


def test_a_name_in_the_sdp_is_no_target() -> None:
    latch = Latch()
    latch.signal("phone.example", 4000)
    assert latch.target is None
    assert offer(latch, NAT, range(PROOF_PACKETS)) == list(range(PROOF_PACKETS))
    assert latch.target == NAT


def test_the_sdp_address_is_latched_with_its_first_packet() -> None:
    latch = opened()
    assert offer(latch, SIGNALLED, range(1)) == [0]
    assert latch.source == SIGNALLED


def test_another_address_needs_several_packets_and_loses_none() -> None:
    latch = opened()
    assert offer(latch, NAT, range(PROOF_PACKETS - 1)) == []
    assert latch.source is None
    assert offer(latch, NAT, range(PROOF_PACKETS - 1, PROOF_PACKETS)) == list(range(PROOF_PACKETS))
    assert latch.target == NAT


def test_packets_that_do_not_continue_each_other_prove_nothing() -> None:
    latch = opened()
    assert offer(latch, NAT, range(0, 10_000, 1000)) == []
    for ssrc in range(10):
        assert latch.consider(packet(5, ssrc), NAT, known, ssrc=None, silent_s=0) == []
    assert latch.source is None


def test_an_unknown_payload_type_proves_nothing() -> None:
    latch = opened()
    for sequence in range(10):
        assert latch.consider(packet(sequence, payload_type=77), SIGNALLED, known, ssrc=None, silent_s=0) == []
    assert latch.injected == 10


def test_a_third_address_is_ignored_and_counted() -> None:
    latch = opened()
    offer(latch, SIGNALLED, range(1))
    assert offer(latch, THIRD, range(50), heard=1) == []
    assert latch.injected == 50
    assert latch.source == SIGNALLED


def test_after_silence_a_matching_ssrc_moves_the_latch() -> None:
    latch = opened()
    offer(latch, SIGNALLED, range(1))
    assert offer(latch, NAT, range(10), heard=1, silent_s=2.9) == []
    assert offer(latch, NAT, range(10, 14), heard=1, silent_s=3.1) == [10, 11, 12, 13]
    assert latch.source == NAT


def test_after_silence_another_ssrc_stays_outside() -> None:
    latch = opened()
    offer(latch, SIGNALLED, range(1))
    assert offer(latch, THIRD, range(10), ssrc=9, heard=1, silent_s=60) == []
    assert latch.source == SIGNALLED


def test_a_re_invite_with_a_new_address_opens_the_latch() -> None:
    latch = opened()
    offer(latch, SIGNALLED, range(1))
    latch.signal("192.0.2.50", 4000)
    assert latch.target == ("192.0.2.50", 4000)
    assert offer(latch, ("192.0.2.50", 4000), range(1), ssrc=5, heard=1) == [0]


def test_a_re_invite_with_the_same_address_changes_nothing() -> None:
    latch = opened()
    offer(latch, NAT, range(PROOF_PACKETS))
    latch.signal(*SIGNALLED)
    assert latch.source == NAT


def test_a_scanner_does_not_grow_the_table() -> None:
    latch = opened()
    for port in range(1000):
        offer(latch, ("203.0.113.9", port), range(1))
    assert len(latch._candidates) <= CANDIDATES_MAX


def test_addresses_are_compared_whatever_their_spelling() -> None:
    assert same_place(("2001:db8::1", 5, 0, 0), ("2001:0db8:0::1", 5))
    assert not same_place(("2001:db8::1", 5, 0, 0), ("2001:db8::2", 5))
    assert same_place(("fe80::1%eth0", 5, 0, 2), ("fe80::1", 5))
    assert not same_place(("127.0.0.1", 5), ("localhost", 5))
