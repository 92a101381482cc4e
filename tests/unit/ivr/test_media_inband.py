"""Keys in the sound, and sounds that are no keys."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from ivr.media.g711 import Pcm, decode, encode
from ivr.media.inband import SoundKeys
from voicebox.codec import Codec

LOW = dict(zip("123A456B789C*0#D", [697] * 4 + [770] * 4 + [852] * 4 + [941] * 4, strict=True))
HIGH = dict(zip("123A456B789C*0#D", [1209, 1336, 1477, 1633] * 4, strict=True))


def key_tone(
    key: str, seconds: float, *, low_db: float = -12, high_db: float = -12, off: float = 0.0
) -> NDArray[np.float64]:
    times = np.arange(round(8000 * seconds)) / 8000
    low, high = (10 ** (each / 20) * 32767 for each in (low_db, high_db))
    return np.asarray(
        low * np.sin(2 * np.pi * LOW[key] * (1 + off) * times)
        + high * np.sin(2 * np.pi * HIGH[key] * (1 + off) * times)
    )


def silence(seconds: float) -> NDArray[np.float64]:
    return np.zeros(round(8000 * seconds))


def keys_in(sound: NDArray[np.float64], *, portion: int = 320, through: Codec | None = Codec.PCMA) -> str:
    pcm: Pcm = np.clip(sound, -32768, 32767).astype(np.int16)
    if through:
        pcm = decode(encode(pcm, through), through)
    receiver = SoundKeys()
    return "".join(key for at in range(0, len(pcm), portion) for key in receiver.feed(pcm[at : at + portion]))


@pytest.mark.parametrize("portion", [160, 320, 397, 8000])
def test_all_keys_are_heard_once_each(portion: int) -> None:
    keys = "123A456B789C*0#D"
    sound = np.concatenate([part for key in keys for part in (key_tone(key, 0.08), silence(0.08))])
    assert keys_in(sound, portion=portion) == keys


@pytest.mark.parametrize("start", range(0, 160, 20))
def test_the_shortest_key_that_must_count_is_heard(start: int) -> None:
    """ITU-T Q.24: 40 ms are a key."""
    for key in "159D":
        sound = np.concatenate([np.zeros(800 + start), key_tone(key, 0.04), silence(0.1)])
        assert keys_in(sound) == key


def test_a_tone_too_short_is_no_key() -> None:
    for start in range(0, 160, 20):
        sound = np.concatenate([np.zeros(800 + start), key_tone("5", 0.02), silence(0.1)])
        assert keys_in(sound) == ""


def test_a_long_press_is_one_key_and_the_same_again_is_two() -> None:
    assert keys_in(np.concatenate([key_tone("7", 3), silence(0.05), key_tone("7", 0.1)])) == "77"


@pytest.mark.parametrize(("low_db", "high_db"), [(-10, -16), (-14, -10), (-30, -30), (-4, -7)])
@pytest.mark.parametrize("off", [-0.015, -0.0075, -0.003, 0.0, 0.0055, 0.012, 0.015])
def test_levels_and_frequencies_may_be_off(low_db: float, high_db: float, off: float) -> None:
    for key in "1597#":
        sound = np.concatenate([key_tone(key, 0.08, low_db=low_db, high_db=high_db, off=off), silence(0.06)])
        assert keys_in(sound) == key, key


@pytest.mark.parametrize("sound", ["one tone", "two low tones", "dial tone", "record tone", "noise", "whisper"])
def test_other_sounds_are_no_keys(sound: str) -> None:
    times = np.arange(16_000) / 8000
    sine = {hz: 8000 * np.sin(2 * np.pi * hz * times) for hz in (697, 770, 425, 1000, 1209)}
    made = {
        "one tone": sine[697],
        "two low tones": sine[697] + sine[770],
        "dial tone": sine[425],
        "record tone": sine[1000],
        "noise": np.random.default_rng(5).normal(0, 3000, 16_000),
        "whisper": key_tone("5", 2, low_db=-50, high_db=-50),
    }
    assert keys_in(made[sound]) == ""


def vowel(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    """Return a voiced sound: pulses of the voice through three formants, and breath."""
    times = np.arange(round(8000 * seconds)) / 8000
    pitch = rng.uniform(80, 280) * (1 + 0.03 * np.sin(2 * np.pi * 3 * times))
    phase = np.cumsum(pitch) / 8000
    sound = np.diff(np.floor(phase), prepend=0.0) + rng.normal(0, 0.01, len(times))
    for hz, width in zip(
        (rng.uniform(250, 900), rng.uniform(900, 2300), rng.uniform(2300, 3300)), (60, 90, 150), strict=True
    ):
        radius = np.exp(-np.pi * width / 8000)
        sound = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hz / 8000), radius**2], sound)
    return np.asarray(sound / np.abs(sound).max() * rng.uniform(3000, 25_000))


def test_speech_hardly_ever_talks_off() -> None:
    """Four minutes of vowels of all voices, held as nobody holds them: at most one passes for a key.

    Some pitch has its partials just there. It is searched for only where no telephone-event was agreed, and never
    while recording.
    """
    rng = np.random.default_rng(11)
    assert len(keys_in(np.concatenate([vowel(rng, 0.5) for _ in range(480)]), portion=8000)) <= 1


def test_what_was_heard_can_be_forgotten() -> None:
    receiver = SoundKeys()
    tone = key_tone("5", 0.1).astype(np.int16)
    assert receiver.feed(tone) == ["5"]
    receiver.reset()
    assert receiver.feed(tone) == ["5"]
