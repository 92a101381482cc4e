"""A private PostgreSQL for the tests: its own cluster in a temporary folder, reached by a socket, gone at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_MAX_S = 120.0
MEMORY_MIN_BYTES = 2 << 30
"""Free, for a cluster to lie in memory: it takes some 150 MB, and each test process has one."""
PACKAGE = "PostgreSQL is missing: install the Debian package postgresql (apt-get install postgresql)"


def programs() -> Path:
    """Return the folder of initdb and postgres, the newest version there is."""
    folders = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        key=lambda folder: int(folder.parent.name),
    )
    if folders:
        return folders[-1]
    found = shutil.which("postgres")
    if found is None:
        raise RuntimeError(PACKAGE)
    return Path(found).resolve().parent


def as_its_user() -> list[str]:
    """Return the command that drops root, which PostgreSQL refuses, and ties the server to our life."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeError("setpriv is missing: install the Debian package util-linux")
    if os.getuid() == 0:
        return [setpriv, "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"]
    return [setpriv, "--pdeathsig=INT"]


@contextmanager
def cluster() -> Iterator[str]:
    """Run a cluster and give the address of its databases, with `{name}` for the database's."""
    bin_ = programs()
    root = Path(tempfile.mkdtemp(prefix="voicebox-pg-", dir=_folder()))
    if os.getuid() == 0:
        shutil.chown(root, "postgres", "postgres")
    prefix = as_its_user()
    data, log = root / "data", root / "log"
    server: subprocess.Popen[bytes] | None = None
    try:
        subprocess.run(
            [*prefix, str(bin_ / "initdb"), "--no-sync", "-A", "trust", "-U", "voicebox", "-E", "UTF8", "--locale=C",
             "-D", str(data)],
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*prefix, str(bin_ / "postgres"), "-D", str(data), "-k", str(root), "-c", "listen_addresses=",
                 "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB",
                 "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "max_wal_size=64MB",
                 "-c", "max_connections=60", "-c", "deadlock_timeout=50ms"],
                stdout=output, stderr=output, cwd="/",
            )  # fmt: skip
        _wait_for(bin_, root, server, log)
        yield f"postgresql+asyncpg://voicebox@/{{name}}?host={root}"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
            server.wait(timeout=30)
        shutil.rmtree(root, ignore_errors=True)


def _folder() -> Path:
    """Return where clusters lie: in memory where there is room, for hundreds of databases are made and dropped."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= MEMORY_MIN_BYTES:
        return memory
    return Path("/tmp")  # noqa: S108 - likewise


def _wait_for(bin_: Path, root: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_MAX_S
    ready = [str(bin_ / "pg_isready"), "-q", "-h", str(root), "-U", "voicebox", "-d", "postgres"]
    while subprocess.run(ready, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
