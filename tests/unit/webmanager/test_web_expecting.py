"""Who asks before sending is asked to send once somebody wants the body, and is told no before that."""

import asyncio

import pytest

from tests.unit.webmanager.asking import opened
from tests.unit.webmanager.office import Office

ASKS = "Expect: 100-continue"
PATCH = "PATCH /api/v1/mailboxes/1001"


async def told(office: Office, what: str, *headers: str, token: str = "", body: bytes = b"") -> list[bytes]:
    """Ask; return the head of every answer until the connection ends. The body is sent once it is asked for."""
    reader, writer = await opened(office, what, *headers, token=token)
    heads = []
    async with asyncio.timeout(20):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if b" 100 " in heads[0]:
            writer.write(body)
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()
        writer.close()
        await writer.wait_closed()
    return heads


async def test_json_is_asked_for_once_the_token_is_looked_at(office: Office) -> None:
    sent = ("Content-Type: application/json", "Content-Length: 2", "Connection: close", ASKS)
    asked, answer = await told(office, PATCH, *sent, token=await office.owner(), body=b"{}")
    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b" 200 " in answer.splitlines()[0]
    (refused,) = await told(office, PATCH, *sent, token="vb_guessed")
    assert b" 401 " in refused.splitlines()[0]


@pytest.mark.parametrize("what", ["GET /healthz", "GET /api/v1/mailboxes", "HEAD /api/v1/mailboxes", "POST /confirm/x"])
async def test_where_nothing_is_wanted_nobody_is_asked(office: Office, what: str) -> None:
    (answer,) = await told(office, what, "Content-Length: 2", ASKS, token=await office.owner())
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("what", ["GET /api/v1/mailboxes", "POST /api/v1/announcements", PATCH])
async def test_what_else_may_be_expected_is_refused_as_everything_is(office: Office, what: str) -> None:
    (answer,) = await told(office, what, "Content-Length: 2", "Expect: tea", token=await office.owner())
    assert b" 417 " in answer.splitlines()[0]
    assert b"\r\nContent-Type: application/problem+json" in answer
