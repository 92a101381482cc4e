"""Phones that ring for a call: who answers, who does not, and what the caller gets (voicemail.md, rows 7 to 10)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr import branch, ringing
from ivr.branch import Place
from ivr.call import RecordEnd
from ivr.departure import Gateway
from ivr.early import DIALOGS_MAX
from ivr.sip.dialog import Dialog
from ivr.sip.hops import Destination, Transport
from ivr.sip.message import Response, response_to
from ivr.switchboard import Switchboard
from tests.fakes.exchange import PHONE, Exchange, exchange, sdp
from tests.fakes.telephone import SAID, Calling, Telephone, calling, register, telephone
from tests.fakes.voicemail import ANNA
from tests.unit.ivr.test_engine import answering
from voicebox.callrecord import CallRecord
from voicebox.coverage import RING_S, Rung
from voicebox.mailbox import Mailbox
from voicebox.message import Reason
from voicebox.settings.outbound import Outbound

BERT = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Bert")
BERTS = replace(PHONE, mailbox_id=BERT.id, number="1002", username="1002")


@pytest.fixture
async def both() -> AsyncIterator[Exchange]:
    async with exchange() as opened:
        yield opened


@pytest.fixture
async def phone(both: Exchange) -> AsyncIterator[Telephone]:
    async with telephone(both) as opened:
        yield opened


@pytest.fixture
def rung_out(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when phones have rung for as long as they may: by the test, so that all it waits for has come before."""
    over = asyncio.Event()

    async def wait(until: asyncio.Future[Any], within_s: float | None) -> None:
        assert within_s == ANNA.rings * RING_S
        told = asyncio.ensure_future(over.wait())
        await asyncio.wait([until, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()

    monkeypatch.setattr(ringing, "done_within", wait)
    return over


def owns(both: Exchange, *mailboxes: Mailbox) -> None:
    """Let the directory have these mailboxes."""
    both.directory.mailboxes = {each.number: each for each in mailboxes}
    both.outcalls.colleagues = both.directory.mailboxes


def coverage(record: CallRecord) -> list[Any]:
    return [entry["to"] for entry in record.trace if entry["event"] == "coverage"]


def last_why(record: CallRecord) -> str:
    why = [entry for entry in record.trace if entry["event"] == "coverage"][-1]["why"]
    assert isinstance(why, str)
    return why


async def hang_up(both: Exchange, dialog: Dialog) -> CallRecord:
    assert (await both.within(dialog, "BYE")).status == 200
    return await both.record()


# --- a phone answers


async def test_a_phone_that_answers_gets_the_caller_and_media_goes_between_the_two(
    both: Exchange, phone: Telephone
) -> None:
    call = calling(both)
    invite = (await phone.rings()).request
    assert invite.body == sdp()
    assert str(invite.uri) == phone.contact.strip("<>")
    assert (invite.max_forwards, invite.headers.get("P-Asserted-Identity")) == (
        69,
        "<sip:+4915112345@voicebox.example>",
    )
    ring = await call.hears(180)
    assert ring.body == b""
    await phone.picks_up()
    response, _ = await call.answered()
    assert response.body == SAID
    assert response.to.tag == ring.to.tag
    dialog = await call.connected()
    assert (await phone.acks()).body == b""
    record = await hang_up(both, dialog)
    await phone.core.request("BYE")
    assert coverage(record) == ["phones", "answered"]
    assert (record.mailbox, record.reason, record.trace[-1]["by"]) == ("1001", None, "peer")
    assert record.answered is not None
    assert both.plane.streams == []


async def test_the_phone_hangs_up(both: Exchange, phone: Telephone) -> None:
    call = calling(both)
    await phone.picks_up()
    await call.connected()
    await phone.acks()
    assert (await phone.within("BYE")).status == 200
    await both.core.request("BYE")
    assert (await both.record()).trace[-1]["by"] == "phone"


async def test_a_phone_that_hangs_up_before_the_callers_ack_is_told_on_afterwards(
    both: Exchange, phone: Telephone
) -> None:
    call = calling(both)
    await phone.picks_up()
    _, dialog = await call.answered()
    await phone.acks()
    assert (await phone.within("BYE")).status == 200
    assert not [each for each in both.core.requests if each.method == "BYE"]
    await both.ack(dialog)
    await both.core.request("BYE")
    await both.record()


async def test_an_offer_that_the_phone_is_to_make_is_passed_through(both: Exchange, phone: Telephone) -> None:
    call = calling(both, b"")
    await phone.picks_up(sdp(42_000))
    response, dialog = await call.answered()
    assert response.body == sdp(42_000)
    assert phone.core.acks == []
    await both.ack(dialog, sdp(43_000))
    assert (await phone.acks()).body == sdp(43_000)
    await hang_up(both, dialog)


async def test_the_first_of_several_phones_wins_and_the_others_stop(both: Exchange, phone: Telephone) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.rings()
        await cell.rings()
        await cell.picks_up()
        dialog = await call.connected()
        await phone.cancelled()
        assert len([each for each in call.heard if each.status == 180]) == 1
        record = await hang_up(both, dialog)
        assert "cell" in str(record.trace)


async def test_a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up(both: Exchange, phone: Telephone) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.rings()
        await cell.rings()
        phone.core.endpoint = _deaf(phone)
        await cell.picks_up()
        dialog = await call.connected()
        await phone.picks_up()
        await phone.acks()
        await phone.core.request("BYE")
        await hang_up(both, dialog)


async def test_a_fork_behind_one_contact_gets_a_dialog_of_its_own(both: Exchange, phone: Telephone) -> None:
    call = calling(both)
    await phone.rings(183, sdp(44_000), tag="one")
    early = await call.hears(183)
    await phone.picks_up(sdp(45_000), tag="two")
    response, _ = await call.answered()
    assert (early.body, response.body) == (sdp(44_000), sdp(45_000))
    assert early.to.tag != response.to.tag
    await hang_up(both, await call.connected())


# --- while phones ring


async def test_early_media_of_the_only_phone_is_passed_on_in_its_own_dialog(both: Exchange, phone: Telephone) -> None:
    owns(both, replace(ANNA, rings=2))
    call = calling(both)
    await phone.rings(183, sdp(44_000))
    early = await call.hears(183)
    assert early.body == sdp(44_000)
    await phone.refuses(486)
    response, dialog = await call.answered()
    assert response.to.tag != early.to.tag
    await both.ack(dialog)
    assert (await hang_up(both, dialog)).reason is Reason.BUSY


async def test_early_media_of_several_phones_is_only_ringing(both: Exchange, phone: Telephone) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.rings(183, sdp(44_000))
        await cell.rings(183, sdp(45_000))
        ring = await call.hears(180)
        assert ring.body == b""
        call.gives_up()
        await call.answered(487)


async def test_a_caller_that_demands_reliable_ringing_gets_it(both: Exchange, phone: Telephone) -> None:
    call = calling(both, Require="100rel")
    await phone.rings(183, sdp(44_000))
    ring = await call.hears(180)
    assert (await prack(both, call, ring)).status == 200
    await phone.picks_up()
    await hang_up(both, await call.connected())


async def test_the_mailbox_rings_reliably_in_its_own_dialog_before_it_answers(both: Exchange, phone: Telephone) -> None:
    call = calling(both, Require="100rel")
    await phone.rings()
    first = await call.hears(180)
    assert (await prack(both, call, first)).status == 200
    await phone.refuses(486)
    second = await call.hears(180, dialogs=2)
    assert second.to.tag != first.to.tag
    assert (await prack(both, call, second)).status == 200
    response, dialog = await call.answered()
    assert response.to.tag == second.to.tag
    await both.ack(dialog)
    await hang_up(both, dialog)


async def prack(both: Exchange, call: Calling, ring: Response) -> Response:
    early = Dialog.of_client(call.request, ring, both.contact)
    return await both.within(early, "PRACK", RAck=f"{ring.headers.get('RSeq')} 1 INVITE")


async def test_a_bye_while_phones_ring_ends_the_call_as_a_cancel_does(both: Exchange, phone: Telephone) -> None:
    call = calling(both)
    await phone.rings()
    early = Dialog.of_client(call.request, await call.hears(180), both.contact)
    assert (await both.within(early, "BYE")).status == 200
    await call.answered(487)
    await phone.cancelled()
    await both.record()


async def test_the_callers_cancel_stops_every_phone(both: Exchange, phone: Telephone) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.rings()
        await cell.rings()
        await call.hears(180)
        call.gives_up()
        await call.answered(487)
        await phone.cancelled()
        await cell.cancelled()
        record = await both.record()
        assert (record.trace[-1]["by"], record.answered) == ("cancel", None)


async def test_a_server_that_stops_while_phones_ring_refuses_the_call(both: Exchange, phone: Telephone) -> None:
    call = calling(both)
    await phone.rings()
    await call.hears(180)
    both.call.end(RecordEnd.SHUTDOWN)
    await call.answered(503)
    await phone.cancelled()


async def test_a_server_that_stops_ends_a_connected_call_on_both_sides(both: Exchange, phone: Telephone) -> None:
    call = calling(both)
    await phone.picks_up()
    await call.connected()
    await phone.acks()
    both.call.end(RecordEnd.SHUTDOWN)
    for core in (both.core, phone.core):
        assert "Shutting down" in ((await core.request("BYE")).headers.get("Reason") or "")
    await both.record()


# --- nobody answers


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (486, Reason.BUSY),
        (600, Reason.BUSY),
        (603, Reason.BUSY),
        (480, Reason.UNAVAILABLE),
        (302, Reason.UNAVAILABLE),
        (404, Reason.UNREACHABLE),
        (503, Reason.UNREACHABLE),
    ],
)
async def test_refusals_are_told_apart(both: Exchange, phone: Telephone, status: int, reason: Reason) -> None:
    call = calling(both)
    await phone.refuses(status)
    dialog = await call.connected()
    assert (await hang_up(both, dialog)).reason is reason


