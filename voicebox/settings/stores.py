"""`[database]` and `[audio]`: where rows and recordings are kept."""

from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationInfo, field_validator

from voicebox.addresses import SettingError
from voicebox.settings.section import Section, beside_file


class Database(Section):
    """Where rows are kept."""

    url: Annotated[str, Field(repr=False)]

    @field_validator("url")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        scheme, sep, rest = value.partition("://")
        if not sep or scheme not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
            raise SettingError(
                f"{scheme!r} is not a database we know",
                'Write "sqlite+aiosqlite:///var/voicebox.db" or "postgresql+asyncpg://user@host/name".',
            )
        if scheme.startswith("postgresql"):
            return value
        path, _, query = rest.removeprefix("/").partition("?")
        if not path or path == ":memory:":
            raise SettingError(
                "keeps nothing beyond the process", 'Name a file, such as "sqlite+aiosqlite:///var/box.db".'
            )
        return f"{scheme}:///{beside_file(Path(path), info)}" + (f"?{query}" if query else "")


class Audio(Section):
    """Where recordings are kept."""

    url: str

    @field_validator("url")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        if parts.scheme == "s3":
            if not parts.netloc:
                raise SettingError("names no bucket", 'Write "s3://bucket/prefix".')
            return value.rstrip("/")
        if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
            return Path(unquote(parts.path)).as_uri()
        if not parts.scheme:
            return beside_file(Path(value), info).as_uri()
        raise SettingError(
            f"{value!r} is not a place we know",
            'Write "file:///srv/voicebox/audio", a folder, or "s3://bucket/prefix".',
        )
