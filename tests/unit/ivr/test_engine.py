"""The engine: who is handed what, and what becomes of faults."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.sip.digest import authorize
from ivr.sip.message import Request, Response
from tests.fakes.exchange import PASSWORD, Exchange, exchange, sdp
from voicebox.errors import DatabaseUnavailable


@pytest.fixture
async def both() -> AsyncIterator[Exchange]:
    async with exchange() as opened:
        yield opened


@pytest.fixture
async def strange() -> AsyncIterator[Exchange]:
    """The caller is nobody we know by address."""
    async with exchange(peer=[]) as opened:
        yield opened


async def login(both: Exchange, request: Request, *, username: str = "1001", password: str = PASSWORD) -> Response:
    """Send a request and answer its challenge."""
    challenge = await both.ask(request)
    assert challenge.status == 401
    return await both.ask(answering(request, challenge, username=username, password=password))


def answering(request: Request, challenge: Response, *, username: str = "1001", password: str = PASSWORD) -> Request:
    again = Request(request.method, request.uri, request.headers.copy(), request.body)
    again.headers.set("CSeq", f"{request.cseq.number + 1} {request.method}")
    authorize(again, challenge, username=username, password=password)
    return again


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("BYE", 481), ("NOTIFY", 481), ("MESSAGE", 405), ("DANCE", 501), ("REFER", 405)],
)
async def test_requests_outside_of_a_call(both: Exchange, method: str, status: int) -> None:
    response = await both.ask(both.request(method))
    assert response.status == status
    if status != 481:
        assert "INVITE" in (response.headers.get("Allow") or "")


async def test_requests_within_a_call_that_is_not_there(both: Exchange) -> None:
    for method in ("INVITE", "BYE", "SUBSCRIBE", "INFO"):
        request = both.request(method, headers={"To": "<sip:1001@127.0.0.1>;tag=gone"})
        assert (await both.ask(request)).status == 481


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Require": "teleport"}, 420), ({"Content-Type": "text/plain"}, 415)],
)
async def test_invites_that_want_what_we_have_not(both: Exchange, headers: dict[str, str], status: int) -> None:
    assert (await both.ask(both.request("INVITE", body=sdp(), headers=headers))).status == status


async def test_more_calls_than_we_bear_are_sent_elsewhere() -> None:
    async with exchange(calls_max=1) as both:
        dialog = await both.connected()
        response, _ = await both.invite()
        assert (response.status, response.headers.get("Retry-After")) == (503, "10")
        await both.within(dialog, "BYE")
        await both.record()
        await both.connected()


async def test_a_peers_own_limit_holds() -> None:
    async with exchange(peer=[{"name": "pbx", "address": "127.0.0.1", "max_calls": 1}]) as both:
        await both.connected()
        assert (await both.invite())[0].status == 503


async def test_an_ack_with_a_made_up_tag_still_counts(both: Exchange) -> None:
    _, dialog = await both.invite()
    dialog.remote = "<sip:1001@127.0.0.1>;tag=random"
    await both.ack(dialog)
    assert both.call.leg is not None
    assert both.call.leg.invite.confirmed


# --- phones


async def test_a_phone_calls_by_its_digest(strange: Exchange) -> None:
    request = strange.request("INVITE", user="8000", body=sdp())
    assert (await login(strange, request)).status == 200
    assert strange.call.session is not None
    assert strange.call.session.facts.origin.device == "1001"


async def test_a_wrong_password_is_refused(strange: Exchange) -> None:
    assert (await login(strange, strange.request("INVITE", body=sdp()), password="wrong")).status == 403
    assert strange.engine.calls == {}


async def test_an_invite_cancelled_while_its_phone_is_looked_up_never_becomes_a_call(strange: Exchange) -> None:
    request = strange.request("INVITE", user="8000", body=sdp())
    again = answering(request, await strange.ask(request))
    strange.directory.asked.clear()
    strange.directory.may_answer.clear()
    answer = asyncio.create_task(strange.ask(again))
    async with asyncio.timeout(20):
        await strange.directory.asked.wait()
    strange.caller.cancel(again)
    assert (await answer).status == 487
    strange.directory.may_answer.set()
    await strange.errands.finish(1.0)
    assert strange.plane.streams == []
    assert strange.records == []


async def test_a_phone_registers_and_is_told_of_its_messages(strange: Exchange) -> None:
    response = await login(strange, strange.request("REGISTER"))
    assert response.status == 200
    notify = await strange.core.request("NOTIFY")
    assert notify.body.startswith(b"Messages-Waiting: yes")
    assert strange.phones.count() == 1


async def test_a_phone_that_leaves_is_told_nothing(strange: Exchange) -> None:
    assert (await login(strange, strange.request("REGISTER", headers={"Expires": "0"}))).status == 200
    await strange.errands.finish(1.0)
    assert strange.core.requests == []


@pytest.mark.parametrize(("error", "status"), [(DatabaseUnavailable("away"), 503), (LookupError("a fault"), 500)])
async def test_a_fault_while_a_phone_is_looked_up_ends_that_request_only(
    strange: Exchange, error: Exception, status: int
) -> None:
    request = strange.request("REGISTER")
    challenge = await strange.ask(request)
    strange.directory.error = error
    assert (await strange.ask(answering(request, challenge))).status == status
    strange.directory.error = None
    assert (await login(strange, strange.request("REGISTER"))).status == 200


async def test_a_user_name_of_no_encoding_is_refused_and_harms_nobody(strange: Exchange) -> None:
    request = strange.request("REGISTER")
    challenge = await strange.ask(request)
    assert (await strange.ask(answering(request, challenge, username="10\udcff01"))).status == 403
    assert (await login(strange, strange.request("REGISTER"))).status == 200


async def test_a_subscription_is_renewed_by_its_phone_only(strange: Exchange) -> None:
    event = {"Event": "message-summary", "Expires": "300"}
    request = strange.request("SUBSCRIBE", headers=event)
    response = await login(strange, request)
    assert response.status == 200
    await strange.core.request("NOTIFY")
    renewal = answering(request, await strange.ask(strange.request("REGISTER")))
    renewal.headers.remove("Authorization")
    renewal.headers.set("To", response.headers.get("To") or "")
    renewal.headers.set("CSeq", "7 SUBSCRIBE")
    challenge = await strange.ask(renewal)
    assert challenge.status == 401
    assert (await strange.ask(answering(renewal, challenge))).status == 200
    await strange.core.until(lambda: len(strange.core.requests) == 2)
    assert strange.lamp.subscriptions() == 1


async def test_a_subscription_that_cannot_be_answered_is_refused(strange: Exchange) -> None:
    broken = {"Event": "message-summary", "Record-Route": "nonsense"}
    assert (await login(strange, strange.request("SUBSCRIBE", headers=broken))).status == 400


# --- stopping


async def test_draining_takes_no_calls_and_waits_for_none(both: Exchange) -> None:
    await both.engine.drain(patience_s=1.0, ending_s=1.0)
    assert (await both.invite())[0].status == 503
    assert (await both.ask(both.request("OPTIONS"))).status == 503


async def test_draining_ends_what_does_not_end_by_itself(both: Exchange) -> None:
    await both.connected()
    async with asyncio.timeout(20):
        await both.engine.drain(patience_s=0.01, ending_s=1.0)
    assert "shutting down" in ((await both.core.request("BYE")).headers.get("Reason") or "")
    assert both.engine.calls == {}
