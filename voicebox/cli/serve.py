"""`voicebox serve`: the whole service in one process."""

import asyncio
import contextlib
import errno
import json
import logging
import signal
import sys
from typing import Any

from voicebox.cli.exits import CommandError, Exit, fail
from voicebox.cli.opening import make_data_dir
from voicebox.cli.options import ConfigOption, configuration
from voicebox.cli.preflight import local_problems
from voicebox.cli.reach import unreachable
from voicebox.config import Config, find_config
from voicebox.errors import VoiceboxError
from voicebox.ports import CannotListen, Kind, PortTaken, bind, holder_of
from voicebox.settings.log import LogLevel
from voicebox.telemetry import set_up_logging


def serve_command(config: ConfigOption = None) -> None:
    """Answer calls, send mails, serve the web; until SIGTERM or Ctrl-C."""
    import uvloop

    from ivr.media.spoolwriter import SpoolError

    settings = configuration(config)
    problems = local_problems(settings, find_config(config))
    if problems:
        fail(Exit.CONFIGURATION, *(str(problem) for problem in problems))
    set_up_logging(settings.log)
    if settings.log.level is not LogLevel.DEBUG:
        # It tells of its plug-ins and of each step, for a database that is as it should be.
        logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        make_data_dir(settings)
    except CommandError as error:
        fail(error.code, *error.lines)
    _try_addresses(settings)
    for what, cure in unreachable(settings):
        logging.getLogger(__name__).warning("%s. %s", what, cure)
    try:
        uvloop.run(_serve(settings))
    except* (VoiceboxError, SpoolError, OSError) as group:
        # A taken port, a database that is away, a folder in use: the text says what and what to do.
        fail(Exit.UNAVAILABLE, *(_said(error, settings) for error in _leaves(group)))


def _try_addresses(settings: Config) -> None:
    """Find out at once what would end `serve` after its preparations, and whether audio can be had at all."""
    refused = []
    for address in settings.sip.addresses:
        kind: Kind = "udp" if address.transport == "udp" else "tcp"
        try:
            bind(kind, address.host, address.port).close()
        except (PortTaken, CannotListen) as error:
            refused.append(f"sip.listen: {error}")
    try:
        bind("udp", str(settings.rtp.address), 0).close()
    except CannotListen:
        said = f"{settings.rtp.address} is not an address of this machine"
        refused.append(f"rtp.address: {said}. Set it to one, or to 0.0.0.0 with rtp.external.")
    if refused:
        fail(Exit.UNAVAILABLE, *refused)


async def _serve(settings: Config) -> None:
    # Imported here: together a second that no other command need spend.
    from voicebox.app import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop=stop, ready=_announce)


def _announce(ready: Any) -> None:
    """Print the one line that scripts wait for; `ready` is a `voicebox.app.Ready`."""
    sys.stdout.write(json.dumps({"event": "ready", "sip": list(ready.sip), "web": ready.web}) + "\n")
    sys.stdout.flush()


def _said(error: BaseException, settings: Config) -> str:
    """Return an error's text; where the web's port is taken, with who holds it, as for SIP."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE and not isinstance(error, PortTaken):
        web = settings.web.listen
        with contextlib.suppress(ValueError):  # a name, which was looked up
            return str(PortTaken("tcp", web.host, web.port, holder_of("tcp", web.host, web.port)))
    return str(error)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
