"""The whole voicebox as an administrator runs it, on one core, with a company made for measuring."""

import contextlib
import json
import select
import signal
import sqlite3
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from bench.machine import SERVER_CORE, on_core
from bench.signalling import Address
from bench.voice import RATE_HZ

REALM: Final = "voicebox.example"
PORTAL: Final = "8000"
RTP_PORTS: Final = range(24000, 28000)
START_S: Final = 90.0
"""A first start encodes every prompt."""
STOP_S: Final = 60.0

DEFAULT_GREETING: Final = [str(number) for number in range(1000, 1050)]
"""Mailboxes with the default greeting, each with a phone."""
LONG_GREETING: Final = ["2000", "2001"]
LONG_S: Final = 60.0
USUAL_GREETING: Final = [str(number) for number in range(3000, 3020)]
USUAL_S: Final = 13.0

CONFIG: Final = f"""\
data_dir = "var"
[sip]
listen = ["udp:127.0.0.1:0"]
domain = "{REALM}"
portal = ["{PORTAL}"]
[[sip.peer]]
name = "pbx"
address = "127.0.0.1"
[rtp]
address = "127.0.0.1"
ports = [{RTP_PORTS[0]}, {RTP_PORTS[-1]}]
[web]
listen = "127.0.0.1:0"
[smtp]
host = "127.0.0.1"
port = 9
sender = "voicebox@example.org"
"""
COMPANY: Final = """\
[company]
name = "Beispiel GmbH"
language = "de"
time_zone = "Europe/Berlin"
country_code = "49"
area_code = "211"
"""


def device_password(number: str) -> str:
    """Return the digest password of a mailbox's phone."""
    return f"phone-{number}-of-the-bench"


def _directory() -> str:
    greetings = dict.fromkeys(LONG_GREETING, "long.wav") | dict.fromkeys(USUAL_GREETING, "usual.wav")
    return COMPANY + "".join(
        f'\n[[mailbox]]\nnumber = "{number}"\nname = "Teilnehmer {number}"\npin = "274913"\npin_is_final = true\n'
        # The phones of these mailboxes watch their light, and answer no call.
        "send_all = true\n"
        f'device_password = "{device_password(number)}"\n'
        + (f'no_answer_greeting = "{greetings[number]}"\n' if number in greetings else "")
        for number in (*DEFAULT_GREETING, *LONG_GREETING, *USUAL_GREETING)
    )


def _greeting(file: Path, length_s: float) -> None:
    """Write a greeting that is never silent: two voices humming."""
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    hum = np.sin(2 * np.pi * 180 * t) + np.sin(2 * np.pi * 263 * t)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes((hum * 4000).astype("<i2").tobytes())


class Service:
    """A running voicebox."""

    def __init__(self, folder: Path) -> None:
        """Write its files, provision it and start it on the server's core."""
        self.folder = folder
        (folder / "voicebox.toml").write_text(CONFIG)
        (folder / "directory.toml").write_text(_directory())
        _greeting(folder / "long.wav", LONG_S)
        _greeting(folder / "usual.wav", USUAL_S)
        self._log = folder / "serve.log"
        command = str(Path(sys.executable).with_name("voicebox"))
        subprocess.run([command, "apply", "directory.toml"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with self._log.open("w") as log, on_core(SERVER_CORE):
            self._process = subprocess.Popen(
                [command, "serve"], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.pid = self._process.pid
        self.sip: Address = self._ready()

    def _ready(self) -> Address:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            raise RuntimeError(f"voicebox did not start:\n{self.log()[-3000:]}")
        host, _, port = json.loads(line)["sip"][0].removeprefix("udp:").rpartition(":")
        return host, int(port)

    def check(self) -> None:
        """Raise RuntimeError with the end of the log where the server has ended by itself, or was ended."""
        code = self._process.poll()
        if code is not None:
            raise RuntimeError(f"voicebox ended with {code} in the middle of a measurement:\n{self.log()[-3000:]}")

    def log(self) -> str:
        """Return what it logged so far."""
        return self._log.read_text()

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Ask its database, reading only."""
        file = f"file:{self.folder}/var/voicebox.db?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def wait(self, look: Callable[[], bool], what: str, within_s: float) -> None:
        """Look again and again; raises RuntimeError naming `what` never happened."""
        until = time.monotonic() + within_s
        while not look():
            if time.monotonic() > until:
                raise RuntimeError(f"{what} did not happen within {within_s:.0f} s:\n{self.log()[-2000:]}")
            time.sleep(0.2)

    def settled(self) -> bool:
        """Return whether every message's audio lies in the store."""
        return not self.rows("SELECT 1 FROM audio WHERE state = 'spool' LIMIT 1")

    def call_of(self, caller: str) -> sqlite3.Row | None:
        """Return the call record of a caller."""
        found = self.rows("SELECT * FROM call_record WHERE caller = ?", caller)
        return found[0] if found else None

    def audio_of(self, caller: str) -> np.ndarray[Any, np.dtype[np.int16]] | None:
        """Return the samples of the message that a caller left."""
        query = "SELECT blob_key FROM audio JOIN message ON message.audio_id = audio.id WHERE caller_number = ?"
        found = self.rows(query, caller)
        if len(found) != 1 or found[0]["blob_key"] is None:
            return None
        samples, _ = soundfile.read(self.folder / "var" / "audio" / found[0]["blob_key"], dtype="int16")
        return np.asarray(samples, dtype=np.int16)

    def lost(self, record: sqlite3.Row) -> int:
        """Return how many RTP packets a call lost, by its record."""
        return int(json.loads(record["rtp"])["lost"])
