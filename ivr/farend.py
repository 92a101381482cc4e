"""What we ask of the other side of a call: to end it, and to go on (RFC 3261 section 12.2.1, RFC 4028).

The answering half of the dialog is `ivr.leg`; both share one `InviteServer` and one `OfferAnswer`.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from random import uniform
from typing import Final

from ivr.offer import OfferAnswer
from ivr.sdp import SDP, SdpError, Session
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Hop
from ivr.sip.invite import InviteServer
from ivr.sip.message import Request, Response
from ivr.way import Login, Way

REFRESHES_MAX: Final = 4
"""Tries at one session refresh: another method, and glare."""
GLARE_MAX_S: Final = 2.0
"""RFC 3261 section 14.1: who does not own the Call-ID tries again after up to two seconds."""


class Refreshed(Enum):
    """What became of a session refresh."""

    DONE = auto()
    GONE = auto()
    """The peer knows the call no longer."""
    NOT = auto()


class FarEnd:
    """The other side of a call, as far as we ask something of it."""

    def __init__(
        self,
        endpoint: Endpoint,
        invite: InviteServer,
        media: OfferAnswer,
        *,
        source: Hop,
        direct: bool,
        login: Login | None,
        settled: Callable[[], None],
    ) -> None:
        """Make one.

        Args:
            endpoint: to send by.
            invite: the call's SIP state.
            media: its offers and answers.
            source: where the INVITE came from.
            direct: send there, not to the peer's Contact, unless proxies want to be on the way.
            login: answers challenges.
            settled: called when an offer of ours was answered.
        """
        self.inviting = False
        """Whether a re-INVITE of ours is under way: offers of the peer must wait (491)."""
        self._invite = invite
        self._media = media
        self._way = Way(endpoint, invite.dialog, source=source, direct=direct, login=login)
        self._settled = settled

    async def ask(self, request: Request) -> Response:
        """Send a request; answer one challenge of a trunk."""
        return await self._way.ask(request)

    async def refresh(self) -> Refreshed:
        """Refresh the session by UPDATE without SDP, where the peer has none by re-INVITE (RFC 4028 section 7.4)."""
        allowed = self._invite.request.headers.all("Allow")
        by_update = not allowed or "UPDATE" in allowed
        for _ in range(REFRESHES_MAX):
            response = await (self.ask(self._refreshing("UPDATE")) if by_update else self._reinvite())
            match response.status:
                case status if 200 <= status < 300:
                    return Refreshed.DONE
                case 408 | 481:
                    # RFC 3261 section 12.2.1.2.
                    return Refreshed.GONE
                case 405 | 501 if by_update:
                    by_update = False
                case 491 | 500 if not self._invite.ended:
                    await asyncio.sleep(uniform(0.0, GLARE_MAX_S))  # noqa: S311 - keeps two sides apart, no secret
                case _:
                    break
        return Refreshed.NOT

    def _refreshing(self, method: str, body: bytes = b"") -> Request:
        request = self._invite.dialog.request(method, body=body, content_type=SDP)
        timer = self._invite.timer
        if timer is not None:
            request.headers.set("Session-Expires", f"{timer.interval_s};refresher=uac")
            request.headers.set("Supported", "timer")
        return request

    async def _reinvite(self) -> Response:
        """Offer anew what we have."""
        self.inviting = True
        try:
            response = await self.ask(self._refreshing("INVITE", self._media.offer().to_bytes()))
            if not 200 <= response.status < 300:
                self._media.withdraw()
                return response
            dialog = self._invite.dialog
            if response.contact:
                dialog.remote_target = response.contact[0].uri
            await self._way.acknowledge(dialog.ack(response.cseq.number))
            try:
                self._media.accept(Session.parse(response.body))
            except SdpError:
                self._media.withdraw()
            else:
                self._settled()
            return response
        finally:
            self.inviting = False
