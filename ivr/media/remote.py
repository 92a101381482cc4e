"""The other end's media, as an offer and its answer agreed it (RFC 3264)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from voicebox.codec import Codec

COMFORT_NOISE: Final = 13
"""Static payload type of RFC 3389."""
COMMON_EVENTS: Final = frozenset({96, 101})
"""SIPp's play_dtmf sends 96 whatever its SDP says, nearly everybody else 101."""
NOWHERE: Final = frozenset({"0.0.0.0", "::"})
"""The address of a peer that holds, as RFC 2543 had it; for IPv6 by RFC 6157 section 5."""


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """Where to send what, and what may come back."""

    host: str
    """An IP address; names are resolved by whoever reads the SDP."""
    port: int
    codec: Codec
    """What we send."""
    payload_type: int
    """Its number in this call."""
    rtcp_host: str | None = None
    """Of `a=rtcp` (RFC 3605); None = `host`."""
    rtcp_port: int | None = None
    """None = `port` + 1; equal to `port` where RTP and RTCP share one (RFC 5761)."""
    telephone_event_pts: frozenset[int] = frozenset()
    """Payload types of RFC 4733 that were agreed. Empty: keys are searched for in the sound, and the usual numbers
    taken as keys all the same, since some phones send what they did not declare."""
    send_event_pt: int | None = None
    """The payload type of keys that we send; None where the peer takes none."""
    receives: Mapping[int, Codec] = field(default_factory=dict)
    """Further payload types that may come (the peer may change among agreed codecs without asking)."""
    may_send: bool = True
    """We may send: false when the peer holds us (sendonly, inactive)."""
    may_receive: bool = True
    """The peer will send: false on hold; then missing packets are not a fault."""
    continuous: bool = False
    """Send silence all the time, not one packet a second (`rtp_keepalive` of the peer)."""

    def event_pts(self) -> frozenset[int]:
        """Return the payload types that are keys."""
        return self.telephone_event_pts or COMMON_EVENTS - {self.payload_type, *self.receives}

    def codecs(self) -> dict[int, Codec]:
        """Return every payload type that carries audio here, with its codec."""
        static = {codec.value.payload_type: codec for codec in Codec if codec.value.payload_type < 96}
        taken = self.event_pts()
        return {
            number: codec
            for number, codec in {**static, **self.receives, self.payload_type: self.codec}.items()
            if number not in taken
        }
