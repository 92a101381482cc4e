"""Connecting a caller to somebody else: a second leg with our media between the two, or a REFER to the peer.

`Connecting` is one attempt. The second leg rings at every phone at once, or at the outbound peer; the first 200 wins
and the others are cancelled. What the far end plays before it answers is heard at once, where only one is rung (two
would talk at the same time). The end of the caller's own leg ends the attempt at any moment.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from ivr.branch import Invitation, Place
from ivr.call import Hangup, TransferEnd
from ivr.departure import Gateway, Origin, TooManyHops, gateway, referral, to_outside, to_phone
from ivr.dialogs import Dialogs
from ivr.farleg import FarLeg
from ivr.leg import Leg
from ivr.media.bridge import Bridge
from ivr.media.plane import MediaPlane
from ivr.media.ports import NoPorts
from ivr.media.stream import MediaStream
from ivr.phones import Phones
from ivr.referral import Referral
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import ParseError
from ivr.sip.locating import LocatingError
from ivr.sip.message import Response
from ivr.sip.turns import once_read
from ivr.sip.uri import escaped
from ivr.way import Spawn
from voicebox.outbound import Dial
from voicebox.settings.outbound import Outbound
from voicebox.settings.sip import Sip

log = structlog.get_logger("voicebox.ivr.switchboard")

RING_S: Final = 30.0
"""Six rings: nobody waits for longer who could leave a message meanwhile."""
LATE_S: Final = 5.0
"""An INVITE of ours may last so much longer than its ringing: it is we who cancel."""
UNHEARD_S: Final = 4.0
"""Without any response for so long there is nobody at a phone's address; of servers, `Branch` tries the next."""
REFERRED_S: Final = 30.0
"""voicemail.md, row 17: for the final NOTIFY."""
WATCH_S: Final = 5.0
"""How often a conversation is looked after."""
SILENT_MAX_S: Final = 60.0
"""No RTP for this long outside hold: that side is gone (phone-menus.md, "The caller")."""
_BUSY: Final = frozenset({486, 600, 603})
_NO_ANSWER: Final = frozenset({408, 480, 487})


def end_of(status: int) -> TransferEnd:
    """Return what a final response means that is no 2xx."""
    if status in _BUSY:
        return TransferEnd.BUSY
    return TransferEnd.NO_ANSWER if status in _NO_ANSWER else TransferEnd.FAILED


@dataclass(frozen=True, slots=True)
class Switchboard:
    """What every connection shares."""

    endpoint: Endpoint
    plane: MediaPlane
    phones: Phones
    dialogs: Dialogs
    spawn: Spawn
    sip: Sip
    outbound: Outbound

    def gateway(self) -> Gateway | None:
        """Return where calls to the outside go."""
        try:
            return gateway(self.sip, self.outbound)
        except (LocatingError, ParseError) as error:
            log.warning("no_way_out", peer=self.outbound.peer, why=str(error))
            return None

    def takes_over(self, peer: str, dial: Dial) -> bool:
        """Tell whether a peer is asked by REFER to take a call over: not to a colleague whose phones are here."""
        if dial.mailbox is not None and self.phones.of_mailbox(dial.mailbox.id):
            return False
        return any(each.name == peer and each.refer for each in (*self.sip.peer, *self.sip.trunk))


