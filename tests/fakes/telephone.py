"""A registered telephone with an endpoint of its own on loopback, answered by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from ivr.sip.dialog import Dialog
from ivr.sip.endpoint import Endpoint
from ivr.sip.headers import Headers
from ivr.sip.hops import Hop, Source, Transport
from ivr.sip.message import Request, Response, response_to
from ivr.sip.transaction import ServerTransaction
from ivr.sip.uri import Uri
from tests.fakes.exchange import PHONE, REALM, Core, Exchange, Names, sdp
from voicebox.directory import Device

SAID: Final = sdp(41_000)
"""What a telephone describes of itself when it answers."""


class Telephone:
    """One phone: what it gets is kept, what it says the test decides."""

    def __init__(self, both: Exchange, endpoint: Endpoint, core: Core, name: str) -> None:
        self.both = both
        self.endpoint = endpoint
        self.core = core
        self.name = name
        self.tag = f"tag-{name}"
        self.dialog: Dialog | None = None

    @property
    def contact(self) -> str:
        where = self.endpoint.listening[0]
        return f"<sip:{self.name}@{where.host}:{where.port}>"

    async def invited(self, number: int = 1) -> ServerTransaction:
        """Wait until it rings."""
        await self.core.until(lambda: len(self.core.invites) >= number)
        return self.core.invites[number - 1]

    async def rings(self, status: int = 180, body: bytes = b"", *, tag: str = "") -> ServerTransaction:
        """Ring, and say so."""
        tx = await self.invited()
        response = response_to(tx.request, status, to_tag=tag or self.tag)
        response.headers.set("Contact", self.contact)
        if body:
            response.headers.set("Content-Type", "application/sdp")
            response.body = body
        self.endpoint.respond(tx, response)
        return tx

    async def refuses(self, status: int, *contacts: str) -> None:
        """Turn the call away."""
        tx = await self.invited()
        response = response_to(tx.request, status, to_tag=self.tag)
        for contact in contacts:
            response.headers.add("Contact", contact)
        self.endpoint.respond(tx, response)

    async def picks_up(self, body: bytes = SAID, *, tag: str = "", **headers: str) -> Dialog:
        """Answer; return its side of the dialog."""
        tx = await self.invited()
        tag = tag or self.tag
        response = response_to(tx.request, 200, to_tag=tag)
        response.headers.set("Contact", self.contact)
        response.headers.set("Content-Type", "application/sdp")
        for name, value in headers.items():
            response.headers.set(name.replace("_", "-"), value)
        response.body = body
        self.endpoint.respond(tx, response)
        made = Dialog.of_server(tx.request, tag, self.contact)
        self.dialog = replace(made, local=response.headers.get("To") or "", local_cseq=100)
        return self.dialog

    async def within(self, method: str, body: bytes = b"", kind: str = "application/sdp", **headers: str) -> Response:
        """Send a request within its call."""
        assert self.dialog is not None
        request = self.dialog.request(method, body=body, content_type=kind)
        for name, value in headers.items():
            request.headers.set(name.replace("_", "-"), value)
        return await self.endpoint.request(request, self.both.hop, timeout_s=20.0)

    async def acks(self, number: int = 1) -> Request:
        """Wait for an ACK."""
        await self.core.until(lambda: len(self.core.acks) >= number)
        return self.core.acks[number - 1]

    async def cancelled(self) -> None:
        """Wait for the CANCEL, which was answered 487."""
        tx = await self.invited()
        await self.core.until(lambda: tx.answered)


@asynccontextmanager
async def telephone(
    both: Exchange, name: str = "anna", *, device: Device = PHONE, registered: bool = True
) -> AsyncIterator[Telephone]:
    """Open a telephone, and register it as a device's."""
    core = Core()
    endpoint = core.endpoint = Endpoint(core, user_agent=name, resolver=Names())
    await endpoint.listen(["udp:127.0.0.1:0"])
    core.answer = lambda request: None if request.method == "INVITE" else response_to(request, 200)
    phone = Telephone(both, endpoint, core, name)
    if registered:
        await register(both, phone, device)
    try:
        yield phone
    finally:
        await endpoint.close()


async def register(both: Exchange, phone: Telephone, device: Device = PHONE, *, path: str = "") -> None:
    """Have the exchange know where a telephone is."""
    where, ours = phone.endpoint.listening[0], both.server.listening[0]
    headers = Headers()
    headers.add("Via", f"SIP/2.0/UDP {where.host}:{where.port};branch=z9hG4bKr{phone.name}")
    headers.add("From", f"<sip:{device.username}@{REALM}>;tag=r")
    headers.add("To", f"<sip:{device.username}@{REALM}>")
    headers.add("Call-ID", f"register-{phone.name}")
    headers.add("CSeq", "1 REGISTER")
    headers.add("Contact", phone.contact)
    headers.add("Expires", "3600")
    if path:
        headers.add("Path", path)
        headers.add("Supported", "path")
    request = Request("REGISTER", Uri.parse(f"sip:{REALM}"), headers, b"")
    hop = Hop(Transport.UDP, ours.host, ours.port)
    source = Source(Transport.UDP, where.host, where.port, local=(hop.host, hop.port))  # type: ignore[arg-type]
    response = await both.phones.register(request, source, device)
    assert response.status == 200


class Calling:
    """The caller's INVITE on its way: what rings, and what comes of it."""

    def __init__(self, both: Exchange, request: Request) -> None:
        self.both = both
        self.request = request
        self.heard: list[Response] = []
        self._told = asyncio.Event()
        self.answer = asyncio.create_task(both.caller.request(request, both.hop, on_provisional=self._hear))

    def _hear(self, response: Response) -> None:
        self.heard.append(response)
        self._told.set()

    async def hears(self, status: int, *, dialogs: int = 1) -> Response:
        """Wait for a provisional response; for the one that makes so many dialogs of its status."""
        async with asyncio.timeout(20):
            while len(tags := {each.to.tag: each for each in self.heard if each.status == status}) < dialogs:
                self._told.clear()
                await self._told.wait()
        return list(tags.values())[dialogs - 1]

    async def answered(self, status: int = 200) -> tuple[Response, Dialog]:
        """Wait for the final response."""
        async with asyncio.timeout(20):
            response = await self.answer
        assert response.status == status, (response.status, response.reason)
        return response, Dialog.of_client(self.request, response, self.both.contact)

    async def connected(self) -> Dialog:
        """Wait for the 200, and acknowledge it."""
        _, dialog = await self.answered()
        await self.both.caller.send_ack(dialog.ack(dialog.local_cseq), self.both.hop)
        return dialog

    def gives_up(self) -> None:
        """Send CANCEL."""
        assert self.both.caller.cancel(self.request)


def calling(both: Exchange, body: bytes | None = None, *, user: str = "1001", **headers: str) -> Calling:
    """Call a number."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = both.request("INVITE", user=user, body=sdp() if body is None else body, headers=named)
    return Calling(both, request)
