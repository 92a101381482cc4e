"""Row 17: a peer with `refer = true` takes over callers who press `0`; where it does not, they are back at the tone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import Caller, together
from tests.system.letterbox import Letterbox
from tests.system.service import moment
from tests.system.wayout import OUTSIDE, REFERRED, House, header, opened, transfers
from voicebox.codec import Codec

pytestmark = pytest.mark.system

ACTIVE: Final = ("Event: refer", "Subscription-State: active;expires=60")
ENDED: Final = ("Event: refer", "Subscription-State: terminated;reason=noresource")


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


def caller_from_there(house: House, folder: Path, number: str) -> Caller:
    """Return a caller from the peer that takes calls over, who presses `0`."""
    caller = Caller(house.service.udp, folder, number=number, local=REFERRED).invite().keys("0")
    return caller.expect_request("REFER", timeout_s=20)


def told(caller: Caller, status: str, headers: tuple[str, str]) -> Caller:
    """Tell how the referral goes on."""
    return caller.request("NOTIFY", *headers, body=f"SIP/2.0 {status}\n", kind="message/sipfrag").expect(200)


def test_row_17_a_peer_takes_the_call_over_or_the_caller_is_back_at_the_tone(
    house: House, said: Path, tmp_path: Path
) -> None:
    taken = told(caller_from_there(house, tmp_path, "1005").answer("202 Accepted"), "100 Trying", ACTIVE).pause(1)
    told(taken, "200 OK", ENDED).hung_up_on(timeout_s=10)
    # A status that is not the last, then a final one: busy.
    busy = told(caller_from_there(house, tmp_path, "1006").answer("202 Accepted"), "180 Ringing", ACTIVE)
    told(busy, "486 Busy Here", ENDED).speak(said).pause(14).bye()
    refused = caller_from_there(house, tmp_path, "1008").answer("403 Forbidden").speak(said).pause(14).bye()
    gone = caller_from_there(house, tmp_path, "1009").answer("202 Accepted").pause(0.5).bye()
    heard = together(taken, busy, refused, gone)

    (refer,) = heard[0].received("REFER")
    assert header(refer, "Refer-To")[0].startswith(f"<sip:{OUTSIDE}@{REFERRED}")
    assert header(refer, "Referred-By") == ["<sip:+492115551005@voicebox.example>"]
    call = house.service.call("1005")
    assert transfers(call)[0]["result"] == "referred"
    # Nothing was hung up before the final word.
    assert moment(call, "end") > moment(call, "key") + 1
    assert house.service.messages("1005") == []

    call = house.service.call_of(house.service.message("1006"))
    assert transfers(call)[0]["result"] == "busy"
    assert moment(call, "prompt", id="transfer-failed") < moment(call, "message")

    call = house.service.call_of(house.service.message("1008"))
    assert transfers(call)[0]["result"] == "failed"

    # Some peers hang up instead of telling.
    assert transfers(house.service.call("1009"))[0]["result"] == "referred"
