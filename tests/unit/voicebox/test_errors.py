"""The tree of exceptions is drawn whole."""

import importlib
import pkgutil
from collections.abc import Iterator

import voicebox
from voicebox import errors


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(voicebox.__path__, "voicebox."):
        if not module.name.endswith(("__main__", ".migrations.env")):  # these run when they are imported
            yield module.name


def test_every_exception_is_drawn() -> None:
    found = {
        name
        for module in modules()
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == module
        if not name.startswith("_")
    }
    assert {"Conflict", "KeyUnusable", "ConfigError"} <= found
    assert sorted(name for name in found if name not in (errors.__doc__ or "")) == []
