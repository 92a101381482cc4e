"""docs/configuration.md names every setting, with its true default, and none that does not exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from voicebox.config import Config

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
UNWRITTEN = {"required", "none", "from `listen`", "from `host`", "from `security`", "in `data_dir`"}


def settings(model: type[BaseModel] = Config, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its default, as `sip.peer.address`."""
    for key, info in model.model_fields.items():
        inner = next(
            (
                c
                for c in (info.annotation, *get_args(info.annotation))
                if isinstance(c, type) and issubclass(c, BaseModel)
            ),
            None,
        )
        if inner is None:
            yield f"{path}{key}", info
        else:
            yield from settings(inner, f"{path}{key}.")


def documented() -> dict[str, str]:
    found: dict[str, str] = {}
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = re.search(r"`\[+([a-z.]+)\]+`", line)
            section = f"{heading[1]}." if heading else ""
        elif row := re.match(r"\| `([a-z0-9_]+)` \| (.+?) \| .+ \|$", line):
            assert section + row[1] not in found, f"{section}{row[1]} is documented twice"
            found[section + row[1]] = row[2]
    return found


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    assert sorted(documented()) == sorted(key for key, _ in settings())


@pytest.mark.parametrize(("key", "info"), list(settings()), ids=lambda value: value if isinstance(value, str) else "")
def test_documented_default_is_the_true_one(key: str, info: Any) -> None:
    written = documented()[key]
    if info.is_required():
        # A store's URL is filled in from data_dir by the whole configuration.
        assert written == ("in `data_dir`" if key.endswith(".url") else "required")
    elif info.default is None:
        assert written == "none"
    elif written not in UNWRITTEN:
        default = info.get_default(call_default_factory=True) if info.default is PydanticUndefined else info.default
        value = tomllib.loads(f"x = {written.strip('`')}")["x"]
        assert (tuple(value) if isinstance(value, list) else value) == (
            default if isinstance(default, tuple | bool | int | float | str) else str(default)
        )
    else:
        assert info.default_factory is not None
