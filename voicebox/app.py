"""The composition root: makes every part of the service, connects them, and takes them down again in order.

`serve` is the whole process: storage first, then the spool and what recovery owes, then media, SIP and mail, the web
last; `ready` is called once all of it listens. Shutdown goes the other way, and no step of it loses anything: calls
end and are saved, what is durable is picked up by the next start.
"""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import structlog

from mail.letter import Sender
from mail.notifier import Notifier
from mail.outgoing import Outgoing
from mail.smtp import SmtpTransport
from voicebox.ageing import Ageing
from voicebox.config import Config
from voicebox.directory import Directory
from voicebox.housekeeping import Housekeeping
from voicebox.links import Links
from voicebox.pinhash import load_key
from voicebox.stores import Stores, open_sounds, open_stores
from voicebox.tasks import Errands, tireless
from voicebox.telephony import Telephony
from webmanager.server import WebParts, served

log = structlog.get_logger("voicebox.app")

DRAIN_S: Final = 30.0
"""How long running calls may go on after SIGTERM (interfaces.md)."""
ENDING_S: Final = 10.0
"""And how long saving those that did not end may take."""
GOODBYE_S: Final = 2.0
"""And how long the last BYEs and NOTIFYs may wait for their answers."""
MAILS_S: Final = 5.0
"""And how long a mail server may take to answer what it has been given."""
FLUSH_S: Final = 5.0
"""For the last call records, when the database is away."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What listens, for the one line that `serve` prints."""

    sip: tuple[str, ...]
    web: str


def make_links(config: Config) -> Links:
    """Return what makes the links in mails; to listen by one only where `web.public_url` was set for others."""
    reachable = "public_url" in config.web.model_fields_set
    return Links(load_key(config.data_dir), config.web.public_url, reachable=reachable)


def make_notifier(config: Config, stores: Stores) -> Notifier:
    """Return what sends the mails."""
    return Notifier(
        Outgoing(stores.db, stores.events, stores.clock, links=make_links(config), metrics=stores.metrics),
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
                    ("recovery", lambda: stores.spool.recover_abandoned(stores.recover)),
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
            await notifier.finish(MAILS_S)
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
        directory=Directory(stores.db, from_memory=False),
        library=stores.library,
        announcements=stores.announcements,
        events=stores.events,
        clock=stores.clock,
        metrics=stores.metrics,
        checks={
            "database": stores.db.ping,
            "audio store": stores.store.ping,
            "spool": stores.spool.ping,
            "sip": telephony.check,
        },
        collect=collect,
    )


def _size_bytes(folder: Path) -> int:
    """Return what a folder's files take; one may go while we look."""
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
