"""Who may send calls without a password: peers by their address, trunks by the addresses of their registrar."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from voicebox.settings.sip import CallSource, Sip

REMEMBERED_MAX: Final = 4096
"""Addresses whose peer is remembered; a scanner that uses many ports must not grow this without bound."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A peer or trunk, and the company its calls belong to."""

    settings: CallSource
    company_id: int

    @property
    def name(self) -> str:
        """Its name in the configuration, call records and logs."""
        return self.settings.name


class Peers:
    """Finds the neighbour that a packet came from."""

    def __init__(self, sip: Sip, companies: Mapping[str | None, int]) -> None:
        """Take the configuration and the ids of companies by name; None is the only one."""
        self._sip = sip
        self._companies = companies
        self._trunks: dict[str, frozenset[str]] = {}
        self._remembered: dict[tuple[str, int], Neighbour | None] = {}

    def trunk_located(self, name: str, hosts: frozenset[str]) -> None:
        """Take calls from these addresses as the trunk's: its registrar resolved to them."""
        self._trunks[name] = hosts
        self._remembered.clear()

    def find(self, host: str, port: int) -> Neighbour | None:
        """Return who sends from an address, or None for a stranger."""
        key = (host, port)
        if key not in self._remembered:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[key] = self._look_up(host, port)
        return self._remembered[key]

    def all(self) -> list[Neighbour]:
        """Return every peer and trunk whose company exists."""
        return [found for settings in (*self._sip.peer, *self._sip.trunk) if (found := self._neighbour(settings))]

    def _look_up(self, host: str, port: int) -> Neighbour | None:
        peer = self._sip.peer_at(ip_address(host.partition("%")[0]), port)
        if peer is not None:
            return self._neighbour(peer)
        for trunk in self._sip.trunk:
            if host in self._trunks.get(trunk.name, ()):
                return self._neighbour(trunk)
        return None

    def _neighbour(self, settings: CallSource) -> Neighbour | None:
        company_id = self._companies.get(settings.company)
        return None if company_id is None else Neighbour(settings, company_id)
