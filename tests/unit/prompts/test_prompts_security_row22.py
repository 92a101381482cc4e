"""A prompt that is missing in German is said otherwise, and ends no call (security.md, row 22)."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from prompts import phrases
from prompts.phrases import Phrase
from prompts.recordings import Recordings
from prompts.tones import RATE_HZ
from voicebox.i18n import Language
from voicebox.message import Counts

DE, EN = Language.DE, Language.EN
COUNTS = (0, 1, 2, 20, 21, 101)


def families(count: int) -> list[Phrase]:
    """What says a number of messages in German."""
    counts = Counts(new=count, saved=count, new_urgent=count, saved_urgent=0, deleted=count)
    said = [
        phrases.new_messages(DE, count),
        phrases.saved_messages(DE, count),
        phrases.deleted_messages(DE, count),
        phrases.message_counts(DE, counts),
        phrases.number(DE, count),
    ]
    return said + ([phrases.urgent_messages(DE, count), phrases.recipients(DE, count)] if count else [])


@pytest.mark.parametrize("count", COUNTS)
def test_security_row_22_every_count_is_recorded_in_german(count: int) -> None:
    recordings = Recordings.open()
    for phrase in families(count):
        for utterance in phrase.ids:
            assert (DE, utterance) not in recordings.missing
            assert recordings.pcm(DE, utterance).any(), utterance


@pytest.mark.parametrize("count", COUNTS)
def test_security_row_22_whole_sentences_without_german_are_said_in_english(tmp_path: Path, count: int) -> None:
    for utterance in {utterance for phrase in families(count) for utterance in phrase.ids}:
        (tmp_path / EN).mkdir(exist_ok=True)
        soundfile.write(tmp_path / EN / f"{utterance}.flac", np.full(800, 77, np.int16), RATE_HZ, subtype="PCM_16")
    recordings = Recordings.open(shipped=tmp_path)
    for phrase in families(count):
        for utterance in phrase.ids:
            samples = recordings.pcm(DE, utterance)
            # A whole sentence in the other language; a part of a sentence never changes it, and is a silence.
            assert samples.size, utterance
            assert (DE, utterance) in recordings.missing


def test_security_row_22_without_any_recording_there_is_a_silence_and_no_fault(tmp_path: Path) -> None:
    recordings = Recordings.open(shipped=tmp_path)
    for count in COUNTS:
        for phrase in families(count):
            for utterance in phrase.ids:
                samples = recordings.pcm(DE, utterance)
                assert 0 < samples.size < RATE_HZ
                assert not samples.any()
