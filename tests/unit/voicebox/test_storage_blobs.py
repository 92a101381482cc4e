"""The audio store: its keys, its faults, and that nothing outside its folder can be reached."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voicebox.errors import NoAudio, StoreUnavailable
from voicebox.storage import blobs
from voicebox.storage.blobs import AudioStore, audio_key

ID = "0123456789abcdef" * 2
MADE = datetime(2026, 3, 1, tzinfo=UTC)


async def test_a_blob_comes_back_as_it_was_put(tmp_path: Path) -> None:
    store = AudioStore.open(tmp_path.as_uri())
    key = await store.put(7, ID, b"fLaC", MADE)
    assert key == f"7/26/03/{ID}.flac"
    assert await store.get(key) == b"fLaC"
    assert await store.put(7, ID, b"fLaC again", MADE) == key
    assert await store.get(key) == b"fLaC again"
    await store.delete(key)
    await store.delete(key)
    with pytest.raises(NoAudio):
        await store.get(key)


@pytest.mark.parametrize("audio_id", ["", "..", "../" * 10, ID.upper(), ID + "0", f"{ID[:-1]}/", "\x00" * 32])
def test_an_id_that_is_none_makes_no_key(audio_id: str) -> None:
    with pytest.raises(ValueError, match="not the id"):
        audio_key(1, audio_id, MADE)
    with pytest.raises(ValueError, match="not the id"):
        audio_key(-1, ID, MADE)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../../etc/passwd",
        f"1/26/03/../../../{ID}.flac",
        f"1/26/03/{ID}.wav",
        f"/1/26/03/{ID}.flac",
        f"1/26/03/{ID}.flac\n",
        f"1/26/03/{ID}.flac#1",
        f"a/26/03/{ID}.flac",
    ],
)
async def test_nothing_but_its_own_keys_is_read_or_deleted(tmp_path: Path, key: str) -> None:
    store = AudioStore.open(tmp_path.as_uri())
    with pytest.raises(ValueError, match="not the key"):
        await store.get(key)
    with pytest.raises(ValueError, match="not the key"):
        await store.delete(key)


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a b" / "audio"
    AudioStore.open(folder.as_uri())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        AudioStore.open((tmp_path / "file" / "audio").as_uri())
    store = AudioStore.open((tmp_path / "audio").as_uri())
    await store.ping()
    (tmp_path / "audio").rmdir()
    (tmp_path / "audio").write_text("x")
    with pytest.raises(StoreUnavailable):
        await store.put(1, ID, b"x", MADE)
    os.unlink(tmp_path / "audio")  # noqa: PTH108 - a path object would do the same
    with pytest.raises(StoreUnavailable):
        await store.ping()


@pytest.mark.parametrize("url", ["", "/srv/audio", "file://host/x", "http://x/y", "s3://"])
def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="audio url must"):
        AudioStore.open(url)


def test_an_s3_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    AudioStore.open("s3://bucket/prefix")


async def test_uploads_leave_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = AudioStore.open(tmp_path.as_uri())
    monkeypatch.setattr(blobs, "FLOOR_BYTES", 0)
    await store.check_room()
    monkeypatch.setattr(blobs, "FLOOR_BYTES", 1 << 62)
    with pytest.raises(StoreUnavailable, match="almost full"):
        await store.check_room()
