"""pyVoIP's audio: unsigned 8 bit at 8 kHz, to and from int16.

It turns every sample into G.711 and back through 8 bits: a step is 256, half a step of which is lost by cutting off.
So speech goes in loud and rounded, and what comes out gets its half step back.
"""

from typing import Final

import numpy as np

from ivr.media.g711 import Pcm

STEP: Final = 256
CENTRE: Final = 128


def to_eight_bit(pcm: Pcm) -> bytes:
    """Return int16 samples as pyVoIP takes them, rounded."""
    rounded = np.rint(pcm.astype(np.float64) / STEP) + CENTRE
    return bytes(np.clip(rounded, 0, 255).astype(np.uint8))


def from_eight_bit(audio: bytes) -> Pcm:
    """Return what pyVoIP heard as int16; what it cut off below a step is put back at the step's middle."""
    stepped = (np.frombuffer(audio, dtype=np.uint8).astype(np.int16) - CENTRE) * STEP
    # Its silence is exactly the centre, and so is a sample of G.711's zero; everything else was rounded down.
    middle: Pcm = np.where(stepped == 0, 0, stepped + STEP // 2).astype(np.int16)
    return middle
