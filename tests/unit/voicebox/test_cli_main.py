"""What holds for every command: --config, exit codes, and errors in words."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.fakes.installation import Installation
from voicebox import __version__
from voicebox.cli.main import app
from voicebox.cli.opening import schema_problem
from voicebox.storage.database import Database

WITH_DATABASE = [
    ["token", "--scope", "admin"],
    ["mailbox", "list"],
    ["mailbox", "show", "1001"],
    ["mailbox", "add", "1003", "--name", "Carla"],
    ["mailbox", "reset-pin", "1001"],
    ["announcement", "add", "ferien.wav", "--name", "Ferien"],
    ["announcement", "list"],
    ["announcement", "delete", "1"],
    ["announcement", "choose", "1001", "busy", "1"],
    ["messages", "list"],
    ["messages", "export", "out"],
    ["queue"],
    ["queue", "retry", "1"],
]
WITH_CONFIGURATION = [*WITH_DATABASE, ["serve"], ["doctor"], ["config", "check"], ["db", "upgrade"]]


def commands(command: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every command that can be typed, by its words."""
    inner = getattr(command, "commands", None)
    found = {} if inner and not command.invoke_without_command else {" ".join(path): command}
    for name, each in (inner or {}).items():
        found |= commands(each, (*path, name))
    return found


EVERY = commands(typer.main.get_command(app))


def test_the_commands_are_those_of_the_interface() -> None:
    wanted = {
        *("serve", "init", "apply", "doctor", "token", "mailbox add", "mailbox list", "mailbox show"),
        *("mailbox reset-pin", "messages list", "messages export", "prompts build", "prompts check"),
        *("prompts import", "queue", "queue retry", "db upgrade", "config check"),
    }
    assert wanted <= set(EVERY)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"serve", "demo"}))
def test_every_command_takes_a_configuration_and_prints_json(name: str) -> None:
    options = {option for parameter in EVERY[name].params for option in parameter.opts}
    assert {"--config", "--json"} <= options
    assert EVERY[name].help


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"voicebox {__version__}\n")


@pytest.mark.parametrize("command", WITH_CONFIGURATION, ids=" ".join)
def test_an_unknown_key_is_named_with_its_line(command: list[str], bare_installation: Installation) -> None:
    bare_installation.config.write_text('data_dir = "var"\n[sip]\nlistn = ["udp:127.0.0.1:5060"]\n', encoding="utf-8")
    result = bare_installation.run(*command, expect=1 if command == ["doctor"] else 4)
    said = " ".join((result.stderr + result.stdout).split())
    assert f"{bare_installation.config}, line 3: sip.listn: there is no such key" in said
    assert "Did you mean listen?" in said


@pytest.mark.parametrize("command", WITH_DATABASE, ids=" ".join)
def test_without_a_configuration_it_is_said_how_to_get_one(command: list[str], bare_installation: Installation) -> None:
    result = bare_installation.run(*command, expect=4, config=False)
    assert result.stdout == ""
    assert "voicebox init" in result.stderr


@pytest.mark.parametrize("command", WITH_DATABASE, ids=" ".join)
def test_without_a_database_none_is_made(command: list[str], bare_installation: Installation) -> None:
    result = bare_installation.run(*command, expect=5)
    assert result.stdout == ""
    assert "there is no database at" in result.stderr
    assert "voicebox db upgrade" in result.stderr
    assert not (bare_installation.folder / "var").exists()


def test_an_empty_database_is_named(bare_installation: Installation) -> None:
    (bare_installation.folder / "var").mkdir()
    (bare_installation.folder / "var" / "voicebox.db").touch()
    assert "has no tables yet. Run `voicebox db upgrade`" in bare_installation.run("queue", expect=5).stderr


@pytest.mark.parametrize(("revision", "cure"), [("0000", "Run `voicebox db upgrade`"), ("9999", "Update voicebox")])
def test_another_schema_is_named_with_its_cure(revision: str, cure: str, installation: Installation) -> None:
    import sqlite3

    with sqlite3.connect(installation.folder / "var" / "voicebox.db") as file:
        file.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    file.close()
    said = installation.run("mailbox", "list", expect=5).stderr
    assert f"at revision {revision}" in said
    assert cure in said


def test_a_database_that_is_no_database_ends_in_words(bare_installation: Installation) -> None:
    (bare_installation.folder / "var").mkdir()
    (bare_installation.folder / "var" / "voicebox.db").write_bytes(b"not a database, but long enough" * 100)
    result = bare_installation.run("mailbox", "list", expect=5)
    assert result.stderr.startswith("voicebox: ")
    assert "Traceback" not in result.stderr


async def test_the_right_schema_is_no_problem(sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:
        assert await schema_problem(db) is None


def test_without_a_company_it_is_said_how_to_get_one(installation: Installation) -> None:
    assert "voicebox apply" in installation.run("mailbox", "list", expect=3).stderr


def test_of_several_companies_one_must_be_named(company: Installation) -> None:
    company.apply('[company]\nname = "Zweite AG"\n')
    said = company.run("mailbox", "list", expect=2).stderr
    assert "'Beispiel GmbH', 'Zweite AG'" in said
    assert len(company.json("mailbox", "list", "--company", "Beispiel GmbH")["mailboxes"]) == 2
    assert company.json("mailbox", "list", "--company", "Zweite AG") == {"mailboxes": []}
    assert "no company 'Dritte'" in company.run("mailbox", "list", "--company", "Dritte", expect=3).stderr


def test_the_configuration_is_found_by_the_variable(company: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOX_CONFIG", str(company.config))
    assert "Anna" in company.run("mailbox", "list", config=False).stdout
    assert not Path("voicebox.toml").exists()
