"""TOML with line numbers."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebox.tomllines import TOML_MAX_BYTES, KeyPath, TomlError, load, loads

TEXT = '''\
# the first line is a comment
data_dir = "var"  # [not] a = table
[sip]
listen = [
    "udp:127.0.0.1:5060",
    # a comment, with ] and = in it
    "tcp:127.0.0.1:5060",
]
text = """
[fake]
key = 1 \\"""
"""
raw = \'\'\'
[[fake]]\'\'\'
[[sip.peer]]
name = "pbx"
[sip.peer.codec]
first = "pcma"
[[sip.peer]]
"quoted key" = { a = 1, b.c = [1, { d = "}" }] }
adress = "127.0.0.1"
site."host.name" = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("data_dir",), 2),
        (("sip",), 3),
        (("sip", "listen"), 4),
        (("sip", "listen", 0), 5),
        (("sip", "listen", 1), 7),
        (("sip", "text"), 9),
        (("sip", "raw"), 13),
        (("sip", "peer"), 15),
        (("sip", "peer", 0), 15),
        (("sip", "peer", 0, "name"), 16),
        (("sip", "peer", 0, "codec", "first"), 18),
        (("sip", "peer", 1), 19),
        (("sip", "peer", 1, "quoted key"), 20),
        (("sip", "peer", 1, "quoted key", "b", "c", 1, "d"), 20),
        (("sip", "peer", 1, "adress"), 21),
        (("sip", "peer", 1, "site", "host.name"), 22),
        (("sip", "peer", 1, "missing"), 19),
        (("nowhere", 5, "at all"), 1),
        ((), 1),
    ],
)
def test_every_key_has_its_line(path: KeyPath, line: int) -> None:
    _, lines = loads(TEXT)
    assert lines.of(path) == line


def test_a_file_is_read_whatever_its_line_ends_and_mark(tmp_path: Path) -> None:
    file = tmp_path / "voicebox.toml"
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    data, lines = load(file)
    assert data == tomllib.loads(TEXT)
    assert lines.of(("sip", "peer", 1, "adress")) == 21


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('a = 1\nb = "\n', 2, "not valid TOML"),
        ("a = 1\nb =", 2, "not valid TOML"),
        ("a = 1\n\na = 2\n", 3, "this key is there already"),
        ("a = 1\nb = var\n", 2, "text needs quotes"),
        (b"a = 1\nb = '\xff'\n", 2, "UTF-8"),
        ("a = " + "[" * 100_000, 1, "too deeply"),
        ("a = " + "1" * 5000, 1, "not valid TOML"),
        ("a = 2026-02-30", 1, "not valid TOML"),
    ],
)
def test_what_is_no_toml_names_file_and_line(text: str | bytes, line: int, says: str) -> None:
    with pytest.raises(TomlError, match=says) as caught:
        loads(text, source="directory.toml")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"directory.toml, line {line}: ")


def test_nesting_as_deep_as_the_parser_bears_still_gives_a_line() -> None:
    def parsed(depth: int) -> Any:
        try:
            return loads("\na = " + "[" * depth + "]" * depth)
        except TomlError:
            return None

    deepest = next(found for depth in range(1000, 0, -1) if (found := parsed(depth)))
    assert deepest[1].of(("a",)) == 2


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "huge.toml"
    with file.open("wb") as sparse:
        sparse.truncate(TOML_MAX_BYTES * 4)
    with pytest.raises(TomlError, match="larger than 16 MiB"):
        load(file)


KEYS = st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n\x7f', min_codepoint=32), max_size=5)
LEAVES = st.one_of(
    st.integers(-99, 99).map(str), st.sampled_from(['"a # = ]"', "'\\'", '"\\"}"', "'''\n'\n'''", "1e3", "true"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # ]\n".join(items) + "\n]"),
        st.dictionaries(KEYS.map(lambda key: f'"{key}"'), inner, max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}"
        ),
    ),
    max_leaves=8,
)


def paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in paths(inner, (*path, key)))]


@given(st.lists(st.tuples(KEYS, VALUES), max_size=4, unique_by=lambda pair: pair[0]))
def test_every_path_of_any_document_stands_where_its_text_begins(pairs: list[tuple[str, str]]) -> None:
    text, begins = "", {}
    for number, (key, value) in enumerate(pairs):
        text += f'[[t."{key}"]]\n'
        begins[key] = text.count("\n")
        text += f'"{number}" = {value}\n'
    data, lines = loads(text)
    for key, begin in begins.items():
        for path in paths(data["t"][key], ("t", key)):
            assert path in lines_found(lines)
            assert lines.of(path) >= begin
        assert lines.of(("t", key, 0)) == begin


def lines_found(lines: Any) -> dict[KeyPath, int]:
    lines.of(("",))
    found: dict[KeyPath, int] = lines._found
    return found


@given(st.text(alphabet="[]{}=\"'.,#\n a1\\", max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    try:
        data, lines = loads(text)
    except TomlError:
        return
    for path in paths(data):
        lines.of(path)
