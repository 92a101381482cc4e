"""Our registrations at trunks, kept alive while the process runs (RFC 3261 section 10; failover by RFC 3263)."""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from ivr.peers import Peers
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Destination, Hop
from ivr.sip.locating import LocatingError, destination_of_uri
from ivr.sip.registration import Account, RegistrationClient
from ivr.sip.uri import Uri, escaped
from voicebox.settings.sip import Sip, Trunk

log = structlog.get_logger("voicebox.ivr.trunks")

LEAVE_TIMEOUT_S: Final = 2.0
"""Leaving politely must not hold up a shutdown."""
FAULT_S: Final = 60.0
"""After a fault of ours, which will most likely come again."""


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

    async def _keep_registered(self, trunk: Trunk) -> None:
        client = self.clients[trunk.name] = RegistrationClient(
            Account(
                registrar=Uri.parse(trunk.registrar),
                username=trunk.username,
                password=trunk.password.get_secret_value(),
                contact="",
                expires_s=trunk.expires_s,
            )
        )
        try:
            while True:
                try:
                    wait_s = await self._register(trunk, client)
                except Exception:
                    # One trunk's fault leaves the others registered.
                    log.exception("trunk_failed", trunk=trunk.name)
                    wait_s = FAULT_S
                await asyncio.sleep(wait_s)
        finally:
            if client.registered:
                await self._leave(trunk, client)

    async def _register(self, trunk: Trunk, client: RegistrationClient) -> float:
        """Send one REGISTER; return the seconds until the next."""
        was = client.registered
        try:
            hops = await self._locate(trunk)
        except LocatingError as error:
            wait_s = client.failed(str(error))
        else:
            # Our Contact is the address that this registrar reaches us at.
            contact = self._endpoint.contact(hops[0], escaped(trunk.username)).strip("<>")
            client.account = replace(client.account, contact=contact)
            wait_s = client.receive(await self._endpoint.request(client.request(), _destination(trunk)))
        if client.registered != was:
            log.info("trunk_registered" if client.registered else "trunk_lost", trunk=trunk.name)
        if client.last_error:
            log.warning("trunk_registration_failed", trunk=trunk.name, why=client.last_error, again_s=wait_s)
        return wait_s

    async def _leave(self, trunk: Trunk, client: RegistrationClient) -> None:
        for _ in range(2):
            response = await self._endpoint.request(
                client.request(leave=True), _destination(trunk), timeout_s=LEAVE_TIMEOUT_S
            )
            if response.status not in {401, 407}:
                return
            client.receive(response)

    async def _locate(self, trunk: Trunk) -> list[Hop]:
        """Return the way to the trunk, and take calls from its addresses as its own from now on.

        A name service that is down takes nothing back: calls still come from where they came from.

        Raises:
            LocatingError: the trunk cannot be found now.
        """
        hops = await self._endpoint.locate(_destination(trunk))
        hosts = {hop.host for hop in hops}
        if trunk.proxy:
            try:
                there = await self._endpoint.locate(destination_of_uri(Uri.parse(trunk.registrar)))
                hosts |= {hop.host for hop in there}
            except LocatingError as error:
                # Behind a proxy the registrar may be a mere name of a domain.
                log.debug("trunk_domain_unlocated", trunk=trunk.name, why=str(error))
        self._peers.trunk_located(trunk.name, frozenset(hosts))
        return hops


def _destination(trunk: Trunk) -> Destination:
    """Return where REGISTERs go; raises LocatingError for a transport that we do not have."""
    return destination_of_uri(Uri.parse(trunk.proxy or trunk.registrar))
