"""`voicebox db upgrade`, and `config check`."""

import pytest

from tests.fakes.installation import Installation
from voicebox.storage.migrations import HEAD


def test_upgrade_makes_the_database(bare_installation: Installation) -> None:
    assert bare_installation.run("db", "upgrade").stdout == f"the database was empty and is at {HEAD} now\n"
    assert bare_installation.json("db", "upgrade") == {"before": HEAD, "after": HEAD, "changed": False}
    assert "as it should be" in bare_installation.run("db", "upgrade").stdout


def test_upgrade_says_that_it_made_it(bare_installation: Installation) -> None:
    assert bare_installation.json("db", "upgrade") == {"before": None, "after": HEAD, "changed": True}


def test_a_database_of_a_later_version_is_left_alone(installation: Installation) -> None:
    import sqlite3

    with sqlite3.connect(installation.folder / "var" / "voicebox.db") as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.close()
    assert "revision 9999, which this version does not know" in installation.run("db", "upgrade", expect=5).stderr


def test_a_database_server_that_is_away_is_said(bare_installation: Installation) -> None:
    bare_installation.config.write_text('[database]\nurl = "postgresql+asyncpg://voicebox:geheim@127.0.0.1:9/box"\n')
    for command in (["db", "upgrade"], ["mailbox", "list"]):
        result = bare_installation.run(*command, expect=5)
        assert result.stderr.startswith("voicebox: ")
        assert "geheim" not in result.stderr


def test_a_right_configuration_is_right(bare_installation: Installation) -> None:
    assert bare_installation.run("config", "check").stdout == f"{bare_installation.config} is right\n"
    assert bare_installation.json("config", "check") == {
        "ok": True,
        "file": str(bare_installation.config),
        "problems": [],
        "warnings": [],
    }


def test_every_mistake_is_named_at_once(bare_installation: Installation) -> None:
    bare_installation.config.write_text('[sip]\nportal = ["abc"]\n[rtp]\nports = [1, 2, 3]\n[smtp]\nhots = "x"\n')
    found = bare_installation.json("config", "check", expect=4)
    assert found["ok"] is False
    assert [(each["place"].rpartition(" ")[2], each["key"]) for each in found["problems"]] == [
        ("2", "sip.portal[0]"),
        ("4", "rtp.ports"),
        ("6", "smtp.hots"),
    ]
    assert set(found["problems"][0]) == {"place", "key", "what", "cure"}
    assert len(bare_installation.run("config", "check", expect=4).stderr.splitlines()) == 3


def test_a_mistake_in_the_environment_is_named(
    bare_installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOX_SIP__DOMIAN", "x")
    assert "$VOICEBOX_SIP__DOMIAN" in bare_installation.run("config", "check", expect=4).stderr


def test_a_file_that_is_not_toml_is_named_with_its_line(bare_installation: Installation) -> None:
    bare_installation.config.write_text("[sip]\nlisten = \n")
    assert f"{bare_installation.config}, line 2" in bare_installation.run("config", "check", expect=4).stderr


def test_a_changed_realm_is_warned_of(company: Installation) -> None:
    company.config.write_text('data_dir = "var"\n[sip]\ndomain = "other.example"\n')
    result = company.run("config", "check")
    assert "there are phones with passwords for another domain: 1 of 'voicebox.internal'" in " ".join(
        result.stderr.split()
    )
    assert "is right" in result.stdout
    assert len(company.json("config", "check")["warnings"]) == 1


@pytest.mark.parametrize("command", [["config", "check"], ["serve"]], ids=" ".join)
def test_what_this_machine_lacks_is_named_with_its_line(command: list[str], installation: Installation) -> None:
    installation.config.write_text(
        'data_dir = "var"\n[web]\ncertificate = "none.pem"\nkey = "none.pem"\n[smtp]\nca = "nowhere.pem"\n'
    )
    lines = installation.run(*command, expect=4).stderr.splitlines()
    for line, (number, key, name) in zip(
        lines, [(3, "web.certificate", "none"), (4, "web.key", "none"), (6, "smtp.ca", "nowhere")], strict=True
    ):
        file = installation.folder / f"{name}.pem"
        assert line.startswith(f"voicebox: {installation.config}, line {number}: {key}: {file} cannot be read: No such")
    found = {each["name"]: each for each in installation.json("doctor", expect=1)["checks"]}
    assert found["configuration"]["grade"] == "failed"
