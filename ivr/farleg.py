"""An outgoing call whose media is ours: it rings, is answered, and takes re-INVITEs, while `Branch` speaks SIP."""

from dataclasses import replace
from secrets import randbits

import structlog

from ivr.branch import Branch, Invitation, Place
from ivr.dialogs import Dialogs
from ivr.hookup import Hookup
from ivr.media.stream import MediaStream
from ivr.offer import OfferAnswer
from ivr.sdp import SDP, SdpError, Session
from ivr.sip.endpoint import Endpoint
from ivr.sip.message import Request, Response
from ivr.sip.transaction import ServerTransaction
from ivr.way import Spawn

log = structlog.get_logger("voicebox.ivr.farleg")


class FarLeg:
    """One phone or peer that is called, on a stream of ours. Several may ring on one stream; one is answered."""

    def __init__(
        self,
        endpoint: Endpoint,
        said: Invitation,
        place: Place,
        stream: MediaStream,
        *,
        user: str,
        dialogs: Dialogs,
        spawn: Spawn,
    ) -> None:
        """Make one that does not ring yet; the arguments are those of `Branch`, `said` without its offer."""
        self._stream = stream
        self._media = self._fresh()
        said = replace(said, body=self._media.offer().to_bytes())
        self.branch = Branch(endpoint, said, place, user=user, dialogs=dialogs, spawn=spawn)
        self._hookup = Hookup(endpoint, stream, spawn, continuous=False, call_id=str(said.uri))
        self._early: Session | None = None
        self._offered = False
        """Whether an ACK is to bring the answer to an offer of ours."""

    def listen_early(self) -> None:
        """Hear what the far end plays before it answers; only where nobody else rings."""
        self.branch.on_provisional = self._progress

    def settle(self, response: Response) -> bool:
        """Take the description of the 200, and the dialog's offers from now on; False without usable media."""
        try:
            # RFC 3261 section 13.2.1 wants the answer in the 200; where it came before, some leave it out there.
            answer = Session.parse(response.body) if response.body else self._early
            if answer is None:
                return False
            agreed = self._media.accept(answer)
        except SdpError as error:
            log.warning("no_usable_answer", to=response.to.uri.user, why=str(error))
            return False
        self._hookup.connect(agreed)
        if self.branch.side is not None:
            self.branch.side.on_request = self._asked
            self.branch.side.on_ack = self._acked
        return True

    def end(self, cause: str = "") -> None:
        """Cancel or hang up, and connect nothing any more."""
        self._hookup.release()
        self.branch.give_up(cause)

    def _fresh(self) -> OfferAnswer:
        return OfferAnswer(self._stream.host, self._stream.port, session_id=randbits(62) | 1)

    def _progress(self, response: Response) -> None:
        """Take the description in a 1xx: a preview, which the 200's replaces (RFC 3261 section 13.2.1)."""
        if not response.body or response.content_type != SDP:
            return
        preview = self._fresh()
        preview.offer()
        try:
            session = Session.parse(response.body)
            if session != self._early:
                self._hookup.connect(preview.accept(session))
                self._early = session
        except SdpError as error:
            log.debug("early_media_unused", to=response.to.uri.user, why=str(error))

    def _asked(self, tx: ServerTransaction, request: Request) -> None:
        """Answer a re-INVITE or UPDATE: hold, another codec, another address; refused, all stays as it was."""
        side = self.branch.side
        if side is None or request.method == "INFO" or (request.method == "UPDATE" and not request.body):
            if side is not None:
                side.decline(tx, request)
            return
        if self._offered:
            side.decline(tx, request, 491)
            return
        try:
            if request.body:
                agreed = self._media.answer(Session.parse(request.body))
                self._hookup.connect(agreed)
                side.accept(tx, request, agreed.local.to_bytes())
            else:
                self._offered = True
                side.accept(tx, request, self._media.offer().to_bytes())
        except SdpError:
            side.decline(tx, request, 488)

    def _acked(self, request: Request) -> None:
        """Take the answer that an ACK brings, where the offer was ours."""
        if not self._offered:
            return
        self._offered = False
        try:
            self._hookup.connect(self._media.accept(Session.parse(request.body)))
        except SdpError as error:
            log.warning("no_usable_answer", call=request.call_id, why=str(error))
            self._media.withdraw()
