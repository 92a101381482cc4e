"""Ports for the phones of tests: SIPp would take 5060 by itself, which the demo's tests look for, too."""

import socket


def free_port(host: str, transport: str = "udp") -> int:
    """Return a port that nobody uses now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as probe:
        probe.bind((host.strip("[]"), 0))
        return int(probe.getsockname()[1])
