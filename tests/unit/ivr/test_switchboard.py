"""Connecting a caller to somebody else: who rings, who answers, and everything that ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from ivr import switchboard
from ivr.branch import Place
from ivr.call import Hangup, TransferEnd
from ivr.departure import Gateway
from ivr.session import Session
from ivr.sip.dialog import Dialog
from ivr.sip.hops import Destination, Transport
from ivr.sip.message import Request, Response, response_to
from ivr.switchboard import Switchboard
from tests.fakes.exchange import PHONE, Exchange, FakeStream, exchange, sdp
from tests.fakes.telephone import SAID, Telephone, register, telephone
from tests.fakes.voicemail import ANNA
from voicebox.codec import Codec
from voicebox.outbound import Dial

BERT = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Bert")
BERTS = replace(PHONE, mailbox_id=BERT.id, number="1002", username="1002")
COLLEAGUE = Dial("1002", BERT)


class Wish:
    """What the flow asks for, and what comes of it."""

    def __init__(self, both: Exchange, dial: Dial = COLLEAGUE, *, diverted: bool = True) -> None:
        self.both = both
        self.dial = dial
        self.diverted = diverted
        self.answered = asyncio.Event()
        self.leases: list[float] = []
        """For how long they may talk each time that is asked; afterwards for ever."""
        self.end: asyncio.Future[TransferEnd | None] = asyncio.get_running_loop().create_future()
        both.flow[0] = self._flow

    async def _flow(self, session: Session) -> None:
        await session.answer()
        try:
            end = await session.transfer(
                self.dial, ANNA, diverted=self.diverted, answered=self.answered.set, lease_s=self._lease_s
            )
        except Hangup:
            self.end.set_result(None)
            raise
        self.end.set_result(end)

    def _lease_s(self) -> float | None:
        return self.leases.pop(0) if self.leases else None

    async def came_to(self) -> TransferEnd | None:
        """Return what came of it; None is a hang-up."""
        async with asyncio.timeout(20):
            return await self.end

    async def talking(self) -> None:
        """Wait until they talk."""
        async with asyncio.timeout(20):
            await self.answered.wait()


@pytest.fixture
async def both() -> AsyncIterator[Exchange]:
    async with exchange() as opened:
        yield opened


@pytest.fixture
async def phone(both: Exchange) -> AsyncIterator[Telephone]:
    async with telephone(both, "bert", device=BERTS) as opened:
        yield opened


def plays(stream: FakeStream) -> bool:
    return stream.playing


async def hang_up(both: Exchange, dialog: Dialog) -> None:
    assert (await both.within(dialog, "BYE")).status == 200


# --- it rings and is answered


async def test_a_colleagues_phone_rings_and_the_two_are_connected_until_it_hangs_up(
    both: Exchange, phone: Telephone
) -> None:
    wish = Wish(both)
    await both.connected()
    invite = (await phone.rings()).request
    near, far = both.plane.streams
    assert plays(near)
    assert not wish.answered.is_set()
    assert b"m=audio 20000 RTP/AVP 0 8" in invite.body
    await phone.picks_up()
    await phone.acks()
    await wish.talking()
    assert not plays(near)
    assert (near.bridged.passes_to, far.bridged.passes_to) == (far.bridged, near.bridged)
    assert far.remotes[-1].port == 41_000
    assert (await phone.within("BYE")).status == 200
    assert await wish.came_to() is TransferEnd.CONNECTED
    assert far.closed
    assert near.bridged.passes_to is None
    # The flow is over, and so is the call.
    await both.core.request("BYE")


async def test_what_the_phone_is_told_of_a_caller_who_is_sent_on(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    dialog = await both.connected(headers={"Diversion": "<sip:1005@pbx>;reason=user-busy", "Max-Forwards": "30"})
    invite = (await phone.invited()).request
    assert str(invite.uri) == phone.contact.strip("<>")
    assert (invite.headers.get("From") or "").startswith("<sip:+4915112345@voicebox.example>;tag=")
    assert invite.headers.get("P-Asserted-Identity") == "<sip:+4915112345@voicebox.example>"
    assert invite.headers.all("Diversion") == [
        "<sip:+492115551001@voicebox.example>;reason=deflection",
        "<sip:1005@pbx>;reason=user-busy",
    ]
    assert invite.max_forwards == 29
    await hang_up(both, dialog)
    assert await wish.came_to() is None


async def test_a_subscriber_who_calls_back_calls_in_the_mailboxs_name(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both, diverted=False)
    dialog = await both.connected()
    invite = (await phone.invited()).request
    assert (invite.headers.get("From") or "").startswith("Anna Beispiel <sip:1001@voicebox.example>")
    assert invite.headers.all("Diversion") == []
    await hang_up(both, dialog)
    assert await wish.came_to() is None


async def test_a_withheld_caller_stays_withheld(both: Exchange, phone: Telephone) -> None:
    Wish(both)
    dialog = await both.connected(headers={"Privacy": "id", "P-Asserted-Identity": "<sip:+4915112345@pbx>"})
    invite = (await phone.invited()).request
    assert b"15112345" not in invite.to_bytes()
    assert invite.headers.get("Privacy") == "id"
    await hang_up(both, dialog)


async def test_the_first_of_several_phones_wins_and_the_others_stop(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    async with telephone(both, "desk", device=replace(BERTS, username="1002-desk")) as other:
        await both.connected()
        await phone.rings(183, sdp(45_000))
        await other.rings()
        far = both.plane.streams[1]
        # Two at once would talk at the same time.
        assert far.remotes == []
        await other.picks_up()
        await wish.talking()
        await phone.cancelled()
        assert (await other.within("BYE")).status == 200
        assert await wish.came_to() is TransferEnd.CONNECTED


async def test_early_media_is_heard_where_one_phone_rings(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.rings(183, sdp(45_000))
    near, far = both.plane.streams
    await until(lambda: bool(far.remotes))
    assert far.remotes[-1].port == 45_000
    assert far.bridged.passes_to is near.bridged
    assert near.bridged.passes_to is None
    await phone.picks_up()
    await wish.talking()
    assert far.remotes[-1].port == 41_000
    await phone.within("BYE")
    assert await wish.came_to() is TransferEnd.CONNECTED


async def test_an_answer_that_came_in_the_183_only_counts(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.rings(183, sdp(45_000))
    await phone.picks_up(b"")
    await wish.talking()
    assert both.plane.streams[1].remotes[-1].port == 45_000
    await phone.within("BYE")
    assert await wish.came_to() is TransferEnd.CONNECTED


# --- nobody there


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (486, TransferEnd.BUSY),
        (600, TransferEnd.BUSY),
        (603, TransferEnd.BUSY),
        (480, TransferEnd.NO_ANSWER),
        (408, TransferEnd.NO_ANSWER),
        (404, TransferEnd.FAILED),
        (500, TransferEnd.FAILED),
    ],
)
async def test_a_refusal_says_why(both: Exchange, phone: Telephone, status: int, end: TransferEnd) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.refuses(status)
    assert await wish.came_to() is end
    assert not plays(both.stream)
    assert not wish.answered.is_set()


async def test_one_busy_phone_lets_the_other_ring(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    async with telephone(both, "desk", device=replace(BERTS, username="1002-desk")) as other:
        await both.connected()
        await phone.refuses(486)
        await other.picks_up()
        await wish.talking()
        await other.within("BYE")
        assert await wish.came_to() is TransferEnd.CONNECTED


async def test_a_603_speaks_for_all_phones(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    async with telephone(both, "desk", device=replace(BERTS, username="1002-desk")) as other:
        await both.connected()
        await other.rings()
        await phone.refuses(603)
        assert await wish.came_to() is TransferEnd.BUSY
        await other.cancelled()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = switchboard.Connecting._decided_leg

    async def briefly(self: Any, limit_s: float = 0.3) -> Any:
        return await wait(self, min(limit_s, 0.3))

    monkeypatch.setattr(switchboard.Connecting, "_decided_leg", briefly)


@pytest.mark.usefixtures("impatient")
async def test_a_phone_that_rings_out_is_cancelled(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.rings()
    assert await wish.came_to() is TransferEnd.NO_ANSWER
    await phone.cancelled()


@pytest.mark.usefixtures("impatient")
async def test_who_picked_up_is_not_cancelled_since_it_was_not_read_yet(
    both: Exchange, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()
    monkeypatch.setattr(switchboard, "once_read", lambda *_: over.set())  # all the time that reading may take
    wish = Wish(both)
    await both.connected()
    await phone.rings()
    async with asyncio.timeout(20):
        await over.wait()
    await phone.picks_up()
    await wish.talking()
    await phone.within("BYE")
    assert await wish.came_to() is TransferEnd.CONNECTED


async def test_a_phone_that_shows_no_sign_of_life_is_not_waited_for(
    both: Exchange, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard, "UNHEARD_S", 0.2)
    await phone.endpoint.close()
    wish = Wish(both)
    await both.connected()
    assert await wish.came_to() is TransferEnd.FAILED


async def test_a_colleague_who_is_not_to_be_disturbed_is_busy(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both, Dial("1002", replace(BERT, dnd=True)))
    await both.connected()
    assert await wish.came_to() is TransferEnd.BUSY
    assert phone.core.invites == []


async def test_nobody_is_reached_without_a_phone_and_without_a_peer(both: Exchange) -> None:
    for dial in (COLLEAGUE, Dial("+492115559999", internal=False)):
        wish = Wish(both, dial)
        await both.connected()
        assert await wish.came_to() is TransferEnd.FAILED


async def test_without_ports_nobody_is_reached_and_the_call_goes_on(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    flow = both.flow[0]

    async def full(session: Session) -> None:
        both.plane.full = True
        await flow(session)

    both.flow[0] = full
    await both.connected()
    assert await wish.came_to() is TransferEnd.FAILED


async def test_a_call_that_was_sent_on_too_often_is_a_loop(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected(headers={"Max-Forwards": "0"})
    assert await wish.came_to() is TransferEnd.FAILED
    assert phone.core.invites == []


async def test_a_colleagues_phone_behind_a_proxy_is_rung_through_it(both: Exchange) -> None:
    """RFC 3327."""
    async with telephone(both, "bert", registered=False) as phone:
        await register(both, phone, BERTS, path="<sip:edge.example;lr>")
        wish = Wish(both)
        dialog = await both.connected()
        invite = (await phone.invited()).request
        assert invite.headers.all("Route") == ["<sip:edge.example;lr>"]
        assert str(invite.uri) == phone.contact.strip("<>")
        await hang_up(both, dialog)
        assert await wish.came_to() is None


async def test_an_answer_without_usable_media_is_hung_up(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.picks_up(sdp(formats="3"))
    assert await wish.came_to() is TransferEnd.FAILED
    bye = await phone.core.request("BYE")
    assert "488" in (bye.headers.get("Reason") or "")


# --- the caller goes, and other ends


async def test_a_caller_who_hangs_up_while_it_rings_cancels(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    dialog = await both.connected()
    await phone.rings()
    await hang_up(both, dialog)
    assert await wish.came_to() is None
    await phone.cancelled()


async def test_a_caller_who_hangs_up_while_talking_hangs_up_the_other_side(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    dialog = await both.connected()
    await phone.picks_up()
    await wish.talking()
    await hang_up(both, dialog)
    assert await wish.came_to() is None
    await phone.core.request("BYE")


async def test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    dialog = await both.connected()
    await phone.invited()
    phone.core.on_cancel = lambda tx: None  # type: ignore[method-assign] # it is picked up at the same moment
    await hang_up(both, dialog)
    assert await wish.came_to() is None
    await phone.picks_up()
    await phone.acks()
    await phone.core.request("BYE")


async def test_the_days_budget_ends_the_talk(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    wish.leases = [0.001, 0.001, 0.0]  # asked again when it is over
    await both.connected()
    await phone.picks_up()
    assert await wish.came_to() is TransferEnd.LIMIT
    await phone.core.request("BYE")


async def test_a_side_that_went_silent_is_hung_up(
    both: Exchange, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard, "WATCH_S", 0.05)
    wish = Wish(both)
    await both.connected()
    await phone.picks_up()
    await wish.talking()
    both.plane.streams[1].silent_s = 61.0
    assert await wish.came_to() is TransferEnd.CONNECTED
    await phone.core.request("BYE")


async def test_a_caller_who_went_silent_is_hung_up_too(
    both: Exchange, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard, "WATCH_S", 0.05)
    wish = Wish(both)
    await both.connected()
    await phone.picks_up()
    await wish.talking()
    both.plane.streams[0].silent_s = 61.0
    assert await wish.came_to() is None
    assert "no RTP" in ((await both.core.request("BYE")).headers.get("Reason") or "")
    await phone.core.request("BYE")


async def test_a_shutdown_ends_both_sides(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.picks_up()
    await wish.talking()
    await both.engine.drain(0.0, 2.0)
    assert await wish.came_to() is None
    await phone.core.request("BYE")
    await both.core.request("BYE")


async def test_keys_are_the_other_sides_while_they_talk(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    heard: list[str] = []
    inner = both.flow[0]

    async def flow(session: Session) -> None:
        await inner(session)
        heard.append(await session.key(wait_s=0.1))

    both.flow[0] = flow
    await both.connected()
    await phone.picks_up()
    await wish.talking()
    both.plane.streams[0].on_key("5")
    await phone.within("BYE")
    await wish.came_to()
    await both.core.request("BYE")
    assert heard == [""]


# --- offers within the talk


async def test_hold_another_codec_and_a_bad_offer(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.picks_up()
    await phone.acks()
    await wish.talking()
    far = both.plane.streams[1]
    held = await phone.within("INVITE", sdp(41_000, more="a=sendonly\r\n"))
    assert held.status == 200
    assert b"a=recvonly" in held.body
    await acknowledge(phone, held)
    assert not far.remotes[-1].may_send
    updated = await phone.within("UPDATE", sdp(41_002, formats="8 101"))
    assert updated.status == 200
    assert (far.remotes[-1].codec, far.remotes[-1].port) == (Codec.PCMA, 41_002)
    before = len(far.remotes)
    assert (await phone.within("UPDATE", sdp(formats="3"))).status == 488
    assert (await phone.within("UPDATE")).status == 200
    assert (await phone.within("INFO", b"Signal=5\n", "application/dtmf-relay")).status == 200
    assert len(far.remotes) == before
    await phone.within("BYE")
    assert await wish.came_to() is TransferEnd.CONNECTED


async def test_an_offer_that_is_ours_to_make_is_answered_by_the_ack(both: Exchange, phone: Telephone) -> None:
    wish = Wish(both)
    await both.connected()
    await phone.picks_up()
    await phone.acks()
    await wish.talking()
    response = await phone.within("INVITE")
    assert b"m=audio 20000" in response.body
    assert (await phone.within("UPDATE", sdp(41_002))).status == 491
    await acknowledge(phone, response, sdp(41_004))
    far = both.plane.streams[1]
    await until(lambda: far.remotes[-1].port == 41_004)
    await phone.within("BYE")
    assert await wish.came_to() is TransferEnd.CONNECTED


async def acknowledge(phone: Telephone, response: Response, body: bytes = b"") -> None:
    assert phone.dialog is not None
    ack = phone.dialog.ack(response.cseq.number, body=body, content_type="application/sdp")
    await phone.endpoint.send_ack(ack, phone.both.hop)


async def until(ready: Any) -> None:
    async with asyncio.timeout(20):
        for _ in iter(lambda: bool(ready()), True):
            await asyncio.sleep(0.005)


# --- REFER


@pytest.fixture
async def peer() -> AsyncIterator[Exchange]:
    """An exchange whose peer takes calls over; the caller's side accepts the REFER."""
    async with exchange(peer=[{"name": "pbx", "address": "127.0.0.1", "refer": True}]) as opened:
        opened.core.answer = lambda request: response_to(request, 202 if request.method == "REFER" else 200)
        yield opened


