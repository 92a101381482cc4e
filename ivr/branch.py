"""An INVITE of ours: a phone that rings for a call, or a number that a call goes on to (RFC 3261 section 13.2).

`ring` sends it and returns how it was answered; a 2xx makes `side`, the dialog. `give_up` ends it at any time: by
CANCEL while it rings, by BYE afterwards; a 200 that crosses the CANCEL gets ACK and BYE. A 2xx of a second fork is
acknowledged and hung up below us (`ivr.sip.client`), and so is one that comes after everybody left.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from ivr.dialogs import Dialogs
from ivr.sdp import SDP
from ivr.side import Side
from ivr.sip.dialog import MAX_FORWARDS, Dialog, new_tag
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import ParseError
from ivr.sip.headers import Headers
from ivr.sip.hops import Destination, Hop
from ivr.sip.invite import ALLOW, InviteServer
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import OnProvisional, made_up
from ivr.sip.uri import Uri
from ivr.way import Login, Spawn, Way, answering
from voicebox.ids import new_id

log = structlog.get_logger("voicebox.ivr.branch")

UNREADABLE = 502
"""What a 2xx counts as whose Record-Route cannot be read: it gets ACK and BYE where it came from."""
SILENCE_S: Final = 4.0
"""Who has not even sent a 100 by then is not there: a phone (voicemail.md), or a server, so that the next one is tried
(RFC 3263 section 4.3)."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an INVITE of ours says."""

    uri: Uri
    """Whom to invite: the Request-URI."""
    sender: str
    """The From value, without its tag."""
    to: str
    body: bytes = b""
    """The offer; empty asks the peer to make it."""
    headers: tuple[tuple[str, str], ...] = ()
    """More of them, such as P-Asserted-Identity and Diversion."""
    max_forwards: int = MAX_FORWARDS
    routes: tuple[str, ...] = ()
    """Proxies that want to be on the way to the peer (RFC 3327 Path), the next one first."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an INVITE is sent."""

    hop: Hop | Destination
    """A phone's own hop, or a peer by its name."""
    login: Login | None = None
    """Answers a trunk's challenge."""


