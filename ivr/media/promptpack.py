"""Every prompt encoded for every codec, in one file that is mapped into memory.

Decoding and encoding some thousand prompts takes seconds; so it is done once for each set of recordings, and every
later start maps the result in milliseconds. The file is a cache: it is written beside and renamed, and one that is
missing, torn or of other recordings is made anew.

Layout: magic, length of the index (4 bytes, big-endian), index (JSON: key to offset and length), encoded bytes.
"""

import json
import mmap
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

MAGIC: Final = b"VBPROMPTS1\n"

Encode = Callable[[str], dict[str, bytes]]
"""Returns the encodings of one prompt by key; called in threads."""


class PromptPack:
    """Encoded audio by key, read where it lies."""

    def __init__(self, data: mmap.mmap | bytes, index: dict[str, tuple[int, int]], start: int) -> None:
        self._data = data
        self._index = index
        self._start = start

    def __len__(self) -> int:
        """Return how many encodings there are."""
        return len(self._index)

    def get(self, key: str) -> bytes | None:
        """Return an encoding, None if it is not there."""
        place = self._index.get(key)
        if place is None:
            return None
        offset, length = place
        return self._data[self._start + offset : self._start + offset + length]

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """Map a pack; None if there is none or it is not whole. Blocks."""
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return None
        try:
            at = len(MAGIC)
            (length,) = struct.unpack_from(">I", data, at)
            start = at + 4 + length
            index = {key: (int(offset), int(size)) for key, (offset, size) in json.loads(data[at + 4 : start]).items()}
        except (struct.error, ValueError, TypeError, AttributeError):
            return None
        whole = data[: len(MAGIC)] == MAGIC and all(start + sum(place) <= len(data) for place in index.values())
        return cls(data, index, start) if whole else None

    @classmethod
    def build(cls, path: Path, prompts: Iterable[str], encode: Encode) -> Self | None:
        """Encode `prompts`, on every core, into a pack at `path`, and map it. Blocks for seconds.

        Raises:
            OSError: it cannot be written.
        """
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="prompts") as threads:
            pieces = list(_flattened(threads.map(encode, prompts)))
        index: dict[str, tuple[int, int]] = {}
        offset = 0
        for key, audio in pieces:
            index[key] = (offset, len(audio))
            offset += len(audio)
        head = json.dumps(index, separators=(",", ":")).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        # The process id keeps two that start at once from writing into one another's file.
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with beside.open("wb") as file:
            file.write(MAGIC + struct.pack(">I", len(head)) + head)
            for _, audio in pieces:
                file.write(audio)
        beside.replace(path)
        for old in path.parent.glob(f"*{path.suffix}"):
            if old != path:
                old.unlink(missing_ok=True)
        return cls.open(path)


def _flattened(found: Iterable[dict[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for encodings in found:
        yield from encodings.items()
