"""Faster and slower at the same pitch."""

import numpy as np
import pytest

from ivr.media.g711 import Pcm
from ivr.media.tempo import stretch

RATE = 8000
SPEEDS = [0.75, 1.25, 1.5, 2.0]


def voice(pitch_hz: float, seconds: float) -> Pcm:
    """A sound with ten harmonics, as a vowel has."""
    times = np.arange(round(RATE * seconds)) / RATE
    sound = sum(np.sin(2 * np.pi * pitch_hz * each * times) / each for each in range(1, 11))
    return np.asarray(5000 * sound).astype(np.int16)


def pitch_of(pcm: Pcm) -> float:
    """Return the frequency of the strongest partial: the fundamental's, by how the voice is made."""
    sound = pcm[RATE // 10 :][:8192].astype(np.float64)
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 32_768)).argmax() * RATE / 32_768)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("pitch", [90.0, 140.0, 220.0])
def test_the_pitch_stays_and_the_length_follows(speed: float, pitch: float) -> None:
    pcm = voice(pitch, 3)
    fast = stretch(pcm, RATE, speed)
    assert len(fast) == pytest.approx(len(pcm) / speed, abs=1)
    assert pitch_of(fast) == pytest.approx(pitch_of(pcm), rel=0.03)


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_spectrum_stays_clean(speed: float) -> None:
    """Of a steady tone, nearly all energy remains in it: windows laid out of phase would spread it."""
    pcm = (10_000 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)).astype(np.int16)
    sound = stretch(pcm, RATE, speed)[1000:9192].astype(np.float64) * np.hanning(8192)
    power = np.abs(np.fft.rfft(sound)) ** 2
    peak = int(power.argmax())
    assert peak * RATE / 8192 == pytest.approx(1000, abs=2)
    assert power[peak - 8 : peak + 9].sum() / power.sum() > 0.98


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_loudness_stays(speed: float) -> None:
    pcm = voice(120, 3)
    before, after = (np.sqrt(np.mean(np.square(each.astype(float)))) for each in (pcm, stretch(pcm, RATE, speed)))
    assert after == pytest.approx(before, rel=0.1)


@pytest.mark.parametrize("speed", SPEEDS)
def test_words_stay_in_their_order_and_place(speed: float) -> None:
    gap = np.zeros(RATE // 2, np.int16)
    pcm = np.concatenate([voice(100, 0.5), gap, voice(200, 0.5), gap])
    fast = np.abs(stretch(pcm, RATE, speed).astype(np.int32))
    spans = [(round((at - 0.1) * RATE / speed), round((at + 0.1) * RATE / speed)) for at in (0.25, 0.75, 1.25, 1.75)]
    loud = [int(fast[start:end].max()) for start, end in spans]
    assert [each > 1000 for each in loud] == [True, False, True, False]


def test_at_its_own_speed_nothing_changes() -> None:
    pcm = voice(100, 1)
    assert stretch(pcm, RATE, 1.0) is pcm


@pytest.mark.parametrize("length", [0, 1, 150, 191, 192, 193, 500])
@pytest.mark.parametrize("speed", SPEEDS)
def test_any_length_will_do(length: int, speed: float) -> None:
    assert len(stretch(np.ones(length, np.int16), RATE, speed)) <= length / 0.75 + 1


@pytest.mark.parametrize("speed", [0.5, 0.74, 2.01, -1, 0])
def test_other_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="not between"):
        stretch(voice(100, 1), RATE, speed)
