"""The composition root: makes every part of the service, connects them, and takes them down again in order.

`serve` is the whole process: storage first, then the spool and what recovery owes, then media, SIP and mail, the web
last; `ready` is called once all of it listens. Shutdown goes the other way, and no step of it loses anything: calls
end and are saved, what is durable is picked up by the next start.
"""

import asyncio
import contextlib
import gc
import hashlib
import resource
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
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
from ivr.media.library import PromptLibrary
from ivr.media.plane import MediaPlane
from ivr.media.spool import Reservation, Spool
from ivr.media.spoolwriter import SpoolError
from ivr.media.worker import Assembler, Worker
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
from mail.letter import Sender
from mail.notifier import Notifier
from mail.outgoing import Outgoing
from mail.smtp import SmtpTransport
from prompts.recordings import Recordings
from voicebox import __version__
from voicebox.access import Access
from voicebox.ageing import Ageing
from voicebox.calllog import CallLog
from voicebox.clock import Clock, SystemClock
from voicebox.config import Config
from voicebox.copies import Copies
from voicebox.deposit import Deposits
from voicebox.directory import Directory
from voicebox.distribution import Distribution
from voicebox.events import Events
from voicebox.greetings import Greetings
from voicebox.housekeeping import Housekeeping
from voicebox.i18n import Language
from voicebox.inbox import Inbox
from voicebox.library import AudioLibrary
from voicebox.light import Light, LightState
from voicebox.links import Links
from voicebox.message import Counts
from voicebox.metrics import Metrics
from voicebox.outcalls import OutCalls
from voicebox.pinhash import PinHasher, load_key
from voicebox.reachability import Reachability
from voicebox.settlement import Settlement
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database, migrate
from voicebox.tasks import Errands, tireless
from voicebox.teams import Teams
from webmanager.server import WebParts, served

log = structlog.get_logger("voicebox.app")

