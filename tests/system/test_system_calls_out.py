"""What is dialled for subscribers, and what never is: call back with `8`, calls with `6`, and what nothing allows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller, together
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import directory_of, eventually
from tests.system.subscriber import at_own_phone, record_of
from tests.system.wayout import House, Target, begin, connected, header, opened, transfers
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


def call_back(house: House, folder: Path, number: str) -> Caller:
    """Return a subscriber who hears the first message to its end and calls back."""
    return at_own_phone(house.service, folder, number).keys("11").pause(1).keys("6").pause(1).keys("8")


def leave(house: House, folder: Path, said: Path, number: str, caller: str) -> Caller:
    """Return a caller of a number who leaves a message."""
    return (
        Caller(house.service.udp, folder, number=number, from_=f"<sip:{caller}@[local_ip]:[local_port]>")
        .invite()
        .speak(said)
        .keys("#")
        .pause(SAID_S)
        .bye()
    )


def test_who_left_a_message_is_called_back(house: House, said: Path, tmp_path: Path) -> None:
    leave(house, tmp_path, said, "1010", "+4930123456").run()
    house.service.message("1010")
    running = begin(Target(tmp_path).picks_up().hangs_up(), house)
    # Back at the message, 7 deletes it.
    call_back(house, tmp_path, "1010").pause(10).keys("7").pause(3).bye().run()
    invite = connected(running.wait())
    assert invite.startswith("INVITE sip:+4930123456@")
    assert header(invite, "From")[0].startswith("Teilnehmer 1010 <sip:+492115551010@voicebox.example>")
    assert header(invite, "Diversion") == []
    assert house.service.message("1010")["state"] == "deleted"


def test_emergency_premium_and_own_numbers_are_refused(house: House, said: Path, tmp_path: Path) -> None:
    callers = {
        "1011": ("112", "emergency"),
        "1012": ("+499001234567", "premium"),
        "1013": ("+492115551013", "own-number"),
    }
    together(*(leave(house, tmp_path, said, number, caller) for number, (caller, _) in callers.items()))
    for number in callers:
        house.service.message(number)
    together(*(call_back(house, tmp_path, number).pause(4).bye() for number in callers))

    def look() -> dict[str, tuple[str, str, str]] | None:
        found = {}
        for row in house.service.rows("SELECT id FROM call_record WHERE called = '8000'"):
            call = house.service.call_of(row["id"])
            for entry in transfers(call):
                found[call["mailbox"]] = (entry["to"], entry["result"], entry.get("why", ""))
        return found if set(callers) <= set(found) else None

    found = eventually(look, "three refusals")
    for number, (caller, why) in callers.items():
        assert found[number] == (caller, "refused", why)


def test_a_subscriber_makes_calls_from_the_main_menu(house: House, tmp_path: Path) -> None:
    running = begin(Target(tmp_path).picks_up().hangs_up(), house)
    caller = at_own_phone(house.service, tmp_path, "1016").keys("6030123456#").pause(10)
    # Back in the main menu, the next number is refused.
    caller.keys("60900123456#").pause(3).keys("9").expect_request("BYE").answer("200 OK").run()
    invite = connected(running.wait())
    assert invite.startswith("INVITE sip:+4930123456@")
    assert header(invite, "From")[0].startswith("Teilnehmer 1016 <sip:+492115551016@voicebox.example>")
    assert "+492115551016" in header(invite, "P-Asserted-Identity")[0]
    assert header(invite, "Diversion") == []
    made, refused = transfers(record_of(house.service, "1016"))
    assert (made["to"], made["result"]) == ("+4930123456", "connected")
    assert (refused["result"], refused["why"]) == ("refused", "premium")


def test_such_a_number_is_refused_at_save(make_service: MakeService) -> None:
    service = make_service(directory=directory_of(["1001"]))
    file = service.folder / "directory.toml"
    file.write_text(file.read_text() + 'zero_out = "110"\n')
    refused = service.voicebox("apply", "directory.toml", check=False)
    assert refused.returncode != 0
    assert "is an emergency number" in refused.stdout + refused.stderr
