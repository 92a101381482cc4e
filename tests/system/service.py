"""A whole voicebox in a process of its own, as an administrator would run it, on loopback and free ports."""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

START_S: Final = 60.0
"""A first start encodes every prompt; on a busy machine that takes a while."""
STOP_S: Final = 45.0

DIRECTORY: Final = """\
[company]
name = "Beispiel GmbH"
language = "de"
time_zone = "Europe/Berlin"
country_code = "49"
area_code = "211"

[[mailbox]]
number = "1001"
phone = "+492115551001"
name = "Anna Beispiel"
pin = "274913"
pin_is_final = true
device_password = "phone-1001-secret"
notify_email = "anna@example.org"
copy_email = "archive@example.org"
aliases = ["+49 170 1234567"]

[[mailbox]]
number = "1002"
phone = "+492115551002"
name = "Bernd Beispiel"
language = "en"
pin = "385024"
pin_is_final = true
device_password = "phone-1002-secret"
"""

CONFIG: Final = """\
data_dir = "var"
[sip]
listen = [{listen}]
domain = "voicebox.example"
portal = ["8000"]
[[sip.peer]]
name = "pbx"
address = "127.0.0.1"
{peer}
[rtp]
address = "127.0.0.1"
ports = [{rtp_first}, {rtp_last}]
[web]
listen = "127.0.0.1:0"
[smtp]
host = "127.0.0.1"
port = {smtp_port}
sender = "voicebox@example.org"
{more}
"""


def eventually(look: Callable[[], T | None], what: str, *, within_s: float = 10.0) -> T:
    """Look until there is something to see; the test fails, saying what was missing, when there never is."""
    until = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not happen within {within_s:.0f} s")
        time.sleep(0.01)


class Service:
    """One voicebox: its folder, its process, and what can be seen from outside."""

    def __init__(
        self,
        folder: Path,
        *,
        smtp_port: int = 9,
        rtp_ports: tuple[int, int] = (20000, 21999),
        peer: str = "",
        more: str = "",
        listen: str = '"udp:127.0.0.1:0", "tcp:127.0.0.1:0"',
        directory: str = DIRECTORY,
        cache: Path | None = None,
    ) -> None:
        self.folder = folder
        if cache is not None:
            # Encoded prompts are the same for all: what the first one made serves the others.
            (folder / "var").mkdir()
            (folder / "var" / "cache").symlink_to(cache)
        self.process: subprocess.Popen[str] | None = None
        self.sip: dict[str, int] = {}
        """Port by transport and address, such as `udp:127.0.0.1`."""
        self.web = ""
        self._log = folder / "serve.log"
        (folder / "voicebox.toml").write_text(
            CONFIG.format(
                listen=listen,
                peer=peer,
                rtp_first=rtp_ports[0],
                rtp_last=rtp_ports[1],
                smtp_port=smtp_port,
                more=more,
            )
        )
        (folder / "directory.toml").write_text(directory)

    # -- running

    def voicebox(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another `voicebox` command in the same folder."""
        return subprocess.run(
            [*self._command, *arguments], cwd=self.folder, check=check, text=True, capture_output=True, timeout=60
        )

    @property
    def _command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("voicebox"))]

    def start(self) -> "Service":
        """Start and wait until everything listens."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [*self._command, "serve"],
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            raise AssertionError(f"voicebox did not start:\n{self.log()[-3000:]}")
        ready = json.loads(line)
        assert ready["event"] == "ready"
        self.web = ready["web"]
        for entry in ready["sip"]:
            place, _, port = entry.rpartition(":")
            self.sip[place] = int(port)
        return self

    @property
    def udp(self) -> str:
        """Where SIP is spoken over UDP."""
        return f"127.0.0.1:{self.sip['udp:127.0.0.1']}"

    @property
    def tcp(self) -> str:
        """Where SIP is spoken over TCP."""
        return f"127.0.0.1:{self.sip['tcp:127.0.0.1']}"

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return code

    def kill(self) -> None:
        """End it as power loss would: at once, in the middle of anything."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    # -- looking

    def log(self) -> str:
        """Return what it logged so far."""
        return self._log.read_text()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Ask its database, reading only."""
        with contextlib.closing(
            sqlite3.connect(f"file:{self.folder}/var/voicebox.db?mode=ro", uri=True, timeout=5)
        ) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def messages(self, number: str = "1001") -> list[sqlite3.Row]:
        """Return a mailbox's messages, the oldest first."""
        return self.rows(
            "SELECT message.* FROM message JOIN mailbox ON mailbox.id = message.mailbox_id "
            "WHERE mailbox.number = ? ORDER BY message.received_at",
            number,
        )

    def message(self, number: str = "1001", *, count: int = 1, within_s: float = 10.0) -> sqlite3.Row:
        """Wait for a mailbox's newest message, of `count` in all."""

        def look() -> list[sqlite3.Row] | None:
            found = self.messages(number)
            return found if len(found) >= count else None

        found = eventually(look, f"message {count} in mailbox {number}", within_s=within_s)
        assert len(found) == count
        return found[-1]

    def calls(self, *, count: int = 1) -> list[dict[str, Any]]:
        """Wait for `count` call records and return them, the oldest first, traces decoded."""

        def look() -> list[sqlite3.Row] | None:
            found = self.rows("SELECT * FROM call_record ORDER BY started_at")
            return found if len(found) >= count else None

        found = eventually(look, f"call record {count}")
        return [{**dict(row), "trace": json.loads(row["trace"]), "rtp": json.loads(row["rtp"])} for row in found]

    def flac(self, audio_id: str) -> Path:
        """Wait until a message's audio is settled, and return its file."""

        def look() -> list[sqlite3.Row] | None:
            return self.rows("SELECT blob_key FROM audio WHERE id = ? AND state = 'stored'", audio_id) or None

        (row,) = eventually(look, f"settlement of {audio_id}")
        return self.folder / "var" / "audio" / str(row["blob_key"])
