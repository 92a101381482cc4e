"""SIP and media, made and connected: what the process listens by, and the use cases that calls have."""

import asyncio
import resource
import secrets
from typing import Final

import structlog

from ivr.dialogs import Dialogs
from ivr.engine import Engine
from ivr.flows.caller import leave_message
from ivr.flows.portal import portal
from ivr.flows.services import Services
from ivr.gate import Gate
from ivr.incoming import Flows, House
from ivr.lamp import Lamp
from ivr.media.plane import MediaPlane
from ivr.media.spool import Reservation, Spool
from ivr.media.spoolwriter import SpoolError
from ivr.peers import Peers
from ivr.phones import Phones
from ivr.sip.digest import Authenticator
from ivr.sip.endpoint import Endpoint, Handler
from ivr.sip.hops import Source
from ivr.sip.message import Request
from ivr.sip.transaction import ServerTransaction
from ivr.sounds import Sounds
from ivr.switchboard import Switchboard
from ivr.trunks import Trunks
from ivr.way import Spawn
from voicebox import __version__
from voicebox.access import Access
from voicebox.config import Config
from voicebox.copies import Copies
from voicebox.distribution import Distribution
from voicebox.greetings import Greetings
from voicebox.inbox import Inbox
from voicebox.light import Light, LightState
from voicebox.message import Counts
from voicebox.outcalls import OutCalls
from voicebox.pinhash import PinHasher, load_key
from voicebox.reachability import Reachability
from voicebox.stores import Stores
from voicebox.teams import Teams

log = structlog.get_logger("voicebox.telephony")

FILES_PER_CALL: Final = 2
"""RTP and RTCP."""
FILES_OTHERWISE: Final = 300
"""Databases, web and SIP connections, the spool, logs."""
TIDY_S: Final = 30.0


class LightNotShownError(Exception):
    """Somebody who should know a light's state could not be told; it is told again later."""


class NotReadyError(Exception):
    """Why `/readyz` says 503."""


class _Core:
    """Stands in for the engine until it is made: endpoint and engine need each other."""

    engine: Handler

    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None:
        self.engine.on_request(tx, request, source)

    def on_ack(self, request: Request, source: Source) -> None:
        self.engine.on_ack(request, source)

    def on_cancel(self, tx: ServerTransaction) -> None:
        self.engine.on_cancel(tx)


class _DiskSpace:
    """Space in the spool, held for each call that may leave a message."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def reserve(self, length_s: float) -> Reservation | None:
        """Hold space for a message; None, and an alarm in the log, when there is not enough."""
        try:
            return await self._spool.reserve(length_s)
        except SpoolError as error:
            log.error("no_space_for_recordings", why=str(error))  # noqa: TRY400 - the text says it all
            return None


def calls_max(plane: MediaPlane) -> int:
    """Return how many calls files and ports bear; raises the limit of open files as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(1, min((soft - FILES_OTHERWISE) // FILES_PER_CALL, plane.capacity))


def make_services(config: Config, stores: Stores, sounds: Sounds, outcalls: OutCalls) -> Services:
    """Return the use cases as the flows call them."""
    return Services(
        directory=stores.directory,
        deposits=stores.deposits,
        access=Access(stores.db, PinHasher(load_key(config.data_dir)), stores.clock),
        inbox=lambda mailbox: Inbox(stores.db, stores.events, stores.clock, mailbox),
        copies=Copies(stores.db, stores.events, stores.clock),
        clips=sounds,
        space=_DiskSpace(stores.spool),
        outcalls=outcalls,
        clock=stores.clock,
        greetings=Greetings(
            *(stores.db, stores.store, stores.assemble, stores.worker.master), events=stores.events, clock=stores.clock
        ),
        reachability=Reachability(stores.db, outcalls, events=stores.events, clock=stores.clock),
        distribution=Distribution(stores.db, stores.events, stores.clock),
        teams=Teams(stores.db),
    )


class Telephony:
    """SIP and media, and what they share."""

    def __init__(self, config: Config, stores: Stores, sounds: Sounds, spawn: Spawn) -> None:
        self._config = config
        self._core = _Core()
        self.peers = Peers(config.sip)
        self.endpoint = Endpoint(
            self._core,
            user_agent=f"voicebox/{__version__}",
            external=config.sip.external,
            trusted=lambda source: self.peers.find(source.host, source.port) is not None,
        )
        self.plane = MediaPlane(
            stores.spool,
            address=str(config.rtp.address),
            ports=config.rtp.ports,
            external=str(config.rtp.external) if config.rtp.external else None,
        )
        self.phones = Phones(stores.directory, stores.clock)
        self.light = Light(stores.db, stores.events, stores.clock, self._show)
        self.lamp = Lamp(self.endpoint, self.phones, config.sip, self._counts_of)
        self.trunks = Trunks(self.endpoint, self.peers, config.sip)
        authenticator = Authenticator(config.sip.domain, secrets.token_bytes(32))
        dialogs = Dialogs()
        self.outcalls = OutCalls(stores.db, stores.directory, stores.clock, config.outbound)
        self.engine = self._core.engine = Engine(
            House(
                endpoint=self.endpoint,
                sip=config.sip,
                plane=self.plane,
                sounds=sounds,
                directory=stores.directory,
                services=make_services(config, stores, sounds, self.outcalls),
                flows=Flows(leave_message=leave_message, fetch_messages=portal),
                keep=stores.calllog.keep,
                spawn=spawn,
                metrics=stores.metrics,
                phones=self.phones,
                dialogs=dialogs,
                board=Switchboard(self.endpoint, self.plane, self.phones, dialogs, spawn, config.sip, config.outbound),
            ),
            Gate(self.peers, authenticator, stores.directory.device, self.phones.is_contact),
            self.phones,
            self.lamp,
            calls_max=calls_max(self.plane),
        )

    async def listen(self) -> None:
        """Take calls from now on."""
        await self.phones.load()
        await self.endpoint.listen(self._config.sip.listen)

    async def check(self) -> None:
        """Raise unless new calls are taken; `/readyz` asks."""
        if self.endpoint.draining or not self.endpoint.listening:
            raise NotReadyError("draining")

    async def tidy(self) -> None:
        """Forget phones and message-light subscriptions that ran out; runs until cancelled."""
        while True:
            await asyncio.sleep(TIDY_S)
            await self.phones.tidy()
            await self.lamp.tidy()

    async def close(self) -> None:
        """Free every port."""
        await self.endpoint.close()
        await self.plane.close()

    async def _counts_of(self, mailbox_id: int) -> Counts | None:
        state = await self.light.state(mailbox_id)
        return state.counts if state is not None else None

    async def _show(self, state: LightState) -> None:
        if not await self.lamp.show(state.mailbox, state.counts):
            raise LightNotShownError
