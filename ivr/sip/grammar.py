"""The pieces of grammar that SIP headers share (RFC 3261 section 25.1): tokens, quoted strings, lists, parameters.

Splitting is done by `str.split` where no quote is in sight, and else by one pass over the few characters that
matter. No pattern here can backtrack: each is a single character class.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Self

from ivr.sip.errors import ParseError

TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
# Characters that no start line, header value or URI of ours may hold: they would end the line and begin another.
LINE_BREAK: Final = re.compile(r"[\r\n]")
_MARKS: Final = re.compile(r'[\\"<>,;]')
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
# More parameters than any real header carries; a thousand of them would make every look-up slow.
PARAMS_MAX: Final = 64


def is_token(text: str) -> bool:
    """Return whether `text` is a token."""
    return TOKEN.fullmatch(text) is not None


def number(text: str, *, most: int) -> int | None:
    """Read ASCII digits as an integer from 0 to `most`; None for anything else, however long."""
    # The length is checked first: int() of a megabyte of digits is quadratic.
    if not (text.isascii() and text.isdigit()) or len(text) > 40:
        return None
    value = int(text)
    return value if value <= most else None


def unquote(text: str) -> str:
    """Return the inside of a quoted string with its escapes undone; any other text unchanged."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        inner = text[1:-1]
        return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner
    return text


def quote(text: str) -> str:
    """Return `text` as a quoted string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def quoted_end(text: str, start: int = 0) -> int:
    """Return the index just behind the quoted string that begins at `start`, or -1 when it never ends."""
    at = start + 1
    while True:
        close = text.find('"', at)
        if close < 0:
            return -1
        escape = text.find("\\", at, close)
        if escape < 0:
            return close + 1
        at = escape + 2


def split_list(text: str, separator: str = ",") -> list[str]:
    """Split at `separator` (`,` or `;`) outside quotes and angle brackets; pieces are stripped, empty ones left out.

    A quote or bracket that is never closed swallows the rest: the piece then fails to parse, not the splitting.
    """
    if separator not in text:
        piece = text.strip()
        return [piece] if piece else []
    if '"' not in text and "<" not in text:
        return [piece for part in text.split(separator) if (piece := part.strip())]
    pieces: list[str] = []
    start = 0
    skip_to = 0
    bracketed = False
    for mark in _MARKS.finditer(text):
        at = mark.start()
        if at < skip_to:
            continue
        char = text[at]
        if bracketed:
            bracketed = char != ">"
        elif char == '"':
            skip_to = quoted_end(text, at)
            if skip_to < 0:
                break
        elif char == "<":
            bracketed = True
        elif char == separator:
            if piece := text[start:at].strip():
                pieces.append(piece)
            start = at + 1
    if piece := text[start:].strip():
        pieces.append(piece)
    return pieces


class Params(Mapping[str, str | None]):
    """The `;name=value` parameters of a URI or header, in order, names compared without case.

    Looking one up gives its value without quotes, or None for a flag such as `lr`; `str()` gives the text back as
    it came. A name that is given twice is looked up by its first value.
    """

    __slots__ = ("_items",)

    def __init__(self, items: tuple[tuple[str, str | None], ...] = ()) -> None:
        self._items = items

    @classmethod
    def of(cls, values: Mapping[str, str | None]) -> Self:
        """Make parameters from plain values, quoting those that are not tokens or hosts."""
        return cls(tuple((name, _wire(value)) for name, value in values.items()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name=value;flag`, with or without a leading `;`.

        Raises:
            ParseError: a parameter without a name, or more than `PARAMS_MAX`.
        """
        items: list[tuple[str, str | None]] = []
        for piece in split_list(text, ";"):
            name, equals, value = piece.partition("=")
            name = name.rstrip()
            if not name:
                raise ParseError("Parameter without a name")
            items.append((name, value.lstrip() if equals else None))
        if len(items) > PARAMS_MAX:
            raise ParseError("Too many parameters")
        return cls(tuple(items))

    def __getitem__(self, name: str) -> str | None:
        wanted = name.lower()
        for key, value in self._items:
            if key == name or key.lower() == wanted:
                return value if value is None else unquote(value)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self._items)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for key, _ in self._items:
            if key.lower() not in seen:
                seen.add(key.lower())
                yield key

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._items})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and self._folded() == other._folded()

    def __hash__(self) -> int:
        return hash(self._folded())

    def __repr__(self) -> str:
        return f"Params({str(self)!r})"

    def __str__(self) -> str:
        """Return `;name=value` for each, or an empty string."""
        if not self._items:
            return ""
        return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in self._items])

    def with_(self, name: str, value: str | None) -> "Params":
        """Return a copy in which `name` has `value` (None: a flag), in its old place or at the end."""
        wanted = name.lower()
        wire = _wire(value)
        if name not in self:
            return Params((*self._items, (name, wire)))
        return Params(tuple((key, wire if key.lower() == wanted else old) for key, old in self._items))

    def without(self, name: str) -> "Params":
        """Return a copy that lacks `name`."""
        wanted = name.lower()
        return Params(tuple(item for item in self._items if item[0].lower() != wanted))

    def _folded(self) -> tuple[tuple[str, str | None], ...]:
        return tuple((key.lower(), value) for key, value in self._items)


NO_PARAMS: Final = Params()
_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/@&$()?=]*")


def _wire(value: str | None) -> str | None:
    if value is None or _PLAIN_VALUE.fullmatch(value):
        return value
    if LINE_BREAK.search(value):
        raise ValueError("line break in a parameter")
    return quote(value)
