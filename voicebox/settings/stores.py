"""`[database]` and `[audio]`: where rows and recordings are kept, and what they leave free there."""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, ValidationInfo, field_validator

from voicebox.addresses import SettingError
from voicebox.settings.section import Section, beside_file

FLOOR_BYTES: Final = 256 * 1024 * 1024
"""Left free on the disk by recordings and by what is uploaded (security.md, 24): the database and the mail must still
be able to write when both are refused."""
_POSTGRES_OPTIONS: Final = frozenset(
    {"host", "port", "ssl", "direct_tls", "passfile", "target_session_attrs", "prepared_statement_cache_size"}
)
"""Of those that asyncpg and SQLAlchemy take in an address, what an installation may need; others we set ourselves."""


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
            _check_postgres(value)
            return value
        path, _, query = rest.removeprefix("/").partition("?")
        if not path or path == ":memory:":
            raise SettingError(
                "keeps nothing beyond the process", 'Name a file, such as "sqlite+aiosqlite:///var/box.db".'
            )
        return f"{scheme}:///{beside_file(Path(path), info)}" + (f"?{query}" if query else "")


def _check_postgres(url: str) -> None:
    """Refuse a PostgreSQL address that the driver would fall over; the text never shows it, for its password."""
    form = 'Write "postgresql+asyncpg://user:password@host:5432/name".'
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError:
        raise SettingError("has a port that is no number from 0 to 65535", form) from None
    if "@" in parts.path or "#" in url:
        raise SettingError("has a / or # before its @", f"Write %2F or %23 for one in a password. {form}")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _POSTGRES_OPTIONS:
            raise SettingError(f"has an unknown option {name!r}", f"There is {', '.join(sorted(_POSTGRES_OPTIONS))}.")


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