async def test_one_busy_phone_lets_the_others_ring(both: Exchange, phone: Telephone) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.refuses(486)
        await cell.rings()
        await call.hears(180)
        await cell.picks_up()
        await hang_up(both, await call.connected())


@pytest.mark.parametrize(("other", "reason"), [(480, Reason.BUSY), (503, Reason.BUSY), (486, Reason.BUSY)])
async def test_when_all_have_refused_busy_counts_most(
    both: Exchange, phone: Telephone, other: int, reason: Reason
) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.refuses(486)
        await cell.refuses(other)
        assert (await hang_up(both, await call.connected())).reason is reason


async def test_who_talks_on_one_phone_is_busy_while_the_other_rings_out(
    both: Exchange, phone: Telephone, rung_out: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()
    refuse = ringing.Ringing._refuse

    def refuse_and_say(self: ringing.Ringing, by: branch.Branch, what: Rung) -> None:
        refuse(self, by, what)
        refused.set()

    monkeypatch.setattr(ringing.Ringing, "_refuse", refuse_and_say)
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await phone.refuses(486)
        await cell.rings()
        await call.hears(180)
        async with asyncio.timeout(20):
            await refused.wait()
        rung_out.set()
        record = await hang_up(both, await call.connected())
        assert (record.reason, coverage(record)) == (Reason.BUSY, ["phones", "mailbox"])


async def test_a_phone_that_declines_ends_it_for_all(both: Exchange, phone: Telephone) -> None:
    async with telephone(both, "cell") as cell:
        call = calling(both)
        await cell.rings()
        await phone.refuses(603)
        dialog = await call.connected()
        await cell.cancelled()
        record = await hang_up(both, dialog)
        assert (record.reason, last_why(record)) == (
            Reason.BUSY,
            "a phone declined the call, and the mailbox takes calls on busy",
        )


async def test_when_the_time_is_over_the_mailbox_answers_without_waiting_for_the_phone(
    both: Exchange, phone: Telephone, rung_out: asyncio.Event
) -> None:
    phone.core.endpoint = _deaf(phone)
    call = calling(both)
    await phone.rings()
    ring = await call.hears(180)
    rung_out.set()
    response, dialog = await call.answered()
    assert response.to.tag != ring.to.tag
    assert both.plane.streams
    await both.ack(dialog)
    record = await hang_up(both, dialog)
    assert (record.reason, coverage(record)) == (Reason.NO_ANSWER, ["phones", "mailbox"])
    await phone.refuses(487)


async def test_a_phone_without_a_sign_of_life_is_unreachable_after_four_seconds(
    both: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert branch.SILENCE_S == 4.0
    monkeypatch.setattr(ringing, "SILENCE_S", 0.05)
    async with telephone(both) as phone:
        await phone.endpoint.close()
        call = calling(both)
        record = await hang_up(both, await call.connected())
        assert (record.reason, coverage(record)) == (Reason.UNREACHABLE, ["phones", "mailbox"])


async def test_a_silent_phone_does_not_keep_the_other_from_ringing(
    both: Exchange, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    due: asyncio.Queue[ringing.Ringing] = asyncio.Queue()
    tell_silent = ringing.Ringing._tell_silent

    def wait_for_the_test(self: ringing.Ringing) -> None:
        due.put_nowait(self)

    monkeypatch.setattr(ringing.Ringing, "_tell_silent", wait_for_the_test)
    monkeypatch.setattr(ringing, "SILENCE_S", 0.0)
    async with telephone(both, "dead") as dead:
        await dead.endpoint.close()
        call = calling(both)
        await phone.rings()
        await call.hears(180)
        async with asyncio.timeout(20):
            tell_silent(await due.get())  # who was heard by now is there, however long it took
        await phone.picks_up()
        await hang_up(both, await call.connected())


async def test_without_a_registration_the_mailbox_answers_at_once(both: Exchange) -> None:
    record = await hang_up(both, await calling(both).connected())
    assert (record.reason, last_why(record)) == (
        Reason.UNAVAILABLE,
        "no phone is registered, and the mailbox takes unanswered calls",
    )


async def test_the_phone_that_calls_does_not_ring_itself(both: Exchange) -> None:
    async with telephone(both, registered=False) as phone:
        phone.endpoint = both.caller
        await register(both, phone)
        both.engine._gate._is_contact = lambda host, port: False
        record = await hang_up(both, await calling(both).connected())
        assert record.reason is Reason.UNAVAILABLE


async def test_two_phones_behind_one_proxy_ring_each_other(both: Exchange) -> None:
    async with telephone(both, registered=False) as phone:
        phone.endpoint = both.caller
        await register(both, phone, path="<sip:edge.example;lr>")
        both.engine._gate._is_contact = lambda host, port: False
        both.core.answer = lambda request: None if request.method == "INVITE" else response_to(request, 200)
        call = calling(both)
        invite = await both.core.request("INVITE")
        assert invite.headers.all("Route") == ["<sip:edge.example;lr>"]
        call.gives_up()
        await call.answered(487)
        assert coverage(await both.record())[0] == "phones"


async def test_a_phone_that_started_anew_under_another_name_rings_once(both: Exchange, phone: Telephone) -> None:
    phone.name = "anna-again"
    await register(both, phone)
    call = calling(both)
    invite = (await phone.rings()).request
    assert invite.uri.user == "anna-again"
    await phone.picks_up()
    await hang_up(both, await call.connected())
    assert len(phone.core.invites) == 1


async def test_a_phone_behind_a_proxy_is_rung_through_it(both: Exchange) -> None:
    async with telephone(both, registered=False) as phone:
        await register(both, phone, path="<sip:edge.example;lr;received=192.0.2.7>")
        call = calling(both)
        invite = (await phone.rings()).request
        assert invite.headers.all("Route") == ["<sip:edge.example;lr;received=192.0.2.7>"]
        assert str(invite.uri) == phone.contact.strip("<>")
        await phone.picks_up()
        await hang_up(both, await call.connected())


# --- the mailbox's settings


@pytest.mark.parametrize(
    ("settings", "reason", "why"),
    [
        ({"dnd": True}, Reason.BUSY, "do not disturb is on, and the mailbox takes calls on busy"),
        ({"send_all": True}, Reason.UNCONDITIONAL, "all calls go to the mailbox"),
        (
            {"rings": 0},
            Reason.NO_ANSWER,
            "the phones are not to ring (0 rings), and the mailbox takes unanswered calls",
        ),
    ],
)
async def test_some_settings_let_no_phone_ring(
    both: Exchange, phone: Telephone, settings: dict[str, Any], reason: Reason, why: str
) -> None:
    owns(both, replace(ANNA, **settings))
    record = await hang_up(both, await calling(both).connected())
    assert (record.reason, last_why(record)) == (reason, why)
    assert phone.core.requests == []


@pytest.mark.parametrize(
    ("settings", "phones_say", "status"),
    [
        ({"enabled": False}, 480, 480),
        ({"enabled": False}, 486, 486),
        ({"send_busy": False}, 486, 486),
        ({"send_no_answer": False}, 480, 480),
        ({"dnd": True, "send_busy": False}, None, 486),
    ],
)
async def test_what_nobody_takes_is_refused(
    both: Exchange, phone: Telephone, settings: dict[str, Any], phones_say: int | None, status: int
) -> None:
    owns(both, replace(ANNA, **settings))
    call = calling(both)
    if phones_say is not None:
        await phone.refuses(phones_say)
    await call.answered(status)
    record = await both.record()
    assert (record.mailbox, record.answered, coverage(record)[-1]) == ("1001", None, "refused")


async def test_row_7_a_phone_answers_though_the_mailbox_is_off(both: Exchange, phone: Telephone) -> None:
    owns(both, replace(ANNA, enabled=False))
    call = calling(both)
    await phone.picks_up()
    await hang_up(both, await call.connected())


async def test_an_invite_that_makes_no_dialog_is_refused_before_any_phone_rings(
    both: Exchange, phone: Telephone
) -> None:
    await calling(both, Record_Route="nonsense").answered(400)
    await both.record()
    assert phone.core.requests == []


# --- forwarding


async def test_a_colleague_gets_a_forwarded_call_with_who_sent_it_on(both: Exchange) -> None:
    owns(both, replace(ANNA, forward_always="1002"), BERT)
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(telephone(both, "bert", device=BERTS))
        call = calling(both)
        invite = (await phone.rings()).request
        assert invite.headers.all("Diversion") == [
            "<sip:+492115551001@voicebox.example>;reason=unconditional;counter=1"
        ]
        await phone.refuses(486)
        record = await hang_up(both, await call.connected())
        assert (record.mailbox, record.reason, record.deflected_by) == ("1002", Reason.BUSY, "+492115551001")
        assert coverage(record) == ["number", "phones", "mailbox"]


async def test_mailboxes_that_forward_in_a_circle_are_a_loop(both: Exchange) -> None:
    owns(both, replace(ANNA, forward_always="1002"), replace(BERT, forward_always="1001"))
    await calling(both).answered(482)
    await both.record()


async def test_more_than_five_diversions_are_a_loop(both: Exchange) -> None:
    owns(both, replace(ANNA, forward_always="1002"), BERT)
    foreign = ", ".join(f"<sip:+4930{number}00000@pbx>;reason=unconditional" for number in range(1, 6))
    await calling(both, Diversion=foreign).answered(482)
    await both.record()


@pytest.mark.parametrize(
    ("number", "refused"),
    [("1001", "own-number"), ("+493012345678", "no-peer"), ("112", "emergency"), ("+492115551001", "own-number")],
)
async def test_a_forwarding_that_is_not_allowed_is_as_good_as_off(both: Exchange, number: str, refused: str) -> None:
    owns(both, replace(ANNA, forward_always=number))
    record = await hang_up(both, await calling(both).connected())
    assert record.reason is Reason.UNAVAILABLE
    assert [entry.get("refused") for entry in record.trace if entry.get("refused")] == [refused]


async def test_without_a_database_nothing_is_dialled(both: Exchange) -> None:
    owns(both, replace(ANNA, forward_always="1002"), BERT)
    both.outcalls.away = True
    record = await hang_up(both, await calling(both).connected())
    assert record.mailbox == "1001"


async def test_a_call_over_too_many_hops_is_refused(both: Exchange, phone: Telephone) -> None:
    await calling(both, Max_Forwards="0").answered(483)
    await both.record()
    assert phone.core.requests == []


# --- a phone sends the call elsewhere


async def test_a_phones_deflection_to_a_colleague_is_followed_and_ends_it_for_all(
    both: Exchange, phone: Telephone
) -> None:
    owns(both, ANNA, BERT)
    async with telephone(both, "bert", device=BERTS) as berts, telephone(both, "cell") as cell:
        call = calling(both)
        await cell.rings()
        await phone.refuses(302, "<sip:+493012345678@192.0.2.1>;q=0.5", "<sip:1002@192.0.2.1>;q=0.9")
        invite = (await berts.rings()).request
        await cell.cancelled()
        assert invite.headers.all("Diversion") == ["<sip:+492115551001@voicebox.example>;reason=deflection"]
        await berts.picks_up()
        record = await hang_up(both, await call.connected())
        assert (record.mailbox, coverage(record)) == ("1002", ["phones", "number", "phones", "answered"])
        deflection = record.trace[[entry.get("phones") for entry in record.trace].index("deflected")]
        assert (deflection["number"], deflection["when"]) == ("1002", "deflected")


@pytest.mark.parametrize("contact", ["<sip:8000@pbx>", "<sip:1001@voicebox.example>", "<tel:+492115551001>"])
async def test_a_deflection_to_the_portal_or_to_the_own_number_is_the_mailboxs(
    both: Exchange, phone: Telephone, contact: str
) -> None:
    # Whatever becomes of unanswered calls: somebody wants this one recorded.
    owns(both, replace(ANNA, send_no_answer=False, forward_no_answer="1002"), BERT)
    call = calling(both)
    await phone.refuses(302, contact)
    record = await hang_up(both, await call.connected())
    assert (record.mailbox, record.reason) == ("1001", Reason.UNAVAILABLE)
    assert last_why(record) == "a phone deflected the call to the mailbox"


@pytest.mark.parametrize(
    ("contact", "refused"),
    [
        ("<sip:112@pbx>", "emergency"),
        ("<sip:+499001234567@pbx>", "premium"),
        ("<sip:+493012345678@pbx>", "no-peer"),
        ("<sip:anna@elsewhere.example>", "not-a-number"),
    ],
)
async def test_a_deflection_that_is_not_allowed_leaves_the_call_unanswered(
    both: Exchange, phone: Telephone, contact: str, refused: str
) -> None:
    call = calling(both)
    await phone.refuses(302, contact)
    record = await hang_up(both, await call.connected())
    assert (record.reason, last_why(record)) == (
        Reason.UNAVAILABLE,
        "a phone deflected the call, and the mailbox takes unanswered calls",
    )
    assert [entry.get("refused") for entry in record.trace if entry.get("refused")] == [refused]


async def test_a_phone_that_makes_up_dialogs_gets_no_more_than_some(both: Exchange, phone: Telephone) -> None:
    call = calling(both)
    for number in range(DIALOGS_MAX + 4):
        await phone.rings(183, sdp(40_000 + number), tag=f"t{number}")
    await call.hears(183, dialogs=DIALOGS_MAX)
    assert len(both.house.dialogs) == DIALOGS_MAX
    # Who answers makes its dialog all the same.
    await phone.picks_up(tag="another")
    await hang_up(both, await call.connected())


@pytest.mark.parametrize(
    "contact", ["<sip:030 1234567@pbx>", "sip:1002@pbx?Subject=x", '"Bert" sip:1002@pbx', "*", "<sip:172.16.1.20>"]
)
async def test_a_deflection_to_nobody_is_as_good_as_unanswered(both: Exchange, phone: Telephone, contact: str) -> None:
    call = calling(both)
    await phone.refuses(302, contact)
    record = await hang_up(both, await call.connected())
    assert record.reason is Reason.UNAVAILABLE


async def test_of_a_deflections_contacts_one_that_can_be_read_counts(both: Exchange, phone: Telephone) -> None:
    owns(both, ANNA, BERT)
    async with telephone(both, "bert", device=BERTS) as berts:
        call = calling(both)
        await phone.refuses(302, "<sip:@pbx>", "<sip:1002@pbx>")
        await berts.picks_up()
        assert (await hang_up(both, await call.connected())).mailbox == "1002"


async def test_a_deflection_to_an_alias_is_not_the_mailboxs_but_not_allowed(both: Exchange, phone: Telephone) -> None:
    mobile = "+491701234567"
    owns(both, replace(ANNA, forward_no_answer="1002"), BERT)
    both.outcalls.colleagues = {**both.outcalls.colleagues, mobile: ANNA}
    async with telephone(both, "bert", device=BERTS) as berts:
        call = calling(both)
        await phone.refuses(302, f"<sip:{mobile}@pbx>")
        await berts.picks_up()
        record = await hang_up(both, await call.connected())
        assert record.mailbox == "1002"
        assert [entry.get("refused") for entry in record.trace if entry.get("refused")] == ["own-number"]


async def test_phones_that_deflect_to_each_other_are_a_loop(both: Exchange, phone: Telephone) -> None:
    owns(both, ANNA, BERT)
    async with telephone(both, "bert", device=BERTS) as berts:
        call = calling(both)
        await phone.refuses(302, "<sip:1002@pbx>")
        await berts.refuses(302, "<sip:1001@pbx>")
        await call.answered(482)
        await both.record()


async def test_a_deflection_counts_as_one_of_the_five_diversions(both: Exchange, phone: Telephone) -> None:
    owns(both, ANNA, BERT)
    foreign = ", ".join(f"<sip:+4930{number}00000@pbx>;reason=unconditional" for number in range(1, 6))
    call = calling(both, Diversion=foreign)
    await phone.refuses(302, "<sip:1002@pbx>")
    await call.answered(482)
    await both.record()


async def test_what_a_phone_claims_of_who_diverted_does_not_go_on() -> None:
    async with exchange(peer=[]) as both, telephone(both, "bert", device=BERTS) as berts:
        owns(both, ANNA, BERT)
        claim = {"Diversion": "<sip:+4930999999@victim.example>;reason=unconditional"}
        request = both.request("INVITE", user="1002", body=sdp(), headers=claim)
        challenge = await both.ask(request)
        call = Calling(both, answering(request, challenge))
        invite = (await berts.rings()).request
        assert invite.headers.all("Diversion") == []
        await berts.picks_up()
        record = await hang_up(both, await call.connected())
        assert record.deflected_by is None


# --- forwarding out of the house


@pytest.fixture
async def peered() -> AsyncIterator[tuple[Exchange, Telephone]]:
    """A peer by which calls may go out; its calls come from the caller's address all the same."""
    async with exchange() as both, telephone(both, "trunk", registered=False) as trunk:
        where = trunk.endpoint.listening[0]

        place = Place(Destination(where.host, where.port, Transport.UDP))
        way = Gateway(f"{where.host}:{where.port}", place, show_caller=True)
        board = cast("Switchboard", SimpleNamespace(gateway=lambda: way))
        both.engine._house = replace(both.house, board=board)
        both.outcalls.settings = Outbound(peer="out", allow=("+49",))
        yield both, trunk


async def test_a_call_goes_out_at_the_mailboxs_cost(peered: tuple[Exchange, Telephone]) -> None:
    both, trunk = peered
    owns(both, replace(ANNA, forward_busy="+493012345678", dnd=True))
    call = calling(both)
    invite = (await trunk.rings()).request
    assert (invite.uri.user, invite.from_.uri.user) == ("+493012345678", "+4915112345")
    assert (invite.headers.get("P-Asserted-Identity") or "").startswith("<sip:+492115551001@")
    assert (invite.headers.get("Diversion") or "").endswith("reason=user-busy;counter=1")
    await trunk.picks_up()
    dialog = await call.connected()
    (permit,) = both.outcalls.permits
    assert (permit.counted, permit.ended) == (True, False)
    record = await hang_up(both, dialog)
    assert permit.ended
    assert (record.mailbox, coverage(record)) == ("1001", ["number", "answered"])


@pytest.mark.parametrize(("said", "told"), [(486, 486), (603, 486), (480, 480), (404, 480)])
async def test_a_number_outside_that_does_not_answer_ends_the_call(
    peered: tuple[Exchange, Telephone], said: int, told: int
) -> None:
    both, trunk = peered
    owns(both, replace(ANNA, forward_always="+493012345678"))
    call = calling(both)
    await trunk.refuses(said)
    await call.answered(told)
    await both.record()
    (permit,) = both.outcalls.permits
    assert (permit.counted, permit.ended) == (False, True)


async def test_a_caller_who_gives_up_stops_the_number_outside(peered: tuple[Exchange, Telephone]) -> None:
    both, trunk = peered
    owns(both, replace(ANNA, forward_always="+493012345678"))
    call = calling(both, Privacy="id")
    invite = (await trunk.rings()).request
    assert (invite.from_.uri.host, invite.headers.get("Privacy")) == ("anonymous.invalid", "id")
    await call.hears(180)
    call.gives_up()
    await call.answered(487)
    await trunk.cancelled()
    await both.record()
    assert both.outcalls.permits[0].ended


async def test_a_caller_who_gives_up_while_we_ask_rings_nobody_outside(peered: tuple[Exchange, Telephone]) -> None:
    both, trunk = peered
    owns(both, replace(ANNA, forward_always="+493012345678"))
    asked, go_on = asyncio.Event(), asyncio.Event()
    admit = both.outcalls.admit

    async def slowly(*arguments: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await admit(*arguments)

    both.outcalls.admit = slowly  # type: ignore[method-assign,assignment] # the test's own
    call = calling(both)
    await asked.wait()
    call.gives_up()
    await call.answered(487)
    go_on.set()
    await both.record()
    assert trunk.core.invites == []
    assert both.outcalls.permits[0].ended


async def test_a_phones_deflection_goes_out_as_the_policy_allows_and_a_number_outside_deflects_nothing(
    peered: tuple[Exchange, Telephone],
) -> None:
    both, trunk = peered
    owns(both, ANNA, BERT)
    async with telephone(both) as phone:
        call = calling(both)
        await phone.refuses(302, "<sip:+493012345678@pbx;user=phone>")
        invite = (await trunk.rings()).request
        assert (invite.uri.user, invite.headers.get("P-Asserted-Identity")) == (
            "+493012345678",
            "<sip:+492115551001@voicebox.example>",
        )
        assert (invite.headers.get("Diversion") or "").endswith("reason=deflection")
        await trunk.refuses(302, "<sip:1002@pbx>")
        await call.answered(480)
        await both.record()
        (permit,) = both.outcalls.permits
        assert permit.ended


async def test_a_call_out_ends_with_the_days_budget(peered: tuple[Exchange, Telephone]) -> None:
    both, trunk = peered
    owns(both, replace(ANNA, forward_always="+493012345678"))
    call = calling(both)
    await trunk.invited()
    (permit,) = both.outcalls.permits
    permit.leases = [0.001, 0.001, 0.0]  # asked again when it is over
    await trunk.picks_up()
    await call.connected()
    await trunk.core.request("BYE")
    await both.core.request("BYE")
    assert (await both.record()).trace[-1]["by"] == "limit"


def _deaf(phone: Telephone) -> Any:
    """Let a phone not answer CANCEL by itself."""

    class Deaf:
        def respond(self, *_: object) -> None:
            pass

    return Deaf()
