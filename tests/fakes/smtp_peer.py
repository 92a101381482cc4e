"""An SMTP server that misbehaves on request: refuses, stalls, hangs up, or dies after it took the text."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

STALL: Final = "stall"
"""Says nothing more, but keeps the connection."""
HANG_UP: Final = "hang up"
"""Closes the connection without a word."""
KEEP_AND_HANG_UP: Final = "keep and hang up"
"""At the end of the text: the mail is taken, but its 250 never arrives."""

GREETING, TEXT = "greeting", "text"
"""Besides the commands, two more places where an answer can be set."""


@dataclass
class Received:
    """A mail that the server took."""

    sender: str
    recipient: str
    data: bytes


@dataclass
class SmtpPeer:
    """Listens on loopback while it is entered. `answers` are used up one by one, then all goes well."""

    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("SIZE 10000000", "8BITMIME")
    mails: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    sessions: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._left: defaultdict[str, deque[str]] = defaultdict(deque)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self.stalled = asyncio.Event()
        """Set once a session has begun to stall."""
        self.then(self.answers)

    def then(self, answers: Mapping[str, Sequence[str]]) -> None:
        """Set the next answers to commands."""
        for command, lines in answers.items():
            self._left[command].extend(lines)

    async def arrived(self, count: int) -> None:
        """Wait until at least `count` mails were taken."""
        while len(self.mails) < count:
            self._news.clear()
            await self._news.wait()

    def _take(self, mail: Received) -> None:
        self.mails.append(mail)
        self._news.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._session, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.vanish()

    async def vanish(self) -> None:
        """Stop listening and break every session."""
        assert self._server is not None
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            # Python 3.11's streams log a session that was cancelled as an error.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._answer(writer, GREETING, "220 peer.test ESMTP"):
            return
        sender = recipient = ""
        while line := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
            self.commands.append(line)
            verb = line.split(" ", 1)[0].upper()
            usual = "250 OK"
            match verb:
                case "EHLO":
                    usual = "\r\n".join(["250-peer.test", *(f"250-{e}" for e in self.extensions), "250 HELP"])
                case "MAIL":
                    sender = line[line.index("<") + 1 : line.index(">")]
                case "RCPT":
                    recipient = line[line.index("<") + 1 : line.index(">")]
                case "DATA":
                    usual = "354 go ahead"
                case "AUTH":
                    usual = "235 welcome"
                case "QUIT":
                    usual = "221 bye"
            said = await self._answer(writer, verb, usual)
            if not said or verb == "QUIT":
                return
            if verb == "DATA" and said.startswith("354"):
                data = await reader.readuntil(b"\r\n.\r\n")
                mail = Received(sender, recipient, data[:-3].replace(b"\r\n..", b"\r\n."))
                said = await self._answer(writer, TEXT, "250 queued", mail)
                if not said:
                    return
                if said.startswith("250"):
                    self._take(mail)

    async def _answer(self, writer: asyncio.StreamWriter, place: str, usual: str, mail: Received | None = None) -> str:
        """Say the next set answer, else the usual one; empty once the session is over."""
        line = self._left[place].popleft() if self._left[place] else usual
        if line == KEEP_AND_HANG_UP:
            assert mail is not None
            self._take(mail)
        if line in {HANG_UP, KEEP_AND_HANG_UP}:
            return ""
        if line == STALL:
            self.stalled.set()
            await asyncio.Event().wait()
        writer.write(line.encode("utf-8", "surrogateescape") + b"\r\n")
        await writer.drain()
        return line
