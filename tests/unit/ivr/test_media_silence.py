"""Levels by table, and what is speech."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.g711 import Pcm, encode
from ivr.media.level import SILENT_DBFS, levels_dbfs
from ivr.media.silence import SpeechDetector
from voicebox.codec import Codec

FRAME_S = 0.02


def noise(level_dbfs: float, seconds: float, seed: int = 1) -> Pcm:
    generator = np.random.default_rng(seed)
    samples = generator.normal(0, 32768 * 10 ** (level_dbfs / 20), round(8000 * seconds))
    return np.clip(samples, -32768, 32767).astype(np.int16)


def tone(level_dbfs: float, seconds: float) -> Pcm:
    amplitude = 32768 * math.sqrt(2) * 10 ** (level_dbfs / 20)
    return (amplitude * np.sin(2 * np.pi * 400 * np.arange(round(8000 * seconds)) / 8000)).astype(np.int16)


def levels(pcm: Pcm, codec: Codec = Codec.PCMU) -> list[float]:
    return levels_dbfs(encode(pcm, codec), codec, 160)


def spoken(pcm: Pcm, before: list[float] | None = None) -> int | None:
    return SpeechDetector(before or []).feed(levels(pcm), FRAME_S)


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
@pytest.mark.parametrize("level", [-6.0, -20.0, -40.0])
def test_the_table_tells_the_level_of_a_tone(codec: Codec, level: float) -> None:
    for found in levels(tone(level, 0.2), codec):
        assert found == pytest.approx(level, abs=0.5)


def test_digital_silence_has_the_lowest_level() -> None:
    assert levels_dbfs(b"\xff" * 320, Codec.PCMU, 160) == [SILENT_DBFS, SILENT_DBFS]
    assert levels_dbfs(b"\xd5" * 160, Codec.PCMA, 160)[0] < -70


def test_a_rest_shorter_than_a_frame_is_a_frame() -> None:
    assert len(levels_dbfs(b"\xff" * 200, Codec.PCMU, 160)) == 2
    assert levels_dbfs(b"", Codec.PCMU, 160) == []


@pytest.mark.parametrize("level", [-70.0, -60.0, -52.0])
def test_line_noise_is_not_speech(level: float) -> None:
    assert spoken(noise(level, 20)) is None


@pytest.mark.parametrize("level", [-50.0, -45.0, -40.0])
def test_louder_noise_is_not_speech_once_the_line_is_known(level: float) -> None:
    heard = levels(noise(level, 0.5, seed=3))
    assert spoken(noise(level, 20), heard) is None


def test_comfort_noise_after_speech_becomes_silence_within_seconds() -> None:
    sound = np.concatenate([tone(-18, 2.0), noise(-46, 15)])
    last = spoken(sound)
    assert last is not None
    assert 2.0 <= (last + 1) * FRAME_S < 4.5


@pytest.mark.parametrize("level", [-34.0, -20.0, -6.0])
def test_a_steady_tone_stays_sound_for_ever(level: float) -> None:
    sound = tone(level, 60)
    assert spoken(sound) == len(sound) // 160 - 1


@pytest.mark.parametrize("level", [-40.0, -30.0, -20.0])
def test_speech_is_found_with_its_end(level: float) -> None:
    words = [np.concatenate([tone(level, 0.3), np.zeros(1600, np.int16)]) for _ in range(10)]
    last = spoken(np.concatenate([*words, np.zeros(80_000, np.int16)]))
    assert last is not None
    assert (last + 1) * FRAME_S == pytest.approx(4.8, abs=0.021)


def test_a_click_is_not_speech() -> None:
    sound = noise(-60, 5)
    sound[20_000:20_040] = 20_000
    assert spoken(sound) is None


def test_frames_may_come_in_any_portions() -> None:
    found = levels(np.concatenate([noise(-60, 1), tone(-20, 1), noise(-60, 1)]))
    whole, parts, last = SpeechDetector(), SpeechDetector(), None
    for start in range(0, len(found), 7):
        index = parts.feed(found[start : start + 7], FRAME_S)
        last = last if index is None else start + index
    assert whole.feed(found, FRAME_S) == last


@given(st.lists(st.floats(-90, 0), max_size=300))
def test_the_threshold_stays_within_sane_bounds(found: list[float]) -> None:
    detector = SpeechDetector(found[:20])
    for level in found:
        detector.feed([level], FRAME_S)
        assert -52 <= detector.threshold_dbfs <= -35
