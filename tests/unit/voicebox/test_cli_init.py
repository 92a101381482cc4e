"""`voicebox init`."""

import stat
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.fakes.installation import Installation
from voicebox.cli import init
from voicebox.cli.main import app
from voicebox.config import read_config
from voicebox.directory_file import read_directory


@pytest.fixture
def fresh(bare_installation: Installation) -> Installation:
    bare_installation.config.unlink()
    return bare_installation


def test_it_writes_both_files_and_makes_the_database(fresh: Installation) -> None:
    result = fresh.run("init", "--company", 'Müller & "Söhne"', "--area-code", "211", "--pbx", "10.0.0.1")
    settings = read_config(fresh.config)
    directory = read_directory(fresh.folder / "directory.toml")
    assert directory.company.name == 'Müller & "Söhne"'
    assert directory.company.area_code == "211"
    assert [str(peer.address) for peer in settings.sip.peer] == ["10.0.0.1"]
    assert settings.data_dir == fresh.folder / "var"
    assert (fresh.folder / "var" / "voicebox.db").is_file()
    assert "voicebox apply directory.toml" in result.stdout
    fresh.run("apply", str(fresh.folder / "directory.toml"))


def test_nobody_else_can_read_what_it_writes(fresh: Installation) -> None:
    fresh.run("init")
    for path in (fresh.config, fresh.folder / "directory.toml", fresh.folder / "var"):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path
    assert sorted(path.name for path in fresh.folder.iterdir()) == [
        "directory.toml", "elsewhere", "var", "voicebox.toml"
    ]  # fmt: skip


def test_no_two_installations_share_a_secret(fresh: Installation) -> None:
    secrets = set()
    for _ in range(2):
        fresh.run("init", "--force")
        for mailbox in tomllib.loads((fresh.folder / "directory.toml").read_text())["mailbox"]:
            assert "pin_is_final" not in mailbox
            secrets |= {mailbox["pin"], mailbox["web_password"], mailbox["device_password"]}
    assert len(secrets) == 12


def test_json_says_where_everything_is(fresh: Installation) -> None:
    assert fresh.json("init") == {
        "config": str(fresh.config),
        "directory": str(fresh.folder / "directory.toml"),
        "data_dir": str(fresh.folder / "var"),
    }


@pytest.mark.parametrize("there", ["voicebox.toml", "directory.toml"])
def test_what_is_there_stays_unless_forced(there: str, fresh: Installation) -> None:
    (fresh.folder / there).write_text("mine")
    result = fresh.run("init", expect=1)
    assert f"{fresh.folder / there} exists already. Overwrite with --force" in result.stderr
    assert (fresh.folder / there).read_text() == "mine"
    assert {path.name for path in fresh.folder.iterdir()} == {there, "elsewhere"}
    fresh.run("init", "--force")
    assert (fresh.folder / there).read_text() != "mine"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--time-zone", "Europe/Bärlin", "company.time_zone"),
        ("--language", "fr", "company.language"),
        ("--country-code", "+49", "company.country_code"),
        ("--address", "0.0.0.0", "rtp.external: is missing"),
        ("--address", "here", "not an IP address"),
        ("--pbx", "pbx.example", "names are not looked up"),
        ("--web", "8080", "web.listen"),
        ("--sender", "nobody", "smtp.sender"),
        ("--portal", "abc", "sip.portal"),
        ("--company", "", "company.name"),
    ],
)
def test_an_answer_that_cannot_be_is_named_and_nothing_written(
    option: str, value: str, said: str, fresh: Installation
) -> None:
    result = fresh.run("init", option, value, expect=2)
    assert said in result.stderr
    assert {path.name for path in fresh.folder.iterdir()} == {"elsewhere"}


def test_it_writes_here_or_where_the_variable_says(fresh: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh.run("init", config=False)
    assert Path("voicebox.toml").is_file()
    elsewhere = fresh.folder / "etc" / "voicebox.toml"
    Path("voicebox.toml").unlink()
    monkeypatch.setenv("VOICEBOX_CONFIG", str(elsewhere))
    fresh.run("init", config=False)
    assert elsewhere.is_file()
    assert not Path("voicebox.toml").exists()


def test_a_folder_that_cannot_be_written_is_said(fresh: Installation) -> None:
    (fresh.folder / "file").write_text("")
    result = CliRunner().invoke(app, ["init", "--config", str(fresh.folder / "file" / "voicebox.toml")])
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_a_person_at_a_terminal_is_asked(fresh: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(question: str, *, default: str, **_: object) -> str:
        asked.append(question)
        return "Gefragt AG" if "company" in question else default

    class Terminal:
        def isatty(self) -> bool:
            return True

    class Sys:
        stdin = Terminal()
        exit = sys.exit

    monkeypatch.setattr(init, "sys", Sys)
    monkeypatch.setattr(typer, "prompt", answer)
    fresh.run("init", "--language", "en")
    assert read_directory(fresh.folder / "directory.toml").company.name == "Gefragt AG"
    assert "Name of the company" in asked
    assert not [question for question in asked if question.startswith("Language")]
    asked.clear()
    fresh.run("init", "--force", "--yes")
    assert asked == []
