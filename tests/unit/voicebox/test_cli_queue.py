"""`voicebox queue`, and `queue retry`."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.installation import Installation
from voicebox.storage import outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Entry, Kind

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def waiting(company: Installation) -> Installation:
    """Four mails: 1 failed and waits, 2 was given up, 3 is done, 4 was never tried."""

    async def fill(db: Database) -> None:
        async def work(connection: AsyncConnection) -> None:
            drafts = [Draft(1, Kind.MAIL_NOTIFY, f"mail-notify:{name}", 1, payload={"to": name}) for name in "abcd"]
            await outbox.add(connection, drafts, LONG_AGO)
            first, second, third, *_ = await outbox.claim_due(
                connection, Kind.MAIL_NOTIFY, limit=10, now=LONG_AGO, lease_s=0
            )
            await outbox.failed(connection, first, "451 try later", LATER)
            await outbox.give_up(connection, second, "550 no such user", LONG_AGO)
            await outbox.done(connection, third, LONG_AGO)

        await db.write(work)

    company.ask(fill)
    return company


def rows(installation: Installation) -> dict[int, Entry]:
    async def ask(db: Database) -> dict[int, Entry]:
        async with db.read() as connection:
            return {each.id: each for each in await outbox.page(connection, unfinished=False)}

    return installation.ask(ask)


def numbered(installation: Installation) -> list[int]:
    """The ids of the four mails, whatever else applying the directory left in the queue."""
    return sorted(each.id for each in rows(installation).values() if each.kind == Kind.MAIL_NOTIFY)


def test_it_shows_what_waits_and_why(waiting: Installation) -> None:
    first, second, third, fourth = numbered(waiting)
    entries = {each["id"]: each for each in waiting.json("queue")["entries"]}
    assert third not in entries
    assert (entries[first]["state"], entries[first]["last_error"]) == ("waiting", "451 try later")
    assert (entries[second]["state"], entries[second]["next_attempt"]) == ("given up", None)
    assert entries[fourth] == {
        "id": fourth,
        "kind": "mail-notify",
        "state": "waiting",
        "mailbox": "1001",
        "message": None,
        "attempts": 1,
        "created": "2026-01-01T00:00:00Z",
        "next_attempt": "2026-01-01T00:00:00Z",
        "last_error": None,
        "done": None,
        "given_up": None,
    }
    shown = waiting.run("queue").stdout
    assert "550 no such user" in shown
    assert "given up" in shown


def test_all_shows_what_is_done_too(waiting: Installation) -> None:
    entries = {each["id"]: each for each in waiting.json("queue", "--all")["entries"]}
    assert entries[numbered(waiting)[2]]["state"] == "done"
    assert len(waiting.json("queue", "--all", "--limit", "1")["entries"]) == 1
    assert waiting.json("queue", "--company", "Beispiel GmbH")["entries"]


def test_retry_makes_entries_due_as_if_new(waiting: Installation) -> None:
    first, second, *_ = numbered(waiting)
    assert waiting.run("queue", "retry", str(first), str(second)).stdout == "2 entries are due now\n"
    for each in (rows(waiting)[first], rows(waiting)[second]):
        assert (each.attempts, each.last_error, each.given_up_at, each.done_at) == (0, None, None, None)
        assert LONG_AGO < each.next_attempt_at == each.tried_since <= datetime.now(UTC), "with all its days before it"
        assert each.created_at == LONG_AGO
        assert each.payload["to"] in {"a", "b"}
    assert waiting.json("queue", "retry", str(first)) == {"retried": [first]}


def test_what_is_done_is_not_done_twice(waiting: Installation) -> None:
    first, _, third, _ = numbered(waiting)
    result = waiting.run("queue", "retry", str(first), str(third), expect=1)
    assert f"entry {third} was done at 2026-01-01T00:00:00Z already" in result.stderr
    assert rows(waiting)[first].last_error == "451 try later"  # all or none


def test_an_entry_that_does_not_exist_is_named(waiting: Installation) -> None:
    assert "no entry 4711" in waiting.run("queue", "retry", "4711", expect=3).stderr
    assert "queue has no entry 0" in waiting.run("queue", "retry", "0", expect=3).stderr


def test_the_configuration_may_stand_before_retry(waiting: Installation) -> None:
    first = str(numbered(waiting)[0])
    waiting.run("queue", "--config", str(waiting.config), "retry", first, config=False)


def test_what_is_on_its_way_or_due_by_itself_is_not_pushed(waiting: Installation) -> None:
    *_, fourth = numbered(waiting)
    before = rows(waiting)[fourth]
    waiting.run("queue", "retry", str(fourth))
    assert rows(waiting)[fourth] == before, "pushed while it is tried, it would be sent twice"
