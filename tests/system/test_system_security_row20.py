"""One key is one key, by whatever way and however often it comes (security.md, row 20)."""

from pathlib import Path

import pytest

from tests.system.service import PIN, Service, eventually
from tests.system.subscriber import LOGIN_S
from tests.system.test_system_portal import portal, record_of

pytestmark = pytest.mark.system


def typed(service: Service, caller: str) -> str:
    """Return the keys of a call, in the order in which they were pressed; a passcode's are not among them."""
    return "".join(entry["key"] for entry in record_of(service, caller)["trace"] if entry["event"] == "key")


def test_security_row_20_a_key_by_rfc_4733_is_one_key_though_it_is_seven_packets(
    service: Service, tmp_path: Path
) -> None:
    caller = portal(service, tmp_path, from_number="+4915155500201").invite(by_keys=True).pause(1)
    caller.press("1001#").press(f"{PIN}#").pause(LOGIN_S).press("8").press("*").press("8").pause(0.5).bye().run()
    assert typed(service, "+4915155500201") == "1001#88", "* in the middle takes back a passcode, which is secret"


def test_security_row_20_a_key_by_info_is_taken_without_any_rtp_event(service: Service, tmp_path: Path) -> None:
    caller = portal(service, tmp_path, from_number="+4915155500202").invite()
    caller.keys(f"1001#{PIN}#").pause(LOGIN_S).keys("1").pause(0.5).keys("1").pause(0.5).bye().run()
    assert typed(service, "+4915155500202") == "1001#11"


def test_security_row_20_a_key_by_both_ways_at_once_counts_once(service: Service, tmp_path: Path) -> None:
    caller = portal(service, tmp_path, from_number="+4915155500203").invite(by_keys=True).pause(1)
    caller.press("1001#").press(f"{PIN}#").pause(LOGIN_S)
    # SIPp begins an event with 0.8 s of silence packets: the INFO lands in the middle of the same press.
    caller.act('play_dtmf="1"').pause(0.82).keys("1").pause(1).bye().run()
    call = record_of(service, "+4915155500203")
    assert typed(service, "+4915155500203") == "1001#1"
    assert eventually(lambda: [entry for entry in call["trace"] if entry.get("id") == "menu-mailbox"], "one menu")
