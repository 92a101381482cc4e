"""The audio codecs a call can agree on (RFC 3551 section 6), by name and static payload type."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

FRAME_MS: Final = 20
"""Every packet we send carries 20 ms, the default of RFC 3551 section 4.2."""


@dataclass(frozen=True, slots=True)
class CodecFacts:
    """What SDP and RTP need to know of a codec."""

    encoding: str
    """The name in `a=rtpmap`."""
    clock_hz: int
    """The RTP clock."""
    rate_hz: int
    """Samples per second of the decoded audio."""
    payload_type: int
    """The static payload type."""
    frame_bytes: int
    """Encoded bytes in one 20 ms frame."""
    silence: bytes
    """One encoded byte of silence."""


class Codec(Enum):
    """A codec of a call. Members are added (G.722, Opus) without touching their users."""

    PCMU = CodecFacts("PCMU", 8000, 8000, 0, 160, b"\xff")
    PCMA = CodecFacts("PCMA", 8000, 8000, 8, 160, b"\xd5")
