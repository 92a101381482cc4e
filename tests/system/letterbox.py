"""A mail server that keeps what arrives (aiosmtpd), and that can refuse or go away."""

import email
import email.policy
import socket
from email.message import EmailMessage
from typing import Final, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import free_port
from tests.system.service import EVENTUALLY_S, eventually

READY_S: Final = 60.0
GREETED_S: Final = 30.0


class PatientController(Controller):
    """Waits longer than aiosmtpd's second for the greeting of its own server, on whose account it starts."""

    def _trigger_server(self) -> None:
        with socket.create_connection((self.hostname, self.port), GREETED_S) as connection:
            connection.recv(1024)


class Letterbox:
    """An SMTP server on a port of its own."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port("127.0.0.1", "tcp")
        self.refusal = ""
        """What to answer instead of taking a mail."""
        self._kept: list[tuple[str, bytes]] = []
        self._controller: Controller | None = None

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Listen."""
        # With a name of its own: it would look for the machine's, which may take a while.
        self._controller = PatientController(
            self, hostname="127.0.0.1", port=self.port, server_hostname="letterbox", ready_timeout=READY_S
        )
        self._controller.start()
        return self

    def close(self) -> None:
        """Go away."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        if self.refusal:
            return self.refusal
        for recipient in envelope.rcpt_tos:
            self._kept.append((recipient, envelope.original_content or b""))
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        """Return the mails that came for an address so far, parsed strictly enough to see what a reader would."""
        return [
            email.message_from_bytes(content, policy=email.policy.default)
            for recipient, content in self._kept
            if recipient == address
        ]

    def wait_for(self, address: str, *, count: int = 1, within_s: float = EVENTUALLY_S) -> EmailMessage:
        """Wait until `count` mails came for an address, no more; return the last."""
        found = eventually(
            lambda: found if len(found := self.to(address)) >= count else None,
            f"mail {count} to {address}",
            within_s=within_s,
        )
        assert len(found) == count
        return found[-1]
