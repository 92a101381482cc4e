"""Announcements as callers hear them: level, silence, keypad tones, files that are none (row 12; security row 4)."""

import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ivr.media import announcement
from ivr.media.announcement import keypad_tones, master
from ivr.media.worker import Worker
from prompts.loudness import lufs, peak_dbfs
from prompts.recordings import Recordings
from tests.containers import contained
from voicebox.announcement import Mastered
from voicebox.greeting_file import Fault, GreetingRefused, decoded
from voicebox.i18n import Language

RATE_HZ = 8000
KEYS = {"1": (697, 1209), "5": (770, 1336), "#": (941, 1477), "*": (941, 1209), "D": (941, 1633)}


def file_of(samples: Any, rate_hz: int = RATE_HZ, format_: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=format_)
    return file.getvalue()


def speech(length_s: float = 3.0, level: float = 0.1, rate_hz: int = RATE_HZ) -> Any:
    """Noise with syllables."""
    t = np.arange(round(length_s * rate_hz)) / rate_hz
    return np.random.default_rng(4).normal(0, level, len(t)) * (0.3 + 0.7 * np.sin(2 * np.pi * 1.7 * t) ** 2)


def key(name: str, length_s: float = 0.1, level: float = 0.2) -> Any:
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return level * sum(np.sin(2 * np.pi * hz * t) for hz in KEYS[name])


def silence(length_s: float) -> Any:
    return np.zeros(round(length_s * RATE_HZ))


def samples_of(made: Mastered) -> Any:
    samples, rate_hz = soundfile.read(io.BytesIO(made.flac))
    assert (len(samples), rate_hz) == (made.samples, made.rate_hz)
    return samples


@pytest.mark.parametrize("level", [0.003, 0.05, 0.3])
@pytest.mark.parametrize(("format_", "rate_hz"), [("WAV", 8000), ("FLAC", 44100), ("MP3", 16000), ("OGG", 48000)])
def test_an_announcement_is_as_loud_as_a_prompt(level: float, format_: str, rate_hz: int) -> None:
    made = master(file_of(speech(level=level, rate_hz=rate_hz), rate_hz, format_))
    samples = samples_of(made)
    assert made.rate_hz == 16_000
    assert lufs(samples, 16_000) == pytest.approx(-20, abs=1.5)
    assert peak_dbfs(samples) <= -3
    assert len(made.peaks) == 200


@pytest.mark.parametrize("form", ["m4a", "webm-chromium"])
def test_what_phones_and_browsers_record_is_as_loud_and_as_free_of_keys(form: str, tmp_path: Path) -> None:
    made = master(contained(speech(level=0.01), RATE_HZ, form, tmp_path))
    assert lufs(samples_of(made), 16_000) == pytest.approx(-20, abs=1.5)
    keyed = np.concatenate([speech(1), key("5"), speech(1)])
    with pytest.raises(GreetingRefused, match="keypad tone") as refused:
        master(contained(keyed, RATE_HZ, form, tmp_path))
    assert refused.value.fault is Fault.KEYPAD


def test_silence_around_it_is_cut_and_pauses_stay() -> None:
    spoken = [silence(4), speech(1), silence(2), speech(1), silence(5)]
    made = master(file_of(np.concatenate(spoken)))
    assert made.samples / made.rate_hz == pytest.approx(4.25, abs=0.15)


@pytest.mark.parametrize("name", list(KEYS))
@pytest.mark.parametrize("level", [0.01, 0.2])
def test_keypad_tones_in_it_are_refused(name: str, level: float) -> None:
    data = file_of(np.concatenate([speech(1, level=level), key(name, level=level), speech(1, level=level)]))
    for spoken in (False, True):
        with pytest.raises(GreetingRefused, match="keypad tone") as refused:
            master(data, spoken=spoken)
        assert refused.value.fault is Fault.KEYPAD


def test_the_tone_of_the_key_that_ended_a_recording_is_cut_away() -> None:
    data = file_of(np.concatenate([speech(2), silence(0.2), key("#", 0.15), silence(0.3)]))
    made = master(data, spoken=True)
    assert keypad_tones((samples_of(made) * 32767).astype(np.int16), 16_000) == []
    assert 1.9 < made.samples / made.rate_hz < 2.6
    with pytest.raises(GreetingRefused, match="keypad tone"):
        master(data)


@pytest.mark.parametrize("sound", [silence(3), silence(3) + 1e-5, key("#", 0.02), speech(0.05)])
def test_what_cannot_be_heard_is_refused(sound: Any) -> None:
    with pytest.raises(GreetingRefused) as refused:
        master(file_of(np.concatenate([silence(1), sound])), spoken=True)
    assert refused.value.fault is Fault.EMPTY


@pytest.mark.parametrize("language", Language)
def test_no_prompt_is_taken_for_a_key(language: Language, tmp_path: Path) -> None:
    recordings = Recordings.open(tmp_path)
    said = [each for each in sorted(recordings.ids(language)) if each.startswith(("greeting-", "full-", "login-"))]
    assert len(said) > 15
    for each in said:
        assert keypad_tones(recordings.pcm(language, each), 16_000) == [], each


def test_what_takes_too_long_to_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcement, "CPU_MAX_S", 0.0)
    with pytest.raises(GreetingRefused, match="too long to read") as refused:
        master(file_of(speech(60)))
    assert refused.value.fault is Fault.TOO_SLOW
    monkeypatch.undo()
    assert master(file_of(speech(1))).samples, "the limit ends with the work"


def test_a_refusal_passes_between_processes() -> None:
    refused = pickle.loads(pickle.dumps(GreetingRefused("is bad", "Do better.", Fault.KEYPAD)))  # noqa: S301
    assert (refused.problem, refused.cure, refused.fault) == ("is bad", "Do better.", Fault.KEYPAD)


@pytest.mark.parametrize("rate_hz", [88_200, 192_000])
def test_what_is_at_a_studio_s_rate_is_brought_to_a_lower_one_block_by_block(rate_hz: int) -> None:
    at = np.arange(round(2.5 * rate_hz)) / rate_hz
    samples, found_hz = decoded(file_of(0.3 * np.sin(2 * np.pi * 440 * at), rate_hz, "FLAC"))
    assert found_hz == 16_000
    assert len(samples) == pytest.approx(2.5 * 16_000, abs=2)
    wanted = 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 16_000)
    assert np.max(np.abs(samples - wanted)[500:-500]) < 0.001, "no click where the blocks meet"


def test_three_minutes_at_a_studio_s_rate_need_little_memory() -> None:
    file = file_of(np.zeros(170 * 192_000, np.float32), 192_000, "FLAC")
    tracemalloc.start()
    try:
        decoded(file)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


async def test_the_worker_masters_and_refuses(tmp_path: Path) -> None:
    worker = Worker()
    try:
        for data in (file_of(speech()), contained(speech(), RATE_HZ, "m4a", tmp_path)):
            made = await worker.master(data)
            assert made.samples / made.rate_hz == pytest.approx(3.25, abs=0.3)
        with pytest.raises(GreetingRefused, match="no audio file"):
            await worker.master(b"RIFF and nothing")
    finally:
        worker.close()
