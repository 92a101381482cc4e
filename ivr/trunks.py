"""Our registrations at trunks, kept alive while the process runs (RFC 3261 section 10; failover by RFC 3263)."""

import asyncio
import contextlib
import socket
from typing import Final

import structlog

from ivr.peers import Peers
from ivr.sip.endpoint import Endpoint
from ivr.sip.errors import ParseError
from ivr.sip.hops import Destination, Transport, is_ip
from ivr.sip.registration import Account, RegistrationClient
from ivr.sip.uri import Uri
from voicebox.settings.sip import Sip, Trunk

log = structlog.get_logger("voicebox.ivr.trunks")

LEAVE_TIMEOUT_S: Final = 2.0
"""Leaving politely must not hold up a shutdown."""


class Trunks:
    """Registers at every configured trunk."""

    def __init__(self, endpoint: Endpoint, peers: Peers, sip: Sip) -> None:
        self._endpoint = endpoint
        self._peers = peers
        self._sip = sip
        self.clients: dict[str, RegistrationClient] = {}
        """By the trunk's name; `registered` and `last_error` are for the operator."""

    async def run(self) -> None:
        """Keep registered at all trunks; runs until cancelled, and leaves them then."""
        async with asyncio.TaskGroup() as group:
            for trunk in self._sip.trunk:
                group.create_task(self._keep_registered(trunk))
            # Without trunks there is nothing to do, which is not an end.
            await asyncio.get_running_loop().create_future()

    async def _keep_registered(self, trunk: Trunk) -> None:
        registrar = Uri.parse(trunk.registrar)
        destination = _destination(trunk.proxy) if trunk.proxy else None
        client = self.clients[trunk.name] = RegistrationClient(
            Account(
                registrar=registrar,
                username=trunk.username,
                password=trunk.password.get_secret_value(),
                contact=f"sip:{trunk.username}@{self._own_address()}",
                expires_s=trunk.expires_s,
            )
        )
        try:
            while True:
                await self._locate(trunk, registrar)
                was = client.registered
                response = await self._endpoint.request(client.request(), destination)
                wait_s = client.receive(response)
                if client.registered != was:
                    log.info("trunk_registered" if client.registered else "trunk_lost", trunk=trunk.name)
                if client.last_error:
                    log.warning("trunk_registration_failed", trunk=trunk.name, why=client.last_error, again_s=wait_s)
                await asyncio.sleep(wait_s)
        finally:
            if client.registered:
                with contextlib.suppress(TimeoutError):
                    await self._endpoint.request(client.request(leave=True), destination, timeout_s=LEAVE_TIMEOUT_S)

    def _own_address(self) -> str:
        listening = next(
            (each for each in self._endpoint.listening if each.transport is Transport.UDP), self._endpoint.listening[0]
        )
        host = self._sip.external or listening.host
        return f"[{host}]:{listening.port}" if ":" in host else f"{host}:{listening.port}"

    async def _locate(self, trunk: Trunk, registrar: Uri) -> None:
        """Take calls from the addresses the trunk's name stands for now as the trunk's."""
        names = {registrar.host}
        if trunk.proxy:
            names.add(Uri.parse(trunk.proxy).host)
        hosts: set[str] = set()
        loop = asyncio.get_running_loop()
        for name in names:
            bare = name.strip("[]")
            if is_ip(bare):
                hosts.add(bare)
                continue
            try:
                found = await loop.getaddrinfo(bare, None, type=socket.SOCK_DGRAM)
            except OSError as error:
                log.warning("trunk_unlocated", trunk=trunk.name, host=bare, why=str(error))
                continue
            hosts.update(str(address[0]) for *_, address in found)
        self._peers.trunk_located(trunk.name, frozenset(hosts))


def _destination(proxy: str) -> Destination:
    uri = Uri.parse(proxy)
    transport = uri.params.get("transport")
    try:
        known = Transport(transport.lower()) if transport else None
    except ValueError as error:
        raise ParseError("Unknown transport of a proxy") from error
    return Destination(uri.host.strip("[]"), uri.port, known)
