"""What the tests of the command line have in common."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.installation import Installation, kept_logging


@pytest.fixture
def bare_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A configuration, and nothing else; the current folder is elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("VOICEBOX_CONFIG", raising=False)
    with kept_logging():
        yield Installation(tmp_path)


@pytest.fixture
def installation(bare_installation: Installation, sqlite_template: Path) -> Installation:
    """A configuration and a database with tables."""
    (bare_installation.folder / "var").mkdir(mode=0o700)
    shutil.copy(sqlite_template, bare_installation.folder / "var" / "voicebox.db")
    return bare_installation


@pytest.fixture
def company(installation: Installation) -> Installation:
    """An installation with a company and two mailboxes, 1001 with all of its numbers and secrets, 1002 bare."""
    installation.apply()
    return installation
