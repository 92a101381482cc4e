"""Row 17: callers who press `0` talk to whom they are connected to, by softphones that we did not write."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.audio import RATE_HZ, clearest, speech
from tests.system.letterbox import Letterbox
from tests.system.phone import REGISTERED, Phone
from tests.system.service import device_password, eventually
from tests.system.wayout import COLLEAGUE, EXCHANGE, OUTSIDE, House, Target, begin, opened, transfers

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[House]:
    """A voicebox that all tests of this module share."""
    folder = tmp_path_factory.mktemp("service")
    with opened(folder, smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache) as made:
        yield made


def test_row_17_zero_in_the_greeting_connects_and_both_hear_each_other(house: House, tmp_path: Path) -> None:
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
    assert clearest(b.heard()[-3 * RATE_HZ : -RATE_HZ], here) > 0.95
    assert clearest(a.heard()[-3 * RATE_HZ : -RATE_HZ], there) > 0.95
    call = house.service.call("1021")
    assert transfers(call)[0]["result"] == "connected"
    assert transfers(call)[0]["to"] == OUTSIDE
    assert house.service.messages("1021") == []
    # Between the two: the ringing tone or what came instead, and no record tone.
    assert not [entry for entry in call["trace"] if entry["event"] == "record"]
    (used,) = eventually(lambda: house.service.rows("SELECT seconds FROM outbound_usage"), "the minutes")
    assert 4 <= used["seconds"] <= 60


def test_row_17_zero_leads_to_a_colleagues_registered_phone_and_costs_nothing(house: House, tmp_path: Path) -> None:
    here, there = speech(60, seed=14), speech(60, seed=15)
    before = house.service.rows("SELECT sum(seconds) AS seconds FROM outbound_usage")[0]["seconds"]
    account = REGISTERED.format(number=COLLEAGUE, registrar=house.service.udp, password=device_password(COLLEAGUE))
    with Phone(tmp_path / "there", there, account=account) as b, Phone(tmp_path / "here", here) as a:
        b.registered()
        a.dial(f"sip:1014@{house.service.udp}")
        a.listen(1.0)
        a.press("0")
        b.wait_for("CALL_ESTABLISHED")
        b.listen(3.0)
        a.hang_up()
        b.wait_for("CALL_CLOSED")
    assert clearest(b.heard()[-3 * RATE_HZ : -RATE_HZ], here) > 0.95
    assert clearest(a.heard()[-3 * RATE_HZ : -RATE_HZ], there) > 0.95
    assert transfers(house.service.call("1014"))[0] | {"t": 0} == {
        "t": 0,
        "event": "transfer",
        "to": COLLEAGUE,
        "result": "connected",
    }
    after = house.service.rows("SELECT sum(seconds) AS seconds FROM outbound_usage")[0]["seconds"]
    assert after == before


def test_row_17_a_caller_who_hangs_up_while_it_rings_ends_the_ringing(house: House, tmp_path: Path) -> None:
    target = begin(Target(tmp_path).cancelled(), house)
    with Phone(tmp_path, speech(30, seed=13)) as phone:
        phone.dial(f"sip:1004@{house.service.udp}")
        phone.listen(1.0)
        phone.press("0")
        eventually(lambda: target.heard().when("sent", "SIP/2.0 180"), "the ringing")
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    assert len(target.wait().received("CANCEL")) == 1
    assert transfers(house.service.call("1004"))[0]["result"] == "given-up"
