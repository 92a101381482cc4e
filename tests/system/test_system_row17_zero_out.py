"""Row 17: `0` connects callers to the subscriber's number by a second leg."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.audio import likeness, raw, speech
from tests.system.caller import Caller
from tests.system.letterbox import Letterbox
from tests.system.phone import Phone
from tests.system.service import eventually, moment
from tests.system.wayout import EXCHANGE, OUTSIDE, House, Target, begin, connected, header, opened, transfers
from voicebox.codec import Codec

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[House]:
    """A voicebox that all tests of this module share."""
    folder = tmp_path_factory.mktemp("service")
    with opened(folder, smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache) as made:
        yield made


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every SIPp caller says."""
    return raw(speech(20), Codec.PCMU, tmp_path_factory.mktemp("said") / "said.raw")[0]


def test_zero_in_the_greeting_connects_and_both_hear_each_other(house: House, tmp_path: Path) -> None:
    here, there = speech(60, seed=11), speech(60, seed=12)
    # Different codecs: what one side says is turned into what the other understands.
    with (
        Phone(
            tmp_path / "there", there, codec="PCMA", user=OUTSIDE, listen=f"{EXCHANGE}:{house.port}", answers=True
        ) as b,
        Phone(tmp_path / "here", here) as a,
    ):
        a.dial(f"sip:1021@{house.service.udp}")
        a.listen(1.0)
        a.press("0")
        b.wait_for("CALL_ESTABLISHED")
        b.listen(4.0)
        a.listen(1.0)
        a.press("5")
        b.wait_for("CALL_DTMF_START")
        assert next(each for each in b.events if each.get("type") == "CALL_DTMF_START")["param"] == "5"
        b.hang_up()
        a.wait_for("CALL_CLOSED")
    assert likeness(b.heard()[-3 * 8000 : -8000], here) > 0.95
    assert likeness(a.heard()[-3 * 8000 : -8000], there) > 0.95
    call = house.service.call("1021")
    assert transfers(call)[0]["result"] == "connected"
    assert transfers(call)[0]["to"] == OUTSIDE
    assert house.service.messages("1021") == []
    # Between the two: the ringing tone or what came instead, and no record tone.
    assert not [entry for entry in call["trace"] if entry["event"] == "record"]
    (used,) = eventually(lambda: house.service.rows("SELECT seconds FROM outbound_usage"), "the minutes")
    assert 4 <= used["seconds"] <= 60


def test_zero_while_recording_sends_the_message_and_then_connects(house: House, said: Path, tmp_path: Path) -> None:
    target = begin(Target(tmp_path).picks_up().hangs_up(), house)
    caller = Caller(house.service.udp, tmp_path, number="1002").invite().speak(said)
    caller.keys("#").pause(3.5).keys("0").hung_up_on().run()
    invite = connected(target.wait())
    message = house.service.message("1002")
    call = house.service.call_of(message)
    assert moment(call, "message") < moment(call, "transfer")
    assert transfers(call)[0]["result"] == "connected"
    # The mailbox pays and says so, the caller is shown, and the way is named.
    exchange = f"{EXCHANGE}:{house.port}"
    assert invite.startswith(f"INVITE sip:{OUTSIDE}@{exchange} SIP/2.0")
    assert header(invite, "P-Asserted-Identity") == ["Teilnehmer 1002 <sip:+492115551002@voicebox.example>"]
    assert header(invite, "From")[0].startswith("<sip:+4915155500001@voicebox.example>;tag=")
    assert header(invite, "Diversion") == ["<sip:+492115551002@voicebox.example>;reason=deflection"]
    assert header(invite, "Max-Forwards") == ["69"]


def test_a_busy_target_leads_back_to_the_tone_and_a_message_can_be_left(
    house: House, said: Path, tmp_path: Path
) -> None:
    target = begin(Target(tmp_path).refuses("486 Busy Here"), house)
    # The words before and after the ringing take 8 s; then the tone.
    Caller(house.service.udp, tmp_path, number="1003").invite().speak(said).keys("0").pause(13).bye().run()
    connected(target.wait())
    call = house.service.call_of(house.service.message("1003"))
    assert transfers(call)[0]["result"] == "busy"
    assert moment(call, "transfer") <= moment(call, "prompt", id="transfer-failed") < moment(call, "message")


def test_a_caller_who_hangs_up_while_it_rings_ends_the_ringing(house: House, tmp_path: Path) -> None:
    target = begin(Target(tmp_path).cancelled(), house)
    with Phone(tmp_path, speech(30, seed=13)) as phone:
        phone.dial(f"sip:1004@{house.service.udp}")
        phone.listen(1.0)
        phone.press("0")
        eventually(lambda: target.heard().received("INVITE"), "the ringing", within_s=20)
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    assert len(target.wait().received("CANCEL")) == 1
    assert transfers(house.service.call("1004"))[0]["result"] == "given-up"
