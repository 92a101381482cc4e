"""What a caller gets while phones ring: 180, a phone's early media, and the dialogs that these open.

The rules are voicemail.md's, "Towards the caller while phones ring". Each dialog of a phone has its own To tag towards
the caller, since a description given in a 1xx may not change in the same dialog's 2xx (RFC 3261 section 13.2.1); the
mailbox, which answers when nobody else does, makes one more of its own (`ivr.leg`).
"""

from collections.abc import Callable
from typing import Final

from ivr.branch import Branch
from ivr.dialogs import Dialogs
from ivr.sdp import SDP
from ivr.side import Side
from ivr.sip.endpoint import Endpoint
from ivr.sip.invite import InviteServer
from ivr.sip.message import Response, response_to
from ivr.sip.session_timer import has_option
from ivr.sip.transaction import ServerTransaction
from ivr.way import Login, Spawn, Way

RINGS: Final = frozenset({180, 181, 182, 183})
DIALOGS_MAX: Final = 16
"""Early dialogs a call: more than the phones of a mailbox (ten) and a trunk's forks. A peer that makes up a To tag with
each 1xx must not make us hold one more each time."""

Key = tuple[int, str]
"""A phone's dialog: its branch, and the To tag it gave."""


class Early:
    """The caller's side of a call that nobody has answered yet."""

    def __init__(
        self,
        endpoint: Endpoint,
        tx: ServerTransaction,
        *,
        contact: str,
        direct: bool,
        login: Login | None,
        dialogs: Dialogs,
        spawn: Spawn,
    ) -> None:
        """Take over an INVITE.

        Args:
            endpoint: to answer by.
            tx: the INVITE's transaction.
            contact: our Contact value.
            direct: the caller is a phone, and answers where it sends from.
            login: answers a trunk's challenges.
            dialogs: told of every dialog while it lives.
            spawn: starts a task in the engine's group.

        Raises:
            ParseError: the INVITE cannot make a dialog.
        """
        self.sole = False
        """Whether one contact rings alone: only then its early media is passed on."""
        self.ended_by = ""
        """Why the caller's side ended before anybody answered; empty while it has not."""
        self.on_over: Callable[[], None] = lambda: None
        """Called when the caller is gone."""
        self._endpoint = endpoint
        self._tx = tx
        self._contact = contact
        self._direct = direct
        self._login = login
        self._dialogs = dialogs
        self._spawn = spawn
        # Made now, so that what cannot be a dialog is refused before any phone rings.
        self._next = InviteServer(tx.request, contact)
        self._sides: dict[Key, Side] = {}
        self._rang = False
        headers = tx.request.headers
        self._reliable = has_option(headers, "Require", "100rel")

    def progress(self, branch: Branch, response: Response) -> None:
        """Pass on that a phone rings, and its early media where it rings alone."""
        if self.ended_by or self._tx.answered or response.status not in RINGS:
            return
        if len(self._sides) >= DIALOGS_MAX and _key(branch, response) not in self._sides:
            return
        if response.body and response.content_type == SDP and self._may_pass_media:
            self._side(_key(branch, response)).progress(response.body)
        elif not self._rang and (self._tx.request.body or not self._reliable):
            # RFC 3262 section 5: a reliable 180 to an INVITE without an offer would have to make one.
            self._rang = True
            self._side(_key(branch, response)).ring()

    def answered(self, branch: Branch, response: Response) -> Side:
        """Return the caller's side of the dialog that a phone's 2xx made; the others are forgotten."""
        key = _key(branch, response)
        side = self._side(key)
        self.leave(but=key)
        self._sides.clear()
        side.on_over = lambda: None
        return side

    def leave(self, but: Key | None = None) -> None:
        """Forget the early dialogs: somebody else answers."""
        for key, side in self._sides.items():
            if key != but:
                side.on_over = lambda: None
                side.leave()

    def cancelled(self) -> None:
        """Take in that the caller gave up: 487."""
        self.refuse(487, ended_by="cancel")

    def refuse(self, status: int, *, ended_by: str = "us") -> None:
        """Turn the caller away."""
        if not self._tx.answered:
            response = response_to(self._tx.request, status)
            if status == 503:
                response.headers.set("Retry-After", "10")
            self._endpoint.respond(self._tx, response)
        self._end(ended_by)

    # -- inside

    @property
    def _may_pass_media(self) -> bool:
        # Without an offer of the caller's, what the phone describes is an offer, which only a reliable 1xx may carry.
        return self.sole and bool(self._tx.request.body) and not self._reliable

    def _side(self, key: Key) -> Side:
        side = self._sides.get(key)
        if side is None:
            tx = self._tx
            invite, self._next = self._next, InviteServer(tx.request, self._contact)
            back = self._direct or tx.source.transport.reliable
            way = Way(self._endpoint, invite.dialog, source=tx.source.hop, direct=back, login=self._login)
            side = Side(self._endpoint, invite, way, dialogs=self._dialogs, spawn=self._spawn, tx=tx)
            ended = side
            side.on_over = lambda: self._end(ended.ended_by)
            self._sides[key] = side
        return side

    def _end(self, by: str) -> None:
        if self.ended_by:
            return
        self.ended_by = by
        self.leave()
        self.on_over()


def _key(branch: Branch, response: Response) -> Key:
    return (id(branch), response.to.tag or "")
