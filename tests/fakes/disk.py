"""Disks that fail when a test wants them to: calls of the system that raise, and what is lost with them."""

import asyncio
import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest


class Disk:
    """A disk whose calls of one name can be made to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: object, name: str, error: Exception) -> None:
        self.fails = True
        works = getattr(where, name)

        def sometimes(*args: Any) -> Any:
            self.begin()
            if self.fails:
                self.lose(*args)
                raise error
            self.keep(*args)
            return works(*args)

        monkeypatch.setattr(where, name, sometimes)

    def begin(self) -> None:
        """Do what comes before."""

    def lose(self, *args: Any) -> None:
        """Do what comes with the failure."""

    def keep(self, *args: Any) -> None:
        """Do what comes before success."""


class ForgetfulDisk(Disk):
    """One that drops what it could not write: the next sync finds nothing to do, and succeeds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held = False
        """Whether syncs wait for their turn."""
        self.begun = threading.Semaphore(0)
        """One for each sync that has begun to wait."""
        self.turns = threading.Semaphore(0)
        self._kept: dict[int, bytes] = {}
        """What is safe of each file, by its inode."""
        super().__init__(monkeypatch, os, "fdatasync", OSError(errno.EIO, "Input/output error"))

    def begin(self) -> None:
        if self.held:
            self.begun.release()
            assert self.turns.acquire(timeout=60)

    async def begins(self) -> None:
        """Wait until a sync waits."""
        assert await asyncio.to_thread(self.begun.acquire, timeout=60)

    def keep(self, *args: Any) -> None:
        self._kept[os.fstat(args[0]).st_ino] = Path(f"/proc/self/fd/{args[0]}").read_bytes()

    def lose(self, *args: Any) -> None:
        file = os.fstat(args[0])
        os.ftruncate(args[0], 0)
        os.ftruncate(args[0], file.st_size)
        os.pwrite(args[0], self._kept.get(file.st_ino, b""), 0)
