"""`voicebox housekeeping`: what `serve` does every night: messages age out, and what nobody needs any more goes."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from voicebox.ageing import Aged, Ageing
from voicebox.cli.exits import CommandError, Exit
from voicebox.cli.opening import opened, run
from voicebox.cli.options import ConfigOption, JsonOption, configuration
from voicebox.cli.printing import counted, print_json, print_line
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.directory import Directory
from voicebox.events import Events
from voicebox.storage.blobs import AudioStore

EARLIEST_YEAR: Final = 2000
"""No message is older."""

UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Do what is due at this time (UTC) instead of now; 2026-12-24T03:00."),
]


def housekeeping_command(*, until: UntilOption = None, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Let messages age out, and remove what nobody needs any more, as `serve` does every night."""
    settings = configuration(config)
    aged = run(settings, _age(settings, until))
    if json:
        print_json(asdict(aged))
        return
    print_line(
        f"{counted(aged.retired, 'saved message')} aged out, {counted(aged.purged, 'deleted message')} and "
        f"{counted(aged.audio, 'recording')} are gone"
    )
    print_line(
        f"forgotten: {counted(aged.calls, 'call record')}, {counted(aged.outbox, 'entry', 'entries')} of the queue, "
        f"{counted(aged.sendings, 'sending')}"
    )


async def _age(settings: Config, until: str | None) -> Aged:
    clock = SystemClock()
    at = clock.now() if until is None else _moment(until)
    store = AudioStore.open(settings.audio.url)
    async with opened(settings) as db:
        ageing = Ageing(db, store, settings.retention, events=Events(), clock=clock)
        total = Aged()
        for company in await Directory(db).companies():
            total += await ageing.age(company.id, at)
        total += await ageing.sweep(at)
        await ageing.remove_sound()
    return total


def _moment(text: str) -> datetime:
    """Read a time in UTC; what names a zone of its own is taken at its word."""
    try:
        read = datetime.fromisoformat(text)
        moment = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < EARLIEST_YEAR:
        raise CommandError(Exit.USAGE, f"--until: {text!r} is not a time. Write it as 2026-12-24T03:00.")
    return moment
