"""Row 12 with real phones: announcements uploaded, heard, deleted; keypad tones refused; the name in the greeting."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.containers import contained
from tests.system.audio import RATE_HZ, Pcm, clearest, raw, speech
from tests.system.letterbox import Letterbox
from tests.system.phone import Phone
from tests.system.service import Service, moment
from tests.system.subscriber import (
    PROCESSED_S,
    at_own_phone,
    busy,
    forwarded,
    mailbox,
    prompts,
    record_of,
    recording,
    set_to,
)
from tests.system.test_system_api import ask, get
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def test_row_12_a_recording_with_keypad_tones_is_refused(service: Service, tmp_path: Path) -> None:
    t = np.arange(RATE_HZ // 5) / RATE_HZ
    key = 6000 * (np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t))
    with_key = speech(40, seed=12)
    for at in range(0, len(with_key) - len(key), RATE_HZ):  # whenever the recording begins, there is one in it
        with_key[at : at + len(key)] = key.astype(np.int16)
    file, _ = raw(with_key, Codec.PCMU, tmp_path / "keys.raw")
    recording(at_own_phone(service, tmp_path, "1014", said=file).keys("121"), 3.5).pause(PROCESSED_S).bye().run()
    record = record_of(service, "1014")
    assert moment(record, "recording-refused", why="keypad")
    assert "own-recording-keypad" in prompts(record)
    assert mailbox(service, "1014")["busy_greeting"] is None


def test_row_11_the_recorded_name_is_in_the_default_greeting(service: Service, tmp_path: Path) -> None:
    said, _ = raw(speech(40, seed=11), Codec.PCMU, tmp_path / "said.raw")
    recording(at_own_phone(service, tmp_path, "1012", said=said).keys("31"), 4).bye().run()
    name = set_to(service, "1012", "name_recording")
    forwarded(service, tmp_path, "1012", from_number="+4915155571201").pause(12).bye().run()
    assert prompts(record_of(service, "+4915155571201"))[:3] == [
        "greeting-mailbox-of-name",
        f"clip:{name}",
        "greeting-unavailable",
    ]


def wav(samples: Pcm) -> bytes:
    """Return samples as a file to be uploaded."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def with_keys(samples: Pcm) -> Pcm:
    """Return samples with the keypad tone of a 5 in them."""
    t = np.arange(RATE_HZ // 5) / RATE_HZ
    key = 6000 * (np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t))
    found = samples.copy()
    found[RATE_HZ : RATE_HZ + len(key)] = key.astype(np.int16)
    return found


def test_row_12_an_uploaded_announcement_is_chosen_heard_and_replaced_by_the_default(
    service: Service, letters: Letterbox, tmp_path: Path
) -> None:
    admin = service.voicebox("token", "--scope", "admin").stdout.strip()
    status, body = ask(
        service, "POST", "/api/v1/announcements?name=Betriebsferien", admin, sent=wav(speech(4, seed=21))
    )
    assert status == 201, body
    made = json.loads(body)
    assert (made["name"], made["mailbox"]) == ("Betriebsferien", None)
    path = f"/api/v1/announcements/{made['id']}"
    service.voicebox("announcement", "choose", "1011", "busy", str(made["id"]))
    assert "Betriebsferien" in str(letters.wait_for("elf@example.org")["Subject"])

    # The preview plays what callers hear.
    status, preview = get(service, f"{path}/audio", admin)
    assert status == 200
    samples, rate_hz = soundfile.read(io.BytesIO(preview), dtype="int16")
    own = np.asarray(soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.int16)
    with Phone(tmp_path, speech(30, seed=5)) as phone:
        phone.dial(f"sip:8000@{service.udp};target=sip:1011%40pbx;cause=486")
        phone.listen(len(own) / RATE_HZ, in_all=True)
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    assert clearest(own[RATE_HZ : 3 * RATE_HZ], phone.heard()) > 0.95

    status, body = ask(service, "DELETE", path, admin, Accept_Language="de")
    assert status == 409
    refused = json.loads(body)
    assert refused["users"] == [{"mailbox": "1011", "kind": "busy"}]
    assert "1011" in refused["detail"]
    by_command = service.voicebox("announcement", "delete", str(made["id"]), check=False)
    assert (by_command.returncode, "1011 (busy)" in by_command.stderr) == (1, True)

    assert ask(service, "DELETE", f"{path}?replace_by_default=true", admin) == (204, b"")
    assert "Standardbegrüßung" in str(letters.wait_for("elf@example.org", count=2)["Subject"])
    forwarded(service, tmp_path, "1011", busy("1011"), from_number="+4915155571211").pause(4).bye().run()
    assert prompts(record_of(service, "+4915155571211")) == ["greeting-busy"]
    assert json.loads(get(service, "/api/v1/announcements", admin)[1]) == {"announcements": []}


def test_row_12_what_a_browser_recorded_is_heard_by_callers(service: Service, tmp_path: Path) -> None:
    admin = service.voicebox("token", "--scope", "admin").stdout.strip()
    said = speech(4, seed=24)
    webm = contained(said / 32768, RATE_HZ, "webm-chromium", tmp_path)
    status, body = ask(service, "POST", "/api/v1/announcements?name=Aus%20dem%20Browser", admin, sent=webm)
    assert status == 201, body
    made = json.loads(body)
    service.voicebox("announcement", "choose", "1015", "busy", str(made["id"]))
    with Phone(tmp_path, speech(30, seed=5)) as phone:
        phone.dial(f"sip:8000@{service.udp};target=sip:1015%40pbx;cause=486")
        phone.listen(made["duration_s"], in_all=True)
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    assert clearest(said[RATE_HZ : 3 * RATE_HZ], phone.heard()) > 0.9
    gone = ask(service, "DELETE", f"/api/v1/announcements/{made['id']}?replace_by_default=true", admin)
    assert gone == (204, b"")


def test_row_12_what_must_not_be_uploaded_is_refused_by_the_running_service(service: Service, tmp_path: Path) -> None:
    owner = service.voicebox("token", "--mailbox", "1013").stdout.strip()
    good = wav(speech(2, seed=22))

    def send(data: bytes, query: str = "name=Urlaub", token: str | None = owner) -> tuple[int, list[tuple[str, str]]]:
        status, body = ask(service, "POST", f"/api/v1/announcements?{query}", token, sent=data)
        errors = json.loads(body).get("errors", [])
        return status, [(each["field"], each["code"]) for each in errors]

    assert send(b"\0" * (10 * 1024 * 1024 + 1)) == (422, [("body", "audio-too-large")])
    assert send(b"no audio") == (422, [("body", "audio-unreadable")])
    assert send(wav(with_keys(speech(4, seed=23)))) == (422, [("body", "audio-keypad")])
    assert send(good, "name=") == (422, [("name", "required")])
    assert send(good, "name=" + "x" * 81) == (422, [("name", "too-long")])
    assert send(good, token="vb_wrong-wrong-wrong") == (401, [])
    assert send(good, "name=Urlaub&mailbox=1012") == (403, [])
    assert send(good) == (201, [])
    assert send(good) == (409, [])
    (listed,) = json.loads(get(service, "/api/v1/announcements", owner)[1])["announcements"]
    assert listed["mailbox"] == "1013"
    file = tmp_path / "keys.wav"
    file.write_bytes(wav(with_keys(speech(4, seed=23))))
    refused = service.voicebox("announcement", "add", str(file), "--name", "Tasten", check=False)
    assert (refused.returncode, "keypad tone" in refused.stderr) == (2, True)
    assert ask(service, "DELETE", f"/api/v1/announcements/{listed['id']}", owner) == (204, b"")
