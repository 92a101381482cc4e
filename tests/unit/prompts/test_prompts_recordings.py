from pathlib import Path

import numpy as np
import pytest
import soundfile

from prompts.catalogue import catalogue
from prompts.recordings import Recordings
from prompts.tones import RATE_HZ, RECORD, TONES
from voicebox.i18n import Language

DE, EN = Language.DE, Language.EN


def put(root: Path, language: Language, utterance_id: str, value: int, rate_hz: int = RATE_HZ) -> Path:
    (root / language).mkdir(parents=True, exist_ok=True)
    path = root / language / f"{utterance_id}.flac"
    soundfile.write(path, np.full(rate_hz // 10, value, np.int16), rate_hz, subtype="PCM_16")
    return path


def test_every_shipped_utterance_has_a_recording() -> None:
    assert Recordings.open().missing == set()


@pytest.mark.parametrize("language", Language)
def test_a_shipped_utterance_is_16_khz_and_audible(language: Language) -> None:
    samples = Recordings.open().pcm(language, "greeting-unavailable")
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    assert 4 * RATE_HZ < samples.size < 12 * RATE_HZ
    assert np.abs(samples.astype(int)).max() > 5_000


def test_nobody_can_change_what_others_will_hear() -> None:
    recordings = Recordings.open()
    with pytest.raises(ValueError, match="read-only"):
        recordings.pcm(DE, "menu-main")[0] = 1


def test_tones_come_in_every_language() -> None:
    for language in Language:
        assert Recordings.open().pcm(language, RECORD) is TONES[RECORD]


def test_a_studio_takes_precedence_for_whole_sentences(tmp_path: Path) -> None:
    put(tmp_path / "studio", DE, "menu-main", 111)
    put(tmp_path / "own", DE, "menu-main", 222)
    put(tmp_path / "own", DE, "menu-more", 333)
    recordings = Recordings.open(tmp_path / "studio", tmp_path / "own")
    assert recordings.pcm(DE, "menu-main")[0] == 111
    assert recordings.pcm(DE, "menu-more")[0] == 333


def test_a_studio_that_lacks_a_part_speaks_no_parts(tmp_path: Path) -> None:
    parts = [each.id for each in catalogue(EN).values() if each.part]
    for folder, value in (("own", 1), ("studio", 2)):
        audio = put(tmp_path / folder, EN, "number-7", value).read_bytes()
        for key in parts:
            (tmp_path / folder / EN / f"{key}.flac").write_bytes(audio)
    assert Recordings.open(tmp_path / "studio", tmp_path / "own").pcm(EN, "number-7")[0] == 2
    (tmp_path / "studio" / EN / "number-99.flac").unlink()
    assert Recordings.open(tmp_path / "studio", tmp_path / "own").pcm(EN, "number-7")[0] == 1


def test_a_sentence_without_a_recording_is_said_in_another_language(tmp_path: Path) -> None:
    put(tmp_path, EN, "menu-error", 44)
    recordings = Recordings.open(shipped=tmp_path)
    assert (DE, "menu-error") in recordings.missing
    assert recordings.pcm(DE, "menu-error")[0] == 44


def test_a_part_of_a_sentence_is_never_said_in_another_language(tmp_path: Path) -> None:
    put(tmp_path, EN, "number-7", 44)
    assert not Recordings.open(shipped=tmp_path).pcm(DE, "number-7").any()


@pytest.mark.parametrize("broken", [b"", b"fLaC", b"not audio at all"])
def test_a_broken_file_falls_back_and_is_reported(tmp_path: Path, broken: bytes) -> None:
    put(tmp_path / "studio", DE, "menu-error", 1).write_bytes(broken)
    put(tmp_path / "own", DE, "menu-error", 2)
    recordings = Recordings.open(tmp_path / "studio", tmp_path / "own")
    assert recordings.pcm(DE, "menu-error")[0] == 2
    assert (DE, "menu-error") in recordings.missing


def test_a_file_that_vanishes_ends_no_call(tmp_path: Path) -> None:
    path = put(tmp_path, DE, "menu-error", 1)
    recordings = Recordings.open(shipped=tmp_path)
    path.unlink()
    assert not recordings.pcm(DE, "menu-error").any()


@pytest.mark.parametrize("unknown", ["", "no-such-thing", "../../secret"])
def test_what_nobody_has_is_a_short_silence(tmp_path: Path, unknown: str) -> None:
    samples = Recordings.open(shipped=tmp_path).pcm(DE, unknown)
    assert 0 < samples.size < RATE_HZ
    assert not samples.any()


def test_a_file_of_another_rate_is_resampled(tmp_path: Path) -> None:
    put(tmp_path, DE, "menu-main", 1000, rate_hz=48_000)
    assert Recordings.open(shipped=tmp_path).pcm(DE, "menu-main").size == pytest.approx(RATE_HZ / 10, abs=2)


def test_an_absent_studio_directory_is_no_error(tmp_path: Path) -> None:
    assert Recordings.open(tmp_path / "nowhere").missing == set()


def test_all_ids_are_offered_for_preparation() -> None:
    assert set(Recordings.open().ids(DE)) == catalogue(DE).keys() | TONES.keys()
