"""docs/admins/directory.md names every key of the directory file, with its true default, and no other."""

import json
import re
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from voicebox.directory_entries import LATER_TABLES, CompanyEntry, ListEntry, MailboxEntry, Tables
from voicebox.mailbox import Mailbox

PAGE = (Path(__file__).parents[3] / "docs" / "admins" / "directory.md").read_text(encoding="utf-8")
TABLES: dict[str, type[BaseModel]] = {
    "company": CompanyEntry,
    "mailbox": MailboxEntry,
    "distribution_list": ListEntry,
}
IN_MINUTES = {"message_max_min": "message_max_s", "mailbox_max_min": "quota_s"}


def documented(table: str) -> dict[str, str]:
    _, _, rest = PAGE.partition(f"## `[[{table}]]`" if table != "company" else "## `[company]`")
    section = rest.partition("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z0-9_]+)` \| (.+?) \| .+ \|$", section, re.MULTILINE))


def default_of(table: str, key: str) -> Any:
    """Return what a new mailbox, company or list gets where the file says nothing."""
    if table == "mailbox":
        of_mailbox: Any = Mailbox.__dataclass_fields__.get(IN_MINUTES.get(key, key))
        if of_mailbox is not None and of_mailbox.default is not MISSING:
            return of_mailbox.default // 60 if key in IN_MINUTES else of_mailbox.default
    return TABLES[table].model_fields[key].default


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_documented_and_nothing_else_is(table: str) -> None:
    assert list(documented(table)) == list(TABLES[table].model_fields)


def test_every_table_is_documented() -> None:
    assert set(Tables.model_fields) == set(TABLES)
    for table in LATER_TABLES:
        assert f"`{table}`" in PAGE


@pytest.mark.parametrize(
    ("table", "key", "shown"), [(table, key, shown) for table in TABLES for key, shown in documented(table).items()]
)
def test_the_defaults_are_the_true_ones(table: str, key: str, shown: str) -> None:
    default = default_of(table, key)
    match shown:
        case "required":
            assert default is PydanticUndefined
        case "none":
            assert default is None or default == ""
        case "the company's" | "the number":
            assert TABLES[table].model_fields[key].default is None
        case _:
            assert json.loads(shown.strip("`")) == default
