"""What callers say: G.711 that counts as speech all along, and the RTP packets (RFC 3550, RFC 4733) that carry it."""

import secrets
import struct
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ivr.media.g711 import decode, encode
from voicebox.codec import Codec

FRAME: Final = 160
"""Samples and bytes of G.711 in 20 ms."""
RATE_HZ: Final = 8000
KEY_PACKETS: Final = 10
"""160 ms of key: seven while it is down, and its end three times."""
_KEY_DOWN: Final = 7
EVENT_PT: Final = 101
_HEADER: Final = struct.Struct(">BBHII")
_EVENT: Final = struct.Struct(">BBHIIBBH")
_BANK_S: Final = 127
"""A prime length, so that callers who begin at different places never say the same."""
_STRIDE: Final = 7919 * FRAME
_SILENCE: Final = frozenset((0xFF, 0x7F))


@lru_cache(maxsize=1)
def bank() -> bytes:
    """Return noise with the syllables of speech as mu-law, twice in a row so that a slice never wraps."""
    rng = np.random.default_rng(4)
    t = np.arange(_BANK_S * RATE_HZ) / RATE_HZ
    syllables = 0.4 + 0.6 * np.sin(2 * np.pi * 1.7 * t) ** 2
    return encode((rng.normal(0, 3000, len(t)) * syllables).astype(np.int16), Codec.PCMU) * 2


def is_silence(payload: bytes) -> bool:
    """Return whether a frame of mu-law is digital silence."""
    return _SILENCE.issuperset(payload)


class Voice:
    """One caller's audio, frame after frame, as RTP packets."""

    __slots__ = (
        "_bank",
        "_key_at",
        "_key_timestamp",
        "_keys",
        "_offset",
        "_sequence",
        "_ssrc",
        "_start",
        "_timestamp",
        "frames",
    )

    def __init__(self, caller: int) -> None:
        """Begin what this caller says; everyone begins at another place."""
        self._bank = bank()
        self._offset = self._start = caller * _STRIDE % (len(self._bank) // 2)
        self._sequence = caller * 13 & 0x7FFF
        self._timestamp = caller * 977
        self._key_timestamp = 0
        self._ssrc = secrets.randbits(32)
        self._key_at = 0
        self._keys: list[int] = []
        """The frames in which a key was down."""
        self.frames = 0
        """Frames that have been said, those in which a key was pressed included."""

    def packet(self) -> bytes:
        """Return the next packet of audio."""
        at = self._offset
        packet = _HEADER.pack(0x80, 0, self._sequence, self._timestamp, self._ssrc) + self._bank[at : at + FRAME]
        self._on()
        return packet

    def key_packet(self, event: int) -> bytes:
        """Return the next of the `KEY_PACKETS` of a key, which take the place of audio."""
        step, self._key_at = self._key_at, self._key_at + 1
        if step == 0:
            self._key_timestamp = self._timestamp
        duration = FRAME * min(step + 1, _KEY_DOWN + 1)
        packet = _EVENT.pack(
            0x80,
            EVENT_PT | (0x80 if step == 0 else 0),
            self._sequence,
            self._key_timestamp,
            self._ssrc,
            event,
            10 | (0x80 if step >= _KEY_DOWN else 0),
            duration,
        )
        if self._key_at == KEY_PACKETS:
            self._key_at = 0
        self._keys.append(self.frames)
        self._on()
        return packet

    def _on(self) -> None:
        self._sequence = self._sequence + 1 & 0xFFFF
        self._timestamp = self._timestamp + FRAME & 0xFFFF_FFFF
        self._offset += FRAME
        if self._offset >= len(self._bank) // 2:
            self._offset -= len(self._bank) // 2
        self.frames += 1

    def said(self, frames: int) -> npt.NDArray[np.int16]:
        """Return the last `frames` frames that were said, decoded (int16, 8 kHz); silence where a key was down."""
        half = len(self._bank) // 2
        begin = (self._start + (self.frames - frames) * FRAME) % half
        data = self._bank[begin:half] + self._bank[:half] * (frames * FRAME // half + 1)
        samples = decode(data[: frames * FRAME], Codec.PCMU)
        for key in self._keys:
            at = (key - self.frames + frames) * FRAME
            if at >= 0:
                samples[at : at + FRAME] = 0
        return samples
