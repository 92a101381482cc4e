"""The machine: Python, the data folder, open files, time zones, the formats of audio, and the prompts."""

import os
import resource
import shutil
import stat
import sys
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import soundfile

from ivr.media.spool import BYTES_PER_S
from prompts.recordings import Recordings
from voicebox import ffmpeg
from voicebox.cli.checks.finding import Finding, failed, ok, warning
from voicebox.config import Config
from voicebox.pinhash import KEY_FILE
from voicebox.settings.stores import FLOOR_BYTES

PYTHON_FROM: Final = (3, 11)
PYTHON_BELOW: Final = (3, 14)
LONGEST_MESSAGE_S: Final = 600
"""Below the room for one, callers are turned away."""
LOW_S: Final = 24 * 3600
"""With less than a day of audio left, somebody should look."""
FILES_PER_CALL: Final = 2
"""RTP and RTCP."""
FILES_OTHERWISE: Final = 300
"""Databases, web and SIP connections, the spool, logs; as `voicebox.telephony` reckons."""
FEW_CALLS: Final = 20
FORMATS: Final = ("WAV", "FLAC", "MP3", "OGG")


def python() -> Finding:
    """Check the version of Python."""
    here = sys.version_info[:3]
    said = ".".join(map(str, here))
    if PYTHON_FROM <= here[:2] < PYTHON_BELOW:
        return ok("Python", said)
    return failed("Python", f"{said} is not supported", "Install voicebox with Python 3.11, 3.12 or 3.13.")


def audio_formats() -> Finding:
    """Check that libsndfile reads and writes what we need: MP3 came with its version 1.1."""
    missing = [name for name in FORMATS if name not in soundfile.available_formats()]
    said = f"libsndfile {soundfile.__libsndfile_version__}"
    if missing:
        return failed("audio formats", f"{said} lacks {', '.join(missing)}", "Install libsndfile 1.1 or later.")
    return ok("audio formats", f"{said}: {', '.join(FORMATS)}")


def m4a_and_webm() -> Finding:
    """Say whether M4A and WebM are read; that they are not is nothing to be mended unless somebody wants them."""
    program = ffmpeg.installed()
    if program is None:
        return ok("M4A and WebM", "refused, since there is no ffmpeg; where they are wanted: apt install ffmpeg")
    return ok("M4A and WebM", program)


def data_folder(settings: Config) -> list[Finding]:
    """Check that the data folder can be used, has room, and keeps its secrets."""
    folder = settings.data_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        return [failed("data folder", f"{there} is a file", "Name a folder as data_dir.")]
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        cure = f"Give it to the user that runs voicebox: chown {_user()} {there}; chmod u+rwx {there}."
        return [failed("data folder", f"{there} cannot be written by {_user()}", cure)]
    said = f"{folder}" if there == folder else f"{folder} will be made"
    free_bytes = shutil.disk_usage(there).free
    left_s = max(0, free_bytes - FLOOR_BYTES) / BYTES_PER_S
    room = f"{free_bytes / 1e9:.1f} GB free, {left_s / 3600:,.0f} hours of messages"
    cure = f"Free space on the disk of {there}, or move data_dir to a larger one."
    if left_s < LONGEST_MESSAGE_S:
        space = failed("disk space", f"{room}: callers are turned away", cure)
    elif left_s < LOW_S:
        space = warning("disk space", room, cure)
    else:
        space = ok("disk space", room)
    return [_privacy(folder) or ok("data folder", said), space]


def _privacy(folder: Path) -> Finding | None:
    """Return who else can read what nobody should."""
    key = folder / KEY_FILE
    for path, mode in ((key, "600"), (folder, "700")):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            if path == folder and not key.exists():
                continue  # nothing of ours is in it yet
            return warning("data folder", f"other users can look into {path}", f"chmod {mode} {path}")
    return None


def open_files(settings: Config) -> Finding:
    """Check how many calls the limit of open files allows; `serve` raises it to the hard limit itself."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    by_ports = settings.rtp.calls_max
    by_files = (
        by_ports
        if hard == resource.RLIM_INFINITY
        else max(0, min(by_ports, (hard - FILES_OTHERWISE) // FILES_PER_CALL))
    )
    said = f"{'no limit' if hard == resource.RLIM_INFINITY else f'{hard:,}'}: {by_files:,} calls at a time"
    cure = "Raise it: LimitNOFILE=65536 in the systemd unit, --ulimit nofile=65536 with Docker, or ulimit -Hn."
    if by_files < min(FEW_CALLS, by_ports):
        return failed("open files", said, cure)
    if by_files < by_ports:
        return warning("open files", f"{said}; the RTP ports would allow {by_ports:,}", cure)
    return ok("open files", f"{said}, as many as there are RTP ports for")


def time_zones(names: Iterable[str]) -> Finding:
    """Check that the time zones in use are known here."""
    unknown = []
    asked = sorted({"Europe/Berlin", *names})
    for name in asked:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            unknown.append(name)
    if unknown:
        return failed("time zones", f"no data for {', '.join(unknown)}", "Install the Python package tzdata anew.")
    return ok("time zones", ", ".join(asked))


def prompts(studio: Path) -> Finding:
    """Check that every prompt has a recording; whether each is a good one is for `prompts check`."""
    missing = sorted(f"{language}/{name}" for language, name in Recordings.open(studio=studio).missing)
    if missing:
        shown = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
        return failed(
            "prompts", f"{len(missing)} are missing: {shown}", "Install voicebox anew, or `voicebox prompts build`."
        )
    return ok("prompts", "all there" + (f", with those in {studio}" if studio.is_dir() else ""))


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's made-up user
        return str(os.geteuid())
