"""Two ends joined back to back: what passes through, and every way it ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from ivr import joined
from ivr.endtoend import interval_s
from ivr.joined import Joined
from ivr.sip.dialog import Dialog
from ivr.sip.headers import Headers
from ivr.sip.invite import Due
from ivr.sip.message import Request, Response, response_to
from tests.fakes.exchange import Exchange, exchange, sdp
from tests.fakes.telephone import Telephone, calling, telephone

HELD = sdp(more="a=sendonly\r\n")


@dataclass
class Talk:
    """A caller and a phone that talk."""

    both: Exchange
    phone: Telephone
    dialog: Dialog

    @property
    def joined(self) -> Joined:
        covering = self.both.call._covering
        assert covering is not None
        assert covering._joined is not None
        return covering._joined

    async def end(self) -> None:
        assert (await self.both.within(self.dialog, "BYE")).status == 200
        await self.both.record()

    def ends(self) -> object:
        return self.both.records[-1].trace[-1]["by"]


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with exchange() as both, telephone(both) as phone:
        call = calling(both)
        await phone.picks_up()
        dialog = await call.connected()
        await phone.acks()
        await both.ack(dialog)
        yield Talk(both, phone, dialog)


def answers(phone: Telephone, status: int, body: bytes = b"", **headers: str) -> None:
    """Let a phone answer what it is asked within the call."""

    def answer(request: Request) -> Response:
        response = response_to(request, status)
        if body:
            response.headers.set("Content-Type", "application/sdp")
            response.body = body
        for name, value in headers.items():
            response.headers.set(name.replace("_", "-"), value)
        response.headers.set("Contact", phone.contact)
        return response

    phone.core.answer = answer


async def test_hold_passes_through_with_its_answer_and_its_ack(talk: Talk) -> None:
    answers(talk.phone, 200, sdp(41_002, more="a=recvonly\r\n"))
    response = await talk.both.within(talk.dialog, "INVITE", HELD)
    assert (response.status, response.body) == (200, sdp(41_002, more="a=recvonly\r\n"))
    assert talk.phone.core.requests[-1].body == HELD
    await talk.both.ack(talk.dialog)
    await talk.phone.acks(2)
    answers(talk.phone, 200, sdp(41_004))
    assert (await talk.both.within(talk.dialog, "INVITE", sdp())).status == 200
    await talk.both.ack(talk.dialog)
    await talk.end()


async def test_the_phone_holds_the_caller(talk: Talk) -> None:
    talk.both.core.answer = lambda request: _described(response_to(request, 200), talk.both, sdp(30_002))
    response = await talk.phone.within("INVITE", HELD)
    assert (response.status, response.body) == (200, sdp(30_002))
    assert talk.phone.dialog is not None
    await talk.phone.endpoint.send_ack(talk.phone.dialog.ack(response.cseq.number), talk.both.hop)
    await talk.both.core.until(lambda: talk.both.core.acks)
    await talk.end()


async def test_an_offer_in_the_answer_is_answered_in_the_ack(talk: Talk) -> None:
    answers(talk.phone, 200, sdp(41_002))
    response = await talk.both.within(talk.dialog, "INVITE")
    assert response.body == sdp(41_002)
    assert len(talk.phone.core.acks) == 1
    await talk.both.ack(talk.dialog, sdp(30_004))
    assert (await talk.phone.acks(2)).body == sdp(30_004)
    await talk.end()


@pytest.mark.parametrize("status", [488, 491, 500, 603])
async def test_a_refused_offer_leaves_the_call_as_it_was(talk: Talk, status: int) -> None:
    answers(talk.phone, status)
    assert (await talk.both.within(talk.dialog, "INVITE", HELD)).status == status
    answers(talk.phone, 200)
    assert (await talk.both.within(talk.dialog, "INFO", b"Signal=5\r\n", "application/dtmf-relay")).status == 200
    await talk.end()


async def test_a_refusal_says_how_to_ask_better(talk: Talk) -> None:
    answers(talk.phone, 422, Min_SE="1800")
    response = await talk.both.within(talk.dialog, "INVITE", HELD)
    assert (response.status, response.headers.get("Min-SE")) == (422, "1800")
    answers(talk.phone, 200)
    await talk.end()


async def test_an_update_passes_through(talk: Talk) -> None:
    answers(talk.phone, 200, sdp(41_002))
    response = await talk.both.within(talk.dialog, "UPDATE", HELD)
    assert (response.status, response.body) == (200, sdp(41_002))
    answers(talk.phone, 405)
    assert (await talk.both.within(talk.dialog, "UPDATE", HELD)).status == 405
    await talk.end()


async def test_keys_by_info_pass_through_either_way(talk: Talk) -> None:
    key = b"Signal=5\r\nDuration=160\r\n"
    assert (await talk.both.within(talk.dialog, "INFO", key, "application/dtmf-relay")).status == 200
    got = await talk.phone.core.request("INFO")
    assert (got.body, got.content_type) == (key, "application/dtmf-relay")
    assert (await talk.phone.within("INFO", key, "application/dtmf-relay")).status == 200
    assert (await talk.both.core.request("INFO")).body == key
    await talk.end()


async def test_what_cannot_be_passed_on_is_refused(talk: Talk) -> None:
    assert (await talk.both.within(talk.dialog, "REFER")).status == 501
    assert (await talk.both.within(talk.dialog, "OPTIONS")).status == 200
    assert (await talk.both.within(talk.dialog, "INVITE", HELD, Session_Expires="30", Supported="timer")).status == 422
    await talk.end()


async def test_two_offers_at_once_are_told_apart(talk: Talk) -> None:
    asked = talk.phone.core.requests

    talk.phone.core.answer = lambda request: None if request.method == "INVITE" else response_to(request, 200)
    first = asyncio.create_task(talk.both.within(talk.dialog, "INVITE", HELD))
    await talk.phone.core.until(lambda: len([each for each in asked if each.method == "INVITE"]) == 2)
    assert (await talk.phone.within("INVITE", HELD)).status == 491
    assert (await talk.both.within(talk.dialog, "UPDATE", HELD)).status == 500
    tx = talk.phone.core.invites[-1]
    talk.phone.endpoint.respond(tx, _described(response_to(tx.request, 200), talk.both, sdp(41_002)))
    response = await first
    assert response.status == 200
    await talk.both.caller.send_ack(talk.dialog.ack(response.cseq.number), talk.both.hop)
    await talk.phone.acks(2)
    await talk.end()


@pytest.mark.parametrize("who", ["caller", "phone"])
@pytest.mark.parametrize("late", [200, 487])
async def test_an_offer_that_is_open_when_the_call_ends_is_answered(talk: Talk, who: str, late: int) -> None:
    """RFC 3261 section 15.1.2."""

    def deaf(request: Request) -> Response | None:
        return None if request.method == "INVITE" else response_to(request, 200)

    talk.phone.core.answer = talk.both.core.answer = deaf
    offering = asyncio.create_task(talk.both.within(talk.dialog, "INVITE", HELD))
    await talk.phone.core.until(lambda: len(talk.phone.core.invites) == 2)
    if who == "caller":
        await talk.both.within(talk.dialog, "BYE")
    else:
        await talk.phone.within("BYE")
    assert (await offering).status == 487
    tx = talk.phone.core.invites[-1]
    talk.phone.endpoint.respond(tx, _described(response_to(tx.request, late), talk.both, sdp(41_002)))
    if late == 200:
        await talk.phone.acks(2)
    await talk.both.record()


async def test_a_phone_that_lost_the_call_ends_it(talk: Talk) -> None:
    answers(talk.phone, 481)
    assert (await talk.both.within(talk.dialog, "INVITE", HELD)).status == 481
    await talk.both.core.request("BYE")
    await talk.both.record()
    assert talk.ends() == "lost"


async def test_a_session_timer_is_agreed_between_the_two_and_ends_the_call_when_nobody_refreshes() -> None:
    async with exchange() as both, telephone(both) as phone:
        call = calling(both, Session_Expires="1800;refresher=uac", Supported="timer, 100rel")
        invite = (await phone.invited()).request
        assert invite.headers.get("Session-Expires") == "1800;refresher=uac"
        assert invite.headers.get("Supported") == "timer"
        await phone.picks_up(Session_Expires="1800;refresher=uac", Require="timer")
        response, _ = await call.answered()
        assert response.headers.get("Session-Expires") == "1800;refresher=uac"
        assert response.headers.get("Require") == "timer"
        dialog = await call.connected()
        talk = Talk(both, phone, dialog)
        await phone.acks()
        await both.ack(dialog)
        watch = talk.joined._watch
        assert watch is not None
        assert watch.when() - asyncio.get_running_loop().time() == pytest.approx(1768, abs=5)
        answers(phone, 200, Session_Expires="90;refresher=uac")
        refreshed = await both.within(dialog, "UPDATE", Session_Expires="90;refresher=uac", Supported="timer")
        assert refreshed.headers.get("Session-Expires") == "90;refresher=uac"
        watch = talk.joined._watch
        assert watch is not None
        assert watch.when() - asyncio.get_running_loop().time() == pytest.approx(60, abs=5)
        talk.joined._expired()
        for core in (both.core, phone.core):
            assert "Session expired" in ((await core.request("BYE")).headers.get("Reason") or "")
        await both.record()
        assert talk.ends() == "expired"


async def test_an_interval_that_is_too_small_is_refused_before_any_phone_rings() -> None:
    async with exchange() as both, telephone(both) as phone:
        response, _ = await calling(both, Session_Expires="30", Supported="timer").answered(422)
        assert response.headers.get("Min-SE") == "90"
        assert phone.core.requests == []


async def test_without_a_session_timer_both_are_asked_for_a_sign_of_life(talk: Talk) -> None:
    assert joined.ALIVE_EVERY_S == 600.0
    talk.joined._look_after()
    await talk.phone.core.request("OPTIONS")
    await talk.both.core.request("OPTIONS")
    answers(talk.phone, 481)
    talk.joined._look_after()
    await talk.both.core.request("BYE")
    await talk.both.record()
    assert talk.ends() == "lost"


@pytest.mark.parametrize(("interval_s", "asked"), [(1800, False), (99_999_999, True)])
async def test_a_session_of_years_is_looked_after_all_the_same(
    monkeypatch: pytest.MonkeyPatch, interval_s: int, *, asked: bool
) -> None:
    monkeypatch.setattr(joined, "ALIVE_EVERY_S", 0.05)
    async with exchange() as both, telephone(both) as phone:
        call = calling(both)
        await phone.picks_up(Session_Expires=f"{interval_s};refresher=uas")
        dialog = await call.connected()
        await phone.acks()
        await both.ack(dialog)
        if asked:
            await phone.core.request("OPTIONS")
        assert (Talk(both, phone, dialog).joined._round is not None) is asked
        await both.within(dialog, "BYE")
        await both.record()


async def test_a_caller_that_never_acknowledges_is_hung_up_and_so_is_the_phone() -> None:
    async with exchange() as both, telephone(both) as phone:
        call = calling(both)
        await phone.picks_up()
        _, dialog = await call.answered()
        side = Talk(both, phone, dialog).joined.caller
        side.invite.handle_timer = lambda now: ([], [Due.NO_ACK])  # type: ignore[method-assign] # time is its own test
        side._replies._timed()
        await both.core.request("BYE")
        await phone.core.request("BYE")
        assert (await both.record()).trace[-1]["by"] == "no-ack"


async def test_an_ack_with_a_made_up_tag_still_counts() -> None:
    async with exchange() as both, telephone(both) as phone:
        call = calling(both)
        await phone.picks_up()
        _, dialog = await call.answered()
        real = dialog.remote
        dialog.remote = "<sip:1001@127.0.0.1>;tag=random"
        await both.ack(dialog)
        side = Talk(both, phone, dialog).joined.caller
        assert side.invite.next_timer() is None
        dialog.remote = real
        await both.within(dialog, "BYE")
        await both.record()


@pytest.mark.parametrize(("text", "length_s"), [("90;refresher=uas", 90.0), (" 1800 ", 1800.0), ("x", 0.0), ("", 0.0)])
def test_a_session_interval_is_read_leniently(text: str, length_s: float) -> None:
    response = Response(200, "OK", Headers([("Session-Expires", text)]))
    assert interval_s(response) == length_s


def _described(response: Response, both: Exchange, body: bytes) -> Response:
    response.headers.set("Contact", both.contact)
    response.headers.set("Content-Type", "application/sdp")
    response.body = body
    return response