class Branch:
    """One INVITE of ours, from ringing to the end of its call."""

    def __init__(
        self, endpoint: Endpoint, invitation: Invitation, place: Place, *, user: str, dialogs: Dialogs, spawn: Spawn
    ) -> None:
        """Make one that does not ring yet.

        Args:
            endpoint: to send by.
            invitation: what it says.
            place: where it goes.
            user: the user part of our Contact, escaped.
            dialogs: told of the dialog while it lives.
            spawn: starts a task in the engine's group.
        """
        self.on_provisional: OnProvisional | None = None
        """Called with every 1xx while nobody gave up."""
        self.heard = False
        """Whether the peer showed any sign of life."""
        self.given_up = False
        self.side: Side | None = None
        """The dialog, once a 2xx came."""
        self._endpoint = endpoint
        self._invitation = invitation
        self._place = place
        self._user = user
        self._dialogs = dialogs
        self._spawn = spawn
        self._call_id = new_id()
        self._tag = new_tag()
        self._cseq = 0
        self._cause = ""
        self._invite: Request | None = None
        self._unacked: int | None = None

    @property
    def uri(self) -> Uri:
        """Whom it invites."""
        return self._invitation.uri

    @property
    def outside(self) -> bool:
        """Whether it goes to servers that stand in for each other, not to one phone."""
        return isinstance(self._place.hop, Destination)

    async def ring(self, *, timeout_s: float | None = None) -> Response:
        """Send the INVITE and return its final response; a 2xx is to be acknowledged (`acknowledge`).

        A 408 or 503 may be made up where none came (`ivr.sip.outgoing.is_made_up`). Answers a challenge, and rings once
        more without a session timer where the peer finds its interval too small (422), whichever comes first.
        """
        invite = self._build()
        response = await self._ask(invite, None, timeout_s)
        challenged = timed = False
        # Who challenged knows the nonce, and who answered the call: another hop of the same name need not.
        while (hop := response.hop) is not None and not self.given_up:
            if response.status == 422 and not timed:
                # Built without credentials, it may be challenged anew.
                timed, challenged = True, False
                again = self._build()
            elif not challenged and (found := answering(invite, response, self._place.login, self._build)) is not None:
                challenged = True
                again = found
            else:
                break
            if timed:
                again.headers.remove("Session-Expires")
            invite, response = again, await self._ask(again, hop, timeout_s)
        if not 200 <= response.status < 300 or hop is None:
            return response
        readable = True
        try:
            self._connect(invite, response, hop)
        except ParseError as error:
            log.warning("branch_unreadable", to=str(self._invitation.uri), why=error.detail)
            readable = False
            response.headers.remove("Record-Route")
            self._connect(invite, response, hop)
        if self.given_up or not readable:
            await self._acknowledge_and_hang_up("")
        return response if readable else made_up(invite, UNREADABLE, "Unreadable Answer")

    async def acknowledge(self, body: bytes = b"") -> None:
        """Send the ACK to the 2xx, with our answer where the peer had offered; once it was sent, nothing."""
        if self.side is not None and self._unacked is not None:
            ack = self.side.invite.dialog.ack(self._unacked, body=body, content_type=SDP)
            if await self.side.way.acknowledge(ack):
                self._unacked = None

    def give_up(self, cause: str = "") -> None:
        """End it: CANCEL while it rings, BYE once it was answered; `cause` is a Reason header's value (RFC 3326)."""
        self.given_up = True
        self._cause = cause
        if self.side is not None:
            if not self.side.over:
                self._spawn(self._acknowledge_and_hang_up(cause))
        elif self._invite is not None:
            self._endpoint.cancel(self._invite, cause)

    # -- inside

    def _build(self) -> Request:
        """Build the INVITE under the next number; its Contact depends on who gets it."""
        said = self._invitation
        self._cseq += 1
        headers = Headers()
        for route in said.routes:
            headers.add("Route", route)
        headers.add("Max-Forwards", str(said.max_forwards))
        headers.add("From", f"{said.sender};tag={self._tag}")
        headers.add("To", said.to)
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", f"{self._cseq} INVITE")
        headers.add("Allow", ALLOW)
        for name, value in said.headers:
            headers.add(name, value)
        if said.body:
            headers.add("Content-Type", SDP)
        return Request("INVITE", said.uri, headers, said.body)

    def _contact(self, hop: Hop) -> str:
        return self._endpoint.contact(hop, self._user)

    async def _ask(self, invite: Request, first: Hop | None, timeout_s: float | None) -> Response:
        self._invite = invite
        if self.given_up:
            return made_up(invite, 487, "Request Terminated")
        return await self._endpoint.request(
            invite,
            self._place.hop,
            first=first,
            contact=self._contact,
            on_provisional=self._provisional,
            timeout_s=timeout_s,
            silence_s=SILENCE_S if self.outside else None,
        )

    def _provisional(self, response: Response) -> None:
        self.heard = True
        if not self.given_up:
            if self.on_provisional is not None:
                self.on_provisional(response)
        elif self._invite is not None:
            # Given up while its connection was being opened: only now is there something to cancel.
            self._endpoint.cancel(self._invite, self._cause)

    def _connect(self, invite: Request, response: Response, hop: Hop) -> None:
        contact = self._contact(hop)
        dialog = Dialog.of_client(invite, response, contact)
        direct = isinstance(self._place.hop, Hop) or hop.transport.reliable
        way = Way(self._endpoint, dialog, source=hop, direct=direct, login=self._place.login)
        invited = InviteServer(invite, contact, dialog)
        self.side = Side(self._endpoint, invited, way, dialogs=self._dialogs, spawn=self._spawn)
        self._unacked = response.cseq.number

    async def _acknowledge_and_hang_up(self, cause: str) -> None:
        await self.acknowledge()
        self._hang_up(cause)

    def _hang_up(self, cause: str = "") -> None:
        if self.side is not None:
            self.side.bye(cause)
