"""Distribution lists and sendings by the API: whose they are, and who may see them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.unit.webmanager.office import Answer, Office
from voicebox.distribution import Audience, Dispatch, Distribution, Sent
from voicebox.events import Event, MailboxChanged
from voicebox.inbox import Inbox
from voicebox.message import MessageKind
from voicebox.storage import lists
from webmanager.api import body


async def a_list(office: Office, *, number: int, shared: bool) -> None:
    """Make a list of Ben's that Anna is on."""
    members = [office.anna.id, office.ben.id]
    await office.db.write(
        lambda connection: lists.add(
            connection, office.ben, number=number, description=f"Liste {number}", shared=shared, members=members
        )
    )


async def test_row_19_shared_lists_are_told_to_everybody_and_their_members_to_their_owner(office: Office) -> None:
    await a_list(office, number=2, shared=True)
    await a_list(office, number=3, shared=False)
    shown = {"number": 2, "description": "Liste 2", "shared": True, "owner": "1002", "count": 2}
    anna = await office.browser.ask("/api/v1/mailboxes/1001/lists", await office.owner())
    assert anna.json == {"lists": [shown | {"members": None}]}
    ben = await office.browser.ask("/api/v1/mailboxes/1002/lists", await office.owner(office.ben))
    assert [(each["number"], each["members"]) for each in ben.json["lists"]] == [
        (2, ["1001", "1002"]),
        (3, ["1001", "1002"]),
    ]
    foreign = await office.browser.ask("/api/v1/mailboxes/1001/lists", await office.admin(office.other))
    assert foreign.json == {"lists": []}


async def test_row_20_the_sender_sees_a_result_for_each_recipient(office: Office) -> None:
    message = await office.message()
    sent = await Distribution(office.db, office.parts.events, office.clock).send(
        Dispatch(MessageKind.FORWARD, office.anna, Audience(people=(office.ben,)), None, message)
    )
    token = await office.owner()
    answer = await office.browser.ask("/api/v1/mailboxes/1001/sendings", token)
    assert answer.json == {
        "sendings": [
            {
                "id": sent.id,
                "kind": "forward",
                "sent": "2026-11-22T09:30:00Z",
                "results": [{"number": "1002", "outcome": "sent", "message": sent.results[0].message_id}],
            }
        ]
    }
    assert (await office.browser.ask("/api/v1/mailboxes/1002/sendings", token)).status == 403
    assert (await office.browser.ask("/api/v1/mailboxes/1002/lists", token)).status == 403


async def test_a_message_is_forwarded_to_people_and_lists(office: Office) -> None:
    message = await office.message(urgent=True, confidential=True)
    await a_list(office, number=2, shared=True)
    path = f"/api/v1/messages/{message.id}/forward"
    asked = {"to": ["1002", "1002"], "lists": [2], "urgent": False}
    answer = await office.browser.ask(path, await office.owner(), method="POST", sent=asked)
    assert answer.status == 201
    (result,) = answer.json["results"]
    assert (result["number"], result["outcome"]) == ("1002", "sent")
    assert office.parts.metrics.value("voicebox_messages_total", how="forwarded") == 1
    (got,) = (await office.browser.ask("/api/v1/mailboxes/1002/messages", await office.admin())).json["messages"]
    assert (got["id"], got["sender"], got["urgent"], got["confidential"]) == (result["message"], "1001", False, True)
    assert got["caller"]["number"] == "+491701234567"
    again = await office.browser.ask(path, await office.admin(), method="POST", sent={"to": ["1002"]})
    assert again.status == 201
    urgent = (await office.browser.ask("/api/v1/mailboxes/1002/messages", await office.admin())).json["messages"]
    assert sorted(each["urgent"] for each in urgent) == [False, True]


async def test_nothing_is_forwarded_where_anything_named_is_unknown(office: Office) -> None:
    message = await office.message()
    await office.db.write(
        lambda connection: lists.add(
            connection, office.anna, number=4, description="Ich", shared=False, members=[office.anna.id]
        )
    )
    token = await office.owner()
    for asked, fields in (
        ({"to": ["1002", "4711", "x"]}, [("to.1", "unknown-number"), ("to.2", "unknown-number")]),
        ({"to": ["1002"], "lists": [9]}, [("lists.0", "unknown-list")]),
        ({"lists": [4]}, [("lists.0", "empty-list")]),
        ({}, [("to", "required")]),
        ({"to": ["1002"], "lists": [0, 16]}, [("lists.0", "at-least"), ("lists.1", "at-most")]),
        ({"to": "1002"}, [("to", "invalid")]),
        ({"to": ["1002"], "everyone": True}, [("everyone", "unknown-field")]),
        ([], [("body", "json")]),
        (b"{", [("body", "json")]),
        (b"[" * 100_000, [("body", "json")]),
        (b"\xff", [("body", "json")]),
    ):
        answer = await office.browser.ask(f"/api/v1/messages/{message.id}/forward", token, method="POST", sent=asked)
        assert answer.status == 422, asked
        assert [(each["field"], each["code"]) for each in answer.json["errors"]] == fields
    assert (await office.browser.ask("/api/v1/mailboxes/1002/messages", await office.admin())).json["messages"] == []


