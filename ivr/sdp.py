"""Session descriptions as values (RFC 8866): `parse` and `str` round-trip; meaning is `ivr.offer`'s business.

Lenient: LF for CRLF, missing s= and t= lines, white space around `=`, lines of unknown types (left out). Strict
about what is counted: one m= line more or less would shift every answer.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

SDP: Final = "application/sdp"
"""The media type of a description."""
# Bounds on what one description may make us hold; a real one has a dozen lines and one or two media.
LINES_MAX: Final = 512
MEDIA_MAX: Final = 32
NTP_MAX: Final = 2**64 - 1
# In the order RFC 8866 section 9 wants them written.
_SESSION_BEFORE_C: Final = "iuep"
_SESSION_AFTER_T: Final = "rzk"


class SdpError(Exception):
    """A session description that cannot be read: 400, or 488 for an offer.

    SdpError
    └── NoCommonCodec (ivr.offer): readable, but there is nothing we can agree on
    """


@dataclass(frozen=True, slots=True)
class Origin:
    """`o=`: who made the description, and which version of it this is (section 5.2)."""

    session_id: int
    version: int
    address: str
    username: str = "-"

    @classmethod
    def parse(cls, value: str) -> Self:
        """Read `- 1 2 IN IP4 192.0.2.1`; ids that are no numbers count as 0, since nobody computes with a peer's."""
        words = value.split()
        if len(words) < 6:
            raise SdpError("malformed o= line")
        return cls(_lenient_int(words[1]), _lenient_int(words[2]), words[5], words[0])

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {_family(self.address)} {self.address}"


