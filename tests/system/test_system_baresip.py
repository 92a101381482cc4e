"""Softphones that we did not write: what is said is stored as said, what voicebox plays is heard as recorded; and two
of them talk to each other through us (row 9).
"""

import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from prompts.phrases import Greeting, greeting
from tests.system.audio import RATE_HZ, Pcm, clearest, likeness, recorded, speech, stored
from tests.system.phone import REGISTERED, Phone
from tests.system.service import PIN, Service, device_password, eventually, moment
from voicebox.demo.hearing import recognise
from voicebox.i18n import Language

pytestmark = pytest.mark.system

TONE_PEAK = 8230
"""interfaces.md: 1000 Hz, 250 ms, -12 dBFS."""
STILL_S = 0.6
"""Longer than any gap in what a phone writes of what it hears."""


def test_both_ways_of_audio_are_what_was_spoken(service: Service, tmp_path: Path) -> None:
    said = speech(60, seed=3)
    words = recorded(greeting(Language.DE, Greeting.UNAVAILABLE))
    with ExitStack() as stack:
        # One phone for each codec, at the same time.
        phones = {
            number: stack.enter_context(Phone(tmp_path / codec, said, codec=codec))
            for number, codec in (("1021", "PCMU"), ("1022", "PCMA"))
        }
        for number, phone in phones.items():
            phone.dial(f"sip:{number}@{service.udp}")
        # The greeting and the tone are heard out; then the caller speaks, stops, listens to it, and sends it.
        for phone in phones.values():
            phone.listen(len(words) / RATE_HZ + 0.25, in_all=True)
        for phone in phones.values():
            phone.speak(5)
            phone.press("#")
        for phone in phones.values():
            phone.listen(1)
            phone.press("2")
        for phone in phones.values():
            phone.listen(5)
            phone.press("1")
        for phone in phones.values():
            phone.wait_for("CALL_CLOSED", within_s=60)
    for number, phone in phones.items():
        message = service.message(number)
        found = stored(service.flac(message["audio_id"]))
        assert likeness(found, said) > 0.99
        call = service.call_of(message)
        assert [entry["key"] for entry in call["trace"] if entry["event"] == "key"] == ["#", "2", "1"]
        # Half a second of silence comes first, that trunks may clip.
        assert moment(call, "prompt", id="greeting-unavailable") >= 0.5
        heard = phone.heard()
        greeted = recognise(words, heard)
        assert greeted is not None
        assert greeted.likeness > 0.95
        assert likeness(tone(), heard) > 0.95
        assert clearest(found[: 3 * RATE_HZ], heard) > 0.9


def tone() -> Pcm:
    """Return the record tone."""
    t = np.arange(round(0.25 * RATE_HZ)) / RATE_HZ
    return np.asarray(TONE_PEAK * np.sin(2 * np.pi * 1000 * t), dtype=np.int16)


def test_a_subscriber_fetches_messages_by_softphone(service: Service, tmp_path: Path) -> None:
    with Phone(tmp_path, speech(60, seed=4)) as phone:
        phone.dial(f"sip:8000@{service.udp}")
        phone.types(f"1023#{PIN}#")
        phone.listen(3)
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    assert moment(service.call("8000"), "login", mailbox="1023", ok=True, by="pin")


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
    assert clearest(heard[RATE_HZ // 2 : 3 * RATE_HZ], bert) > 0.99
    assert clearest(answered[RATE_HZ // 2 : 2 * RATE_HZ], anna) > 0.99
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
