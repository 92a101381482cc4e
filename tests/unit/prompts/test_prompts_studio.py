from pathlib import Path

import numpy as np
import pytest
import soundfile

from prompts import manifest
from prompts.catalogue import catalogue
from prompts.check import check
from prompts.manifest import ManifestError
from prompts.recordings import Recordings
from prompts.studio import Credit, ImportReport, StudioError, import_pack, read_mapping
from prompts.tones import RATE_HZ
from voicebox.i18n import Language

EN = Language.EN
CREDIT = Credit("Allison", "CC-BY-SA-3.0", "Asterisk core sounds")


def buzz(length_s: float, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    time = np.arange(round(length_s * rate_hz)) / rate_hz
    voice = np.zeros(time.size)
    for n in range(1, 15):
        voice += 0.05 * np.sin(2 * np.pi * 150 * n * time) / n
    return voice


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    return tmp_path / "pack"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def take_in(pack: Path, target: Path, **mapping: str | tuple[str, ...]) -> ImportReport:
    table = {key.replace("_", "-"): (names,) if isinstance(names, str) else names for key, names in mapping.items()}
    return import_pack(pack, target, EN, CREDIT, table or None)


def length_s(target: Path, key: str) -> float:
    return Recordings.open(target).pcm(EN, key).size / RATE_HZ


@pytest.mark.parametrize(
    ("suffix", "rate_hz", "written"),
    [
        (".wav", 8_000, ("WAV", "PCM_16")),
        (".wav", 44_100, ("WAV", "FLOAT")),
        (".wav", 8_000, ("WAV", "GSM610")),
        (".flac", 48_000, ("FLAC", "PCM_24")),
        (".mp3", 24_000, ("MP3", "MPEG_LAYER_III")),
        (".ulaw", 8_000, ("RAW", "ULAW")),
        (".alaw", 8_000, ("RAW", "ALAW")),
        (".gsm", 8_000, ("RAW", "GSM610")),
        (".sln", 8_000, ("RAW", "PCM_16")),
        (".sln16", 16_000, ("RAW", "PCM_16")),
        (".sln48", 48_000, ("RAW", "PCM_16")),
    ],
)
def test_what_a_studio_or_asterisk_delivers_is_taken_in(
    pack: Path, target: Path, suffix: str, rate_hz: int, written: tuple[str, str]
) -> None:
    container, subtype = written
    endian = "LITTLE" if subtype == "PCM_16" and container == "RAW" else "FILE"
    soundfile.write(pack / f"menu-main{suffix}", buzz(1.0, rate_hz), rate_hz, subtype, endian, container)
    report = take_in(pack, target)
    assert report.imported == ["menu-main"]
    assert report.refused == {}
    assert len(report.absent) == len(catalogue(EN)) - 1
    assert length_s(target, "menu-main") == pytest.approx(1.25, abs=0.1)
    assert check(target, complete=False) == []
    entry = manifest.read(target / EN)["menu-main"]
    assert (entry.voice, entry.licence, entry.engine) == ("Allison", "CC-BY-SA-3.0", "Asterisk core sounds")


def test_the_best_format_is_taken(pack: Path, target: Path) -> None:
    soundfile.write(pack / "menu-main.ulaw", buzz(2.0, 8_000), 8_000, "ULAW", format="RAW")
    soundfile.write(pack / "menu-main.wav", buzz(1.0, 16_000), 16_000)
    take_in(pack, target)
    assert length_s(target, "menu-main") == pytest.approx(1.25, abs=0.1)


def test_a_mapping_joins_files_of_any_name(pack: Path, target: Path) -> None:
    (pack / "digits").mkdir()
    for name in ("vm-youhave", "digits/1", "vm-message"):
        soundfile.write(pack / f"{name}.wav", buzz(0.5, 8_000), 8_000)
    report = take_in(pack, target, new_messages_1=("vm-youhave", "digits/1", "vm-message.wav"), menu_error="vm-sorry")
    assert report.imported == ["new-messages-1"]
    assert "menu-error" in report.absent
    assert length_s(target, "new-messages-1") == pytest.approx(1.75, abs=0.1)


def test_an_earlier_import_stays(pack: Path, target: Path) -> None:
    soundfile.write(pack / "a.wav", buzz(1.0, 16_000), 16_000)
    take_in(pack, target, menu_main="a")
    report = take_in(pack, target, menu_more="a")
    assert manifest.read(target / EN).keys() == {"menu-main", "menu-more"}
    assert "menu-main" not in report.absent


def test_parts_are_complete_only_with_all_of_them(pack: Path, target: Path) -> None:
    soundfile.write(pack / "a.wav", buzz(1.0, 16_000), 16_000)
    assert not take_in(pack, target, number_1="a").parts_complete


def test_what_cannot_be_used_is_reported_and_stops_nothing(pack: Path, target: Path) -> None:
    soundfile.write(pack / "silent.wav", np.zeros(8_000), 8_000)
    soundfile.write(pack / "music.wav", np.zeros(61 * 8_000), 8_000)
    (pack / "text.wav").write_bytes(b"not a wave file")
    soundfile.write(pack / "good.wav", buzz(1.0, 8_000), 8_000)
    report = take_in(pack, target, menu_main="silent", menu_more="music", menu_away="text", menu_name="good")
    assert report.refused.keys() == {"menu-main", "menu-more", "menu-away"}
    assert "61 s long" in report.refused["menu-more"]
    assert report.imported == ["menu-name"]


def test_a_name_that_leads_outside_is_refused(pack: Path, target: Path) -> None:
    soundfile.write(pack.parent / "secret.wav", buzz(1.0, 8_000), 8_000)
    for name in ("../secret", "../secret.wav", str(pack.parent / "secret")):
        with pytest.raises(StudioError, match="outside"):
            take_in(pack, target, menu_main=name)


def test_an_unknown_id_is_refused_before_anything_is_written(pack: Path, target: Path) -> None:
    with pytest.raises(StudioError, match="no-such-thing"):
        take_in(pack, target, no_such_thing="a")
    assert not target.exists()


def test_a_directory_that_does_not_exist_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(StudioError, match="not a directory"):
        import_pack(tmp_path / "nowhere", target, EN, CREDIT)


def test_a_damaged_manifest_is_not_overwritten(pack: Path, target: Path) -> None:
    (target / EN).mkdir(parents=True)
    (target / EN / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ManifestError):
        take_in(pack, target)


def test_mappings_are_toml(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('menu-main = "a"\nnew-messages-1 = ["b", "c"]\n', encoding="utf-8")
    assert read_mapping(path) == {"menu-main": ("a",), "new-messages-1": ("b", "c")}


@pytest.mark.parametrize("content", ["menu-main = 3", "menu-main = []", "menu-main = [1]", "menu-main", "[menu]\nx=1"])
def test_a_broken_mapping_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StudioError, match=r"map\.toml"):
        read_mapping(path)


def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="cannot be read"):
        read_mapping(tmp_path / "nowhere.toml")
