"""The caller's language, from Accept-Language (RFC 9110 section 12.5.4). I/O-free."""

import re
from typing import Final

from aiohttp import web

from voicebox.i18n import Language

DEFAULT: Final = Language.EN
"""For programs that ask for nothing."""

_RANGE: Final = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?")
_RANGES_MAX: Final = 20
"""Browsers send ten at most; the rest is not read."""


def accepted(header: str | None) -> Language:
    """Return the language the caller likes best of those we have; what cannot be read is passed over."""
    best, best_quality = DEFAULT, 0.0
    for text in (header or "").split(",", _RANGES_MAX)[:_RANGES_MAX]:
        found = _RANGE.fullmatch(text)
        if found is None:
            continue
        quality = float(found[2]) if found[2] is not None else 1.0
        language = DEFAULT if found[1] == "*" else next((each for each in Language if each == found[1].lower()), None)
        if language is not None and quality > best_quality:
            best, best_quality = language, quality
    return best


def language_of(request: web.BaseRequest) -> Language:
    """Return the language the caller of a request likes best."""
    return accepted(",".join(request.headers.getall("Accept-Language", [])))
