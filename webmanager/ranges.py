"""Byte ranges (RFC 9110 section 14), as players ask for them when one moves about in a message. I/O-free.

One range at a time: more, and everything that cannot be read, is answered with the whole, as section 14.2 allows.
"""

import re
from dataclasses import dataclass
from typing import Final

_ONE: Final = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


class NotSatisfiable(Exception):  # noqa: N818 - the RFC's word
    """The range begins behind the end."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a file."""

    start: int
    stop: int
    """The byte after the last."""

    def content_range(self, size: int) -> str:
        """Return the value of Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_range(header: str | None, size: int) -> Span | None:
    """Return the piece that is asked for of `size` bytes; None is the whole.

    Raises:
        NotSatisfiable: nothing of it exists: 416.
    """
    found = _ONE.fullmatch(header.strip()) if header is not None else None
    if found is None:
        return None
    first, last = found[1], found[2]
    if not first and not last:
        return None
    if not first:
        suffix = int(last)
        if suffix == 0 or size == 0:
            raise NotSatisfiable
        return Span(max(0, size - suffix), size)
    start = int(first)
    if last and int(last) < start:
        return None  # section 14.1.1: invalid, so ignored
    if start >= size:
        raise NotSatisfiable
    return Span(start, min(int(last) + 1, size) if last else size)


def matches(header: str | None, etag: str, *, weak: bool) -> bool:
    """Tell whether If-None-Match (`weak`) or If-Range names this entity (RFC 9110 section 8.8.3.2).

    A date in If-Range never matches: we send none.
    """
    if header is None:
        return False
    if weak and header.strip() == "*":
        return True
    named = [each.strip() for each in header.split(",")] if weak else [header.strip()]
    return etag in ([each.removeprefix("W/") for each in named] if weak else named)
