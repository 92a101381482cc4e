import numpy as np
import pytest

from prompts.catalogue import catalogue
from prompts.pico import PicoError, ssml, without_follower
from prompts.utterance import Utterance
from voicebox.i18n import Language

DE, EN = Language.DE, Language.EN
RATE_HZ = 16_000


def test_german_is_slowed_down_and_digits_more_so() -> None:
    assert ssml(DE, Utterance("menu-main", "Hauptmenü.")) == "<speed level='90'>Hauptmenü.</speed>"
    assert ssml(EN, Utterance("digits-12", "one two.")).startswith("<speed level='80'>")


def test_words_that_are_misread_get_their_phonemes_and_only_whole_words() -> None:
    said = ssml(DE, Utterance("x", "Ihre Mailbox, alle Mailboxen, eine E-Mail."))
    assert "Mailbox" not in said
    assert said.count("<phoneme") == 3
    assert "mE:l.bOk.s@n" in said


def test_long_german_number_words_become_figures() -> None:
    assert ">24<" in ssml(DE, Utterance("number-24", "vierundzwanzig."))
    assert ">21 Uhr, eins.<" in ssml(DE, Utterance("clock-hour-21", "einundzwanzig Uhr,"))
    assert ">47 Sekunden.<" in ssml(DE, Utterance("seconds-47", "siebenundvierzig Sekunden."))
    assert "2026, eins" in ssml(DE, Utterance("year-2026", "zweitausendsechsundzwanzig,"))
    assert ">zwei.<" in ssml(DE, Utterance("number-2", "zwei."))


def test_a_carrier_is_followed_by_a_word_so_that_the_voice_stays_up() -> None:
    assert ssml(EN, Utterance("caller-name", "From:")).endswith("From, one.</speed>")


def test_markup_in_a_text_is_text() -> None:
    assert "a &lt; b &amp; c" in ssml(EN, Utterance("x", "a < b & c."))


@pytest.mark.parametrize("language", Language)
def test_no_figure_stands_before_a_full_stop_where_it_would_be_an_ordinal(language: Language) -> None:
    for utterance in catalogue(language).values():
        if not utterance.id.startswith("date-"):
            assert not any(f"{digit}.<" in ssml(language, utterance) for digit in "0123456789"), utterance.id


def sound(*parts: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Loudness and length in seconds, one after the other."""
    noise = np.random.default_rng(3).standard_normal(10 * RATE_HZ)
    return np.concatenate([level * noise[: round(length_s * RATE_HZ)] for level, length_s in parts])


def test_the_follower_is_cut_off_at_the_last_pause() -> None:
    spoken = sound((0.1, 0.5), (0, 0.4), (0.1, 0.7), (0, 0.3), (0.1, 0.4), (0, 0.7))
    kept = without_follower(spoken, RATE_HZ, Utterance("x", "Von:"))
    assert 1.6 <= kept.size / RATE_HZ <= 1.9
    assert not kept[round(1.62 * RATE_HZ) :].any()


def test_a_stop_consonant_is_no_pause() -> None:
    with pytest.raises(PicoError, match="no pause after x"):
        without_follower(sound((0.1, 0.5), (0, 0.08), (0.1, 0.5)), RATE_HZ, Utterance("x", "Von:"))
