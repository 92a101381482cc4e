import numpy as np
import pytest

from prompts import mastering
from prompts.loudness import Samples, lufs, peak_dbfs
from prompts.mastering import SilentError, limit, master, tail_s, trim, without_tail
from prompts.tones import RATE_HZ
from prompts.utterance import Utterance


def noise(length_s: float, level: float, rate_hz: int = RATE_HZ) -> Samples:
    return level * np.random.default_rng(7).standard_normal(round(length_s * rate_hz))


def padded(samples: Samples, before_s: float, after_s: float, offset: float = 0.0) -> Samples:
    return np.concatenate([np.zeros(round(before_s * RATE_HZ)), samples, np.zeros(round(after_s * RATE_HZ))]) + offset


@pytest.mark.parametrize("offset", [0.0, 0.002])
def test_silence_before_and_after_goes_even_if_it_is_not_zero(offset: float) -> None:
    trimmed = trim(padded(noise(1.0, 0.1), 0.3, 0.7, offset))
    assert trimmed.size / RATE_HZ == pytest.approx(1.0 + mastering.LEAD_S + mastering.DECAY_S, abs=0.011)


def test_a_pause_inside_stays() -> None:
    inside = np.concatenate([noise(0.5, 0.1), np.zeros(RATE_HZ), noise(0.5, 0.1)])
    assert trim(padded(inside, 0.2, 0.2)).size >= 2 * RATE_HZ


def test_a_soft_final_consonant_stays() -> None:
    soft = np.concatenate([noise(0.5, 0.1), noise(0.1, 0.1 * 10 ** (-38 / 20))])
    assert trim(padded(soft, 0.2, 0.5)).size / RATE_HZ >= 0.6


@pytest.mark.parametrize("nothing", [np.zeros(0), np.zeros(10), np.zeros(RATE_HZ), np.full(RATE_HZ, 0.01)])
def test_silence_is_refused(nothing: Samples) -> None:
    with pytest.raises(SilentError):
        trim(nothing)


@pytest.mark.parametrize("level", [0.001, 0.05, 0.5])
def test_everything_comes_out_equally_loud(level: float) -> None:
    samples = master(padded(noise(1.0, level), 0.1, 0.5), RATE_HZ, 0.25)
    spoken = without_tail(samples) / 32768
    assert lufs(spoken, RATE_HZ) == pytest.approx(-20, abs=0.3)
    assert peak_dbfs(spoken) <= -3


def test_peaks_are_held_down_without_touching_the_rest() -> None:
    samples = noise(1.0, 0.05)
    samples[8000:8040] = 0.99
    held = limit(samples, -6)
    assert peak_dbfs(held) <= -6
    assert np.array_equal(held[:7000], samples[:7000])


def test_the_gain_of_the_limiter_changes_smoothly() -> None:
    samples = np.full(4000, 0.2)
    samples[2000] = 1.0
    held = limit(samples, -6)
    gain = held / samples
    assert np.max(np.abs(np.diff(gain))) < 0.02


def test_quiet_samples_pass_the_limiter_untouched() -> None:
    samples = noise(0.1, 0.01)
    assert limit(samples, -3) is samples


def test_the_breath_after_it_is_silent_and_as_long_as_asked_for() -> None:
    samples = master(noise(0.5, 0.1), RATE_HZ, 0.25)
    assert samples.dtype == np.int16
    assert not samples[-round(0.25 * RATE_HZ) :].any()


def test_other_rates_become_16_khz() -> None:
    assert master(noise(1.0, 0.1, 44_100), 44_100, 0.0).size == pytest.approx(RATE_HZ, rel=0.01)


def test_what_goes_on_is_followed_by_a_shorter_breath() -> None:
    sentence, carrier, joint = (tail_s(Utterance("x", text)) for text in ("Ende.", "Von:", "ein Uhr,"))
    assert sentence > carrier > joint > 0


def test_without_tail_of_silence_is_nothing() -> None:
    assert without_tail(np.zeros(100, np.int16)).size == 0
