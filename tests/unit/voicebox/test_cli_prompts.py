"""`voicebox prompts build|check|import`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from prompts.build import RECORDINGS
from prompts.check import Finding, Problem
from tests.fakes.installation import Installation

SPOKEN = (9000 * np.sin(np.cumsum(np.random.default_rng(1).uniform(0.05, 0.6, 32_000)))).astype(np.int16)
"""Two seconds that sound like nothing in particular, above all not like the record tone."""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    soundfile.write(folder / "greeting-busy.wav", SPOKEN, 16_000)
    return folder


def import_pack(installation: Installation, pack: Path, *options: str, expect: int = 0) -> str:
    credit = ["--language", "de", "--voice", "Maria", "--licence", "bought"]
    result = installation.run("prompts", "import", str(pack), *credit, *options, expect=expect)
    return result.stdout if expect == 0 else result.stderr


def test_import_puts_recordings_beside_the_data(bare_installation: Installation, pack: Path) -> None:
    printed = json.loads(import_pack(bare_installation, pack, "--json"))
    assert printed["imported"] == ["greeting-busy"]
    assert printed["parts_complete"] is False
    assert printed["folder"] == str(bare_installation.folder / "var" / "prompts")
    assert (bare_installation.folder / "var" / "prompts" / "de" / "greeting-busy.flac").is_file()
    assert "1 taken into" in import_pack(bare_installation, pack)


def test_import_needs_no_configuration_with_a_target(bare_installation: Installation, pack: Path) -> None:
    bare_installation.config.unlink()
    target = bare_installation.folder / "target"
    import_pack(bare_installation, pack, "--to", str(target))
    assert (target / "de" / "manifest.json").is_file()


def test_import_takes_a_mapping(bare_installation: Installation, pack: Path) -> None:
    (pack / "greeting-busy.wav").rename(pack / "besetzt.wav")
    mapping = pack / "mapping.toml"
    mapping.write_text('greeting-busy = "besetzt"\n')
    assert json.loads(import_pack(bare_installation, pack, "--mapping", str(mapping), "--json"))["imported"]
    mapping.write_text('no-such-prompt = "besetzt"\n')
    assert "no-such-prompt" in import_pack(bare_installation, pack, "--mapping", str(mapping), expect=2)


def test_import_names_what_it_cannot_use(bare_installation: Installation, pack: Path) -> None:
    (pack / "greeting-busy.wav").write_bytes(b"no sound")
    assert "greeting-busy" in import_pack(bare_installation, pack, expect=1)
    assert "is not a directory" in import_pack(bare_installation, pack / "nowhere", expect=2)


def test_check_names_every_finding(bare_installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    (folder / "de").mkdir(parents=True)
    shutil.copy(RECORDINGS / "de" / "manifest.json", folder / "de")
    (folder / "de" / "greeting-busy.opus").write_bytes(b"no sound")
    (folder / "de" / "stray.opus").write_bytes(b"")
    found = bare_installation.json("prompts", "check", "--directory", str(folder), expect=1)
    assert found["ok"] is False
    seen = {(each["name"], each["problem"]) for each in found["findings"]}
    assert {("de/greeting-busy", "hash"), ("de/stray", "stray"), ("en/greeting-busy", "missing")} <= seen
    shown = bare_installation.run("prompts", "check", "--directory", str(folder), expect=1).stdout
    assert "de/greeting-busy: hash" in shown
    assert shown.splitlines()[-1] == f"{len(found['findings'])} findings"


def test_check_takes_a_part_if_told_so(bare_installation: Installation, pack: Path) -> None:
    import_pack(bare_installation, pack)
    folder = str(bare_installation.folder / "var" / "prompts")
    whole = bare_installation.json("prompts", "check", "--directory", folder, expect=1)
    assert "de/greeting-busy" not in {each["name"] for each in whole["findings"]}
    assert {each["problem"] for each in whole["findings"]} == {"missing"}
    assert bare_installation.json("prompts", "check", "--directory", folder, "--partial")["ok"] is True


def test_check_passes_and_includes_the_studios(
    bare_installation: Installation, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_pack(bare_installation, pack)
    looked: list[tuple[Path, bool]] = []

    def check(directory: Path, *, complete: bool = True) -> list[Finding]:
        looked.append((directory, complete))
        return []

    # The real check of all recordings takes ten seconds, and is run by `make check`.
    monkeypatch.setattr("prompts.check.check", check)
    assert bare_installation.json("prompts", "check") == {"ok": True, "findings": []}
    assert looked == [(RECORDINGS, True), (bare_installation.folder / "var" / "prompts", False)]
    looked.clear()
    assert "all prompts are right" in bare_installation.run("prompts", "check", config=False).stdout
    assert looked == [(RECORDINGS, True)]


def test_check_of_no_folder_is_said(bare_installation: Installation) -> None:
    assert "is not a folder" in bare_installation.run("prompts", "check", "--directory", "nowhere", expect=3).stderr


def test_findings_are_printed_with_their_problem() -> None:
    assert str(Finding(Problem.SILENT, "de/x", "nothing can be heard")) == "de/x: silent: nothing can be heard"


def test_build_renders_nothing_where_all_is_current(bare_installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    shutil.copytree(RECORDINGS / "en", folder / "en")
    built = bare_installation.json("prompts", "build", "--language", "en", "--directory", str(folder))
    assert built["rendered"] == []
    assert built["removed"] == []
    assert built["kept"] > 100
    assert (
        "0 rendered" in bare_installation.run("prompts", "build", "--language", "en", "--directory", str(folder)).stdout
    )


def test_build_without_the_voice_says_what_to_install(
    bare_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    result = bare_installation.run("prompts", "build", "--directory", str(tmp_path / "empty"), expect=1)
    assert "libttspico-utils" in result.stderr
