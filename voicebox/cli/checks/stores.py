"""What is durable: the database and what it says of phones and the clock, and the audio store."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from voicebox.cli.checks.finding import Finding, failed, ok, warning
from voicebox.cli.opening import missing_file, schema_problem
from voicebox.cli.printing import counted, in_utc
from voicebox.cli.realms import devices_of_other_realms, said
from voicebox.config import Config
from voicebox.errors import VoiceboxError
from voicebox.storage import callrecords, mailboxes, outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.storage.migrations import HEAD

EARLIEST: Final = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
"""A clock before this was never set."""
CLOCKS_DIFFER: Final = timedelta(minutes=1)
_DATABASE_CURE: Final = "Start the database, or correct database.url."


@dataclass(slots=True)
class FromDatabase:
    """What the database was asked."""

    findings: list[Finding] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    """The companies' and their mailboxes' time zones."""


async def database(settings: Config, now: datetime) -> FromDatabase:
    """Check the database, its schema, and what it says of phones, mails and the clock."""
    seen = FromDatabase()
    missing = missing_file(settings)
    if missing is not None:
        what, _, cure = missing.partition(". ")
        seen.findings.append(failed("database", what, cure))
        seen.findings.append(clock(now, None))
        return seen
    try:
        async with await Database.open(settings.database.url) as db:
            problem = await schema_problem(db)
            if problem is not None:
                what, _, cure = problem.partition(". ")
                seen.findings.append(failed("database", what, cure))
                seen.findings.append(clock(now, None))
                return seen
            kind = settings.database.url.partition("+")[0]
            seen.findings.append(ok("database", f"{kind}, at revision {HEAD}"))
            await _look(db, settings, now, seen)
    except VoiceboxError as error:
        seen.findings.append(failed("database", str(error), _DATABASE_CURE))
    return seen


async def _look(db: Database, settings: Config, now: datetime, seen: FromDatabase) -> None:
    async with db.read() as connection:
        companies = await mailboxes.companies(connection)
        seen.zones = [company.time_zone for company in companies]
        latest = await callrecords.page(connection, limit=1)
        stuck = [each for each in await outbox.page(connection, limit=1000) if each.last_error is not None]
    if not companies:
        seen.findings.append(warning("company", "there is none yet", "Run `voicebox apply directory.toml`."))
    foreign, total = await devices_of_other_realms(db, settings)
    if foreign:
        seen.findings.append(failed("phones", *said(foreign, settings.sip.domain)))
    else:
        seen.findings.append(ok("phones", f"{counted(total, 'phone')} with a password for {settings.sip.domain}"))
    if stuck:
        detail = f"{counted(len(stuck), 'entry', 'entries')} failed, the latest: {stuck[0].last_error}"
        seen.findings.append(warning("queue", detail, "See `voicebox queue`."))
    else:
        seen.findings.append(ok("queue", "nothing failed"))
    seen.findings.append(clock(now, latest[0].ended if latest else None))


def clock(now: datetime, latest_call: datetime | None) -> Finding:
    """Check that the clock was set, and did not go back behind what was recorded."""
    cure = "Set it, and keep it by NTP: timedatectl set-ntp true."
    if now < EARLIEST:
        return failed("clock", f"it is not {in_utc(now)}", cure)
    if latest_call is not None and latest_call > now + CLOCKS_DIFFER:
        return failed("clock", f"it says {in_utc(now)}, but the latest call ended at {in_utc(latest_call)}", cure)
    return ok("clock", f"{in_utc(now)}")


async def audio_store(settings: Config, now: datetime) -> Finding:
    """Check that the audio store takes a file, gives it back, and deletes it."""
    url = settings.audio.url
    cure = "Give the folder to the user that runs voicebox, or correct audio.url."
    if url.startswith("s3"):
        cure = "Check audio.url and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT."
    if (folder := _folder(url)) is not None and not folder.exists():
        return _can_be_made(folder, cure)
    try:
        store = AudioStore.open(url)
        key = await store.put(0, uuid4().hex, b"voicebox doctor", now)
        try:
            if await store.get(key) != b"voicebox doctor":
                return failed("audio store", f"{url} gave back something else", cure)
        finally:
            await store.delete(key)
    except VoiceboxError as error:
        return failed("audio store", str(error), cure)
    return ok("audio store", f"{url} can be written and read")


def _folder(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _can_be_made(folder: Path, cure: str) -> Finding:
    """Check a folder that is not there yet, without making it: that is for `serve`, as its own user."""
    there = next(path for path in folder.parents if path.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return ok("audio store", f"{folder} will be made")
    return failed("audio store", f"{folder} cannot be made in {there}", cure)
