"""`voicebox apply`."""

from tests.fakes.installation import DIRECTORY, Installation


def test_it_says_what_it_changed_and_then_nothing(bare_installation: Installation) -> None:
    first = bare_installation.apply().stdout.splitlines()
    assert "mailbox 1001: added" in first
    assert first[-1].endswith("changes made")
    assert bare_installation.apply().stdout == "Beispiel GmbH: nothing to change\n"


def test_a_dry_run_says_the_same_and_writes_nothing(company: Installation) -> None:
    changed = company.folder / "changed.toml"
    changed.write_text(DIRECTORY.replace("Anna Beispiel", "Anna Neu"))
    dry = company.json("apply", str(changed), "--dry-run")
    assert dry["dry_run"] is True
    assert dry["changes"] == [
        {"subject": "mailbox 1001", "field": "name", "before": "Anna Beispiel", "after": "Anna Neu"}
    ]
    assert "nothing was written" in company.run("apply", str(changed), "--dry-run").stdout
    assert company.json("mailbox", "show", "1001")["name"] == "Anna Beispiel"
    assert company.json("apply", str(changed))["changes"] == dry["changes"]
    assert company.json("mailbox", "show", "1001")["name"] == "Anna Neu"


def test_mailboxes_that_are_not_in_the_file_are_named(company: Installation) -> None:
    path = company.folder / "less.toml"
    path.write_text(DIRECTORY[: DIRECTORY.rindex("[[mailbox]]")])
    assert company.json("apply", str(path))["not_in_file"] == ["1002"]
    assert "not in the file, left as they are: 1002" in company.run("apply", str(path)).stdout


def test_every_mistake_is_named_with_its_line(installation: Installation) -> None:
    path = installation.folder / "directory.toml"
    path.write_text(DIRECTORY.replace('name = "Anna Beispiel"', 'nmae = "Anna"').replace("274913", "123456"))
    result = installation.run("apply", str(path), expect=2)
    assert f"{path}, line 11: mailbox[0].nmae: there is no such key. Did you mean name?" in result.stderr
    assert "123456" not in result.stderr
    assert result.stdout == ""


def test_a_file_that_is_not_there_is_named(installation: Installation) -> None:
    assert "nothing.toml: cannot be read" in installation.run("apply", "nothing.toml", expect=2).stderr


def test_what_contradicts_the_company_is_refused_whole(company: Installation) -> None:
    path = company.folder / "clash.toml"
    clash = '\n[[mailbox]]\nnumber = "1003"\nname = "Carla"\nphone = "+492115551001"\n'
    path.write_text(DIRECTORY[: DIRECTORY.index("[[mailbox]]")] + clash)
    assert "voicebox: " in company.run("apply", str(path), expect=1).stderr
    assert [each["number"] for each in company.json("mailbox", "list")["mailboxes"]] == ["1001", "1002"]


def test_no_secret_is_printed_or_stored(company: Installation) -> None:
    path = company.folder / "secrets.toml"
    path.write_text(DIRECTORY.replace("274913", "836152").replace("phone-1001", "other-phone-password"))
    result = company.run("apply", str(path), "--json")
    for secret in ("836152", "other-phone-password"):
        assert secret not in result.stdout + result.stderr
        assert secret.encode() not in company.everything_stored()


def test_a_mailbox_at_the_portal_is_warned_of(installation: Installation) -> None:
    path = installation.folder / "portal.toml"
    path.write_text(DIRECTORY.replace('number = "1002"', 'number = "8000"'))
    result = installation.run("apply", str(path))
    assert "warning: " in result.stderr
    assert "mailbox 8000 has a number of the voice portal" in result.stderr
    (warning,) = installation.json("apply", str(path))["warnings"]
    assert f"{path}, line " in warning
    path.write_text(DIRECTORY)
    assert installation.json("apply", str(path))["warnings"] == []