async def notify(both: Exchange, dialog: Dialog, status: str, state: str = "active", event: str = "refer") -> int:
    response = await both.within(
        dialog,
        "NOTIFY",
        f"SIP/2.0 {status}\r\n".encode() if status else b"",
        "message/sipfrag",
        Event=event,
        Subscription_State=state,
    )
    return response.status


async def referred(both: Exchange) -> tuple[Wish, Dialog, Request]:
    wish = Wish(both, Dial("+492115559999", internal=False))
    dialog = await both.connected()
    return wish, dialog, await both.core.request("REFER")


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("200 OK", TransferEnd.REFERRED),
        ("486 Busy Here", TransferEnd.BUSY),
        ("480 Gone", TransferEnd.NO_ANSWER),
        ("404 Not Found", TransferEnd.FAILED),
    ],
)
async def test_a_referral_lasts_until_its_final_status(peer: Exchange, status: str, end: TransferEnd) -> None:
    wish, dialog, refer = await referred(peer)
    assert refer.headers.get("Referred-By") == "<sip:+492115551001@voicebox.example>"
    where = peer.caller.listening[0]
    assert refer.headers.get("Refer-To") == f"<sip:+492115559999@{where.host}:{where.port}>"
    assert await notify(peer, dialog, "100 Trying") == 200
    assert await notify(peer, dialog, "180 Ringing") == 200
    assert not wish.end.done()
    assert plays(peer.stream)
    assert await notify(peer, dialog, status, "terminated;reason=noresource") == 200
    assert await wish.came_to() is end
    assert not plays(peer.stream)
    assert not wish.answered.is_set()


