"""The demo's ear: the tone is told from speech, and a sound is found where it is."""

import numpy as np
import pytest

from ivr.media.g711 import Pcm, decode, encode
from prompts.recordings import Recordings
from prompts.tones import RECORD, TONES
from voicebox.codec import Codec
from voicebox.demo.eightbit import from_eight_bit, to_eight_bit
from voicebox.demo.handset import KNOWN
from voicebox.demo.hearing import RATE_HZ, ToneEar, find, goertzel, recognise
from voicebox.i18n import Language
from voicebox.resampling import resample


def line(pcm: Pcm) -> Pcm:
    """Return what comes out where pyVoIP plays what went in through G.711."""
    eight_bit = np.floor_divide(decode(encode(pcm, Codec.PCMU), Codec.PCMU), 256) + 128
    return from_eight_bit(bytes(eight_bit.astype(np.uint8)))


def sine(frequency_hz: float, length_s: float, peak: float = 8230) -> Pcm:
    wave = peak * np.sin(2 * np.pi * frequency_hz / RATE_HZ * np.arange(round(length_s * RATE_HZ)))
    found: Pcm = wave.astype(np.int16)
    return found


def noise(length_s: float, *, seed: int = 1, peak: float = 3000) -> Pcm:
    found: Pcm = np.random.default_rng(seed).normal(0, peak, round(length_s * RATE_HZ)).astype(np.int16)
    return found


def silence(length_s: float) -> Pcm:
    return np.zeros(round(length_s * RATE_HZ), np.int16)


@pytest.mark.parametrize("offset", [0, 1, 77, 159])
@pytest.mark.parametrize("chunk", [160, 333, 4000])
def test_the_record_tone_is_heard_wherever_it_begins(offset: int, chunk: int) -> None:
    tone: Pcm = TONES[RECORD][::2]  # 1 kHz in 16 kHz: every other sample is the same tone at 8 kHz
    heard = line(np.concatenate([np.zeros(offset, np.int16), tone, silence(0.1)]))
    ear = ToneEar()
    found = [each for at in range(0, len(heard), chunk) if (each := ear.feed(heard[at : at + chunk]))]
    assert len(found) == 1
    assert 200 <= found[0].length_ms <= 250
    assert found[0].level_dbfs == pytest.approx(-12, abs=0.3)


@pytest.mark.parametrize(
    "other",
    [
        sine(1400, 0.25),
        sine(850, 0.25),
        sine(1000, 0.25, peak=300),
        sine(1000, 0.1),
        noise(0.5),
        sine(697, 0.3) + sine(1209, 0.3),
        silence(1),
    ],
    ids=["warning", "neighbour", "faint", "short", "noise", "key", "silence"],
)
def test_nothing_else_is_taken_for_it(other: Pcm) -> None:
    assert ToneEar().feed(line(np.concatenate([other, silence(0.1)]))) is None


def test_goertzel_measures_amplitude_and_purity() -> None:
    amplitude, purity = goertzel(sine(1000, 0.02), 1000)
    assert amplitude == pytest.approx(8230, rel=0.001)
    assert purity == pytest.approx(1, abs=0.001)
    assert goertzel(silence(0.02), 1000) == (0, 0)


@pytest.mark.parametrize("at", [0, 4321, 16000])
def test_a_sound_is_found_where_it_is_through_eight_bits(at: int) -> None:
    sound = noise(1, seed=2)
    heard = noise(4)
    heard[at : at + len(sound)] = sound // 3  # volume does not matter
    found = find(sound, line(heard))
    assert found is not None
    assert found.at == at
    assert found.likeness > 0.97


@pytest.mark.parametrize("slip", [160, 320, 1600])
@pytest.mark.parametrize("at_s", [0.5, 1.4, 2.6])
def test_a_sound_is_recognised_though_part_of_it_came_late(slip: int, at_s: float) -> None:
    sound, cut = noise(3, seed=2), round(at_s * RATE_HZ)
    heard = np.concatenate([noise(1), sound[:cut], np.zeros(slip, np.int16), sound[cut:], noise(1, seed=3)])
    whole, found = find(sound, line(heard)), recognise(sound, line(heard))
    assert whole is not None
    assert found is not None
    assert found.likeness > 0.85
    assert found.likeness > whole.likeness
    assert abs(found.at - RATE_HZ) <= slip


@pytest.mark.parametrize("cuts_s", [(0.7, 1.4, 2.1), (1, 2, 4, 5, 7), (0.1, 0.2, 5.5, 8.1, 9.3)])
def test_a_sound_is_recognised_however_often_the_rest_came_late(cuts_s: tuple[float, ...]) -> None:
    sound, late = noise(10, seed=2), np.zeros(480, np.int16)
    sound[4 * RATE_HZ : 5 * RATE_HZ] = sound[4 * RATE_HZ : 5 * RATE_HZ] // 4 * 5  # the loudest second
    parts = np.split(sound, [round(at_s * RATE_HZ) for at_s in cuts_s])
    heard = np.concatenate([noise(1), *(part for each in parts for part in (each, late)), noise(1, seed=3)])
    found = recognise(sound, line(heard))
    assert found is not None
    assert found.likeness > 0.75
    assert abs(found.at - RATE_HZ) <= 2 * len(late)


@pytest.mark.parametrize("language", Language)
def test_no_words_of_the_call_to_the_portal_are_taken_for_others(language: Language) -> None:
    recordings = Recordings.open()
    ids = ["login-welcome", "login-number", "message-end", "message-saved", "menu-main"]
    said = {each: line(resample(recordings.pcm(language, each), 16_000, RATE_HZ)) for each in ids}
    for each, sound in said.items():
        others = np.concatenate([other for name, other in said.items() if name != each])
        found = recognise(sound, others)
        assert found is None or found.likeness < KNOWN, each


@pytest.mark.parametrize("missing_s", [0.1, 0.5, 1.5])
def test_a_sound_is_not_recognised_before_its_end(missing_s: float) -> None:
    sound = noise(5, seed=2)
    heard = line(np.concatenate([noise(1), sound[: len(sound) - round(missing_s * RATE_HZ)]]))
    found = recognise(sound, heard)
    assert found is None or found.likeness < 0.3
    found = recognise(sound, line(np.concatenate([noise(1), sound])))
    assert found is not None
    assert found.likeness > 0.99


def test_pieces_make_nothing_of_something_else() -> None:
    found = recognise(noise(3, seed=2), line(noise(6)))
    assert found is not None
    assert found.likeness < 0.3
    assert recognise(noise(1), noise(0.5)) is None
    assert recognise(silence(1), noise(3)) == find(silence(1), noise(3))


def test_what_is_not_there_is_not_like_it() -> None:
    found = find(noise(1, seed=2), noise(4))
    assert found is not None
    assert found.likeness < 0.2


def test_silence_is_like_nothing() -> None:
    found = find(noise(1), silence(3))
    assert found is not None
    assert found.likeness == pytest.approx(0, abs=1e-6)


def test_nothing_is_found_in_less_than_itself() -> None:
    assert find(noise(1), noise(0.9)) is None
    assert find(silence(0), noise(1)) is None


def test_eight_bits_cost_half_a_step_at_most_and_keep_silence() -> None:
    pcm = noise(0.5)
    back = from_eight_bit(to_eight_bit(pcm)).astype(np.int32)
    assert np.abs(back - pcm).max() <= 256
    assert not from_eight_bit(to_eight_bit(silence(0.1))).any()
    loudest = np.array([32767, -32768], np.int16)
    assert to_eight_bit(loudest) == b"\xff\x00"
