"""A running voicebox for each test, and a mail server that keeps what arrives."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.system.service import Service


class Letters:
    """An SMTP server's handler that keeps every mail."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        return "250 kept"


@pytest.fixture
def letters() -> Letters:
    """What has been mailed so far."""
    return Letters()


@pytest.fixture
def smtp_port(letters: Letters) -> Iterator[int]:
    """The port of a mail server that takes everything."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


@pytest.fixture
def rtp_ports() -> tuple[int, int]:
    """A range of RTP ports that no other test process uses."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20000 + 2000 * worker
    return first, first + 1999


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoded prompts, shared by every test process of this run."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prompt-cache"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture
def service(tmp_path: Path, smtp_port: int, rtp_ports: tuple[int, int], cache: Path) -> Iterator[Service]:
    """A voicebox with the example company, listening."""
    made = Service(tmp_path, smtp_port=smtp_port, rtp_ports=rtp_ports, cache=cache)
    made.voicebox("apply", "directory.toml")
    made.start()
    yield made
    made.stop()