async def test_a_peer_that_ends_the_subscription_without_a_word_has_failed(peer: Exchange) -> None:
    wish, dialog, _ = await referred(peer)
    assert await notify(peer, dialog, "", "terminated") == 200
    assert await wish.came_to() is TransferEnd.FAILED


async def test_a_notify_of_something_else_is_a_bad_event(peer: Exchange) -> None:
    wish, dialog, _ = await referred(peer)
    assert await notify(peer, dialog, "200 OK", event="message-summary") == 489
    assert not wish.end.done()
    await hang_up(peer, dialog)
    assert await wish.came_to() is TransferEnd.REFERRED


async def test_a_refused_refer_has_failed(peer: Exchange) -> None:
    peer.core.answer = lambda request: response_to(request, 403 if request.method == "REFER" else 200)
    wish, _, _ = await referred(peer)
    assert await wish.came_to() is TransferEnd.FAILED


async def test_thirty_seconds_without_a_final_word_are_enough(peer: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboard, "REFERRED_S", 0.2)
    wish, _, _ = await referred(peer)
    assert await wish.came_to() is TransferEnd.NO_ANSWER


async def test_a_caller_who_hangs_up_is_not_kept_until_the_peer_answers_the_refer(peer: Exchange) -> None:
    peer.core.answer = lambda request: None if request.method == "REFER" else response_to(request, 200)
    wish, dialog, _ = await referred(peer)
    await hang_up(peer, dialog)
    assert await wish.came_to() is None


