"""A call from its INVITE to its record, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr import incoming
from ivr.call import RecordEnd
from ivr.guests import arrival_from
from ivr.session import Session
from tests.fakes.exchange import PHONE, Exchange, exchange, sdp
from tests.fakes.voicemail import ANNA
from voicebox.errors import DatabaseUnavailable
from voicebox.message import Caller, Reason
from voicebox.numbers import DialPlan


@pytest.fixture
async def both() -> AsyncIterator[Exchange]:
    async with exchange() as opened:
        yield opened


def events(trace: list[dict[str, object]]) -> list[object]:
    return [entry["event"] for entry in trace]


async def test_a_call_is_answered_and_its_record_kept_when_it_ends(both: Exchange) -> None:
    dialog = await both.connected()
    assert str(dialog.remote_target).startswith("sip:1001@127.0.0.1:")
    await both.within(dialog, "INFO", b"Signal=5\r\n", "application/dtmf-relay")
    assert (await both.within(dialog, "BYE")).status == 200
    record = await both.record()
    assert (record.mailbox, record.called, record.caller) == (ANNA.number, "1001", "+4915112345")
    assert record.reason is Reason.UNAVAILABLE
    assert record.answered is not None
    assert events(record.trace) == ["decision", "coverage", "key", "end"]
    assert record.trace[-1]["by"] == "peer"
    times = [entry["t"] for entry in record.trace]
    assert times == sorted(times)
    assert both.stream.closed


async def test_a_key_stands_in_the_trace_where_it_was_pressed(both: Exchange) -> None:
    taken = asyncio.Event()

    async def slow(session: Session) -> None:
        await session.answer()
        async with asyncio.timeout(20):
            await taken.wait()
        await session.pause(0.02)  # so that the key's time is another
        session.note("late")
        await session.key()

    both.flow[0] = slow
    dialog = await both.connected()
    await both.within(dialog, "INFO", b"Signal=5\r\n", "application/dtmf-relay")
    taken.set()
    record = await both.record()
    assert events(record.trace) == ["decision", "coverage", "key", "late", "end"]


async def test_an_unknown_number_is_refused_and_recorded_without_media(both: Exchange) -> None:
    response, _ = await both.invite(user="4711")
    assert response.status == 404
    record = await both.record()
    assert (record.mailbox, record.answered, record.reason) == (None, None, None)
    assert events(record.trace) == ["decision", "end"]
    assert both.plane.streams == []


async def test_a_portal_number_is_the_portal(both: Exchange) -> None:
    await both.connected(user="8000")
    both.call.end(RecordEnd.SHUTDOWN)
    assert (await both.record()).reason is Reason.PORTAL


@pytest.mark.parametrize("where", ["deciding", "opening"])
async def test_a_cancel_in_the_middle_of_our_work_is_answered_at_once_and_leaves_nothing_open(
    both: Exchange, where: str
) -> None:
    gate, reached = {
        "deciding": (both.directory.may_answer, both.directory.asked),
        "opening": (both.plane.may_open, both.plane.opening),
    }[where]
    gate.clear()
    request = both.request("INVITE", body=sdp())
    answer = asyncio.create_task(both.ask(request))
    async with asyncio.timeout(20):
        await reached.wait()
    assert both.caller.cancel(request)
    assert (await answer).status == 487
    assert both.records == []
    gate.set()
    record = await both.record()
    assert record.trace[-1] == {"t": record.trace[-1]["t"], "event": "end", "by": "cancel"}
    assert record.answered is None
    assert len(both.plane.streams) == (1 if where == "opening" else 0)


async def test_without_a_port_the_caller_is_told_to_come_again(both: Exchange) -> None:
    both.plane.full = True
    response, _ = await both.invite()
    assert (response.status, response.headers.get("Retry-After")) == (503, "10")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"v=1\r\n", {}, 488),
        (sdp(formats="3 18"), {}, 488),
        (sdp(host="2001:db8::1"), {}, 488),
        (sdp(), {"Session-Expires": "30", "Supported": "timer"}, 422),
        (sdp(), {"Record-Route": "nonsense"}, 400),
    ],
)
async def test_what_cannot_be_agreed_on_is_refused(
    both: Exchange, body: bytes, headers: dict[str, str], status: int
) -> None:
    response, _ = await both.invite(body, headers=headers)
    assert response.status == status
    assert (await both.record()).answered is None


async def test_a_fault_in_a_flow_ends_its_call_with_a_reason_and_keeps_the_record(both: Exchange) -> None:
    async def fails(session: Session) -> None:
        await session.answer()
        raise LookupError("a fault of ours")

    both.flow[0] = fails
    await both.connected()
    bye = await both.core.request("BYE")
    assert bye.headers.get("Reason") == 'SIP ;cause=500 ;text="Internal error"'
    record = await both.record()
    assert events(record.trace) == ["decision", "coverage", "error", "end"]
    assert record.answered is not None


async def test_a_fault_before_the_answer_is_500(both: Exchange) -> None:
    async def fails(session: Session) -> None:
        raise LookupError("a fault of ours")

    both.flow[0] = fails
    response, _ = await both.invite()
    assert response.status == 500
    assert "error" in events((await both.record()).trace)


async def test_without_a_database_the_caller_is_told_to_come_again(both: Exchange) -> None:
    both.directory.error = DatabaseUnavailable("away")
    response, _ = await both.invite()
    assert (response.status, response.headers.get("Retry-After")) == (503, "10")


async def test_a_database_that_never_answers_does_not_leave_a_caller_waiting(
    both: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "DECIDED_S", 0.01)
    both.directory.may_answer.clear()
    response, _ = await both.invite()
    assert response.status == 503
    assert events((await both.record()).trace) == ["error", "end"]


async def test_the_record_does_not_wait_for_the_answer_to_our_bye(both: Exchange) -> None:
    both.core.answer = lambda request: None

    async def hangs_up(session: Session) -> None:
        await session.answer()

    both.flow[0] = hangs_up
    await both.connected()
    await both.core.request("BYE")
    async with asyncio.timeout(20):
        record = await both.record()
    assert record.trace[-1]["by"] == "us"


async def test_a_server_that_stops_while_it_decides_refuses_the_call(both: Exchange) -> None:
    both.directory.may_answer.clear()
    answer = asyncio.create_task(both.invite())
    async with asyncio.timeout(20):
        await both.directory.asked.wait()
    both.call.end(RecordEnd.SHUTDOWN)
    assert (await answer)[0].status == 503
    both.directory.may_answer.set()
    await both.record()
    assert both.plane.streams == []


async def test_a_phone_that_withholds_its_number_is_withheld(both: Exchange) -> None:
    """RFC 3325 holds for the phones of the house too; without it, they are who they proved to be."""
    plan = DialPlan("49", "211")
    plain = both.request("INVITE", body=sdp())
    assert arrival_from(PHONE, plain, plan).caller.number == PHONE.number
    plain.headers.set("Privacy", "id")
    assert arrival_from(PHONE, plain, plan).caller == Caller(None, withheld=True)
