"""Row 17: `0` while recording, and a target that is busy: the message is sent, or can be left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller
from tests.system.letterbox import Letterbox
from tests.system.service import moment
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
    return raw(speech(60), Codec.PCMU, tmp_path_factory.mktemp("said") / "said.raw")[0]


def test_row_17_zero_while_recording_sends_the_message_and_then_connects(
    house: House, said: Path, tmp_path: Path
) -> None:
    target = begin(Target(tmp_path).picks_up().hangs_up(), house)
    caller = Caller(house.service.udp, tmp_path, number="1002").invite().speak(said)
    caller.keys("#").pause(SAID_S).keys("0").hung_up_on().run()
    invite = connected(target.wait())
    message = house.service.message("1002")
    call = house.service.call_of(message)
    assert moment(call, "message") < moment(call, "transfer")
    assert transfers(call)[0]["result"] == "connected"
    # The mailbox pays and says so, the caller is shown, and the way is named.
    exchange = f"{EXCHANGE}:{house.port}"
    assert invite.startswith(f"INVITE sip:{OUTSIDE}@{exchange} SIP/2.0")
    assert header(invite, "P-Asserted-Identity") == ["<sip:+492115551002@voicebox.example>"]
    assert header(invite, "From")[0].startswith("<sip:+4915155500001@voicebox.example>;tag=")
    assert header(invite, "Diversion") == ["<sip:+492115551002@voicebox.example>;reason=deflection"]
    assert header(invite, "Max-Forwards") == ["69"]


def test_row_17_a_busy_target_leads_back_to_the_tone_and_a_message_can_be_left(
    house: House, said: Path, tmp_path: Path
) -> None:
    target = begin(Target(tmp_path).refuses("486 Busy Here"), house)
    # The words before and after the ringing take 10 s; then the tone.
    Caller(house.service.udp, tmp_path, number="1003").invite().speak(said).keys("0").pause(16).bye().run()
    connected(target.wait())
    call = house.service.call_of(house.service.message("1003"))
    assert transfers(call)[0]["result"] == "busy"
    assert moment(call, "transfer") <= moment(call, "prompt", id="transfer-failed") < moment(call, "message")


def test_row_17_a_busy_target_after_a_message_leads_back_to_the_tone_for_another(
    house: House, said: Path, tmp_path: Path
) -> None:
    target = begin(Target(tmp_path).refuses("486 Busy Here"), house)
    caller = Caller(house.service.udp, tmp_path, number="1004").invite().speak(said)
    # The words before and after the ringing take 12 s; then the tone.
    caller.keys("#").pause(SAID_S).keys("0").pause(21).bye().run()
    connected(target.wait())
    call = house.service.call_of(house.service.message("1004", count=2))
    assert {each["call_id"] for each in house.service.messages("1004")} == {call["id"]}
    assert [each["result"] for each in transfers(call)] == ["busy"]
    ends = [entry["t"] for entry in call["trace"] if entry["event"] == "message"]
    assert ends[0] < moment(call, "transfer") <= moment(call, "prompt", id="transfer-failed-another") < ends[1]