async def test_a_late_notify_is_answered_and_changes_nothing(peer: Exchange) -> None:
    held = asyncio.Event()
    wish = Wish(peer, Dial("+492115559999"))
    inner = peer.flow[0]

    async def flow(session: Session) -> None:
        await inner(session)
        await held.wait()

    peer.flow[0] = flow
    dialog = await peer.connected()
    await peer.core.request("REFER")
    assert await notify(peer, dialog, "486 Busy Here") == 200
    assert await wish.came_to() is TransferEnd.BUSY
    assert await notify(peer, dialog, "200 OK", "terminated") == 200
    held.set()


async def test_a_subscriber_who_calls_back_is_never_referred(peer: Exchange) -> None:
    async with telephone(peer, "bert", device=BERTS) as phone:
        wish = Wish(peer, diverted=False)
        await peer.connected()
        await phone.refuses(486)
        assert await wish.came_to() is TransferEnd.BUSY
    assert not [each for each in peer.core.requests if each.method == "REFER"]


async def test_a_colleague_whose_phone_is_registered_here_is_rung_here(peer: Exchange) -> None:
    async with telephone(peer, "bert", device=BERTS) as phone:
        wish = Wish(peer)
        await peer.connected()
        await phone.refuses(486)
        assert await wish.came_to() is TransferEnd.BUSY
    assert not [each for each in peer.core.requests if each.method == "REFER"]


