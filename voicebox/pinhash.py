"""PINs and web passwords as they are stored: a keyed digest, hashed with Argon2id (security.md, row 6; RFC 9106).

A PIN of six digits has a million values, so its hash alone does not protect it: the key does, which lies beside the
data in a file of its own and never in the database. Who steals a backup of the database has nothing to try.
"""

import asyncio
import hmac
import logging
import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from voicebox.errors import VoiceboxError

KEY_FILE: Final = "pin.key"
KEY_BYTES: Final = 32

logger = logging.getLogger(__name__)


class KeyUnusable(VoiceboxError):  # noqa: N818 - named after the state, as its siblings are
    """The key file cannot be read or made; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs (RFC 9106 section 3.1)."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


PRODUCTION: Final = Cost()
"""OWASP's recommendation of 2024; 27 ms on the machine it was measured on."""


def load_key(data_dir: Path) -> bytes:
    """Return the installation's key; the first call makes it.

    Several processes may start at once: the file appears whole or not at all, and the first one stays.

    Raises:
        KeyUnusable: the file cannot be read or written, or is no key.
    """
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
        readable_by_others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be used: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{path} is damaged: it has {len(key)} bytes, not {KEY_BYTES}. Restore it from a backup.")
    if readable_by_others:
        logger.warning("%s can be read by other users: chmod 600 it", path)
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # PINs hashed with a key that a power loss takes would be lost with it.
        os.fsync(folder)
    finally:
        os.close(folder)


class PinHasher:
    """Hashes and verifies secrets, one at a time, off the event loop.

    One per process: at 19 MiB and 27 ms each, hashes side by side would let a dozen callers starve the audio clock.
    What waits is bounded by the calls in progress, each of which waits for its own answer.
    """

    def __init__(self, key: bytes, cost: Cost = PRODUCTION) -> None:
        self._key = key
        self._key_id = hmac.digest(key, b"voicebox: key id", "sha256")[:4].hex()
        self._argon2 = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes, type=Type.ID
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pin-hash")
        self._dummy = self._hash(secrets.token_hex(16))

    async def hash(self, secret: str) -> str:
        """Return what to store for a secret: the key's id and an Argon2id hash, at most 120 characters."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._hash, secret)

    async def verify(self, stored: str | None, secret: str) -> bool:
        """Tell whether `secret` is the one that was stored; without a stored one take as long, and say no."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._verify, stored, secret)

    def knows(self, stored: str) -> bool:
        """Tell whether a stored hash was made with this key; one of another key verifies nothing."""
        return stored.partition("$")[0] == self._key_id

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _hash(self, secret: str) -> str:
        return self._key_id + self._argon2.hash(self._keyed(secret))

    def _verify(self, stored: str | None, secret: str) -> bool:
        usable = stored is not None and self.knows(stored)
        if stored is not None and not usable:
            logger.error(
                "a PIN was stored with another %s: nobody can log in with it until that file is back", KEY_FILE
            )
        chosen = stored if stored is not None and usable else self._dummy
        try:
            matches = self._argon2.verify(chosen[len(self._key_id) :], self._keyed(secret))
        except VerificationError:
            return False
        except InvalidHashError:
            logger.error("a stored PIN is damaged: its mailbox needs a new one")  # noqa: TRY400 - the trace would show the hash
            return False
        return matches and usable

    def _keyed(self, secret: str) -> bytes:
        # A caller's keys may hold anything; what is no text must not raise here.
        return hmac.digest(self._key, b"voicebox: secret\0" + secret.encode(errors="surrogatepass"), "sha256")
