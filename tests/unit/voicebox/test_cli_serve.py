"""`voicebox serve`, as a process: its one line, its end, and what it says when it cannot begin."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.installation import Installation
from tests.ports import free_port

pytestmark = pytest.mark.system
START_MAX_S = 120
"""A first start encodes every prompt; on a busy machine that takes a while."""
COMMAND = [sys.executable, "-c", "from voicebox.cli import main; main()"]


@pytest.fixture
def ready_to_serve(installation: Installation, cache: Path) -> Installation:
    (installation.folder / "var" / "cache").symlink_to(cache)
    write(installation, free_port("127.0.0.1"), free_port("127.0.0.1", "tcp"))
    return installation


def write(installation: Installation, sip: int, web: int) -> None:
    installation.config.write_text(
        f'data_dir = "var"\n[sip]\nlisten = ["udp:127.0.0.1:{sip}", "tcp:127.0.0.1:{sip}"]\n'
        f'[web]\nlisten = "127.0.0.1:{web}"\n'
    )


@contextmanager
def serving(installation: Installation) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, "serve", "--config", str(installation.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def refused(installation: Installation) -> str:
    """Start it; it must end with 5, without a word on standard output; returns what it says."""
    done = subprocess.run(
        [*COMMAND, "serve", "--config", str(installation.config)],
        capture_output=True,
        text=True,
        timeout=START_MAX_S,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_prints_one_line_and_ends_in_order(ready_to_serve: Installation) -> None:
    with serving(ready_to_serve) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert set(line) == {"event", "sip", "web"}
        assert line["event"] == "ready"
        assert [each.partition(":")[0] for each in line["sip"]] == ["udp", "tcp"]
        assert line["web"].startswith("http://127.0.0.1:")
        # Its data are in use, and it says so to the next one.
        write(ready_to_serve, free_port("127.0.0.1"), free_port("127.0.0.1", "tcp"))
        assert "is in use by another process" in refused(ready_to_serve)
        process.send_signal(signal.SIGTERM)
        rest, logged = process.communicate(timeout=START_MAX_S)
    assert (process.returncode, rest) == (0, "")
    for entry in logged.splitlines():
        json.loads(entry)


@pytest.mark.parametrize("kind", ["udp", "tcp", "web"])
def test_a_taken_port_says_which_and_who_holds_it(kind: str, ready_to_serve: Installation) -> None:
    # This process is the second one: the service runs in another.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as sock:
        port = free_port("127.0.0.1", "udp" if kind == "udp" else "tcp")
        sock.bind(("127.0.0.1", port))
        if kind != "udp":
            sock.listen()
        if kind == "web":
            write(ready_to_serve, free_port("127.0.0.1"), port)
        else:
            write(ready_to_serve, port, free_port("127.0.0.1", "tcp"))
        said = refused(ready_to_serve)
    assert f"{'udp' if kind == 'udp' else 'tcp'} 127.0.0.1:{port} is taken by process {os.getpid()} (" in said


def test_a_database_that_is_away_is_said(ready_to_serve: Installation) -> None:
    with ready_to_serve.config.open("a") as file:
        file.write('[database]\nurl = "postgresql+asyncpg://voicebox:geheim@127.0.0.1:9/box"\n')
    said = refused(ready_to_serve)
    assert "voicebox: the database is unavailable" in said
    assert "geheim" not in said


def test_an_address_that_is_not_here_is_said_at_once(ready_to_serve: Installation) -> None:
    before = ready_to_serve.config.read_text(encoding="utf-8")
    ready_to_serve.config.write_text(f'{before}[rtp]\naddress = "203.0.113.9"\n', encoding="utf-8")
    assert "rtp.address: 203.0.113.9 is not an address of this machine" in refused(ready_to_serve)
    ready_to_serve.config.write_text(before.replace("udp:127.0.0.1", "udp:203.0.113.9"), encoding="utf-8")
    assert "sip.listen: udp 203.0.113.9:" in refused(ready_to_serve)


def test_a_data_folder_that_cannot_be_made_is_said(ready_to_serve: Installation) -> None:
    text = ready_to_serve.config.read_text(encoding="utf-8").replace('"var"', '"voicebox.toml"')
    ready_to_serve.config.write_text(text, encoding="utf-8")
    assert "voicebox: data_dir: " in (said := refused(ready_to_serve))
    assert "Errno" not in said