async def test_a_colleague_without_a_phone_here_is_the_peers_to_ring(peer: Exchange) -> None:
    wish = Wish(peer)
    dialog = await peer.connected()
    refer = await peer.core.request("REFER")
    assert (refer.headers.get("Refer-To") or "").startswith("<sip:1002@")
    assert await notify(peer, dialog, "200 OK", "terminated;reason=noresource") == 200
    assert await wish.came_to() is TransferEnd.REFERRED


async def test_a_notify_without_a_refer_is_refused(both: Exchange) -> None:
    dialog = await both.connected()
    assert await notify(both, dialog, "200 OK") == 501
    await hang_up(both, dialog)


# --- the outbound peer


async def test_the_peer_is_told_who_pays_who_calls_and_by_what_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async with telephone_at_peer(monkeypatch) as (both, peer):
        wish = Wish(both, Dial("+492115559999", internal=False))
        await both.connected()
        invite = (await peer.invited()).request
        where = peer.endpoint.listening[0]
        host = f"{where.host}:{where.port}"
        assert str(invite.uri) == f"sip:+492115559999@{host}"
        assert (invite.headers.get("From") or "").startswith("<sip:+4915112345@voicebox.example>")
        assert invite.headers.get("P-Asserted-Identity") == "<sip:+492115551001@voicebox.example>"
        assert invite.headers.get("Diversion") == "<sip:+492115551001@voicebox.example>;reason=deflection"
        await peer.picks_up(SAID)
        await wish.talking()
        await peer.within("BYE")
        assert await wish.came_to() is TransferEnd.CONNECTED


