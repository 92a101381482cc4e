"""The demo's mail server: a real SMTP receiver on loopback that keeps what arrives."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from voicebox.demo.faults import deadline

HOST: Final = "127.0.0.1"
SIZE_MAX: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a mail."""

    name: str
    kind: str
    """Its media type."""
    size: int
    """Bytes, decoded."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that arrived."""

    recipient: str
    sender: str
    subject: str
    text: str
    """The plain text part."""
    attachments: tuple[Attachment, ...]
    at: float
    """When it arrived, by `time.monotonic`."""


class Letterbox:
    """Takes mails (aiosmtpd's handler) and hands them on."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._arrived: asyncio.Queue[Letter] = asyncio.Queue()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        content = envelope.original_content or b""
        self._arrived.put_nowait(read(content, ", ".join(envelope.rcpt_tos)))
        return "250 OK"

    async def next(self, within_s: float | None) -> Letter:
        """Return the next mail; None waits for ever.

        Raises:
            TooLateError: there was none.
        """
        async with deadline(within_s, "mail at the SMTP receiver"):
            return await self._arrived.get()


def read(content: bytes, recipient: str) -> Letter:
    """Read a mail."""
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    plain = message.get_body(("plain",))
    return Letter(
        recipient=recipient,
        sender=str(message["From"]),
        subject=str(message["Subject"]),
        text=str(plain.get_content()).strip() if plain is not None else "",
        attachments=tuple(
            Attachment(part.get_filename() or "", part.get_content_type(), len(part.get_payload(decode=True) or b""))
            for part in message.iter_attachments()
        ),
        at=time.monotonic(),
    )


@asynccontextmanager
async def letterbox() -> AsyncIterator[Letterbox]:
    """Receive mails on a free port while the context is open."""
    box = Letterbox(0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="demo.invalid", data_size_limit=SIZE_MAX, loop=loop), HOST, 0
    )
    box.port = int(server.sockets[0].getsockname()[1])
    try:
        yield box
    finally:
        server.close()
