"""The socket: bounded connections, slow and broken clients, TLS, and a port that is taken."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.webmanager.asking import place_of
from tests.unit.webmanager.office import Browser, Office
from voicebox.ports import CannotListen, PortTaken
from webmanager import listening
from webmanager.server import served

Make = Callable[..., Awaitable[Office]]


async def say(address: str, data: bytes) -> bytes:
    """Send bytes as they are and return all that comes until the end; nothing where they were refused unread."""
    reader, writer = await asyncio.open_connection(*place_of(address))
    try:
        writer.write(data)
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"INVITE sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400_without_a_word_on_what_we_run(office: Office, data: bytes) -> None:
    answer = await say(office.browser.address, data)
    assert answer[:9] in {b"HTTP/1.0 ", b"HTTP/1.1 "}
    assert answer[9:].startswith(b"400 Bad Request\r\n")
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    assert b"xxx" not in answer
    assert (await office.browser.ask("/healthz")).status == 200


async def test_a_client_that_says_nothing_is_hung_up_on(made_office: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "FIRST_REQUEST_MAX_S", 0.02)
    office = await made_office()
    async with served(office.parts) as address:
        assert await say(address, b"") == b""
        assert await say(address, b"GET /healthz HTTP/1.1\r\nHost:") == b""


async def test_a_client_that_has_asked_once_may_rest(made_office: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    office = await made_office()
    opened: list[listening._Connection] = []
    made = listening._Connection.connection_made

    def noted(self: listening._Connection, transport: asyncio.BaseTransport) -> None:
        opened.append(self)
        made(self, transport)

    monkeypatch.setattr(listening._Connection, "connection_made", noted)
    async with served(office.parts) as address:
        reader, writer = await asyncio.open_connection(*place_of(address))
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(20):
                assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
            opened[0]._too_slow()  # as its timer says, once the time for the first request is over
        writer.close()
        assert len(opened) == 1


async def test_connections_are_bounded_and_freed(made_office: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "CONNECTIONS_MAX", 2)
    office = await made_office()
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with served(office.parts) as address:
        held = [await asyncio.open_connection(*place_of(address)) for _ in range(2)]
        for reader, writer in held:
            writer.write(request)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert await say(address, request) == b""
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        await answered(address)


async def answered(address: str) -> None:
    """Ask until there is an answer: a connection counts until its task has ended."""
    for _ in range(200):
        if await say(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
            return
        await asyncio.sleep(0.01)
    pytest.fail("no place became free")


async def test_a_port_that_is_taken_names_who_holds_it(made_office: Make) -> None:
    office = await made_office()
    async with served(office.parts) as address:
        host, port = place_of(address)
        again = listening_at(office, f"{host}:{port}")
        with pytest.raises(PortTaken, match=rf"tcp 127.0.0.1:{port} is taken by process {os.getpid()}"):
            async with served(again.parts):
                pass


def listening_at(office: Office, listen: str) -> Office:
    web = office.parts.config.web.model_copy(update={"listen": type(office.parts.config.web.listen)(*place_of(listen))})
    config = office.parts.config.model_copy(update={"web": web})
    return replace(office, parts=replace(office.parts, config=config))


async def test_ipv6_is_served_and_written_with_brackets(made_office: Make) -> None:
    office = await made_office(listen="[::1]:0")
    async with served(office.parts) as address:
        assert address.startswith("http://[::1]:")
        async with Browser(address) as browser:
            assert (await browser.ask("/healthz")).status == 200
            assert (await browser.ask("/metrics")).status == 200


async def test_with_a_certificate_it_is_https_with_strict_transport(made_office: Make, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    asked = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(certificate)),
    ]
    await asyncio.to_thread(subprocess.run, asked, check=True, capture_output=True, timeout=30)
    office = await made_office(certificate=str(certificate), key=str(key))
    async with served(office.parts) as address:
        assert address.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(certificate))
        reader, writer = await asyncio.open_connection(*place_of(address), ssl=trusting)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"Strict-Transport-Security: max-age=" in answer


async def test_a_certificate_that_cannot_be_used_is_named(made_office: Make, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    office = await made_office(certificate=str(nothing), key=str(nothing))
    with pytest.raises(CannotListen, match=r"nothing\.pem"):
        async with served(office.parts):
            pass
