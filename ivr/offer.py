"""Agreeing on media: offers and answers (RFC 3264), RTCP's address (RFC 3605), telephone-event (RFC 4733).

One `OfferAnswer` lives as long as its dialog and keeps what both sides last agreed. An offer that cannot be accepted
raises and changes nothing: a refused re-INVITE leaves the call as it was.

An answer names one codec, the first of the offer that we have: a peer that may choose among several changes them in
mid-sentence, and some then get the payload type wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ivr.media.remote import COMMON_EVENTS, NOWHERE, RemoteMedia
from ivr.sdp import Media, SdpError, Session
from ivr.sdp import Origin as SdpOrigin
from ivr.sip.grammar import number
from ivr.sip.hops import family, is_ip
from voicebox.codec import FRAME_MS, Codec

TELEPHONE_EVENT: Final = "telephone-event"
OUR_EVENT_PT: Final = 101
"""What we offer; RFC 4733 leaves the number open, and every phone knows this one."""
KEYS: Final = "0-15"
"""Events we take: the sixteen keys (RFC 4733 section 3.2)."""
# RFC 4585's profile differs by feedback only, which needs attributes that we leave out of the answer.
_PROTOCOLS: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
_STATIC: Final = {str(codec.value.payload_type): codec for codec in Codec if codec.value.payload_type < 96}


class NoCommonCodec(SdpError):  # noqa: N818 - the name says what is the matter
    """The description reads well, but holds no audio that we can agree on: 488."""


class Direction(StrEnum):
    """Which way media flows, as the side that says it sees it (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the side that says so sends."""
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        """Whether the side that says so receives."""
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        """Return the direction of a side that sends and receives so."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an offer and its answer settled."""

    local: Session
    """Our side: the answer to send, or the offer that was accepted."""
    remote: RemoteMedia
    """Where to send what; its host may be a name that is still to be resolved."""
    direction: Direction
    """Ours."""

    @property
    def held(self) -> bool:
        """Whether the peer does not listen: nothing is to be played to it."""
        return not self.direction.sends


class OfferAnswer:
    """The media state of one dialog."""

    def __init__(self, host: str, port: int, *, session_id: int, codecs: Sequence[Codec] = tuple(Codec)) -> None:
        """Begin a dialog's media.

        Args:
            host: our address for this peer, IPv6 without brackets.
            port: our RTP port; RTCP is the next one.
            session_id: of our `o=` line, positive and unique enough (a random 62-bit number is).
            codecs: those we may use, in the order in which we offer them.
        """
        self._host = host
        self._port = port
        self._codecs = tuple(codecs)
        self._sent = Session(SdpOrigin(session_id, 0, host), address=host)
        self._version = 0
        self._offered: Session | None = None
        self.agreed: Agreed | None = None
        """What holds now."""

    def answer(self, offer: Session) -> Agreed:
        """Accept an offer; `local` of the result is the answer.

        Raises:
            NoCommonCodec: no audio m-line, or none with a codec of ours; nothing changes.
            SdpError: the audio has no address.
        """
        at, codec, payload_type = self._choose(offer)
        theirs = offer.media[at]
        peer_direction = _direction(offer, theirs)
        direction = Direction.of(sends=peer_direction.receives, receives=peer_direction.sends)
        events = _event_pts(theirs, codec)
        remote = _remote(offer, theirs, codec, payload_type, direction=direction, events=frozenset(events), receives={})
        ours = self._audio({payload_type: codec}, events[0] if events else None, direction, theirs.protocol)
        media = tuple(
            ours if here == at else Media(each.kind, 0, each.protocol, each.formats or ("0",))
            for here, each in enumerate(offer.media)
        )
        local = self._numbered(replace(self._sent, media=media, times=offer.times))
        return self._settle(local, remote, direction, events)

    def offer(self, direction: Direction = Direction.SENDRECV) -> Session:
        """Return an offer of ours: for an INVITE, for the 200 to one without SDP, or for a re-INVITE.

        It keeps the m-lines agreed before, refused ones as port 0 (RFC 3264 section 8). `accept` takes the answer;
        `withdraw` forgets the offer when it was refused.
        """
        payload_types = {codec.value.payload_type: codec for codec in self._codecs}
        # A payload type must not change its meaning within a session (section 8.3.2).
        event_pt = self.agreed.remote.send_event_pt if self.agreed else None
        media = tuple(
            self._audio(payload_types, event_pt or OUR_EVENT_PT, direction, each.protocol) if each.port else each
            for each in self._sent.media or (Media("audio", self._port, "RTP/AVP", ()),)
        )
        self._offered = self._numbered(replace(self._sent, media=media))
        return self._offered

    def accept(self, answer: Session) -> Agreed:
        """Take the answer to our last offer.

        Raises:
            NoCommonCodec: the answer refuses the audio or names no codec of the offer.
            SdpError: no offer is open, or the answer has another number of m-lines.
        """
        offered = self._offered
        if offered is None:
            raise SdpError("an answer without an offer")
        if len(answer.media) < len(offered.media):
            raise SdpError("the answer has fewer media than the offer")
        self._offered = None
        at = next(index for index, each in enumerate(offered.media) if each.port)
        theirs = answer.media[at]
        found = self._codec_in(theirs) if theirs.port else None
        if found is None:
            raise NoCommonCodec("the answer refuses our audio")
        codec, payload_type = found
        ours = _direction(offered, offered.media[at])
        peer = _direction(answer, theirs)
        direction = Direction.of(sends=ours.sends and peer.receives, receives=ours.receives and peer.sends)
        events = _event_pts(theirs, codec)
        declared = frozenset({*events, *_event_pts(offered.media[at], codec)}) if events else frozenset()
        receives = {each.value.payload_type: each for each in self._codecs}
        remote = _remote(answer, theirs, codec, payload_type, direction=direction, events=declared, receives=receives)
        return self._settle(offered, remote, direction, events)

    def withdraw(self) -> None:
        """Forget our last offer: it was refused, and what was agreed before holds on."""
        self._offered = None

    def _settle(self, local: Session, remote: RemoteMedia, direction: Direction, events: Sequence[int]) -> Agreed:
        if is_ip(remote.host) and remote.host not in NOWHERE and family(remote.host) != family(self._host):
            # RFC 6157 section 3.3: no packet could ever cross; better no call than a silent one.
            raise NoCommonCodec(f"the audio is offered over IPv{family(remote.host)}, ours is IPv{family(self._host)}")
        self._sent = local
        self.agreed = Agreed(
            local=local,
            remote=replace(remote, send_event_pt=events[0] if events else None),
            direction=direction,
        )
        return self.agreed

    def _choose(self, offer: Session) -> tuple[int, Codec, int]:
        for at, media in enumerate(offer.media):
            if media.kind == "audio" and media.port and media.protocol.upper() in _PROTOCOLS:
                found = self._codec_in(media)
                if found is not None:
                    return at, *found
        raise NoCommonCodec("no audio with a codec of ours")

    def _codec_in(self, media: Media) -> tuple[Codec, int] | None:
        """Return the first codec of an m-line that we have, with its payload type there."""
        names = _rtpmap(media)
        for each in media.formats:
            name = names.get(each)
            codec = _STATIC.get(each) if name is None else _named(name)
            if codec is not None and codec in self._codecs and _is_payload_type(each):
                return codec, int(each)
        return None

    def _audio(
        self,
        payload_types: Mapping[int, Codec],
        event_pt: int | None,
        direction: Direction,
        protocol: str,
    ) -> Media:
        attributes: list[tuple[str, str | None]] = [
            ("rtpmap", f"{payload_type} {codec.value.encoding}/{codec.value.clock_hz}")
            for payload_type, codec in payload_types.items()
        ]
        formats = [str(payload_type) for payload_type in payload_types]
        if event_pt is not None:
            clock_hz = next(iter(payload_types.values())).value.clock_hz
            formats.append(str(event_pt))
            attributes += [("rtpmap", f"{event_pt} {TELEPHONE_EVENT}/{clock_hz}"), ("fmtp", f"{event_pt} {KEYS}")]
        attributes += [("ptime", str(FRAME_MS)), (direction.value, None)]
        return Media("audio", self._port, protocol, tuple(formats), attributes=tuple(attributes))

    def _numbered(self, session: Session) -> Session:
        """Return a description with its version: one more than the last sent one, unless it repeats it (section 8)."""
        if session == self._sent and session.origin.version == self._version:
            return session
        self._version += 1
        return replace(session, origin=replace(session.origin, version=self._version))


def _remote(
    description: Session,
    media: Media,
    codec: Codec,
    payload_type: int,
    *,
    direction: Direction,
    events: frozenset[int],
    receives: Mapping[int, Codec],
) -> RemoteMedia:
    """Read where the peer's media goes; `direction` is ours, `events` are the declared telephone-event types."""
    host = media.address or description.address
    if host is None:
        raise SdpError("audio without an address")
    rtcp_host, rtcp_port = _rtcp(media)
    return RemoteMedia(
        host=host,
        port=media.port,
        codec=codec,
        payload_type=payload_type,
        rtcp_host=rtcp_host,
        rtcp_port=rtcp_port,
        telephone_event_pts=events | (COMMON_EVENTS - {payload_type, *receives}) if events else events,
        receives=receives,
        may_send=direction.sends,
        may_receive=direction.receives,
    )


def _direction(session: Session, media: Media) -> Direction:
    """Return the direction that the maker of a description gives, hold by address included (section 8.4)."""
    found = Direction.SENDRECV
    for direction in Direction:
        if session.flag(direction.value):
            found = direction
    for direction in Direction:
        if media.flag(direction.value):
            found = direction
    if (media.address or session.address) in NOWHERE:
        return Direction.of(sends=found.sends, receives=False)
    return found


def _rtpmap(media: Media) -> dict[str, str]:
    """Return `encoding/clock` in lower case by payload type; a single channel is left out."""
    names: dict[str, str] = {}
    for value in media.all("rtpmap"):
        payload_type, _, name = value.partition(" ")
        names.setdefault(payload_type, name.strip().lower().removesuffix("/1"))
    return names


def _named(name: str) -> Codec | None:
    return next((codec for codec in Codec if f"{codec.value.encoding}/{codec.value.clock_hz}".lower() == name), None)


def _event_pts(media: Media, codec: Codec) -> list[int]:
    """Return the payload types of telephone-event at the codec's clock, the preferred first."""
    wanted = f"{TELEPHONE_EVENT}/{codec.value.clock_hz}"
    names = _rtpmap(media)
    return [int(each) for each in media.formats if names.get(each) == wanted and _is_payload_type(each)]


def _rtcp(media: Media) -> tuple[str | None, int | None]:
    """Read `a=rtcp:53020 IN IP4 126.16.64.4`; what is malformed counts as absent."""
    words = (media.attribute("rtcp") or "").split()
    port = number(words[0], most=65535) if words else None
    if not port:
        return None, None
    return (words[3].strip("[]") if len(words) >= 4 else None), port


def _is_payload_type(text: str) -> bool:
    return number(text, most=127) is not None
