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
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

T = TypeVar("T")

START_S: Final = 240.0
"""A first start encodes every prompt; on a busy machine that takes a while."""
STOP_S: Final = 75.0
"""More than a service may take: half a minute for the calls, and then what each of its parts is given to end."""
COMMAND_S: Final = 240.0
"""Starting Python and hashing the PINs of a company takes a busy machine a while."""
EVENTUALLY_S: Final = 60.0
SETTLED_S: Final = 120.0
"""For what a worker process makes: it starts with the first of it, and waits for the processor like all others."""
LOOKS_S: Final = 0.05
"""From one look to the next: each may open a database or read a whole log, on the machine that it waits for."""

PIN: Final = "274913"
"""Of every mailbox of the example company."""
NUMBERS: Final = tuple(str(number) for number in range(1001, 1031))
ASKED: Final = "1030"
"""The mailbox of the example company whose own phone is asked for the PIN, too."""

COMPANY: Final = """\
[company]
name = "Beispiel GmbH"
language = "de"
time_zone = "Europe/Berlin"
country_code = "49"
area_code = "211"
"""
MORE: Final = {
    "1001": 'notify_email = "anna@example.org"\ncopy_email = "archive@example.org"',
    "1006": 'copy_email = "team@example.org"',
    "1007": 'aliases = ["+49 170 1234507"]',
    "1008": "message_max_min = 1",
    "1011": 'email = "elf@example.org"',
    "1020": 'aliases = ["+49 170 1234567"]',
}
"""What some mailboxes of the example company have."""


def directory_of(
    numbers: Iterable[str] = NUMBERS, *, pin: str = PIN, settings: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return a directory file of these mailboxes, some with settings.

    Their phones are SIPp's, which know MD5 only, and open them without a PIN, but for one.
    """
    return COMPANY + "".join(
        f"""
[[mailbox]]
number = "{number}"
phone = "+49211555{number}"
name = "Teilnehmer {number}"
pin = "{pin}"
pin_is_final = true
device_password = "{device_password(number)}"
device_md5_only = true
auto_login = {"false" if number == ASKED else "true"}
{MORE.get(number, "")}
{settings.get(number, "")}
"""
        for number in numbers
    )


def device_password(number: str) -> str:
    """Return the digest password of a mailbox's phone."""
    return f"phone-{number}-secret"


CONFIG: Final = """\
data_dir = "var"
[sip]
listen = [{listen}]
domain = "voicebox.example"
portal = ["8000"]
[[sip.peer]]
name = "pbx"
address = "{address}"
{peer}
[rtp]
address = "{address}"
ports = [{rtp_first}, {rtp_last}]
[web]
listen = "127.0.0.1:0"
[smtp]
host = "127.0.0.1"
port = {smtp_port}
sender = "voicebox@example.org"
{more}
"""


def eventually(
    look: Callable[[], T | None], what: str, *, within_s: float = EVENTUALLY_S, every_s: float = LOOKS_S
) -> T:
    """Look until there is something to see; the test fails, saying what was missing, when there never is."""
    until = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not happen within {within_s:.0f} s")
        time.sleep(every_s)


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
        address: str = "127.0.0.1",
        listen: str | None = None,
        directory: str | None = None,
        cache: Path | None = None,
    ) -> None:
        """Write its files.

        Args:
            folder: of its own.
            smtp_port: where it delivers mails.
            rtp_ports: for audio.
            peer: more lines for the peer `pbx`.
            more: more of the configuration.
            address: of SIP, media and peer.
            listen: SIP addresses; None is a free port each for UDP and TCP.
            directory: the directory file; None is the example company.
            cache: of encoded prompts, for all services of a run.
        """
        self.folder = folder
        host = f"[{address}]" if ":" in address else address
        listen = listen or f'"udp:{host}:0", "tcp:{host}:0"'
        self._host = host
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
                address=address,
                peer=peer,
                rtp_first=rtp_ports[0],
                rtp_last=rtp_ports[1],
                smtp_port=smtp_port,
                more=more,
            )
        )
        (folder / "directory.toml").write_text(directory_of() if directory is None else directory)

    # -- running

    def voicebox(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another `voicebox` command in the same folder."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=self.folder,
            check=False,
            text=True,
            capture_output=True,
            timeout=COMMAND_S,
        )
        assert done.returncode == 0 or not check, f"voicebox {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def apply(self) -> "Service":
        """Take in the directory file."""
        self.voicebox("apply", "directory.toml")
        return self

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
        return f"{self._host}:{self.sip[f'udp:{self._host}']}"

    @property
    def tcp(self) -> str:
        """Where SIP is spoken over TCP."""
        return f"{self._host}:{self.sip[f'tcp:{self._host}']}"

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
        if self.process is None:
            return
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

    def message(self, number: str = "1001", *, count: int = 1, within_s: float = EVENTUALLY_S) -> sqlite3.Row:
        """Wait for a mailbox's newest message, of `count` in all."""

        def look() -> list[sqlite3.Row] | None:
            found = self.messages(number)
            return found if len(found) >= count else None

        found = eventually(look, f"message {count} in mailbox {number}", within_s=within_s)
        assert len(found) == count
        return found[-1]

    def call(self, called: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the newest of `count` records of calls to a number, and return it with its trace decoded."""

        def look() -> list[sqlite3.Row] | None:
            found = self.rows("SELECT * FROM call_record WHERE called = ? ORDER BY started_at", called)
            return found if len(found) >= count else None

        found = eventually(look, f"record {count} of calls to {called}")
        assert len(found) == count
        return _decoded(found[-1])

    def call_of(self, source: sqlite3.Row | str) -> dict[str, Any]:
        """Wait for the record of a call, by its id or by the message it left."""
        call_id = source if isinstance(source, str) else source["call_id"]
        (row,) = eventually(lambda: self.rows("SELECT * FROM call_record WHERE id = ?", call_id), "a call record")
        return _decoded(row)

    def spooled_s(self) -> float:
        """Return about how many seconds of audio the spool holds; its files are longer than that."""
        written = 0
        for file in (self.folder / "var" / "spool").glob("*.seg"):
            with file.open("rb") as segment:
                while (block := segment.read(1024)).strip(b"\0"):
                    written += len(block)
        return written / 8000

    def flac(self, audio_id: str) -> Path:
        """Wait until a message's audio is settled, and return its file."""

        def look() -> list[sqlite3.Row] | None:
            return self.rows("SELECT blob_key FROM audio WHERE id = ? AND state = 'stored'", audio_id) or None

        (row,) = eventually(look, f"settlement of {audio_id}", within_s=SETTLED_S)
        return self.folder / "var" / "audio" / str(row["blob_key"])


def _decoded(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "trace": json.loads(row["trace"]), "rtp": json.loads(row["rtp"])}


def moment(call: dict[str, Any], event: str, **facts: Any) -> float:
    """Return when something happened in a call, in seconds since its INVITE."""
    for entry in call["trace"]:
        if entry["event"] == event and all(entry.get(name) == value for name, value in facts.items()):
            found: float = entry["t"]
            return found
    raise AssertionError(f"no {event} {facts} in {call['trace']}")


def answered_s(call: dict[str, Any]) -> float:
    """Return when a call was answered, in seconds since its INVITE."""
    began, answered = (datetime.fromisoformat(call[each]) for each in ("started_at", "answered_at"))
    return (answered - began).total_seconds()
