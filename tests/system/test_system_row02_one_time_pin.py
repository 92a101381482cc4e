"""Row 2 with real phones: a reset PIN is one-time; the first login forces a new one and a name recording."""

from pathlib import Path

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import Caller
from tests.system.service import Service, device_password, eventually, moment
from tests.system.subscriber import LOGIN_S, prompts, record_of, recording, subscriber
from voicebox.codec import Codec

pytestmark = pytest.mark.system

NEW_PIN = "608315"
CHANGED_S = 2.5
"""After the PIN is changed: into the words before the tone, which take 7.8 s and are skipped."""


def heard_by(service: Service, caller: str) -> list[str]:
    """Return the prompts of the only call from a number, which logged in by PIN."""
    record = record_of(service, caller)
    assert moment(record, "login", ok=True, by="pin")
    return prompts(record)


def test_row_2_the_first_login_forces_a_new_pin_and_a_name(service: Service, tmp_path: Path) -> None:
    said, _ = raw(speech(40, seed=2), Codec.PCMU, tmp_path / "said.raw")
    one_time = service.voicebox("mailbox", "reset-pin", "1015").stdout.strip()
    # Hanging up leaves it one-time.
    subscriber(service, tmp_path, "1015", pin=one_time, from_number="+4915155571501").bye().run()
    assert "login-must-change" in heard_by(service, "+4915155571501")
    # Twice the new one, then the name.
    first = subscriber(service, tmp_path, "1015", pin=one_time, said=said, from_number="+4915155571502")
    first.keys(f"{NEW_PIN}#").pause(LOGIN_S).keys(f"{NEW_PIN}#").pause(CHANGED_S)
    recording(first, 4).pause(15).keys("9").hung_up_on().run()
    heard = heard_by(service, "+4915155571502")
    assert heard.index("login-must-record-name") < heard.index("name-recorded") < heard.index("passcode-changed")
    (row,) = service.rows("SELECT name_recording FROM mailbox WHERE number = '1015'")
    # From then on the new PIN opens the mailbox, which is named by the recording.
    subscriber(service, tmp_path, "1015", pin=NEW_PIN, from_number="+4915155571503").pause(3).bye().run()
    heard = heard_by(service, "+4915155571503")
    assert "login-must-change" not in heard
    assert f"clip:{row['name_recording']}" in heard
    assert one_time not in service.log()
    assert NEW_PIN not in service.log()


def test_row_3_automatic_login_asks_for_a_one_time_pin(service: Service, tmp_path: Path) -> None:
    service.voicebox("mailbox", "reset-pin", "1007")
    from_, password = "<sip:1007@voicebox.example>", device_password("1007")
    Caller(
        service.udp, tmp_path, number="8000", local="127.0.0.2", from_=from_, user="1007", password=password
    ).invite().pause(8).bye().run()
    (row,) = eventually(
        lambda: service.rows("SELECT id FROM call_record WHERE caller = '1007' AND called = '8000'"), "the call record"
    )
    call = service.call_of(str(row["id"]))
    assert moment(call, "prompt", id="login-pin-known")
    assert not any(entry["event"] == "login" for entry in call["trace"])
