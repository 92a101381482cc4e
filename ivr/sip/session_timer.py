"""Session timers: a call whose peer silently vanished ends by itself (RFC 4028). No input or output."""

from dataclasses import dataclass
from typing import Final

from ivr.sip.headers import Headers
from ivr.sip.message import Request

MIN_SE_S: Final = 90
"""The smallest interval we accept, also RFC 4028's own minimum (section 4)."""


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """An agreed session interval."""

    interval_s: int
    we_refresh: bool
    peer_supports: bool = True

    def apply(self, headers: Headers) -> None:
        """Write the agreement into a 2xx (RFC 4028 section 9)."""
        headers.set("Session-Expires", f"{self.interval_s};refresher={'uas' if self.we_refresh else 'uac'}")
        if self.peer_supports and not self.we_refresh:
            headers.add("Require", "timer")

    def due_s(self) -> float:
        """Seconds after a refresh until we act: refresh at half time, or give up shortly before the end.

        RFC 4028 section 10: the side that does not refresh sends BYE min(32, a third of the interval) early.
        """
        if self.we_refresh:
            return self.interval_s / 2
        return self.interval_s - min(32.0, self.interval_s / 3)


class IntervalTooSmall(Exception):  # noqa: N818 - named after the reply it stands for, 422
    """The offered interval is below `MIN_SE_S`: answer 422 with `Min-SE: 90` (RFC 4028 section 9)."""


def has_option(headers: Headers, name: str, option: str) -> bool:
    """Tell whether an option tag stands in Supported, Require or a like header."""
    return any(tag.strip().lower() == option for tag in headers.all(name))


def negotiate(request: Request) -> SessionTimer | None:
    """Answer an INVITE's or UPDATE's wish for a session timer; None when it has none we can take.

    Raises:
        IntervalTooSmall: the peer knows session timers and asked for less than 90 s.
    """
    wish = request.headers.get("Session-Expires")
    if wish is None:
        return None
    seconds, _, params = wish.partition(";")
    if not seconds.strip().isdecimal() or len(seconds.strip()) > 9:
        return None
    supports = has_option(request.headers, "Supported", "timer") or has_option(request.headers, "Require", "timer")
    interval_s = int(seconds)
    if interval_s < MIN_SE_S:
        if supports:
            raise IntervalTooSmall
        interval_s = MIN_SE_S
    refresher = ""
    for param in params.split(";"):
        name, _, value = param.partition("=")
        if name.strip().lower() == "refresher":
            refresher = value.strip().lower()
    we_refresh = refresher == "uas" or not supports
    return SessionTimer(interval_s, we_refresh, supports)
