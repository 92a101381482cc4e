"""Messages by the API: the JSON others script against, folders, paging, and what a withheld caller leaves."""

import io
from datetime import timedelta

import numpy as np
import pytest
import soundfile

from tests.fakes.rows import NOW
from tests.fakes.sounds import stored
from tests.unit.webmanager.office import Office, tone
from voicebox.distribution import Audience, Dispatch, Distribution
from voicebox.inbox import Inbox
from voicebox.message import Caller, MessageKind, State, Take


async def test_a_message_is_shown_exactly_as_the_interface_says(office: Office) -> None:
    message = await office.message(received_at=NOW + timedelta(microseconds=999_999), urgent=True)
    answer = await office.browser.ask("/api/v1/mailboxes/1001/messages?folder=new", await office.admin())
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json == {
        "messages": [
            {
                "id": message.id,
                "caller": {"number": "+491701234567", "name": "Kundin"},
                "received": "2026-11-22T09:30:00Z",
                "duration_s": 2.0,
                "urgent": True,
                "confidential": False,
                "state": "new",
                "interrupted": False,
                "kind": "deposit",
                "sender": None,
                "claimed_by": None,
                "handled_by": None,
            }
        ],
        "next": None,
    }


async def test_a_single_message_tells_its_mailbox_reason_and_call_too(office: Office) -> None:
    call = await office.call()
    message = await office.message(call_id=call.id, interrupted=True)
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}", await office.owner())
    assert answer.status == 200
    assert {name: answer.json[name] for name in ("mailbox", "reason", "call", "interrupted")} == {
        "mailbox": "1001",
        "reason": "busy",
        "call": call.id,
        "interrupted": True,
    }


async def test_a_withheld_caller_stays_unknown_everywhere(office: Office) -> None:
    message = await office.message(caller=Caller("+491709999999", "Geheim", withheld=True))
    token = await office.admin()
    for path in ("/api/v1/mailboxes/1001/messages", f"/api/v1/messages/{message.id}"):
        answer = await office.browser.ask(path, token)
        assert b"9999999" not in answer.body
        assert b"Geheim" not in answer.body
    assert answer.json["caller"] == {"number": None, "name": None}
    audio = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", token)
    assert "anonymous" in audio.headers["Content-Disposition"]
    assert "9999999" not in str(audio.headers)


async def test_a_caller_without_a_name_has_none(office: Office) -> None:
    message = await office.message(caller=Caller("1002"))
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}", await office.admin())
    assert answer.json["caller"] == {"number": "1002", "name": None}


@pytest.mark.parametrize("state", State)
async def test_each_folder_holds_its_own(office: Office, state: State) -> None:
    left = {each: (await office.message(state=each)).id for each in State}
    answer = await office.browser.ask(f"/api/v1/mailboxes/1001/messages?folder={state}", await office.admin())
    assert [each["id"] for each in answer.json["messages"]] == [left[state]]


async def test_without_a_folder_it_is_the_new_ones(office: Office) -> None:
    message = await office.message()
    await office.message(state=State.SAVED)
    answer = await office.browser.ask("/api/v1/mailboxes/1001/messages", await office.owner())
    assert [each["id"] for each in answer.json["messages"]] == [message.id]


async def test_pages_go_from_the_newest_to_the_oldest_and_new_ones_do_not_shift_them(office: Office) -> None:
    # Three of one moment: the id decides, and none is lost at the edge of a page.
    moments = [NOW, NOW, NOW, NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)]
    left = [await office.message(received_at=at) for at in moments]
    token, seen, cursor = await office.owner(), list[str](), ""
    while True:
        answer = await office.browser.ask(f"/api/v1/mailboxes/1001/messages?limit=2{cursor}", token)
        seen += [each["id"] for each in answer.json["messages"]]
        if answer.json["next"] is None:
            break
        cursor = f"&cursor={answer.json['next']}"
        await office.message(received_at=NOW + timedelta(hours=1))
    ordered = sorted(left, key=lambda each: (each.received_at, each.id), reverse=True)
    assert seen == [each.id for each in ordered]


