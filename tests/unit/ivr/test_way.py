"""Requests within a dialog find the peer, also where its Contact, or the connection it came by, leads nowhere."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from ivr.sip.dialog import Dialog
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Hop, Transport
from ivr.sip.uri import Uri
from ivr.way import Way
from tests.fakes.exchange import Core, Names

INSIDE = "sip:pbx@only.inside.test"
"""A Contact with a name that nobody outside of the peer's network knows."""


@dataclass
class Peer:
    """A peer that listens for datagrams and for connections, and our endpoint."""

    core: Core
    ours: Endpoint

    def at(self, transport: Transport) -> Hop:
        where = next(each for each in self.core.endpoint.listening if each.transport is transport)
        return Hop(transport, where.host, where.port)

    def contact(self, transport: Transport) -> str:
        hop = self.at(transport)
        return f"sip:pbx@{hop.host}:{hop.port};transport={transport}"

    def way(self, target: str, source: Hop, *routes: str) -> tuple[Dialog, Way]:
        dialog = Dialog(
            "a-call", "ours", "theirs", "<sip:us@x>;tag=ours", "<sip:pbx@x>;tag=theirs", Uri.parse(target), routes
        )
        return dialog, Way(self.ours, dialog, source=source, direct=source.transport.reliable, login=None)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    core, own = Core(), Core()
    core.endpoint = Endpoint(core, user_agent="pbx", resolver=Names())
    own.endpoint = ours = Endpoint(own, user_agent="voicebox", resolver=Names())
    await core.endpoint.listen(["udp:127.0.0.1:0", "tcp:127.0.0.1:0"])
    await ours.listen(["udp:127.0.0.1:0", "tcp:127.0.0.1:0"])
    try:
        yield Peer(core, ours)
    finally:
        await ours.close()
        await core.endpoint.close()


@pytest.fixture
async def ended() -> Hop:
    """Where a connection came from that has ended: nobody listens there."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return Hop(Transport.TCP, "127.0.0.1", port)


@pytest.mark.parametrize("routes", [(), ("<sip:proxy.inside.test;lr>",)])
async def test_where_the_contact_is_known_inside_only_the_peer_is_where_it_was(
    peer: Peer, routes: tuple[str, ...]
) -> None:
    dialog, way = peer.way(INSIDE, peer.at(Transport.UDP), *routes)
    assert await way.acknowledge(dialog.ack(1))
    await peer.core.until(lambda: peer.core.acks)
    assert (await way.ask(dialog.request("BYE"))).status == 200
    dialog, way = peer.way(INSIDE, peer.at(Transport.UDP), *routes)
    assert (await way.ask(dialog.request("OPTIONS"))).status == 200


async def test_where_the_connection_has_ended_the_contact_says_who_listens(peer: Peer, ended: Hop) -> None:
    for transport in Transport:
        dialog, way = peer.way(peer.contact(transport), ended)
        assert (await way.ask(dialog.request("BYE"))).status == 200
    dialog, way = peer.way(peer.contact(Transport.TCP), ended)
    assert await way.acknowledge(dialog.ack(1))
    await peer.core.until(lambda: peer.core.acks)


async def test_where_nothing_leads_to_the_peer_it_is_given_up(peer: Peer, ended: Hop) -> None:
    dialog, way = peer.way(INSIDE, ended)
    assert not await way.acknowledge(dialog.ack(1))
    assert (await way.ask(dialog.request("BYE"))).status == 503
    assert peer.core.requests == peer.core.acks == []
