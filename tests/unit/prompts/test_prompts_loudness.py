import numpy as np
import pytest

from prompts.loudness import Samples, longest_tone_s, lufs, peak_dbfs
from prompts.tones import RATE_HZ, TONES


def sine(frequency_hz: float, length_s: float, amplitude: float = 1.0, rate_hz: int = RATE_HZ) -> Samples:
    return amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(round(length_s * rate_hz)) / rate_hz)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_full_scale_sine_of_997_hz_is_at_minus_3_lufs(rate_hz: int) -> None:
    # ITU-R BS.1770-4, annex 1: "If a 0 dB FS, 997 Hz sine wave is applied ... the loudness will equal -3.01 LKFS."
    assert lufs(sine(997, 2, rate_hz=rate_hz), rate_hz) == pytest.approx(-3.01, abs=0.05)


def test_ten_decibels_less_are_ten_units_less() -> None:
    loud, soft = sine(997, 1), sine(997, 1, 10 ** (-10 / 20))
    assert lufs(loud, RATE_HZ) - lufs(soft, RATE_HZ) == pytest.approx(10, abs=0.01)


def test_low_frequencies_count_less_and_high_ones_more() -> None:
    assert lufs(sine(40, 1), RATE_HZ) < lufs(sine(997, 1), RATE_HZ) - 2
    assert lufs(sine(4000, 1), RATE_HZ) > lufs(sine(997, 1), RATE_HZ) + 2


def test_pauses_do_not_count() -> None:
    speech = sine(500, 2, 0.1)
    with_pause = np.concatenate([speech, np.zeros(4 * RATE_HZ), speech])
    assert lufs(with_pause, RATE_HZ) == pytest.approx(lufs(speech, RATE_HZ), abs=0.4)


def test_an_utterance_shorter_than_a_block_is_measured_as_it_is() -> None:
    assert lufs(sine(997, 0.2), RATE_HZ) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(RATE_HZ)])
def test_silence_has_no_loudness_and_no_peak(samples: Samples) -> None:
    assert lufs(samples, RATE_HZ) == float("-inf")
    assert peak_dbfs(samples) == float("-inf")
    assert longest_tone_s(samples, RATE_HZ) == 0


def test_peaks() -> None:
    assert peak_dbfs(np.array([0.1, -0.5, 0.2])) == pytest.approx(-6.02, abs=0.01)


def test_the_record_tone_is_recognised_with_its_length() -> None:
    tone = TONES["tone-record"] / 32768
    assert longest_tone_s(np.concatenate([np.zeros(8000), tone, np.zeros(8000)]), RATE_HZ) == pytest.approx(
        0.25, abs=0.04
    )


@pytest.mark.parametrize("other", ["tone-warning", "tone-ringback"])
def test_our_other_tones_do_not_sound_like_it(other: str) -> None:
    assert longest_tone_s(TONES[other] / 32768, RATE_HZ) == 0


def test_a_voice_like_sound_with_a_harmonic_at_1000_hz_does_not_sound_like_it() -> None:
    voice = sum((sine(200 * n, 1, 0.3 / n) for n in range(1, 12)), start=np.zeros(RATE_HZ))
    assert longest_tone_s(voice, RATE_HZ) == 0
