"""What a stream is playing: encoded chunks, taken frame by frame by the media clock."""

import asyncio
from collections.abc import Callable, Sequence


class Playback:
    """Chunks on their way out. Each chunk is padded to whole frames of 20 ms.

    `done` resolves when the last frame has left (true) or the playing was stopped or replaced (false); after the last
    frame 20 ms remain to queue the next playback without a gap.
    """

    __slots__ = ("_chunk", "_chunks", "_frame_bytes", "_index", "_offset", "_on_stop", "_pad", "done", "left")

    def __init__(
        self,
        chunks: Sequence[bytes],
        frame_bytes: int,
        silence: bytes,
        done: "asyncio.Future[bool]",
        on_stop: Callable[["Playback"], None],
    ) -> None:
        self._chunks = [chunk for chunk in chunks if chunk]
        self._frame_bytes = frame_bytes
        self._pad = silence * frame_bytes
        self._index = 0
        self._chunk = self._chunks[0] if self._chunks else b""
        self._offset = 0
        self._on_stop = on_stop
        self.left = sum(-(-len(chunk) // frame_bytes) for chunk in self._chunks)
        """Frames that have not left yet."""
        self.done = done

    @property
    def position(self) -> tuple[int, int]:
        """Index of the chunk being played (empty ones not counted) and the encoded bytes of it that have left."""
        return self._index, min(self._offset, len(self._chunk))

    @property
    def position_bytes(self) -> int:
        """Encoded bytes of all chunks that have left so far."""
        index, offset = self.position
        return sum(len(chunk) for chunk in self._chunks[:index]) + offset

    def frame(self) -> bytes:
        """Return the next frame and move past it. There must be one `left`."""
        if self._offset >= len(self._chunk):
            self._index += 1
            self._chunk, self._offset = self._chunks[self._index], 0
        start = self._offset
        self._offset = start + self._frame_bytes
        self.left -= 1
        data = self._chunk[start : start + self._frame_bytes]
        return data if len(data) == self._frame_bytes else data + self._pad[len(data) :]

    def recode(self, convert: Callable[[bytes], bytes]) -> None:
        """Put what is left into another codec of the same frame size."""
        self._chunks = [convert(chunk) for chunk in self._chunks]
        if self._chunks:
            self._chunk = self._chunks[self._index]
        self._pad = convert(self._pad)

    def stop(self) -> None:
        """Stop at once: no further frame leaves. Stopping twice does nothing."""
        self._on_stop(self)
