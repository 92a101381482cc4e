"""The caller's message is made of the shipped voices."""

import numpy as np
import pytest

from voicebox.demo.company import example
from voicebox.demo.hearing import find
from voicebox.demo.speech import SentencesError, Voices, written
from voicebox.i18n import Language


@pytest.mark.parametrize("language", list(Language))
def test_the_message_is_whole_sentences_and_loud(language: Language) -> None:
    voices, company = Voices(language), example(language)
    message = voices.message(company.customer.number, company.country_code)
    assert written(company.customer.number) in message.text
    # Long enough for a message, short enough for a demo.
    assert 6 < message.length_s < 14
    peak_dbfs = 20 * np.log10(np.abs(message.pcm.astype(np.float64)).max() / 32768)
    assert peak_dbfs == pytest.approx(-1, abs=0.2)
    # It is the voice of voicebox's prompts, not the greeting itself.
    carrier = find(voices.prompt("caller-number").pcm, message.pcm)
    assert carrier is not None
    assert carrier.likeness > 0.99
    greeting = find(voices.sentence("greeting-unavailable", 1).pcm, message.pcm)
    assert greeting is None or greeting.likeness < 0.3


@pytest.mark.parametrize("language", list(Language))
def test_a_sentence_is_cut_out_by_its_pauses(language: Language) -> None:
    voices = Voices(language)
    whole = voices.prompt("login-wrong-goodbye")
    parts = [voices.sentence("login-wrong-goodbye", index) for index in range(3)]
    assert " ".join(part.text for part in parts) == whole.text
    places = [find(part.pcm, whole.pcm) for part in parts]
    assert all(place is not None and place.likeness > 0.99 for place in places)
    starts = [place.at for place in places if place is not None]
    assert starts == sorted(starts)


def test_a_recording_without_pauses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebox.demo.speech.SENTENCE_PAUSE_MS", 5000)
    with pytest.raises(SentencesError, match="3 sentences and 1 parts"):
        Voices(Language.DE).sentence("login-wrong-goodbye", 0)
