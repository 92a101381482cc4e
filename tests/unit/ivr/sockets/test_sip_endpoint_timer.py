"""The endpoint's timer on both event loops: held up or not, it goes on."""

import asyncio

import pytest

from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Source
from ivr.sip.message import Request
from ivr.sip.transaction import ServerTransaction


class Nobody:
    def on_request(self, tx: ServerTransaction, request: Request, source: Source) -> None: ...
    def on_ack(self, request: Request, source: Source) -> None: ...
    def on_cancel(self, tx: ServerTransaction) -> None: ...


async def test_a_timer_that_is_overdue_can_be_armed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # uvloop gives a plain handle, without a time, for what is due already: a process that was held up has that.
    endpoint = Endpoint(Nobody(), user_agent="voicebox-test")
    await endpoint.listen(["udp:127.0.0.1:0"])
    loop = asyncio.get_running_loop()
    due: list[float] = [loop.time() - 0.05]
    ran = asyncio.Event()
    monkeypatch.setattr(endpoint._layer, "next_timer", lambda: due[0] if due else None)

    def handled(now: float) -> None:
        due.clear()
        ran.set()

    monkeypatch.setattr(endpoint._layer, "handle_timer", handled)
    try:
        endpoint._arm()
        endpoint._arm()
        async with asyncio.timeout(20):
            await ran.wait()
    finally:
        await endpoint.close()