@dataclass(frozen=True, slots=True)
class Media:
    """An `m=` line and the lines below it (section 5.14)."""

    kind: str
    """audio, video, image, ..."""
    port: int
    """0 is a refused or removed medium."""
    protocol: str
    """RTP/AVP, RTP/SAVP, udptl, ..."""
    formats: tuple[str, ...]
    """Payload types, in the order of preference."""
    address: str | None = None
    """Its own c= address, IPv6 without brackets; None: the session's."""
    attributes: tuple[tuple[str, str | None], ...] = ()
    bandwidth: tuple[str, ...] = ()
    ports: int = 1
    title: str | None = None

    def attribute(self, name: str) -> str | None:
        """Return the first value of `a=name:value`, or None."""
        return next((value for key, value in self.attributes if key == name), None)

    def all(self, name: str) -> list[str]:
        """Return every value of `a=name:value`."""
        return [value for key, value in self.attributes if key == name and value is not None]

    def flag(self, name: str) -> bool:
        """Return whether `a=name` is there."""
        return any(key == name for key, _ in self.attributes)

    def __str__(self) -> str:
        count = f"/{self.ports}" if self.ports != 1 else ""
        lines = [f"m={self.kind} {self.port}{count} {self.protocol} {' '.join(self.formats)}"]
        if self.title is not None:
            lines.append(f"i={self.title}")
        if self.address is not None:
            lines.append(f"c=IN {_family(self.address)} {self.address}")
        lines += [f"b={value}" for value in self.bandwidth]
        lines += [_attribute_line(name, value) for name, value in self.attributes]
        return "".join(f"{line}\r\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Session:
    """A whole description."""

    origin: Origin
    media: tuple[Media, ...] = ()
    address: str | None = None
    """The session's c= address, IPv6 without brackets."""
    name: str = "-"
    times: tuple[str, ...] = ("0 0",)
    attributes: tuple[tuple[str, str | None], ...] = ()
    bandwidth: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = field(default=())
    """i=, u=, e=, p=, r=, z= and k= lines of the session, as (type, value) in this order."""

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a description.

        Raises:
            SdpError: no description, a malformed o=, c= or m= line, or more than our bounds.
        """
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        return _Reader(text).session(cls)

    def flag(self, name: str) -> bool:
        """Return whether the session has `a=name`."""
        return any(key == name for key, _ in self.attributes)

    def __str__(self) -> str:
        lines = ["v=0", f"o={self.origin}", f"s={self.name}"]
        lines += [f"{kind}={value}" for kind, value in self.others if kind in _SESSION_BEFORE_C]
        if self.address is not None:
            lines.append(f"c=IN {_family(self.address)} {self.address}")
        lines += [f"b={value}" for value in self.bandwidth]
        lines += [f"t={value}" for value in self.times]
        lines += [f"{kind}={value}" for kind, value in self.others if kind in _SESSION_AFTER_T]
        lines += [_attribute_line(name, value) for name, value in self.attributes]
        return "".join(f"{line}\r\n" for line in lines) + "".join(str(media) for media in self.media)

    def to_bytes(self) -> bytes:
        """Return the body of a message."""
        return str(self).encode("utf-8", "surrogateescape")


T = TypeVar("T", bound=Session)


class _Reader:
    """Reads the lines of one description into its parts."""

    def __init__(self, text: str) -> None:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(lines) > LINES_MAX:
            raise SdpError("too many lines")
        self._lines = [(kind.strip(), value.strip()) for kind, equals, value in map(_cut, lines) if equals]

    def session(self, make: type[T]) -> T:
        """Read all lines."""
        starts = [at for at, (kind, _) in enumerate(self._lines) if kind == "m"]
        if len(starts) > MEDIA_MAX:
            raise SdpError("too many media")
        head = self._lines[: starts[0]] if starts else self._lines
        if not head or head[0] != ("v", "0"):
            raise SdpError("not a session description of version 0")
        origins = _values(head, "o")
        if not origins:
            raise SdpError("missing o= line")
        ends = [*starts, len(self._lines)][1:]
        return make(
            origin=Origin.parse(origins[0]),
            media=tuple(_media(self._lines[start:end]) for start, end in zip(starts, ends, strict=True)),
            address=_address(head),
            name=next(iter(_values(head, "s")), "") or "-",
            times=tuple(_values(head, "t")) or ("0 0",),
            attributes=_attributes(head),
            bandwidth=tuple(_values(head, "b")),
            others=tuple(
                (kind, value) for kind in _SESSION_BEFORE_C + _SESSION_AFTER_T for value in _values(head, kind)
            ),
        )


def _cut(line: str) -> tuple[str, str, str]:
    return line.partition("=")


def _values(lines: list[tuple[str, str]], wanted: str) -> list[str]:
    return [value for kind, value in lines if kind == wanted]


def _attributes(lines: list[tuple[str, str]]) -> tuple[tuple[str, str | None], ...]:
    cut = (value.partition(":") for value in _values(lines, "a"))
    return tuple((name.strip(), value.strip() if colon else None) for name, colon, value in cut if name.strip())


def _attribute_line(name: str, value: str | None) -> str:
    return f"a={name}" if value is None else f"a={name}:{value}"


def _address(lines: list[tuple[str, str]]) -> str | None:
    connections = _values(lines, "c")
    if not connections:
        return None
    words = connections[0].split()
    if len(words) != 3:
        raise SdpError("malformed c= line")
    # A multicast address has its TTL and count behind slashes (section 5.7).
    address = words[2].partition("/")[0].strip("[]")
    if not address:
        raise SdpError("malformed c= line")
    return address


def _media(lines: list[tuple[str, str]]) -> Media:
    words = lines[0][1].split()
    if len(words) < 3:
        raise SdpError("malformed m= line")
    port, _, count = words[1].partition("/")
    if not _is_number(port, 65535) or (count and not _is_number(count, 65535)):
        raise SdpError("malformed port in an m= line")
    titles = _values(lines, "i")
    return Media(
        kind=words[0],
        port=int(port),
        protocol=words[2],
        formats=tuple(words[3:]),
        address=_address(lines),
        attributes=_attributes(lines),
        bandwidth=tuple(_values(lines, "b")),
        ports=int(count) if count else 1,
        title=titles[0] if titles else None,
    )


def _is_number(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= most


def _lenient_int(text: str) -> int:
    return int(text) if _is_number(text, NTP_MAX) else 0


def _family(address: str) -> str:
    try:
        return f"IP{ipaddress.ip_address(address).version}"
    except ValueError:
        # A host name: allowed, and nothing tells its family; IPv4 is what every peer has.
        return "IP6" if ":" in address else "IP4"
