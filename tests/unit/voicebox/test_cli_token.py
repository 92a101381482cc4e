"""`voicebox token`."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.installation import Installation
from voicebox.storage import tokens
from voicebox.storage.database import Database
from voicebox.storage.tokens import Scope, Token


def found(installation: Installation, text: str, now: datetime | None = None) -> Token | None:
    async def ask(db: Database) -> Token | None:
        async with db.read() as connection:
            return await tokens.find(connection, text, now or datetime.now(UTC))

    return installation.ask(ask)


def test_it_prints_the_token_and_nothing_else(company: Installation) -> None:
    result = company.run("token", "--scope", "admin", "--name", "monitoring")
    assert re.fullmatch(r"vb_[A-Za-z0-9_-]{43}\n", result.stdout)
    assert result.stderr == ""
    token = found(company, result.stdout.strip())
    assert token is not None
    assert (token.scope, token.name, token.mailbox_id, token.expires_at) == (Scope.ADMIN, "monitoring", None, None)


def test_only_its_hash_is_stored(company: Installation) -> None:
    text = company.run("token", "--scope", "admin").stdout.strip()
    stored = company.everything_stored()
    assert text.encode() not in stored
    assert tokens.digest(text).encode() in stored


@pytest.mark.parametrize("spelling", ["1001", "+492115551001", "0211-555-1001", "0170 1234567"])
def test_a_mailbox_may_be_named_by_any_of_its_numbers(spelling: str, company: Installation) -> None:
    token = found(company, company.run("token", "--mailbox", spelling).stdout.strip())
    assert token is not None
    assert token.scope is Scope.MAILBOX
    assert token.mailbox_id is not None


def test_an_operators_token_belongs_to_no_company(installation: Installation) -> None:
    token = found(installation, installation.run("token", "--scope", "operator").stdout.strip())
    assert token is not None
    assert (token.scope, token.company_id) == (Scope.OPERATOR, None)
    assert "--company" in installation.run("token", "--scope", "operator", "--company", "X", expect=2).stderr


def test_it_ends_after_the_days_it_was_given(company: Installation) -> None:
    made = company.json("token", "--scope", "admin", "--days", "2")
    assert set(made) == {"token", "id", "scope", "name", "created", "expires", "revoked"}
    now = datetime.now(UTC)
    assert found(company, made["token"], now + timedelta(hours=47)) is not None
    assert found(company, made["token"], now + timedelta(hours=49)) is None


def test_a_name_or_id_that_no_database_holds_is_refused(company: Installation) -> None:
    assert "at most 80" in company.run("token", "--scope", "admin", "--name", "x" * 81, expect=2).stderr
    company.run("token", "--revoke", str(10**30), expect=2)
    company.run("queue", "retry", str(10**30), expect=2)


def test_a_revoked_token_is_worthless(company: Installation) -> None:
    made = company.json("token", "--scope", "admin")
    assert company.run("token", "--revoke", str(made["id"])).stdout == ""
    assert found(company, made["token"]) is None
    assert f"no token {made['id']} is in force" in company.run("token", "--revoke", str(made["id"]), expect=3).stderr
    assert company.json("token", "--list")["tokens"][0]["revoked"] is not None


def test_the_list_shows_whose_each_is_and_never_a_token(company: Installation) -> None:
    texts = [
        company.run("token", *options).stdout.strip()
        for options in (["--scope", "admin", "--name", "web"], ["--mailbox", "1002"], ["--scope", "operator"])
    ]
    listed = company.json("token", "--list")["tokens"]
    assert [(each["scope"], each["for"]) for each in listed] == [
        ("operator", ""),
        ("admin", "Beispiel GmbH"),
        ("mailbox", "Beispiel GmbH, mailbox 1002"),
    ]
    shown = company.run("token", "--list", "--company", "Beispiel GmbH").stdout
    assert "web" in shown
    assert "operator" not in shown
    assert not any(text in shown for text in texts)


@pytest.mark.parametrize(
    "options", [[], ["--scope", "admin", "--mailbox", "1001"], ["--scope", "admin", "--list"], ["--scope", "root"]]
)
def test_what_is_not_one_thing_is_refused(options: list[str], company: Installation) -> None:
    assert company.run("token", *options, expect=2).stdout == ""


def test_a_mailbox_that_does_not_exist_is_named(company: Installation) -> None:
    assert "no mailbox '4711'" in company.run("token", "--mailbox", "4711", expect=3).stderr
