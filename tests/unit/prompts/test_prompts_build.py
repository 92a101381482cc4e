import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from prompts import manifest
from prompts.build import BuildReport, Render, build, decode, encode, text_hash
from prompts.catalogue import catalogue
from prompts.check import Problem, check
from prompts.loudness import Samples
from prompts.manifest import Entry, ManifestError
from prompts.tones import RATE_HZ, TONES
from prompts.utterance import Utterance
from voicebox.i18n import Language

DE, EN = Language.DE, Language.EN
FEW = ("menu-main", "menu-more", "number-7", "caller-name")


def hum(text: str) -> Samples:
    """A voice of our own: a buzz as long as the text would take to say."""
    length = round(0.08 * len(text) * RATE_HZ)
    time = np.arange(length) / RATE_HZ
    voice = np.zeros(length)
    for n in range(1, 20):
        voice += np.sin(2 * np.pi * 140 * n * time) / n
    return 0.1 * voice


def speak(_: Language, utterance: Utterance) -> tuple[Samples, int]:
    return hum(utterance.text), RATE_HZ


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    full = {language: catalogue(language) for language in Language}

    def few(language: Language) -> dict[str, Utterance]:
        return {key: full[language][key] for key in FEW}

    for module in ("build", "check"):
        monkeypatch.setattr(f"prompts.{module}.catalogue", few)


