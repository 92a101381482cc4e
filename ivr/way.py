"""The way to the other side of a dialog: which hop, and what to do about a challenge (RFC 3261 sections 12.2.1, 22).

Where the peer's URI leads to several hops (RFC 3263 section 4), the one that answered last is asked first: the others
of a cluster may know nothing of the call, nor of the nonce.

Shared by the calls that we answer (`ivr.farend`) and those that we make (`ivr.branch`).
"""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from ivr.sip.dialog import Dialog
from ivr.sip.digest import authorize
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import DigestError
from ivr.sip.hops import Hop
from ivr.sip.locating import LocatingError
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import FAILED, is_made_up
from ivr.sip.receiver import Unreachable

Login = tuple[str, str]
"""User name and password of ours at a trunk."""
Spawn = Callable[[Coroutine[object, object, None]], asyncio.Task[None]]
"""Starts a task whose faults are logged and end nothing else."""

log = structlog.get_logger("voicebox.ivr.way")


class Way:
    """Where requests of ours in one dialog are sent."""

    def __init__(
        self, endpoint: Endpoint, dialog: Dialog, *, source: Hop | None, direct: bool, login: Login | None
    ) -> None:
        """Make one.

        Args:
            endpoint: to send by.
            dialog: whose requests these are.
            source: where the peer is known to be; None where only its URI says so.
            direct: send there, not to the peer's Contact, unless proxies want to be on the way.
            login: answers challenges.
        """
        self._endpoint = endpoint
        self._dialog = dialog
        self._source = source
        self._first = source
        """Who answered last."""
        self._hop = source if direct and not dialog.route_set else None
        self._login = login

    async def ask(self, request: Request) -> Response:
        """Send a request; answer one challenge of a trunk."""
        dialog = self._dialog
        response = await self._send(request)
        if is_made_up(response) and response.reason == FAILED and self._turn():
            response = await self._send(request)
        again = answering(request, response, self._login, lambda: dialog.again(request))
        return response if again is None else await self._send(again)

    async def acknowledge(self, ack: Request) -> bool:
        """Send the ACK to a 2xx; False where it cannot be sent: then it goes when the 2xx comes again."""
        for turned in (False, True):
            if turned and not self._turn():
                break
            try:
                await self._endpoint.send_ack(ack, self._hop, first=self._first)
            except (LocatingError, Unreachable) as error:
                log.info("ack_not_sent", call=self._dialog.call_id, why=str(error))
            else:
                return True
        return False

    def _turn(self) -> bool:
        """Take the other way, where the one so far leads nowhere; False where there is no other."""
        if self._hop is None and self._source is not None:
            # A Contact or Record-Route with a name that only the peer's own network knows: back where it is.
            self._hop = self._source
            return True
        if self._hop is not None and self._hop.transport.reliable:
            # The peer's connection has ended, and nobody listens where it came from: its Contact says who does.
            self._hop = None
            return True
        return False

    async def _send(self, request: Request) -> Response:
        response = await self._endpoint.request(request, self._hop, first=self._first)
        self._first = response.hop or self._first
        return response


def answering(
    request: Request, response: Response, login: Login | None, once_more: Callable[[], Request]
) -> Request | None:
    """Return the request that answers a challenge, None where there is none, or none that we can answer.

    Args:
        request: what was challenged.
        response: what came.
        login: of ours at this peer, if any.
        once_more: makes the request anew, under the next number.
    """
    if response.status not in {401, 407}:
        return None
    if login is None:
        log.warning("challenged", call=request.call_id, method=request.method, why="the peer is no trunk of ours")
        return None
    again = once_more()
    try:
        authorize(again, response, username=login[0], password=login[1])
    except DigestError as error:
        log.warning("challenged", call=request.call_id, method=request.method, why=str(error))
        return None
    return again
