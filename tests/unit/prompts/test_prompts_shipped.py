"""The recordings in the package. `make check` runs the whole of `prompts check`; this is what milliseconds allow."""

import pytest

from prompts import manifest
from prompts.build import RECORDINGS, text_hash
from prompts.catalogue import catalogue
from prompts.check import plausible_length_s
from prompts.mastering import LEVEL_LUFS, PEAK_DBFS
from prompts.phrases import Greeting, greeting
from voicebox.i18n import Language

MOST_BYTES = 25_000_000


@pytest.mark.parametrize("language", Language)
def test_the_manifest_has_the_catalogues_texts_and_no_others(language: Language) -> None:
    entries = manifest.read(RECORDINGS / language)
    assert {key: entry.text for key, entry in entries.items()} == {
        key: utterance.text for key, utterance in catalogue(language).items()
    }


@pytest.mark.parametrize("language", Language)
def test_every_recording_was_made_as_it_would_be_made_today(language: Language) -> None:
    entries = manifest.read(RECORDINGS / language)
    assert [
        key for key, item in catalogue(language).items() if entries[key].text_hash != text_hash(language, item)
    ] == []


@pytest.mark.parametrize("language", Language)
def test_every_file_is_the_one_in_the_manifest(language: Language) -> None:
    for key, entry in manifest.read(RECORDINGS / language).items():
        assert manifest.digest((RECORDINGS / language / f"{key}.opus").read_bytes()) == entry.audio_hash, key


@pytest.mark.parametrize("language", Language)
def test_levels_and_lengths_are_those_of_a_prompt(language: Language) -> None:
    for key, entry in manifest.read(RECORDINGS / language).items():
        least, most = plausible_length_s(catalogue(language)[key])
        assert least <= entry.length_s <= most, key
        assert LEVEL_LUFS - 4 <= entry.lufs <= LEVEL_LUFS + 2, key
        assert entry.peak_dbfs <= PEAK_DBFS, key


@pytest.mark.parametrize("language", Language)
def test_licence_and_voice_are_stated(language: Language) -> None:
    for entry in manifest.read(RECORDINGS / language).values():
        assert entry.voice
        assert "LICENSES.md" in entry.licence


def test_they_are_light_enough_for_a_repository() -> None:
    assert sum(path.stat().st_size for path in RECORDINGS.rglob("*.*")) <= MOST_BYTES


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", Greeting)
def test_a_default_greeting_lasts_no_longer_than_a_caller_listens(language: Language, kind: Greeting) -> None:
    entries = manifest.read(RECORDINGS / language)
    assert sum(entries[each].length_s for each in greeting(language, kind).ids) <= 11
