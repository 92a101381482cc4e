"""PINs as they are stored."""

import logging
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from voicebox.pinhash import KEY_BYTES, KEY_FILE, PRODUCTION, Cost, KeyUnusable, PinHasher, load_key

CHEAP = Cost(memory_kib=8, passes=1)


@pytest.fixture
def hasher() -> Iterator[PinHasher]:
    made = PinHasher(b"k" * KEY_BYTES, CHEAP)
    yield made
    made.close()


async def test_a_pin_verifies_and_no_other_does(hasher: PinHasher) -> None:
    stored = await hasher.hash("274913")
    assert await hasher.verify(stored, "274913")
    for wrong in ("274914", "27491", "2749130", "", " 274913", "274913\x00", "٢٧٤٩١٣", "\ud800", "1" * 10_000):
        assert not await hasher.verify(stored, wrong)


async def test_nothing_stored_verifies_nothing(hasher: PinHasher) -> None:
    assert not await hasher.verify(None, "")
    assert not await hasher.verify(None, "274913")


async def test_the_stored_form_is_argon2id_of_the_required_cost_and_shows_nothing() -> None:
    assert Cost(memory_kib=19456, passes=2, lanes=1) == PRODUCTION
    hasher = PinHasher(b"k" * KEY_BYTES)
    try:
        first, second = await hasher.hash("274913"), await hasher.hash("274913")
    finally:
        hasher.close()
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in first
    assert first != second
    assert "274913" not in first
    assert len(first) <= 120


async def test_the_key_is_needed(hasher: PinHasher, caplog: pytest.LogCaptureFixture) -> None:
    stored = await hasher.hash("274913")
    other = PinHasher(b"x" * KEY_BYTES, CHEAP)
    try:
        assert hasher.knows(stored)
        assert not other.knows(stored)
        assert not await other.verify(stored, "274913")
        # Even under the right id, the digest inside is another one.
        assert not await other.verify(other._key_id + stored.partition("$")[1] + stored.partition("$")[2], "274913")
    finally:
        other.close()
    assert KEY_FILE in caplog.text
    assert "274913" not in caplog.text


@pytest.mark.parametrize(
    "damage", ["{id}", "{id}$argon2id$", "{id}$argon2id$v=19$m=8,t=1,p=1$AAAA$BBBB", "{id}nonsense"]
)
async def test_a_damaged_hash_verifies_nothing(
    hasher: PinHasher, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert not await hasher.verify(damage.format(id=hasher._key_id), "274913")
    assert "AAAA" not in caplog.text


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    key = load_key(folder)
    assert len(key) == KEY_BYTES
    assert load_key(folder) == key
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [entry.name for entry in folder.iterdir()] == [KEY_FILE]


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starts:
        keys = list(starts.map(lambda _: load_key(tmp_path), range(32)))
    assert len(set(keys)) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    """A new key would lock every subscriber out for good."""
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(KeyUnusable, match=r"damaged.*backup"):
        load_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_that_others_can_read_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    load_key(tmp_path)
    assert "chmod 600" in caplog.text


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyUnusable, match="file"):
        load_key(tmp_path / "file" / "var")