async def test_a_peer_that_refuses_others_numbers_is_shown_the_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    async with telephone_at_peer(monkeypatch, show_caller=False) as (both, peer):
        wish = Wish(both, Dial("+492115559999", internal=False))
        await both.connected()
        invite = (await peer.invited()).request
        assert (invite.headers.get("From") or "").startswith("Anna Beispiel <sip:+492115551001@")
        await peer.refuses(486)
        assert await wish.came_to() is TransferEnd.BUSY


async def test_a_colleague_without_a_phone_here_is_rung_at_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    async with telephone_at_peer(monkeypatch) as (both, peer):
        wish = Wish(both)
        await both.connected()
        assert (await peer.invited()).request.uri.user == "1002"
        await peer.refuses(480)
        assert await wish.came_to() is TransferEnd.NO_ANSWER


async def test_security_row_3_a_colleague_without_a_phone_is_not_dialled_at_a_trunk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There, 1002 is a number of the town."""
    async with telephone_at_peer(monkeypatch, extensions=False) as (both, peer):
        wish = Wish(both)
        await both.connected()
        assert await wish.came_to() is TransferEnd.FAILED
        assert peer.core.invites == []


@asynccontextmanager
async def telephone_at_peer(
    monkeypatch: pytest.MonkeyPatch, *, show_caller: bool = True, extensions: bool = True
) -> AsyncIterator[tuple[Exchange, Telephone]]:
    """Open an exchange whose outbound peer is a telephone."""
    outbound = {"extensions": extensions}
    async with exchange(outbound=outbound) as both, telephone(both, "peer", registered=False) as peer:
        where = peer.endpoint.listening[0]
        place = Place(Destination(where.host, where.port, Transport.UDP))
        way = Gateway(f"{where.host}:{where.port}", place, show_caller=show_caller)
        monkeypatch.setattr(Switchboard, "gateway", lambda board: way)
        yield both, peer
