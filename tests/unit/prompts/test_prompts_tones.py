import numpy as np
import pytest

from prompts.tones import GROUP_PAUSE, RATE_HZ, RECORD, RINGBACK, TONES, WARNING


def test_the_record_tone_is_1000_hz_for_250_ms_at_minus_12_dbfs() -> None:
    tone = TONES[RECORD]
    assert tone.dtype == np.int16
    assert tone.size == 0.25 * RATE_HZ
    assert np.max(np.abs(tone.astype(int))) == pytest.approx(8230, abs=2)
    spectrum = np.abs(np.fft.rfft(tone))
    assert np.argmax(spectrum) * RATE_HZ / tone.size == pytest.approx(1000, abs=4)


def test_the_record_tone_rises_and_falls_in_5_ms() -> None:
    envelope = np.abs(TONES[RECORD].astype(float))
    assert envelope[:8].max() < 0.2 * 8230
    assert envelope[-8:].max() < 0.2 * 8230
    assert envelope[80:112].max() > 0.98 * 8230


def test_the_warning_is_two_beeps_of_60_ms_at_1400_hz() -> None:
    beeps = TONES[WARNING].reshape(3, -1)
    assert beeps.shape[1] == 0.06 * RATE_HZ
    assert np.array_equal(beeps[0], beeps[2])
    assert not beeps[1].any()
    beep = TONES[WARNING][: round(0.06 * RATE_HZ)].astype(float)
    padded = np.abs(np.fft.rfft(beep, RATE_HZ))
    assert np.argmax(padded) == pytest.approx(1400, abs=10)


def test_the_ringing_tone_is_1_s_on_and_4_s_off() -> None:
    tone = TONES[RINGBACK]
    assert tone.size == 5 * RATE_HZ
    assert not tone[RATE_HZ:].any()


def test_a_pause_is_silent() -> None:
    assert not TONES[GROUP_PAUSE].any()


def test_nobody_can_change_a_tone() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TONES[RECORD][0] = 1
