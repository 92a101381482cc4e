"""Who holds a port: read from /proc on Linux, so that "address already in use" can name the culprit.

Reading only: /proc/net/{tcp,udp}{,6} gives the socket's inode, /proc/<pid>/fd/* the process that has it open. Other
systems, and processes of other users, are answered with None.
"""

import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, Literal

Kind = Literal["tcp", "udp"]

_PROC: Final = Path("/proc")
_TCP_LISTEN: Final = "0A"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a port."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name})"


class PortTaken(OSError):  # noqa: N818 - what happened, as the administrator reads it
    """A port cannot be listened on. The text names the address and, where it can be seen, who holds it."""

    def __init__(self, kind: Kind, host: str, port: int, holder: Holder | None) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        by = f"by {holder}" if holder else "by another process (run as root to see which)"
        super().__init__(errno.EADDRINUSE, f"{kind} {place} is taken {by}")
        self.kind = kind
        self.host = host
        self.port = port
        self.holder = holder

    def __str__(self) -> str:
        return str(self.strerror)


class CannotListen(OSError):  # noqa: N818 - likewise
    """An address cannot be listened on for another reason; the text names it and says what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


def bind(kind: Kind, host: str, port: int) -> socket.socket:
    """Return a non-blocking socket bound to an address; a TCP one is not listening yet.

    UDP never shares its port: with SO_REUSEADDR a second process would silently take the packets. An IPv6 socket
    takes IPv6 only, so that `[::]` and `0.0.0.0` can be listed side by side.

    Raises:
        PortTaken: another socket holds the port.
        CannotListen: the port is reserved for root, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == "tcp":
            # Restarting must not wait for old connections in TIME_WAIT.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        if kind == "tcp":
            sock.listen(128)
    except OSError as error:
        sock.close()
        raise _explained(error, kind, host, port) from error
    return sock


def holder_of(kind: Kind, host: str, port: int, *, proc: Path = _PROC) -> Holder | None:
    """Return the process whose socket keeps us from listening on host and port, or None if it cannot be seen."""
    inodes = {
        inode for table in (kind, f"{kind}6") for inode in _inodes(proc / "net" / table, kind, ip_address(host), port)
    }
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _numbered(proc):
        if _has_open(process, wanted):
            return Holder(int(process.name), _name(process))
    return None


def _explained(error: OSError, kind: Kind, host: str, port: int) -> OSError:
    place = f"{kind} [{host}]:{port}" if ":" in host else f"{kind} {host}:{port}"
    match error.errno:
        case errno.EADDRINUSE:
            return PortTaken(kind, host, port, holder_of(kind, host, port))
        case errno.EACCES:
            return CannotListen(error.errno, f"{place}: ports below 1024 need CAP_NET_BIND_SERVICE")
        case errno.EADDRNOTAVAIL:
            return CannotListen(error.errno, f"{place}: this machine does not have that address")
        case _:
            return CannotListen(error.errno, f"{place}: {error.strerror}")


def _inodes(table: Path, kind: Kind, host: IPv4Address | IPv6Address, port: int) -> set[str]:
    """Return the inodes of sockets in a /proc/net table that conflict with an address."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return set()
    found = set()
    for line in lines:
        fields = line.split()
        if len(fields) < 10:
            continue
        place, state, inode = fields[1], fields[3], fields[9]
        hex_host, _, hex_port = place.partition(":")
        if int(hex_port, 16) != port or (kind == "tcp" and state != _TCP_LISTEN):
            continue
        if _conflicts(_address(hex_host), host):
            found.add(inode)
    return found


def _address(text: str) -> IPv4Address | IPv6Address:
    """Read the kernel's notation: 32-bit words in hexadecimal, each in the machine's byte order (little-endian)."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    raw = b"".join(words)
    return IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)


def _conflicts(held: IPv4Address | IPv6Address, wanted: IPv4Address | IPv6Address) -> bool:
    if held == wanted:
        return True
    if held.version == wanted.version:
        return held.is_unspecified or wanted.is_unspecified
    # A dual-stack [::] takes IPv4 too.
    return held.version == 6 and held.is_unspecified


def _numbered(proc: Path) -> list[Path]:
    try:
        return [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return []


def _has_open(process: Path, wanted: set[str]) -> bool:
    try:
        return any(str(_target(link)) in wanted for link in (process / "fd").iterdir())
    except OSError:
        return False


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        # Closed between listing and reading.
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"
