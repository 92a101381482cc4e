"""What is spoken and heard on the demo's telephones: the shipped voices as 8 kHz audio, and a message made of them."""

import re
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import phonenumbers

from ivr.media.g711 import Pcm
from prompts import phrases
from prompts.catalogue import catalogue
from prompts.phrases import Phrase
from prompts.recordings import Recordings
from prompts.tones import RATE_HZ as PROMPT_HZ
from voicebox.demo.hearing import RATE_HZ
from voicebox.i18n import Language
from voicebox.resampling import resample

with warnings.catch_warnings():
    # pydub would rather have ffmpeg, which nothing here needs.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment, effects, silence

HEADROOM_DB: Final = 1.0
"""Loud: pyVoIP has 8 bits only, and its noise stays where it is."""
PAUSE_MS: Final = 260
"""Between two sentences, as one who leaves a number makes it."""
SENTENCE_PAUSE_MS: Final = 400
"""Shorter gaps are within a sentence."""
SILENT_DBFS: Final = -45
KEEP_MS: Final = 40
"""Around a sentence that was cut out, so that no consonant is lost."""


class SentencesError(Exception):
    """A recording does not have the pauses its text has."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something said on the telephone."""

    text: str
    pcm: Pcm
    """int16, 8 kHz."""

    @property
    def length_s(self) -> float:
        """How long it takes to say."""
        return len(self.pcm) / RATE_HZ


class Voices:
    """The shipped recordings of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._recordings = Recordings.open()

    def of(self, phrase: Phrase) -> Spoken:
        """Return a phrase as a telephone hears it."""
        texts = (catalogue(self._language).get(each) for each in phrase.ids)
        whole = np.concatenate([self._recordings.pcm(self._language, each) for each in phrase.ids])
        return Spoken(" ".join(each.text for each in texts if each), resample(whole, PROMPT_HZ, RATE_HZ))

    def prompt(self, *ids: str) -> Spoken:
        """Return utterances as a telephone hears them."""
        return self.of(phrases.say(self._language, *ids))

    def message(self, number: str, country_code: str) -> Spoken:
        """Return a caller's message: a greeting, the caller's number, "please call again", and goodbye."""
        dictated = phrases.phone_number(self._language, number, country_code)
        hello, please, bye = (
            self.sentence("greeting-unavailable", 0),
            self.sentence("login-wrong-goodbye", 1),
            self.sentence("login-wrong-goodbye", 2),
        )
        parts = [hello, self.prompt("caller-number"), self.of(dictated), please, bye]
        joined = _segment(parts[0].pcm)
        for part in parts[1:]:
            joined += AudioSegment.silent(PAUSE_MS, RATE_HZ) + _segment(part.pcm)
        loud = effects.normalize(joined, HEADROOM_DB)
        shown = [*(part.text for part in parts[:2]), f"{written(number)}.", *(part.text for part in parts[3:])]
        return Spoken(" ".join(shown), _samples(loud))

    def sentence(self, utterance: str, index: int) -> Spoken:
        """Return one sentence cut out of an utterance that has several.

        Raises:
            SentencesError: its pauses do not show where the sentences end.
        """
        whole = self.prompt(utterance)
        texts = re.findall(r"[^.!?]+[.!?]", whole.text)
        segment = _segment(whole.pcm)
        spans = silence.detect_nonsilent(segment, SENTENCE_PAUSE_MS, SILENT_DBFS, seek_step=5)
        if len(spans) != len(texts):
            raise SentencesError(f"{utterance} has {len(texts)} sentences and {len(spans)} parts between pauses")
        begins, ends = spans[index]
        return Spoken(texts[index].strip(), _samples(segment[max(0, begins - KEEP_MS) : ends + KEEP_MS]))


def written(number: str) -> str:
    """Return an E.164 number as people write it."""
    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _segment(pcm: Pcm) -> AudioSegment:
    return AudioSegment(pcm.tobytes(), sample_width=2, frame_rate=RATE_HZ, channels=1)


def _samples(segment: AudioSegment) -> Pcm:
    samples: Pcm = np.frombuffer(segment.raw_data, dtype=np.int16)
    return samples