@pytest.fixture
def built(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build of the small catalogue; built once, then copied."""
    master = tmp_path_factory.getbasetemp() / "built-prompts"
    if not (master / EN / manifest.NAME).exists():
        build(directory=master, render=speak)
    return Path(shutil.copytree(master, tmp_path, dirs_exist_ok=True))


def problems(directory: Path, **kwargs: bool) -> list[tuple[str, Problem]]:
    return [(finding.name, finding.problem) for finding in check(directory, **kwargs)]


def rebuild(directory: Path, render: Render = speak) -> BuildReport:
    return build([DE], directory, render=render)


def change(directory: Path, key: str, **fields: str) -> None:
    entries = manifest.read(directory / DE)
    manifest.write(directory / DE, DE, {**entries, key: Entry(**asdict(entries[key]) | fields)})


def put(directory: Path, key: str, samples: Samples) -> None:
    """Replace a recording, with a manifest that agrees."""
    audio = encode((samples * 32767).astype(np.int16))
    (directory / DE / f"{key}.opus").write_bytes(audio)
    change(directory, key, audio_hash=manifest.digest(audio))


def test_a_build_makes_everything_and_passes_the_check(tmp_path: Path) -> None:
    done: list[str] = []
    report = build(directory=tmp_path, progress=done.append, render=speak)
    assert done == report.rendered == [f"{language}/{key}" for language in Language for key in FEW]
    assert check(tmp_path) == []


def test_a_second_build_does_nothing(built: Path) -> None:
    report = rebuild(built)
    assert report.rendered == []
    assert report.kept == [f"de/{key}" for key in FEW]


@pytest.mark.parametrize("field", ["text", "text_hash", "audio_hash"])
def test_what_has_changed_is_rendered_anew(built: Path, field: str) -> None:
    change(built, "menu-more", **{field: "old"})
    assert rebuild(built).rendered == ["de/menu-more"]


def test_a_lost_file_is_rendered_anew(built: Path) -> None:
    (built / DE / "menu-main.opus").unlink()
    assert rebuild(built).rendered == ["de/menu-main"]


def test_a_studios_recording_stays(built: Path) -> None:
    change(built, "menu-main", engine="studio", text_hash="other")
    assert rebuild(built).rendered == []


def test_what_the_catalogue_has_no_more_is_removed(built: Path) -> None:
    (built / DE / "gone-away.opus").write_bytes(b"")
    assert rebuild(built).removed == ["de/gone-away"]
    assert not (built / DE / "gone-away.opus").exists()


def test_an_interrupted_build_keeps_what_it_has(tmp_path: Path) -> None:
    def fails(language: Language, utterance: Utterance) -> tuple[Samples, int]:
        if utterance.id == "caller-name":
            raise OSError("no space left")
        return speak(language, utterance)

    with pytest.raises(OSError, match="no space"):
        rebuild(tmp_path, fails)
    assert rebuild(tmp_path).rendered == ["de/caller-name"]


def test_the_hash_depends_on_text_and_language() -> None:
    one, other = Utterance("menu-main", "Hauptmenü."), Utterance("menu-main", "Hauptmenue.")
    assert len({text_hash(DE, one), text_hash(DE, other), text_hash(EN, one)}) == 3


def test_the_codec_keeps_the_length_to_the_sample() -> None:
    samples = (hum("einundzwanzig") * 32767).astype(np.int16)
    assert decode(encode(samples)).size == samples.size


def test_a_missing_recording_is_found(built: Path) -> None:
    (built / DE / "menu-main.opus").unlink()
    assert problems(built) == [("de/menu-main", Problem.MISSING)]


def test_a_language_that_is_not_there_is_found(built: Path) -> None:
    for path in (built / EN).iterdir():
        path.unlink()
    assert problems(built) == [(f"en/{key}", Problem.MISSING) for key in FEW]


def test_a_studios_directory_may_hold_a_part(built: Path) -> None:
    for path in (built / EN).iterdir():
        path.unlink()
    assert problems(built, complete=False) == []


def test_a_stray_file_is_found(built: Path) -> None:
    (built / DE / "surplus.flac").write_bytes(b"")
    assert problems(built) == [("de/surplus", Problem.STRAY)]


def test_a_text_that_was_changed_afterwards_is_found(built: Path) -> None:
    change(built, "menu-main", text="Menü.")
    assert problems(built) == [("de/menu-main", Problem.TEXT)]


def test_a_recording_without_licence_is_found(built: Path) -> None:
    change(built, "menu-main", licence="")
    assert problems(built) == [("de/menu-main", Problem.LICENCE)]


def test_a_file_that_is_not_the_one_recorded_is_found(built: Path) -> None:
    other = (built / DE / "menu-more.opus").read_bytes()
    (built / DE / "menu-main.opus").write_bytes(other)
    assert ("de/menu-main", Problem.HASH) in problems(built)


def test_a_damaged_file_is_found(built: Path) -> None:
    (built / DE / "menu-main.opus").write_bytes(b"OggS nonsense")
    assert problems(built) == [("de/menu-main", Problem.HASH), ("de/menu-main", Problem.UNREADABLE)]


def test_silence_is_found(built: Path) -> None:
    put(built, "menu-main", np.zeros(RATE_HZ))
    assert problems(built) == [("de/menu-main", Problem.SILENT)]


@pytest.mark.parametrize("gain", [0.1, 2.0])
def test_a_wrong_level_is_found(built: Path, gain: float) -> None:
    samples = decode((built / DE / "menu-main.opus").read_bytes()) / 32768
    put(built, "menu-main", np.clip(samples * gain, -0.69, 0.69))
    assert problems(built) == [("de/menu-main", Problem.LEVEL)]


def test_clipping_is_found(built: Path) -> None:
    samples = decode((built / DE / "menu-main.opus").read_bytes()) / 32768
    samples[5000] = 1.0
    put(built, "menu-main", samples)
    assert ("de/menu-main", Problem.CLIPPING) in problems(built)


@pytest.mark.parametrize("times", [0.1, 5])
def test_an_implausible_length_is_found(built: Path, times: float) -> None:
    samples = decode((built / DE / "menu-main.opus").read_bytes()) / 32768
    size = round(samples.size * times)
    put(built, "menu-main", np.tile(samples[: round(0.5 * RATE_HZ)], 20)[:size])
    assert ("de/menu-main", Problem.LENGTH) in problems(built)


def test_what_sounds_like_the_record_tone_is_found(built: Path) -> None:
    samples = decode((built / DE / "menu-main.opus").read_bytes()) / 32768
    put(built, "menu-main", np.concatenate([samples, TONES["tone-record"] / 32768]))
    assert ("de/menu-main", Problem.TONE) in problems(built)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "defaults": {}, "utterances": {"menu-main": {}}}']
)
def test_a_damaged_manifest_is_an_error_that_names_it(built: Path, content: str) -> None:
    (built / DE / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        rebuild(built)
    assert problems(built)[0] == ("de", Problem.MANIFEST)


def test_a_manifest_of_the_future_is_refused(built: Path) -> None:
    (built / DE / "manifest.json").write_text('{"version": 2}', encoding="utf-8")
    with pytest.raises(ManifestError, match="version 2"):
        manifest.read(built / DE)


def test_manifests_are_read_as_they_were_written(tmp_path: Path) -> None:
    entries = {
        key: Entry(f"Größe {key}.", "t", engine, "voice", "licence", "a", 1.5, -20.1, -3.2)
        for key, engine in (("b", "pico"), ("a", "pico"), ("c", "studio"))
    }
    manifest.write(tmp_path, DE, entries)
    assert manifest.read(tmp_path) == entries
    text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    assert text.count('"pico"') == 1
    assert text.index('"a": {') < text.index('"b": {')


def test_an_empty_manifest_can_be_written(tmp_path: Path) -> None:
    manifest.write(tmp_path, DE, {})
    assert manifest.read(tmp_path) == {}


def test_a_finding_reads_as_a_line(built: Path) -> None:
    (built / DE / "menu-main.opus").unlink()
    assert str(check(built)[0]) == "de/menu-main: missing: no file"
