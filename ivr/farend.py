"""What we ask of the other side of a call: to end it, and to go on (RFC 3261 section 12.2.1, RFC 4028).

The answering half of the dialog is `ivr.leg`; both share one `InviteServer` and one `OfferAnswer`.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from random import uniform
from typing import Final

import structlog

from ivr.offer import OfferAnswer
from ivr.sdp import SdpError, Session
from ivr.sip.digest import authorize
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import DigestError
from ivr.sip.hops import Hop
from ivr.sip.invite import InviteServer
from ivr.sip.locating import LocatingError
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import FAILED, is_made_up
from ivr.sip.receiver import Unreachable

Login = tuple[str, str]
"""User name and password of ours at a trunk."""
REFRESHES_MAX: Final = 4
"""Tries at one session refresh: another method, and glare."""
GLARE_MAX_S: Final = 2.0
"""RFC 3261 section 14.1: who does not own the Call-ID tries again after up to two seconds."""

log = structlog.get_logger("voicebox.ivr.farend")


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
        self._endpoint = endpoint
        self._invite = invite
        self._media = media
        self._source = source
        self._hop = source if direct and not invite.dialog.route_set else None
        self._login = login
        self._settled = settled

    async def ask(self, request: Request) -> Response:
        """Send a request; answer one challenge of a trunk."""
        dialog = self._invite.dialog
        response = await self._endpoint.request(request, self._hop)
        lost = is_made_up(response) and response.reason == FAILED
        if lost and self._hop is None and not dialog.route_set:
            # A Contact with a name that only the peer's own network knows: then back the way the INVITE came.
            self._hop = self._source
            response = await self._endpoint.request(request, self._hop)
        if response.status not in {401, 407}:
            return response
        if self._login is None:
            log.warning("challenged", call=dialog.call_id, method=request.method, why="the peer is no trunk of ours")
            return response
        again = dialog.again(request)
        try:
            authorize(again, response, username=self._login[0], password=self._login[1])
        except DigestError as error:
            log.warning("challenged", call=dialog.call_id, method=request.method, why=str(error))
            return response
        return await self._endpoint.request(again, self._hop)

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
        request = self._invite.dialog.request(method, body=body, content_type="application/sdp")
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
            try:
                await self._endpoint.send_ack(dialog.ack(response.cseq.number), self._hop)
            except (LocatingError, Unreachable) as error:
                log.info("ack_not_sent", call=dialog.call_id, why=str(error))
            try:
                self._media.accept(Session.parse(response.body))
            except SdpError:
                self._media.withdraw()
            else:
                self._settled()
            return response
        finally:
            self.inviting = False
