"""How loud each frame is, by table look-up on the encoded bytes: no decoding.

Level 0 dBFS is a square wave at full scale; a sine at full scale has -3 dBFS.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media.g711 import DECODED
from voicebox.codec import Codec

SILENT_DBFS: Final = -90.0
"""What digital silence is given; a logarithm has no bottom."""
_LEAST: Final = 10 ** (SILENT_DBFS / 10)

_ONES: Final = np.ones(1500, np.float32)

_POWER: Final = {
    codec: np.square(samples.astype(np.float32) / np.float32(32768)).astype(np.float32)
    for codec, samples in DECODED.items()
}


def levels_dbfs(payload: bytes, codec: Codec, frame_bytes: int) -> list[float]:
    """Return the level of each whole frame of an encoded stretch.

    Args:
        payload: G.711 bytes; a rest shorter than a frame is measured as a frame of its own.
        codec: which law.
        frame_bytes: bytes in a frame, 160 for 20 ms.
    """
    whole = len(payload) // frame_bytes
    found: list[float] = []
    if whole:
        found = _levels(np.frombuffer(payload, np.uint8, whole * frame_bytes).reshape(whole, frame_bytes), codec)
    if rest := payload[whole * frame_bytes :]:
        found += _levels(np.frombuffer(rest, np.uint8).reshape(1, len(rest)), codec)
    return found


def _levels(frames: NDArray[np.uint8], codec: Codec) -> list[float]:
    """Return the level of each row of code bytes."""
    size = frames.shape[1]
    # The product with ones is the sum of each row, by the fastest routine there is for it.
    power = _POWER[codec].take(frames) @ _ONES[:size] if size <= len(_ONES) else _POWER[codec].take(frames).sum(axis=1)
    found: list[float] = (10 * np.log10(np.maximum(power / size, _LEAST))).tolist()
    return found
