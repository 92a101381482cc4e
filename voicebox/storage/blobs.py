"""The audio store: FLAC files on the local disk or in an S3 bucket, one API for both (obstore).

A blob is written once under a key of its own and never changed. `put` returns when it would survive power loss: S3
promises that by its answer; on the local disk obstore writes a file beside, renames it, and syncs nothing (seen by
strace, obstore 0.12), so the file and each folder on the way are synced here. A crash in between leaves at most a blob
that no row names: harmless, and overwritten when the same audio is settled again.
"""

import asyncio
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import obstore
import obstore.exceptions
from obstore.store import LocalStore, from_url

from voicebox.errors import NoAudio, StoreUnavailable
from voicebox.settings.stores import FLOOR_BYTES

_ID: Final = re.compile(r"[0-9a-f]{32}")
_KEY: Final = re.compile(r"[0-9]{1,19}/[0-9]{2}/[0-9]{2}/[0-9a-f]{32}\.flac")
_FAULTS: Final = (OSError, obstore.exceptions.BaseError)


def audio_key(company_id: int, audio_id: str, created_at: datetime) -> str:
    """Return the key of an audio's blob: company/year/month/id.flac, so that no folder grows without bound.

    Raises:
        ValueError: the id is not 32 hex digits.
    """
    if not _ID.fullmatch(audio_id) or company_id < 0:
        raise ValueError("not the id of a piece of audio")
    return f"{company_id}/{created_at:%y/%m}/{audio_id}.flac"


def sync_path(path: Path) -> None:
    """Have the disk keep what a file or folder holds. Blocks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class AudioStore:
    """Where settled audio lies. Made by `open`."""

    def __init__(self, store: Any, root: Path | None) -> None:
        self._store = store
        self._root = root
        """The folder of a local store."""

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a store by its address, `file:///folder` or `s3://bucket/prefix`; makes the folder.

        An S3 store takes its credentials and endpoint from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT, ...).

        Raises:
            ValueError: neither of the two.
            StoreUnavailable: the folder cannot be made.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            root = Path(unquote(parts.path))
            try:
                root.mkdir(mode=0o700, parents=True, exist_ok=True)  # what people said is nobody else's business
                sync_path(root.parent)
                return cls(LocalStore(root), root)
            except _FAULTS as error:
                raise StoreUnavailable(f"the audio folder {root} cannot be used: {_brief(error)}") from error
        if parts.scheme == "s3" and parts.netloc:
            return cls(from_url(url), None)
        raise ValueError("the audio url must begin with file:/// or s3://")

    async def put(self, company_id: int, audio_id: str, data: bytes, created_at: datetime) -> str:
        """Write a blob and return its key; when this returns, it survives power loss.

        Raises:
            ValueError: the id is not 32 hex digits.
            StoreUnavailable: not written, or not surely.
        """
        key = audio_key(company_id, audio_id, created_at)
        try:
            await obstore.put_async(self._store, key, data)
            if self._root is not None:
                await asyncio.to_thread(self._sync, key)
        except _FAULTS as error:
            raise StoreUnavailable(f"the audio store did not take {key}: {_brief(error)}") from error
        return key

    async def check_room(self) -> None:
        """See whether a local disk has room for what can wait; raises StoreUnavailable where it is almost full."""
        if self._root is None:
            return
        try:
            free_bytes = (await asyncio.to_thread(shutil.disk_usage, self._root)).free
        except OSError as error:
            raise StoreUnavailable(f"the audio store does not answer: {_brief(error)}") from error
        if free_bytes < FLOOR_BYTES:
            raise StoreUnavailable(f"the disk of the audio folder {self._root} is almost full: {free_bytes} bytes free")

    async def get(self, key: str) -> bytes:
        """Return a blob.

        Raises:
            ValueError: not a key that `put` gave.
            NoAudio: the store has nothing under this key.
            StoreUnavailable: it cannot be reached.
        """
        _check(key)
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise NoAudio(f"the audio store has nothing under {key}") from error
        except _FAULTS as error:
            raise StoreUnavailable(f"the audio store did not give {key}: {_brief(error)}") from error

    async def delete(self, key: str) -> None:
        """Delete a blob; one that is not there is well. Raises ValueError or StoreUnavailable as `get`."""
        _check(key)
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except _FAULTS as error:
            raise StoreUnavailable(f"the audio store did not delete {key}: {_brief(error)}") from error

    async def ping(self) -> None:
        """Ask the store for nothing; raises StoreUnavailable when it cannot be used."""
        try:
            if self._root is not None:
                if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
                    raise StoreUnavailable(f"the audio folder {self._root} cannot be read and written")
            else:
                await asyncio.to_thread(obstore.list_with_delimiter, self._store)
        except _FAULTS as error:
            raise StoreUnavailable(f"the audio store does not answer: {_brief(error)}") from error

    def _sync(self, key: str) -> None:
        """Sync a file, then the folders that name it, up to the root: a new month is a new entry in its year."""
        assert self._root is not None  # noqa: S101 - called for local stores only
        path = self._root / key
        sync_path(path)
        for folder in path.parents:
            sync_path(folder)
            if folder == self._root:
                return


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError("not the key of a piece of audio")


def _brief(error: BaseException) -> str:
    """Return an error's first line: obstore appends a page of debugging output to it."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
