"""The demo's voicebox: its folder, its commands as an administrator types them, its process and its HTTP API."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from voicebox.demo.company import Company, Places, configuration_file, directory_file
from voicebox.demo.faults import DemoError, deadline
from voicebox.demo.processes import running

HOST: Final = "127.0.0.1"
SIP_PORT: Final = 5060
WEB_PORT: Final = 8080
RTP_PORTS: Final = 200
COMMAND_S: Final = 60.0
"""A command of seconds, on a machine that is busy with something else."""
START_S: Final = 90.0
"""The first start encodes every prompt, 10 s on a machine of its own."""
RECORD_S: Final = 30.0
"""A call record is written within a second of the call's end."""
LOOK_EVERY_S: Final = 0.1
LOG_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class Ready:
    """Where it listens."""

    sip: tuple[str, ...]
    sip_port: int
    """For UDP."""
    web: str


class Service:
    """A voicebox in a folder."""

    def __init__(self, folder: Path, *, usual_ports: bool, lamp_port: int, smtp_port: int, company: Company) -> None:
        """Write its files.

        Args:
            folder: an empty folder.
            usual_ports: take 5060 and 8080 where they are free, so that a newcomer finds what the books say.
            lamp_port: where the PBX wants to hear of messages.
            smtp_port: where mails go.
            company: whom it serves.
        """
        self.folder = folder
        self._token = ""
        self._web = ""
        places = Places(
            sip=free_port(SIP_PORT if usual_ports else 0),
            web=free_port(WEB_PORT if usual_ports else 0),
            smtp=smtp_port,
            lamps=lamp_port,
            rtp=_rtp_range(),
        )
        self.config = folder / "voicebox.toml"
        self.directory = folder / "directory.toml"
        self.config.write_text(configuration_file(places), encoding="utf-8")
        self.directory.write_text(directory_file(company), encoding="utf-8")
        self._log_file = folder / "serve.log"
        keep_encoded_prompts(folder / "var")

    async def voicebox(self, *arguments: str) -> str:
        """Run another `voicebox` command in the folder, and return what it printed.

        Raises:
            DemoError: it failed; with what it said.
        """
        said = self.folder / "command.log"
        with said.open("wb") as log:
            async with running([*_command(), *arguments], folder=self.folder, log=log) as process:
                if process.stdout is None:
                    raise ValueError("the command has no standard output")
                async with deadline(COMMAND_S, f"end of `voicebox {arguments[0]}`"):
                    printed = await process.stdout.read()
                    code = await process.wait()
        if code:
            told = said.read_text(encoding="utf-8", errors="replace").strip()
            raise DemoError(f"`voicebox {' '.join(arguments)}` ended with {code}: {told}")
        return printed.decode()

    async def make_token(self) -> None:
        """Get a token for the API, of an administrator."""
        self._token = (await self.voicebox("token", "--scope", "admin", "--name", "demo")).strip()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Ready]:
        """Serve while the context is open; yields once everything listens."""
        with self._log_file.open("ab") as log:
            async with running([*_command(), "serve"], folder=self.folder, log=log) as process:
                if process.stdout is None:
                    raise ValueError("the service has no standard output")
                async with deadline(START_S, "sign of `voicebox serve`, which starts"):
                    line = await process.stdout.readline()
                if not line:
                    raise DemoError("`voicebox serve` did not start")
                ready = json.loads(line)
                self._web = ready["web"]
                ports = [int(each.rpartition(":")[2]) for each in ready["sip"] if each.startswith("udp:")]
                yield Ready(tuple(ready["sip"]), ports[0], self._web)

    def log_lines(self) -> list[str]:
        """Return the last lines that may explain a failure: the service's warnings, else its last words."""
        with contextlib.suppress(OSError):
            lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines()
            telling = [line for line in lines if re.search(r"warning|error|critical|Traceback|Error:", line)]
            return (telling or lines)[-LOG_LINES:]
        return []

    # -- the API

    async def get(self, path: str) -> Any:
        """Return what the API answers.

        Raises:
            DemoError: it answers with an error.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with (
                aiohttp.ClientSession(self._web, headers=headers, timeout=aiohttp.ClientTimeout(10)) as client,
                client.get(path) as response,
            ):
                if response.status != 200:
                    raise DemoError(f"GET {path} answers {response.status}: {(await response.text())[:200]}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoError(f"GET {path}: {error!r}") from None

    async def last_call(self, count: int) -> dict[str, Any]:
        """Wait until `count` calls are on record, and return the last one with its trace."""
        async with deadline(RECORD_S, "record of the call"):
            while True:
                listed = (await self.get(f"/api/v1/calls?limit={count}"))["calls"]
                if len(listed) == count:
                    break
                await asyncio.sleep(LOOK_EVERY_S)
        found: dict[str, Any] = await self.get(f"/api/v1/calls/{listed[0]['id']}")
        return found

    async def messages(self, number: str, folder: str) -> list[dict[str, Any]]:
        """Return the messages of a mailbox in one of its folders."""
        answer = await self.get(f"/api/v1/mailboxes/{number}/messages?folder={folder}")
        found: list[dict[str, Any]] = answer["messages"]
        return found


def _command() -> list[str]:
    """Return the `voicebox` command of this very installation."""
    beside = Path(sys.executable).with_name("voicebox")
    return [str(beside)] if beside.exists() else [sys.executable, "-c", "from voicebox.cli import main; main()"]


def free_port(wanted: int) -> int:
    """Return a port that is free on loopback for UDP and TCP: the wanted one, if it is not 0 and free."""
    for port in (wanted, 0, 0, 0, 0):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the service does
            with contextlib.suppress(OSError):
                tcp.bind((HOST, port))
                udp.bind((HOST, tcp.getsockname()[1]))
                return int(tcp.getsockname()[1])
    raise DemoError("no free port was found on 127.0.0.1")


def _rtp_range() -> tuple[int, int]:
    """Return a range of RTP ports around a free one; busy ones among them are skipped by the service."""
    first = min(free_port(0), 65_535 - RTP_PORTS) & ~1
    return first, first + RTP_PORTS - 1


def keep_encoded_prompts(data: Path) -> None:
    """Let the encoded prompts, the same for every demo, outlive it in the user's cache: the next one starts faster."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voicebox" / "demo"
    data.mkdir(mode=0o700)
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        (data / "cache").symlink_to(cache)


def remove_folder(folder: Path) -> None:
    """Remove everything the demo wrote; what links point to stays."""
    shutil.rmtree(folder, ignore_errors=True)
