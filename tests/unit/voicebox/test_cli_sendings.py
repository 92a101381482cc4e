"""`voicebox messages sent|recall`."""

import uuid

import pytest

from tests.fakes.installation import Installation
from voicebox.clock import SystemClock
from voicebox.distribution import Audience, Dispatch, Distribution, Sent
from voicebox.events import Events
from voicebox.message import MessageKind, Take
from voicebox.storage import mailboxes
from voicebox.storage.database import Database


@pytest.fixture
def sending(company: Installation) -> tuple[Installation, Sent]:
    """1001 has composed a message to 1002."""

    async def send(db: Database) -> Sent:
        async with db.read() as connection:
            people = {each.number: each for each in (await mailboxes.all_of(connection, 1)).values()}
        take = Take(uuid.uuid4().hex, 40_000, 8000)
        dispatch = Dispatch(MessageKind.COMPOSE, people["1001"], Audience(people=(people["1002"],)), take)
        return await Distribution(db, Events(), SystemClock()).send(dispatch)

    return company, company.ask(send)


def test_what_was_sent_is_listed_with_a_result_for_each(sending: tuple[Installation, Sent]) -> None:
    installation, sent = sending
    (listed,) = installation.json("messages", "sent", "1001")["sendings"]
    assert (listed["id"], listed["kind"]) == (sent.id, "compose")
    assert listed["results"] == [{"number": "1002", "outcome": "sent", "message": sent.results[0].message_id}]
    shown = installation.run("messages", "sent", "1001").stdout
    assert "1002 sent" in shown
    assert sent.id in shown
    assert installation.json("messages", "sent", "1002") == {"sendings": []}
    nothing = installation.run("messages", "sent", "1002")
    assert (nothing.stdout.endswith("\n"), nothing.stderr) == (True, "none\n")


def test_what_nobody_has_heard_is_recalled_once(sending: tuple[Installation, Sent]) -> None:
    installation, sent = sending
    assert len(installation.json("messages", "list", "--mailbox", "1002")["messages"]) == 1
    assert installation.json("messages", "recall", "1001", sent.id) == {"recalled": 1}
    assert installation.json("messages", "list", "--mailbox", "1002") == {"messages": []}
    (listed,) = installation.json("messages", "sent", "1001")["sendings"]
    assert listed["results"] == [{"number": "1002", "outcome": "recalled", "message": None}]
    assert "0 copies recalled" in installation.run("messages", "recall", "1001", sent.id).stdout


def test_only_the_sender_s_own_are_recalled(sending: tuple[Installation, Sent]) -> None:
    installation, sent = sending
    assert "sent nothing" in installation.run("messages", "recall", "1002", sent.id, expect=3).stderr
    assert "sent nothing" in installation.run("messages", "recall", "1001", "x", expect=3).stderr
