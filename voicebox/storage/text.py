"""Text from outside, made fit for a column: PostgreSQL takes neither NUL nor lone surrogates, and holds to lengths."""

from typing import Any, Final

from voicebox.redaction import redact_text

ERROR_MAX: Final = 500
"""Characters of an error that are kept."""


def clipped(text: str | None, most: int) -> str | None:
    """Return signalled text without what no database stores, cut to `most` characters; None stays None."""
    return None if text is None else storable(text)[:most]


def storable(text: str) -> str:
    """Replace NUL and lone surrogates (bytes of no known encoding) by the replacement character."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def storable_json(value: Any) -> Any:
    """Return a JSON value whose texts are all storable, at any depth."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(str(key)): storable_json(item) for key, item in value.items()}
        case list() | tuple():
            return [storable_json(item) for item in value]
        case _:
            return value


def error_line(error: str) -> str:
    """Return an error's text as it may be kept and shown: one line, at most `ERROR_MAX` characters, no secrets."""
    return redact_text(" ".join(storable(error).split()))[:ERROR_MAX]
