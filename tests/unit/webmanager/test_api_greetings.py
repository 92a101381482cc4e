"""Greetings and announcements by the API: what plays, what there is to choose, and whose it is."""

import pytest

from tests.fakes.rows import NOW
from tests.fakes.sounds import stored
from tests.unit.webmanager.office import Office, tone
from voicebox.announcement import Kind
from voicebox.storage import announcements, mailboxes

CHANGED = "2026-11-22T09:30:00Z"


async def test_a_mailbox_without_greetings_plays_the_default_ones(office: Office) -> None:
    answer = await office.browser.ask("/api/v1/mailboxes/1002/greetings", await office.admin())
    assert answer.status == 200
    assert answer.json == {
        "busy": "default",
        "no_answer": "default",
        "away": False,
        "away_greeting": "default",
        "away_recording": True,
        "name": False,
        "record_notice": False,
        "greetings": [],
    }


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_what_plays_is_named(office: Office, number: int) -> None:
    kind = Kind.alternative(number)
    await office.greeting()
    await office.greeting(kind=Kind.AWAY, name="Urlaub")
    audio_id = await office.greeting(kind=kind, name="Betriebsferien")
    await office.db.write(
        lambda connection: mailboxes.change_mailbox(connection, office.anna, {"no_answer_greeting": audio_id}, NOW)
    )
    answer = await office.browser.ask("/api/v1/mailboxes/1001/greetings", await office.owner())
    assert (answer.json["busy"], answer.json["away_greeting"], answer.json["no_answer"]) == ("own", "own", kind.value)
    assert [(each["kind"], each["name"], each["changed"]) for each in answer.json["greetings"]] == [
        (kind.value, "Betriebsferien", CHANGED),
        ("away", "Urlaub", CHANGED),
        ("busy", "Besetzt", CHANGED),
    ]


async def test_everybody_sees_the_company_s_announcements_and_their_own(office: Office) -> None:
    await office.greeting()
    await office.greeting(office.ben, name="Bens")
    await office.greeting(office.foreign, name="Fremd")
    shared = await stored(office.db, office.store, office.one.id, tone(2.0))
    await office.db.write(
        lambda connection: announcements.add(
            connection, company_id=office.one.id, mailbox_id=None, name="Ferien", audio_id=shared, now=NOW
        )
    )

    async def names(token: str) -> list[tuple[str, str | None, float]]:
        answer = await office.browser.ask("/api/v1/announcements", token)
        assert answer.status == 200
        return [(each["name"], each["mailbox"], each["duration_s"]) for each in answer.json["announcements"]]

    company, annas, bens = ("Ferien", None, 2.0), ("Besetzt", "1001", 2.0), ("Bens", "1002", 2.0)
    assert await names(await office.owner()) == [annas, company]
    assert await names(await office.owner(office.ben)) == [bens, company]
    assert await names(await office.admin()) == [bens, annas, company]


async def test_foreign_greetings_are_refused(office: Office) -> None:
    answer = await office.browser.ask("/api/v1/mailboxes/1002/greetings", await office.owner())
    assert answer.status == 403
    other = await office.browser.ask("/api/v1/announcements?company=Andere%20GmbH", await office.admin())
    assert other.status == 403
