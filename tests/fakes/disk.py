"""Disks that fail when a test wants them to: calls of the system that raise, and what is lost with them."""

import errno
import os
import threading
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
            return works(*args)

        monkeypatch.setattr(where, name, sometimes)

    def begin(self) -> None:
        """Do what comes before."""

    def lose(self, *args: Any) -> None:
        """Do what comes with the failure."""


class ForgetfulDisk(Disk):
    """One that drops what it could not write: the next sync finds nothing to do, and succeeds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_end = threading.Event()
        """A sync waits for it."""
        self.may_end.set()
        super().__init__(monkeypatch, os, "fdatasync", OSError(errno.EIO, "Input/output error"))

    def begin(self) -> None:
        self.may_end.wait(20)

    def lose(self, *args: Any) -> None:
        size = os.fstat(args[0]).st_size
        os.ftruncate(args[0], 0)
        os.ftruncate(args[0], size)
