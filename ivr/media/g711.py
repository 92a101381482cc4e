"""G.711 mu-law and A-law by table (ITU-T G.711, sections 3.1 and 3.2), vectorised.

Both laws are one byte for one sample, so decoding is a look-up in 256 entries and encoding one in 65,536. The tables
are built once from the segment formulas; both agree with the ITU reference for every input.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebox.codec import Codec

Pcm = NDArray[np.int16]
"""Mono samples, 16 bit, at the rate that the context gives."""

_MU_BIAS: Final = 33
_MU_MOST: Final = 8191
"""Magnitude and bias together fill 13 bits."""


def _mu_decoded() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = (code >> 4) & 7, code & 15
    magnitude = (((step << 1) + _MU_BIAS) << segment) - _MU_BIAS
    return np.where(code & 0x80, -(magnitude << 2), magnitude << 2).astype(np.int16)


def _mu_encoded() -> NDArray[np.uint8]:
    # Index i holds the code of the sample whose unsigned 16-bit pattern is i. The law is defined on 14 bits.
    linear = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    sign = np.where(linear < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(linear) + _MU_BIAS, _MU_MOST)
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = (magnitude >> (segment + 1)) & 15
    code: NDArray[np.uint8] = (~(sign | (segment << 4) | step) & 0xFF).astype(np.uint8)
    return code


def _a_decoded() -> Pcm:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, code & 15
    low = (step << 4) + 8
    magnitude = np.where(segment == 0, low, (low + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _a_encoded() -> NDArray[np.uint8]:
    # The law is defined on 13 bits; negative values are one's complement, as in the ITU reference code.
    linear = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    sign = np.where(linear >= 0, 0x80, 0)
    magnitude = np.where(linear >= 0, linear, ~linear)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    step = (magnitude >> np.maximum(segment, 1)) & 15
    code: NDArray[np.uint8] = ((sign | (segment << 4) | step) ^ 0x55).astype(np.uint8)
    return code


DECODED: Final[dict[Codec, Pcm]] = {Codec.PCMU: _mu_decoded(), Codec.PCMA: _a_decoded()}
"""The 256 sample values of each law, by code."""

_ENCODED: Final = {Codec.PCMU: _mu_encoded(), Codec.PCMA: _a_encoded()}

_ACROSS: Final = {
    (source, target): _ENCODED[target][DECODED[source].view(np.uint16)].tobytes()
    for source in DECODED
    for target in DECODED
}


def decode(payload: bytes, codec: Codec) -> Pcm:
    """Return the samples of an encoded stretch: int16 at 8 kHz, one a byte."""
    return DECODED[codec][np.frombuffer(payload, dtype=np.uint8)]


def encode(pcm: Pcm, codec: Codec) -> bytes:
    """Return the code bytes of int16 samples at 8 kHz, one a sample."""
    return _ENCODED[codec][pcm.astype(np.int16, copy=False).view(np.uint16)].tobytes()


def transcode(payload: bytes, source: Codec, target: Codec) -> bytes:
    """Turn one law into the other, byte by byte (RFC 3551 section 4.5.14 names both)."""
    return payload if source is target else payload.translate(_ACROSS[source, target])


def across(source: Codec, target: Codec) -> bytes:
    """Return the table for `bytes.translate` that turns one law into the other."""
    return _ACROSS[source, target]
