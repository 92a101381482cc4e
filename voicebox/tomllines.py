"""Read TOML and know where each key stands, so that an error can name the line (TOML 1.0.0, https://toml.io/en/v1.0.0).

The standard library parses but forgets positions. The text is therefore walked a second time, and only once
something is wrong: `Lines` finds its places at the first question. The walk trusts that tomllib took the text.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

TOML_MAX_BYTES: Final = 16 * 1024 * 1024
"""A directory of 30,000 mailboxes is about 12 MB; more is a wrong file, and must not fill the memory."""

KeyPath = tuple[str | int, ...]
"""Keys from the root, with the position in an array as a number: ("sip", "peer", 0, "address")."""

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}#\r\n]*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_PLAINER: Final = {
    "Cannot overwrite a value": "this key is there already",
    "Invalid value": "the value cannot be read; text needs quotes",
}
"""What tomllib says of the commonest slips, in words that name the cure."""
_AT_LINE: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


class TomlError(ValueError):
    """A file that cannot be read as TOML, or a value in it that is refused; `line` counts from 1."""

    def __init__(self, problem: str, *, source: str, line: int) -> None:
        super().__init__(f"{source}, line {line}: {problem}")
        self.problem = problem
        self.source = source
        self.line = line


class Lines:
    """Finds the line of a key in a text that tomllib accepted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[KeyPath, int] | None = None

    def of(self, path: KeyPath) -> int:
        """Return the line of `path`, from 1.

        A path that the text does not hold (a missing key) gives the line of the nearest table or array around it.
        """
        if self._found is None:
            self._found = _Walk(self._text).lines()
        while path:
            if path in self._found:
                return self._found[path]
            path = path[:-1]
        return 1


def load(path: Path) -> tuple[dict[str, Any], Lines]:
    """Read a TOML file; return its data and where each key stands.

    Raises:
        TomlError: it is no TOML, no UTF-8, or larger than `TOML_MAX_BYTES`; names the file and the line.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(TOML_MAX_BYTES + 1)
    return loads(raw, source=str(path))


def loads(raw: bytes | str, *, source: str = "toml") -> tuple[dict[str, Any], Lines]:
    """Read TOML text; `source` names it in errors.

    Raises:
        TomlError: as for `load`.
    """
    if len(raw) > TOML_MAX_BYTES:
        raise TomlError(f"the file is larger than {TOML_MAX_BYTES // (1024 * 1024)} MiB", source=source, line=1)
    try:
        text = raw if isinstance(raw, str) else raw.decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TomlError("this is not UTF-8 text; save the file as UTF-8", source=source, line=line) from None
    # An editor on Windows starts the file with a byte order mark, which TOML does not know.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return tomllib.loads(text), Lines(text)
    except tomllib.TOMLDecodeError as error:
        place = _AT_LINE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        problem = _AT_LINE.sub("", str(error)).strip()
        raise TomlError(f"not valid TOML: {_PLAINER.get(problem, problem)}", source=source, line=line) from None
    except RecursionError:
        raise TomlError("arrays or tables are nested too deeply", source=source, line=1) from None
    except ValueError as error:
        # Python 3.11 lets an impossible date or a number of 5,000 digits through as a bare ValueError.
        raise TomlError(f"not valid TOML: {error}", source=source, line=1) from None


class _Walk:
    """One pass over a valid text, noting the line at which each key and each array element begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._lines: dict[KeyPath, int] = {}
        self._arrays: dict[KeyPath, int] = {}

    def lines(self) -> dict[KeyPath, int]:
        # Nesting that tomllib just bore can be too deep for this walk, called from further down the stack: what
        # was found until then still gives the nearest line.
        with suppress(RecursionError):
            self._document()
        return self._lines

    def _document(self) -> None:
        table: KeyPath = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_SPACE)

    def _header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`; return the table it opens."""
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        keys = list(self._keys())
        for depth, key in enumerate(keys, 1):
            path = (*path, key)
            self._note(path)
            if is_array and depth == len(keys):
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
                self._note(path)
        self._at += 2 if is_array else 1
        return path

    def _pair(self, table: KeyPath) -> None:
        """Read `key = value` or `a.b.c = value`."""
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _keys(self) -> Iterator[str]:
        """Read a dotted key; stop at what follows it."""
        while True:
            self._skip(_BLANK)
            if found := _BARE_KEY.match(self._text, self._at):
                yield found[0]
            else:
                found = _STRING.match(self._text, self._at)
                if found is None:
                    return
                yield next(iter(tomllib.loads(found[0] + " = 0")))
            self._at = found.end()
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif found := _STRING.match(self._text, self._at):
            self._at = found.end()
        else:
            self._skip(_BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        self._skip(_SPACE)
        while self._more("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._comma()
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        self._skip(_SPACE)
        while self._more("}"):
            self._pair(path)
            self._comma()
        self._at += 1

    def _more(self, closing: str) -> bool:
        return self._at < len(self._text) and self._text[self._at] != closing

    def _comma(self) -> None:
        self._skip(_SPACE)
        if self._text.startswith(",", self._at):
            self._at += 1
        self._skip(_SPACE)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self._text, self._at):
            self._at = found.end()

    def _note(self, path: KeyPath) -> None:
        """Note the present line for a path; the first mention counts."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self._lines.setdefault(path, self._line)