async def test_a_body_that_stands_still_ends(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "RECEIVE_MAX_S", 0.05)
    message = await office.message()

    async def stands() -> AsyncIterator[bytes]:
        yield b'{"to": '
        await asyncio.Event().wait()

    url = f"{office.browser.address}/api/v1/messages/{message.id}/forward"
    headers = {"Authorization": f"Bearer {await office.owner()}"}
    async with (
        asyncio.timeout(20),
        aiohttp.ClientSession() as session,
        session.post(url, data=stands(), headers=headers) as answer,
    ):
        assert answer.status == 408
        assert (await answer.json())["type"] == "urn:voicebox:problem:refused"


async def test_only_who_reaches_a_message_forwards_it(office: Office) -> None:
    message = await office.message()
    path = f"/api/v1/messages/{message.id}/forward"
    for token in (await office.owner(office.ben), await office.admin(office.other)):
        assert (await office.browser.ask(path, token, method="POST", sent={"to": ["1002"]})).status == 403
    assert (await office.browser.ask(path, None, method="POST", sent={"to": ["1002"]})).status == 401
    unknown = f"/api/v1/messages/{'f' * 32}/forward"
    assert (await office.browser.ask(unknown, await office.admin(), method="POST", sent={"to": ["1002"]})).status == 404
    assert (await office.browser.ask(path, await office.admin())).status == 405


async def forwarded(office: Office) -> Sent:
    message = await office.message()
    return await Distribution(office.db, office.parts.events, office.clock).send(
        Dispatch(MessageKind.FORWARD, office.anna, Audience(people=(office.ben,)), None, message)
    )


async def recall(office: Office, token: str | None, number: str, key: str) -> Answer:
    return await office.browser.ask(f"/api/v1/mailboxes/{number}/sendings/{key}/recall", token, method="POST")


async def test_what_nobody_has_heard_is_recalled_and_again_nothing_is(office: Office) -> None:
    sent = await forwarded(office)
    heard: list[Event] = []
    office.parts.events.subscribe(heard.append)
    token = await office.owner()
    with capture_logs() as log:
        done = await recall(office, token, "1001", sent.id)
    assert (done.status, done.json) == (200, {"recalled": 1})
    assert (await recall(office, token, "1001", sent.id)).json == {"recalled": 0}
    bens = await office.browser.ask("/api/v1/mailboxes/1002/messages", await office.admin())
    assert bens.json["messages"] == []
    (listed,) = (await office.browser.ask("/api/v1/mailboxes/1001/sendings", token)).json["sendings"]
    assert listed["results"] == [{"number": "1002", "outcome": "recalled", "message": None}]
    # Lights and everybody who looks are told at once.
    assert heard == [MailboxChanged(office.one.id, office.ben.id)]
    assert [(each["sending"], each["copies"]) for each in log if each["event"] == "sending_recalled"] == [(sent.id, 1)]


async def test_what_was_heard_is_not_recalled(office: Office) -> None:
    sent = await forwarded(office)
    (result,) = sent.results
    inbox = Inbox(office.db, office.parts.events, office.clock, office.ben)
    assert await inbox.save(result.message_id or "") is not None
    assert (await recall(office, await office.admin(), "1001", sent.id)).json == {"recalled": 0}
    bens = await office.browser.ask("/api/v1/mailboxes/1002/messages?folder=saved", await office.admin())
    assert [each["id"] for each in bens.json["messages"]] == [result.message_id]


async def test_only_who_sent_it_recalls_it(office: Office) -> None:
    sent = await forwarded(office)
    for token, number, status, code in (
        (None, "1001", 401, "token-missing"),
        (await office.owner(office.ben), "1001", 403, "foreign-mailbox"),
        (await office.owner(office.ben), "1002", 404, "unknown-sending"),
        (await office.admin(), "1002", 404, "unknown-sending"),
        (await office.admin(), "9999", 404, "unknown-mailbox"),
        (await office.admin(office.other), "1001", 404, "unknown-sending"),
    ):
        answer = await recall(office, token, number, sent.id)
        assert (answer.status, answer.json["type"]) == (status, f"urn:voicebox:problem:{code}")
    for key in ("f" * 32, "x", "%00", sent.id.upper()):
        assert (await recall(office, await office.owner(), "1001", key)).status == 404
    assert (await recall(office, await office.owner(), "1001", sent.id)).json == {"recalled": 1}
