"""The SIP side of a call in progress: acknowledgements, new offers, refreshes, and every way it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from ivr.leg import Leg
from ivr.sip.digest import Algorithm, Authenticator, StoredSecrets, Verdict, ha1
from ivr.sip.invite import Due
from ivr.sip.message import Request, Response, response_to
from ivr.sip.session_timer import SessionTimer
from tests.fakes.exchange import Exchange, exchange, sdp
from voicebox.codec import Codec

HELD = sdp(more="a=sendonly\r\n")
FAX = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image 30000 udptl t38\r\n"


@pytest.fixture
async def both() -> AsyncIterator[Exchange]:
    async with exchange() as opened:
        yield opened


def leg_of(both: Exchange) -> Leg:
    leg = both.call.leg
    assert leg is not None
    return leg


def ends(both: Exchange) -> str:
    by = both.records[-1].trace[-1]["by"]
    assert isinstance(by, str)
    return by


def due(leg: Leg, what: Due) -> None:
    """Let a timer of the leg be due now."""
    leg.invite.handle_timer = lambda now: ([], [what])  # type: ignore[method-assign] # the invite's own tests move time
    leg._replies._timed()


# --- the acknowledgement


async def test_a_bye_before_the_ack_ends_the_call(both: Exchange) -> None:
    _, dialog = await both.invite()
    assert (await both.within(dialog, "BYE")).status == 200
    await both.record()
    assert ends(both) == "peer"


async def test_a_call_that_is_never_acknowledged_is_ended_with_a_reason(both: Exchange) -> None:
    await both.invite()
    due(leg_of(both), Due.NO_ACK)
    assert (await both.core.request("BYE")).headers.get("Reason") == 'SIP ;cause=408 ;text="No ACK"'
    await both.record()
    assert ends(both) == "no-ack"


async def test_a_call_without_an_offer_gets_ours_and_is_connected_by_the_ack(both: Exchange) -> None:
    response, dialog = await both.invite(b"")
    assert b"m=audio 20000 RTP/AVP 0 8" in response.body
    assert both.stream.remotes == []
    await both.ack(dialog, sdp(formats="8 101"))
    assert both.stream.remotes[-1].codec is Codec.PCMA
    assert leg_of(both).codec is Codec.PCMA


@pytest.mark.parametrize("answer", [b"", sdp(formats="3")])
async def test_an_ack_without_a_usable_answer_ends_a_call_that_has_no_media(both: Exchange, answer: bytes) -> None:
    _, dialog = await both.invite(b"")
    await both.ack(dialog, answer)
    assert "488" in ((await both.core.request("BYE")).headers.get("Reason") or "")


# --- new offers


async def test_a_hold_is_answered_and_taken_back(both: Exchange) -> None:
    dialog = await both.connected()
    held = await both.within(dialog, "INVITE", HELD)
    assert (held.status, b"a=recvonly" in held.body) == (200, True)
    await both.ack(dialog)
    assert not both.stream.remotes[-1].may_send
    assert (await both.within(dialog, "INVITE", sdp())).status == 200
    await both.ack(dialog)
    assert both.stream.remotes[-1].may_send


async def test_fax_is_refused_and_the_call_goes_on(both: Exchange) -> None:
    dialog = await both.connected()
    refused = await both.within(dialog, "INVITE", FAX)
    assert refused.status == 488
    assert (refused.headers.get("Warning") or "").startswith("304 ")
    assert len(both.stream.remotes) == 1
    assert (await both.within(dialog, "INFO")).status == 200


async def test_a_second_invite_before_the_first_is_acknowledged_must_wait(both: Exchange) -> None:
    _, dialog = await both.invite()
    response = await both.within(dialog, "INVITE", HELD)
    assert (response.status, response.headers.get("Retry-After")) == (500, "2")


async def test_while_our_offer_is_open_theirs_must_wait(both: Exchange) -> None:
    dialog = await both.connected()
    assert (await both.within(dialog, "INVITE")).body.startswith(b"v=0")
    assert (await both.within(dialog, "UPDATE", HELD)).status == 491
    assert (await both.within(dialog, "INVITE", HELD)).status == 491
    assert (await both.within(dialog, "UPDATE")).status == 200


async def test_an_unusable_answer_to_a_new_offer_leaves_the_call_as_it_was(both: Exchange) -> None:
    dialog = await both.connected()
    assert (await both.within(dialog, "INVITE")).status == 200
    await both.ack(dialog)
    assert not leg_of(both).over
    assert (await both.within(dialog, "UPDATE", HELD)).status == 200
    assert not both.stream.remotes[-1].may_send


async def test_an_update_too_short_or_too_strange_is_refused(both: Exchange) -> None:
    dialog = await both.connected()
    short = await both.within(dialog, "UPDATE", Session_Expires="30", Supported="timer")
    assert (short.status, short.headers.get("Min-SE")) == (422, "90")
    assert (await both.within(dialog, "UPDATE", FAX)).status == 488
    assert (await both.within(dialog, "INVITE", Session_Expires="30", Supported="timer")).status == 422


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("INFO", 200), ("PRACK", 481), ("REFER", 501), ("DANCE", 405)]
)
async def test_other_requests_within_a_call(both: Exchange, method: str, status: int) -> None:
    dialog = await both.connected()
    assert (await both.within(dialog, method)).status == status


async def test_a_request_out_of_order_is_refused(both: Exchange) -> None:
    dialog = await both.connected()
    await both.within(dialog, "INFO")
    dialog.local_cseq -= 2
    assert (await both.within(dialog, "INFO")).status == 500


async def test_a_key_by_info_is_a_key(both: Exchange) -> None:
    dialog = await both.connected()
    await both.within(dialog, "INFO", b"Signal=#\r\n", "application/dtmf-relay")
    await both.within(dialog, "INFO", b"Signal=flash\r\n", "application/dtmf-relay")
    await both.within(dialog, "BYE")
    record = await both.record()
    assert [entry["key"] for entry in record.trace if entry["event"] == "key"] == ["#"]


# --- names


async def test_a_host_name_in_the_sdp_is_looked_up_beside_the_call(both: Exchange) -> None:
    body = sdp(host="phone.example", more="a=rtcp:30005 IN IP4 elsewhere.example\r\n")
    await both.connected(body=body)
    async with asyncio.timeout(20):
        while len(both.stream.remotes) < 2:  # noqa: ASYNC110 - the fake tells nobody
            await asyncio.sleep(0.001)
    unknown, known = both.stream.remotes
    # Nothing is ever sent to a name: that would look it up and hold up everybody.
    assert (unknown.host, unknown.rtcp_host, unknown.rtcp_port) == ("phone.example", None, None)
    assert (known.host, known.rtcp_host, known.rtcp_port) == ("127.0.0.5", None, 30005)


async def test_a_host_name_that_nobody_knows_leaves_the_call_waiting_for_packets(both: Exchange) -> None:
    await both.connected(body=sdp(host="nowhere.example"))
    await asyncio.sleep(0.02)
    assert len(both.stream.remotes) == 1
    assert not leg_of(both).over


# --- our requests


def by_status(**statuses: int) -> Callable[[Request], Response]:
    """Answer each method with a status, else 200; an INVITE with a description."""

    def answer(request: Request) -> Response:
        response = response_to(request, statuses.get(request.method, 200))
        if request.method == "INVITE" and response.status == 200:
            response.headers.set("Content-Type", "application/sdp")
            response.body = sdp()
        return response

    return answer


async def refreshing(both: Exchange, **statuses: int) -> Leg:
    """Be in a call whose refresh is ours and due now."""
    await both.connected()
    both.core.answer = by_status(**statuses)
    leg = leg_of(both)
    assert leg.invite._timer_at is None
    leg.invite.timer = SessionTimer(90, we_refresh=True)
    return leg


async def refreshed(leg: Leg) -> None:
    """Wait until the answer to our refresh was taken in."""
    async with asyncio.timeout(20):
        while leg.invite._timer_at is None or leg._far_end.inviting:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.002)


async def test_our_turn_to_refresh_is_an_update(both: Exchange) -> None:
    leg = await refreshing(both)
    due(leg, Due.REFRESH)
    update = await both.core.request("UPDATE")
    assert update.headers.get("Session-Expires") == "90;refresher=uac"
    await refreshed(leg)
    assert not leg.over


async def test_a_peer_without_update_is_refreshed_by_a_new_invite_and_its_ack(both: Exchange) -> None:
    leg = await refreshing(both, UPDATE=405)
    due(leg, Due.REFRESH)
    invite = await both.core.request("INVITE")
    assert b"m=audio 20000" in invite.body
    await both.core.until(lambda: both.core.acks)
    assert both.core.acks[0].cseq.number == invite.cseq.number
    await refreshed(leg)
    assert not leg._far_end.inviting
    assert len(both.stream.remotes) == 2


async def test_a_peer_that_says_it_has_no_update_is_not_asked_for_one(both: Exchange) -> None:
    response, dialog = await both.invite(headers={"Allow": "INVITE, ACK, BYE"})
    assert response.status == 200
    await both.ack(dialog)
    both.core.answer = by_status()
    due(leg_of(both), Due.REFRESH)
    await both.core.request("INVITE")
    assert all(request.method != "UPDATE" for request in both.core.requests)


async def test_a_peer_that_knows_the_call_no_longer_ends_it(both: Exchange) -> None:
    leg = await refreshing(both, UPDATE=481)
    due(leg, Due.REFRESH)
    await both.record()
    assert ends(both) == "lost"


async def test_a_refresh_that_is_refused_leaves_the_call_until_its_time_is_over(both: Exchange) -> None:
    leg = await refreshing(both, UPDATE=403)
    due(leg, Due.REFRESH)
    await both.core.request("UPDATE")
    await asyncio.sleep(0.02)
    assert not leg.over
    due(leg, Due.EXPIRED)
    await both.record()
    assert ends(both) == "expired"


async def test_theirs_waits_while_an_invite_of_ours_is_under_way(both: Exchange) -> None:
    leg = await refreshing(both, UPDATE=501)
    answer, both.core.answer = both.core.answer, lambda request: None if request.method == "INVITE" else answer(request)
    due(leg, Due.REFRESH)
    await both.core.request("INVITE")
    dialog = leg.invite.dialog
    request = both.request("INVITE", body=HELD)
    request.headers.set("Call-ID", dialog.call_id)
    request.headers.set("From", dialog.remote)
    request.headers.set("To", dialog.local)
    request.headers.set("CSeq", "50 INVITE")
    assert (await both.ask(request)).status == 491


async def test_a_contact_that_leads_nowhere_is_no_reason_to_leave_the_peer_without_a_bye(both: Exchange) -> None:
    await both.connected(headers={"Contact": "<sip:pbx@inside.invalid>"})
    leg_of(both).bye()
    assert (await both.core.request("BYE")).uri.host == "inside.invalid"


async def test_a_trunks_challenge_to_our_bye_is_answered() -> None:
    trunk = {"name": "trunk", "registrar": "sip:127.0.0.1:9", "username": "box", "password": "s3cret-word"}
    async with exchange(peer=[], trunk=[trunk]) as both:
        both.engine._gate.peers.trunk_located("trunk", frozenset({"127.0.0.1"}))
        authenticator = Authenticator("trunk", b"0123456789abcdef")
        secrets = StoredSecrets(ha1_md5=ha1("box", "trunk", "s3cret-word", Algorithm.MD5))
        verdicts: list[Verdict] = []

        def challenge(request: Request) -> Response:
            credentials = authenticator.credentials_of(request)
            if credentials is not None:
                verdicts.append(authenticator.verify(credentials, request, secrets, 1.0))
                return response_to(request, 200)
            response = response_to(request, 407)
            value = authenticator.challenges(1.0, algorithms=[Algorithm.MD5])[0]
            response.headers.add("Proxy-Authenticate", value)
            return response

        both.core.answer = challenge
        await both.connected()
        leg_of(both).bye('SIP ;cause=200 ;text="done"')
        await both.core.until(lambda: verdicts)
        assert verdicts == [Verdict.GOOD]
        first, second = both.core.requests
        assert second.cseq.number == first.cseq.number + 1
        assert second.headers.get("Reason") == first.headers.get("Reason")


async def test_a_peers_challenge_is_left_alone(both: Exchange) -> None:
    both.core.answer = lambda request: response_to(request, 401)
    await both.connected()
    leg_of(both).bye()
    await both.core.request("BYE")
    await both.errands.finish(20.0)
    assert len(both.core.requests) == 1


async def test_byes_that_cross_are_both_answered(both: Exchange) -> None:
    both.core.answer = lambda request: None
    dialog = await both.connected()
    leg = leg_of(both)
    leg.bye()
    assert (await both.within(dialog, "BYE")).status in {200, 481}
    assert leg.ended_by == "us"
