"""Row 9: two softphones that we did not write talk to each other through us, hold, go on, and hang up."""

import time
from pathlib import Path

import pytest

from tests.system.audio import RATE_HZ, likeness, speech
from tests.system.phone import REGISTERED, Phone
from tests.system.service import Service, device_password, eventually

pytestmark = pytest.mark.system


STILL_S = 0.6
"""Longer than any gap in what a phone writes of what it hears."""


def test_row_9_two_softphones_talk_hold_and_hang_up(service: Service, tmp_path: Path) -> None:
    anna, bert = speech(60, seed=1), speech(60, seed=2)
    account = REGISTERED.format(number="1024", registrar=service.udp, password=device_password("1024"))
    with Phone(tmp_path / "called", bert, account=account) as called, Phone(tmp_path / "calling", anna) as calling:
        called.registered()
        calling.dial(f"sip:1024@{service.udp}")
        called.wait_for("CALL_ESTABLISHED")
        calling.listen(3)
        called.listen(2)
        calling.hold()
        standstill(calling)
        eventually(lambda: offers(called) == 1, "the hold")
        # libre writes no more of what it hears after a hold: that it goes on is seen by the offer it took.
        calling.resume()
        eventually(lambda: offers(called) == 2, "the end of the hold")
        called.hang_up()
        calling.wait_for("CALL_CLOSED")
        heard, answered = calling.heard(), called.heard()
    # What either said reached the other as it was.
    assert likeness(heard[RATE_HZ : 2 * RATE_HZ], bert) > 0.99
    assert likeness(answered[RATE_HZ : 2 * RATE_HZ], anna) > 0.99
    call = service.call("1024")
    assert [entry["to"] for entry in call["trace"] if entry["event"] == "coverage"] == ["phones", "answered"]
    assert (call["reason"], call["trace"][-1]["by"], call["rtp"]["received"]) == (None, "phone", 0)
    assert service.messages("1024") == []


def offers(phone: Phone) -> int:
    """Return how many re-INVITEs a phone took."""
    return phone.log().count("got re-INVITE (SDP Offer)")


def standstill(phone: Phone) -> None:
    """Wait until a phone hears nothing more."""
    last, since = phone.heard_s(), time.monotonic()

    def look() -> bool | None:
        nonlocal last, since
        now = phone.heard_s()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > STILL_S or None

    eventually(look, "silence on hold", within_s=20)