class Connecting:
    """One attempt to connect a call to somebody else, from the first ring to the end of the conversation."""

    def __init__(
        self,
        board: Switchboard,
        leg: Leg,
        dial: Dial,
        origin: Origin,
        *,
        ringback: Sequence[bytes],
        answered: Callable[[], None],
        lease_s: Callable[[], float | None],
    ) -> None:
        """Make one.

        Args:
            board: what connections share.
            leg: the caller's.
            dial: whom to ring.
            origin: in whose name.
            ringback: the ringing tone, encoded for the leg; it lasts as long as the ringing may.
            answered: called when the other side picks up.
            lease_s: says for how long they may talk before it is asked again; 0 ends it, None costs nothing.
        """
        self._board = board
        self._leg = leg
        self._dial = dial
        self._origin = origin
        self._ringback = ringback
        self._answered = answered
        self._lease_s = lease_s
        self._loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[FarLeg | TransferEnd | None] = self._loop.create_future()
        """Who answered, or why nobody did; None: the caller has left."""
        self._ringing: list[FarLeg] = []
        self._refused: list[int] = []
        self._wake = asyncio.Event()
        self._left = False
        self._accepted = False
        """Whether the peer means to take the call over."""

    def caller_left(self) -> None:
        """Take in that the caller's leg is over."""
        self._left = True
        self._decide(None)
        self._wake.set()

    async def by_refer(self) -> TransferEnd:
        """Ask the caller's peer to take the call over, and wait for what becomes of it.

        Raises:
            Hangup: the call was over before the peer had accepted.
        """
        leg, sip = self._leg, self._board.sip
        told = Referral(lambda status: self._decide(TransferEnd.REFERRED if status < 300 else end_of(status)))
        leg.on_notify = told.notified
        to, by = referral(self._dial.number, leg.invite.dialog.remote_target, self._origin.payer, sip.domain)
        # The media stays ours until the end: who waits hears that something happens.
        leg.stream.play(self._ringback)
        self._board.spawn(self._refer(to, by))
        try:
            return await self._decided(REFERRED_S)
        except Hangup:
            # Some peers say BYE instead of a final NOTIFY: they have taken it over.
            if self._accepted:
                return TransferEnd.REFERRED
            raise
        finally:
            leg.stream.stop()

    async def _refer(self, to: str, by: str) -> None:
        """Ask, beside the waiting: a caller who hangs up is not kept until the peer has answered."""
        response = await self._leg.refer(to, by)
        self._accepted = response.status < 300
        if not self._accepted:
            self._decide(end_of(response.status))

    async def by_second_leg(self) -> TransferEnd:
        """Ring, connect, and return when the other side has hung up, or when nobody could be reached.

        Raises:
            Hangup: the caller hung up; so did we, to the other side.
        """
        colleague = self._dial.mailbox
        if colleague is not None and colleague.dnd:
            return TransferEnd.BUSY
        try:
            stream = await self._board.plane.open()
        except (NoPorts, OSError) as error:
            log.error("no_second_stream", why=str(error))  # noqa: TRY400 - the text says it all
            return TransferEnd.FAILED
        bridge = Bridge(self._leg.stream.bridged, stream.bridged)
        try:
            return await self._ring(stream, bridge)
        finally:
            bridge.end()
            for each in self._ringing:
                each.end()
            await stream.close()

    # -- ringing

    async def _ring(self, stream: MediaStream, bridge: Bridge) -> TransferEnd:
        routes = self._routes()
        if not routes:
            return TransferEnd.FAILED
        board = self._board
        user = escaped(self._origin.payer.number)
        self._ringing = [
            FarLeg(board.endpoint, said, place, stream, user=user, dialogs=board.dialogs, spawn=board.spawn)
            for said, place in routes
        ]
        if len(self._ringing) == 1:
            self._ringing[0].listen_early()
        self._leg.stream.play(self._ringback)
        for each in self._ringing:
            board.spawn(self._ring_at(each))
        unheard = self._loop.call_later(UNHEARD_S, once_read, self._nobody_heard)
        try:
            winner = await self._decided_leg()
        finally:
            unheard.cancel()
            # Ended here also where early media never came.
            self._leg.stream.stop()
        if isinstance(winner, TransferEnd):
            return winner
        return await self._talk(winner, stream, bridge)

    def _routes(self) -> list[tuple[Invitation, Place]]:
        """Return what to send where: to the phones of a colleague, else to the outbound peer."""
        try:
            found = self._phones()
            way = None if found else self._board.gateway()
            if way is not None and (self._dial.mailbox is None or self._board.outbound.extensions):
                # A colleague without a phone here may have one at the exchange.
                found = [(to_outside(self._dial.number, way, self._origin, self._board.sip.domain), way.place)]
        except TooManyHops:
            log.info("sent_on_too_often", to=self._dial.number)
            return []
        return found

    def _phones(self) -> list[tuple[Invitation, Place]]:
        colleague, phones, domain = self._dial.mailbox, self._board.phones, self._board.sip.domain
        found: list[tuple[Invitation, Place]] = []
        if colleague is None:
            return found
        for contact, hop in phones.of_mailbox(colleague.id):
            path = phones.path_to(colleague.id, contact)
            try:
                found.append((to_phone(contact, self._dial.number, self._origin, domain, path), Place(hop)))
            except ParseError as error:
                log.warning("contact_unreadable", mailbox=colleague.number, why=error.detail)
        return found

    async def _ring_at(self, far: FarLeg) -> None:
        response = await far.branch.ring(timeout_s=RING_S + LATE_S)
        if far.branch.given_up:
            return
        if response.status < 300:
            self._picked_up(far, response)
            return
        self._refused.append(response.status)
        # RFC 3261 section 21.6: a 6xx speaks for all phones of the person.
        if response.status >= 600 or len(self._refused) == len(self._ringing):
            self._decide(min(map(end_of, self._refused), key=list(TransferEnd).index))

    def _nobody_heard(self) -> None:
        if not any(each.branch.heard or each.branch.outside for each in self._ringing):
            self._decide(TransferEnd.FAILED)

    def _picked_up(self, far: FarLeg, response: Response) -> None:
        if self._outcome.done() or not far.settle(response):
            far.end('SIP ;cause=488 ;text="No usable answer to our offer"')
            self._decide(TransferEnd.FAILED)
            return
        self._decide(far)

    def _decide(self, outcome: FarLeg | TransferEnd | None) -> None:
        """Settle what came of the ringing; the first to say so is right. Whoever rings still is cancelled."""
        if self._outcome.done():
            return
        self._outcome.set_result(outcome)
        for each in self._ringing:
            if each is not outcome:
                each.end()

    async def _decided_leg(self, limit_s: float = RING_S) -> FarLeg | TransferEnd:
        late = self._loop.call_later(limit_s, once_read, self._decide, TransferEnd.NO_ANSWER)
        try:
            outcome = await self._outcome
        finally:
            late.cancel()
        if outcome is None:
            raise Hangup
        return outcome

    async def _decided(self, limit_s: float) -> TransferEnd:
        outcome = await self._decided_leg(limit_s)
        return outcome if isinstance(outcome, TransferEnd) else TransferEnd.FAILED

    # -- talking

    async def _talk(self, far: FarLeg, stream: MediaStream, bridge: Bridge) -> TransferEnd:
        """Let them talk until either side, or the budget, is done."""
        side = far.branch.side
        if side is None:
            return TransferEnd.FAILED
        side.on_over = self._wake.set
        await far.branch.acknowledge()
        bridge.answered()
        self._answered()
        while not (self._left or side.over):
            now = self._loop.time()
            lease_s = self._lease_s()
            if lease_s is not None and lease_s <= 0:
                return TransferEnd.LIMIT
            if stream.last_packet_age(now) > SILENT_MAX_S:
                log.info("second_leg_silent", to=self._dial.number)
                return TransferEnd.CONNECTED
            if self._leg.stream.last_packet_age(now) > SILENT_MAX_S:
                self._leg.bye('SIP ;cause=200 ;text="voicebox: no RTP"')
                continue
            try:
                async with asyncio.timeout(WATCH_S if lease_s is None else min(WATCH_S, lease_s)):
                    await self._wake.wait()
            except TimeoutError:
                continue
        if self._left:
            raise Hangup
        return TransferEnd.CONNECTED
