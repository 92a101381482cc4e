"""The ports: free, or held by whom. What our own running `serve` holds is well."""

import errno
import os
import socket
from pathlib import Path
from typing import Final

from voicebox.cli.checks.finding import Finding, failed, ok, warning
from voicebox.config import Config
from voicebox.ports import CannotListen, Holder, Kind, PortTaken, bind

FEW: Final = 0.5
"""Of the RTP ports: when fewer are free, somebody else uses the range."""


def ports(settings: Config) -> list[Finding]:
    """Check every address of SIP and web, and how much of the RTP range is free."""
    found = []
    for address in settings.sip.addresses:
        kind: Kind = "udp" if address.transport == "udp" else "tcp"
        found.append(
            _listening(
                settings, f"SIP {address.transport}", "sip.listen", kind=kind, host=address.host, port=address.port
            )
        )
    web = settings.web.listen
    found.append(_listening(settings, "web", "web.listen", kind="tcp", host=web.host, port=web.port))
    found.append(_rtp(settings))
    return found


def _listening(settings: Config, name: str, key: str, *, kind: Kind, host: str, port: int) -> Finding:
    place = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
    try:
        for address in _addresses(host):
            bind(kind, address, port).close()
    except PortTaken as taken:
        if taken.holder is not None and _is_serving(taken.holder, settings):
            return ok(name, f"{place} is held by the running voicebox, {taken.holder}")
        who = f"Stop {taken.holder}" if taken.holder else "Run doctor as root to see by whom; stop it"
        return failed(name, str(taken), f"{who}, or set {key} to another port.")
    except CannotListen as error:
        return failed(name, str(error), f"Set {key} to an address and port that this machine may use.")
    except OSError as error:
        return failed(name, f"{place}: {error.strerror or error}", f"Set {key} to an address of this machine.")
    return ok(name, f"{place} is free" if port else f"{place}: any free port")


def _addresses(host: str) -> list[str]:
    """Return the addresses of a host; those that a name has in the DNS."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_serving(holder: Holder, settings: Config) -> bool:
    """Tell whether a process is the `serve` of this data folder: it has its spool's lock open."""
    try:
        lock = (settings.spool_dir / "lock").stat()
        links = list(Path(f"/proc/{holder.pid}/fd").iterdir())
    except OSError:
        return False
    return any(_same(link, lock) for link in links)


def _same(link: Path, file: os.stat_result) -> bool:
    try:
        seen = link.stat()
    except OSError:
        return False
    return (seen.st_dev, seen.st_ino) == (file.st_dev, file.st_ino)


def _rtp(settings: Config) -> Finding:
    first, last = settings.rtp.ports
    host = str(settings.rtp.address)
    pairs = range(first + first % 2, last, 2)
    try:
        free = sum(_pair_is_free(host, port) for port in pairs)
    except CannotListen as error:
        return failed("RTP", str(error), "Set rtp.address to an address of this machine.")
    said = f"{free:,} of {len(pairs):,} pairs of ports from {first} to {last} on {host} are free"
    cure = "Set rtp.ports to a range that nothing else uses, outside net.ipv4.ip_local_port_range."
    if not free:
        return failed("RTP", said, cure)
    return ok("RTP", said) if free >= FEW * len(pairs) else warning("RTP", said, cure)


def _pair_is_free(host: str, port: int) -> bool:
    return all(_is_free(host, each) for each in (port, port + 1))


def _is_free(host: str, port: int) -> bool:
    # Not `bind` of voicebox.ports: it would look for the holder of each of thousands of ports.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise CannotListen(error.errno, f"udp {host}: {error.strerror}") from error
    return True
