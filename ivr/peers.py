"""Who may send calls without a password: peers by their address, trunks by the addresses of their registrar."""

from ipaddress import ip_address
from typing import Final

from voicebox.settings.sip import CallSource, Sip

REMEMBERED_MAX: Final = 4096
"""Addresses whose peer is remembered; a scanner that uses many ports must not grow this without bound."""


class Peers:
    """Finds the peer or trunk that a packet came from."""

    def __init__(self, sip: Sip) -> None:
        self._sip = sip
        self._trunks: dict[str, frozenset[str]] = {}
        self._remembered: dict[tuple[str, int], CallSource | None] = {}

    def trunk_located(self, name: str, hosts: frozenset[str]) -> None:
        """Take calls from these addresses as the trunk's: its registrar resolved to them."""
        self._trunks[name] = frozenset(str(ip_address(host)) for host in hosts)
        self._remembered.clear()

    def find(self, host: str, port: int) -> CallSource | None:
        """Return who sends from an address, or None for a stranger."""
        key = (host, port)
        if key not in self._remembered:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[key] = self._look_up(host, port)
        return self._remembered[key]

    def _look_up(self, host: str, port: int) -> CallSource | None:
        peer = self._sip.peer_at(ip_address(host.partition("%")[0]), port)
        if peer is not None:
            return peer
        source = str(ip_address(host))
        return next((trunk for trunk in self._sip.trunk if source in self._trunks.get(trunk.name, ())), None)
