"""Row 12 with real phones: recordings with keypad tones are refused; a recorded name is in the greeting."""

from pathlib import Path

import numpy as np
import pytest

from tests.system.audio import RATE_HZ, raw, speech
from tests.system.service import Service, moment
from tests.system.subscriber import forwarded, mailbox, prompts, record_of, recording, set_to, subscriber
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def test_row_12_a_recording_with_keypad_tones_is_refused(service: Service, tmp_path: Path) -> None:
    t = np.arange(RATE_HZ // 5) / RATE_HZ
    key = 6000 * (np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t))
    with_key = speech(40, seed=12)
    for at in range(0, len(with_key) - len(key), RATE_HZ):  # whenever the recording begins, there is one in it
        with_key[at : at + len(key)] = key.astype(np.int16)
    file, _ = raw(with_key, Codec.PCMU, tmp_path / "keys.raw")
    recording(subscriber(service, tmp_path, "1014", said=file).keys("121"), 3.5).pause(4).bye().run()
    record = record_of(service, "+4915155571014")
    assert moment(record, "recording-refused", why="keypad")
    assert "own-recording-keypad" in prompts(record)
    assert mailbox(service, "1014")["busy_greeting"] is None


def test_row_11_the_recorded_name_is_in_the_default_greeting(service: Service, tmp_path: Path) -> None:
    said, _ = raw(speech(40, seed=11), Codec.PCMU, tmp_path / "said.raw")
    recording(subscriber(service, tmp_path, "1012", said=said).keys("31"), 1.5).bye().run()
    name = set_to(service, "1012", "name_recording")
    forwarded(service, tmp_path, "1012", from_number="+4915155571201").pause(7).bye().run()
    assert prompts(record_of(service, "+4915155571201"))[:3] == [
        "greeting-mailbox-of-name",
        f"clip:{name}",
        "greeting-unavailable",
    ]