async def test_a_cursor_of_one_mailbox_opens_no_other(office: Office) -> None:
    for mailbox in (office.anna, office.anna, office.foreign):
        await office.message(mailbox)
    answer = await office.browser.ask("/api/v1/mailboxes/1001/messages?limit=1", await office.admin(office.one))
    cursor = answer.json["next"]
    foreign = await office.admin(office.other)
    page = await office.browser.ask(f"/api/v1/mailboxes/1001/messages?cursor={cursor}", foreign)
    assert page.status == 200
    own = {each["id"] for each in page.json["messages"]}
    first = await office.browser.ask("/api/v1/mailboxes/1001/messages", foreign)
    assert own <= {each["id"] for each in first.json["messages"]}


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("folder=spam", "folder", "one-of"),
        ("folder=", "folder", "one-of"),
        ("limit=0", "limit", "at-least"),
        ("limit=201", "limit", "at-most"),
        ("limit=-1", "limit", "at-least"),
        ("limit=ten", "limit", "whole-number"),
        ("limit=1.5", "limit", "whole-number"),
        ("limit=1e400", "limit", "whole-number"),
        ("limit=" + "9" * 5000, "limit", "whole-number"),
        ("limit=1&limit=2", "limit", "given-twice"),
        ("cursor=x", "cursor", "cursor"),
        ("cursor=", "cursor", "cursor"),
        ("cursor=%00", "cursor", "cursor"),
        ("order=asc", "order", "unknown-field"),
        ("company=" + "x" * 81, "company", "too-long"),
    ],
)
async def test_a_wrong_value_is_named_with_what_is_wrong(office: Office, query: str, field: str, code: str) -> None:
    answer = await office.browser.ask(f"/api/v1/mailboxes/1001/messages?{query}", await office.admin())
    assert answer.status == 422
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert [(each["field"], each["code"]) for each in answer.json["errors"]] == [(field, code)]


async def test_all_wrong_fields_are_named_at_once_in_the_callers_language(office: Office) -> None:
    answer = await office.browser.ask(
        "/api/v1/mailboxes/1001/messages?folder=spam&limit=0", await office.admin(), Accept_Language="de-AT, en;q=0.5"
    )
    assert answer.headers["Content-Language"] == "de"
    assert answer.json == {
        "type": "urn:voicebox:problem:invalid",
        "title": "Angaben ungültig",
        "status": 422,
        "detail": "Bitte berichtigen: folder, limit.",
        "errors": [
            {"field": "folder", "code": "one-of", "detail": "muss eines von diesen sein: new, saved, deleted"},
            {"field": "limit", "code": "at-least", "detail": "muss mindestens 1 sein"},
        ],
    }


async def test_a_forwarded_message_tells_its_caller_its_sender_and_who_cares_for_it(office: Office) -> None:
    left = await office.message()
    comment = await stored(office.db, office.store, office.one.id, tone(3.0))
    take = Take(comment, 24_000, 8000)
    distribution = Distribution(office.db, office.parts.events, office.clock)
    sent = await distribution.send(
        Dispatch(MessageKind.FORWARD, office.anna, Audience(people=(office.ben,)), take, left)
    )
    (result,) = sent.results
    inbox = Inbox(office.db, office.parts.events, office.clock, office.ben)
    assert result.message_id is not None
    assert await inbox.claim(result.message_id, office.ben)
    assert await inbox.handled(result.message_id, office.anna)
    (listed,) = (await office.browser.ask("/api/v1/mailboxes/1002/messages", await office.admin())).json["messages"]
    shown = (await office.browser.ask(f"/api/v1/messages/{result.message_id}", await office.owner(office.ben))).json
    for each in (listed, shown):
        assert each["caller"]["number"] == "+491701234567"
        assert (each["kind"], each["sender"], each["duration_s"]) == ("forward", "1001", 5.0)
        assert (each["claimed_by"], each["handled_by"]) == ("1002", "1001")
    audio = await office.browser.ask(f"/api/v1/messages/{result.message_id}/audio", await office.admin())
    samples, rate_hz = soundfile.read(io.BytesIO(audio.body), dtype="int16")
    assert rate_hz == 8000
    assert np.array_equal(samples, np.concatenate([tone(3.0), tone(2.0)]))