DRAIN_S: Final = 30.0
"""How long running calls may go on after SIGTERM (interfaces.md)."""
ENDING_S: Final = 10.0
"""And how long saving those that did not end may take."""
GOODBYE_S: Final = 2.0
"""And how long the last BYEs and NOTIFYs may wait for their answers."""
FLUSH_S: Final = 5.0
"""For the last call records, when the database is away."""
FILES_PER_CALL: Final = 2
"""RTP and RTCP."""
FILES_OTHERWISE: Final = 300
"""Databases, web and SIP connections, the spool, logs."""
TIDY_S: Final = 30.0
STUDIO: Final = "prompts"
"""Where in the data folder `voicebox prompts import` puts a studio's recordings."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What listens, for the one line that `serve` prints."""

    sip: tuple[str, ...]
    web: str


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


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything durable, and the use cases that need nothing else."""

    clock: Clock
    events: Events
    metrics: Metrics
    db: Database
    store: AudioStore
    spool: Spool
    worker: Worker
    assemble: Assembler
    directory: Directory
    library: AudioLibrary
    deposits: Deposits
    settlement: Settlement
    calllog: CallLog


async def open_stores(config: Config, stack: contextlib.AsyncExitStack) -> Stores:
    """Open database, audio store and spool, and make messages of what a crash left in the spool."""
    clock, events = SystemClock(), Events()
    await migrate(config.database.url)
    db = await stack.enter_async_context(await Database.open(config.database.url))
    store = AudioStore.open(config.audio.url)
    spool = await asyncio.to_thread(Spool.open, config.spool_dir)
    stack.push_async_callback(asyncio.to_thread, spool.close)
    worker = Worker()
    stack.push_async_callback(asyncio.to_thread, worker.close)
    assemble = Assembler(spool, worker)
    deposits = Deposits(db, events, spool, clock)
    stores = Stores(
        clock=clock,
        events=events,
        metrics=Metrics(),
        db=db,
        store=store,
        spool=spool,
        worker=worker,
        assemble=assemble,
        directory=Directory(db),
        library=AudioLibrary(db, store, assemble, clock),
        deposits=deposits,
        settlement=Settlement(db, store, assemble, spool, events=events, clock=clock),
        calllog=CallLog(db),
    )
    recovered = await deposits.recover(*await asyncio.to_thread(spool.recover))
    if recovered:
        log.warning("messages_recovered", count=recovered)
    for _ in range(recovered):
        stores.metrics.message_taken("recovered")
    return stores


async def open_sounds(config: Config, stores: Stores) -> Sounds:
    """Have every prompt encoded once for each codec, so that playing costs no codec work."""
    studio = config.data_dir / STUDIO
    recordings = await asyncio.to_thread(Recordings.open, studio)
    prompts = await asyncio.to_thread(
        PromptLibrary.open,
        recordings.pcm,
        [(language, each) for language in Language for each in recordings.ids(language)],
        config.data_dir / "cache",
        _fingerprint(Path(str(files("prompts") / "recordings")), studio),
    )
    prompts.elsewhere = stores.worker.encode_clip
    return Sounds(prompts, stores.library, stores.assemble, stores.spool)


def _fingerprint(*folders: Path) -> str:
    """Return what changes with any recording: a hash of the manifests, which hold a hash of each."""
    manifests = [path for folder in folders for path in sorted(folder.glob("*/manifest.json"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest()[:16]


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
        reachability=Reachability(
            stores.db, stores.directory, config.outbound, events=stores.events, clock=stores.clock
        ),
        distribution=Distribution(stores.db, stores.events, stores.clock),
        teams=Teams(stores.db),
    )


def make_links(config: Config) -> Links:
    """Return what makes the links in mails; to listen by one only where `web.public_url` was set for others."""
    reachable = "public_url" in config.web.model_fields_set
    return Links(load_key(config.data_dir), config.web.public_url, reachable=reachable)


def make_notifier(config: Config, stores: Stores) -> Notifier:
    """Return what sends the mails."""
    return Notifier(
        Outgoing(stores.db, stores.events, stores.clock, links=make_links(config)),
        SmtpTransport(config.smtp),
        stores.library.mp3,
        Sender(config.smtp.sender, config.sip.portal[0] if config.sip.portal else None),
        events=stores.events,
        metrics=stores.metrics,
    )


def make_ageing(config: Config, stores: Stores) -> Ageing:
    """Return what takes away messages and recordings whose time is over."""
    return Ageing(
        stores.db,
        stores.store,
        config.retention,
        events=stores.events,
        clock=stores.clock,
        spool=stores.spool,
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


async def serve(config: Config, *, stop: asyncio.Event, ready: Callable[[Ready], None]) -> None:
    """Run the whole service until `stop` is set; returns after an orderly shutdown.

    Raises:
        PortTaken: a SIP or web port is held by somebody, who is named.
        SpoolError: another process uses the same data.
        DatabaseUnavailable: the database cannot be opened or migrated.
    """
    # Busy threads (hashing, decoding) would otherwise hold the interpreter for 5 ms at a time.
    sys.setswitchinterval(0.0005)
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        stores = await open_stores(config, stack)
        sounds = await open_sounds(config, stores)
        notifier = make_notifier(config, stores)
        async with asyncio.TaskGroup() as group:
            errands = Errands(group)
            telephony = Telephony(config, stores, sounds, errands.spawn)
            stack.push_async_callback(telephony.close)
            await telephony.listen()
            web = await stack.enter_async_context(served(_web_parts(config, stores, telephony)))
            background = [
                group.create_task(tireless(name, job))
                for name, job in (
                    ("deposits", stores.deposits.run),
                    ("settlement", stores.settlement.run),
                    ("call log", stores.calllog.run),
                    ("light", telephony.light.run),
                    *([("trunks", telephony.trunks.run)] if config.sip.trunk else []),
                    ("tidy", telephony.tidy),
                    ("housekeeping", Housekeeping(stores.db, stores.clock).run),
                    ("ageing", make_ageing(config, stores).run),
                    ("notifier", notifier.run),
                )
            ]
            # What lives as long as the process is not looked through again: collections stay short.
            gc.collect()
            gc.freeze()
            ready(Ready(tuple(str(each) for each in telephony.endpoint.listening), web))
            await stop.wait()
            log.info("draining", calls=len(telephony.engine.calls))
            await telephony.engine.drain(DRAIN_S, ENDING_S)
            await errands.finish(GOODBYE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await stores.calllog.flush()
            for task in background:
                task.cancel()
            await asyncio.wait(background)
            # Ends what still waits for an answer: a phone that is gone would hold us for half a minute with our BYE.
            await telephony.endpoint.close()


def _web_parts(config: Config, stores: Stores, telephony: Telephony) -> WebParts:
    def collect() -> None:
        metrics, endpoint, spool, settlement = stores.metrics, telephony.endpoint, stores.spool, stores.settlement
        metrics.sip_counted(asdict(endpoint.counters))
        metrics.sip_held(transactions=endpoint.transactions, connections=endpoint.connections)
        metrics.spool(
            size_bytes=_size_bytes(spool.folder),
            free_s=spool.free_s(),
            failing=spool.failing is not None,
            syncs=spool.syncs,
        )
        metrics.calls_out(len(telephony.outcalls))
        metrics.spool_unwritten(stores.deposits.waiting)
        metrics.settlement(stored=settlement.stored, broken=settlement.broken, failures=settlement.failures)

    telephony.light.on_told = stores.metrics.light_sent
    return WebParts(
        config=config,
        db=stores.db,
        directory=stores.directory,
        library=stores.library,
        events=stores.events,
        clock=stores.clock,
        metrics=stores.metrics,
        checks={"database": stores.db.ping, "audio store": stores.store.ping, "sip": telephony.check},
        collect=collect,
    )


def _size_bytes(folder: Path) -> int:
    """Return what a folder's files take; one may go while we look."""
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
