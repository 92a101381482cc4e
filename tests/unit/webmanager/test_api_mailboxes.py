"""Mailboxes by the API: what is told, and page by page."""

from typing import Any

from tests.fakes.rows import NOW, add_mailbox
from tests.unit.webmanager.office import Office
from voicebox.message import State
from voicebox.storage import mailboxes


async def test_a_company_lists_its_own_mailboxes_by_number(office: Office) -> None:
    answer = await office.browser.ask("/api/v1/mailboxes", await office.admin())
    assert answer.status == 200
    assert answer.json == {
        "mailboxes": [
            {
                "number": "1001",
                "phone": "+492115551001",
                "name": "Anna Beispiel",
                "language": "de",
                "enabled": True,
                "away": False,
            },
            {
                "number": "1002",
                "phone": None,
                "name": "Ben Beispiel",
                "language": "de",
                "enabled": True,
                "away": False,
            },
        ],
        "next": None,
    }


async def test_pages_follow_one_another_without_gap_or_repeat(office: Office) -> None:
    for n in range(3, 8):
        await add_mailbox(office.db, office.one, f"100{n}")
    token, seen, cursor = await office.admin(), list[str](), ""
    pages = 0
    while True:
        answer = await office.browser.ask(f"/api/v1/mailboxes?limit=3{cursor}", token)
        seen += [each["number"] for each in answer.json["mailboxes"]]
        pages += 1
        if answer.json["next"] is None:
            break
        cursor = f"&cursor={answer.json['next']}"
    assert seen == [f"100{n}" for n in range(1, 8)]
    assert pages == 3


async def test_a_mailbox_shows_its_settings_and_what_is_in_it(office: Office) -> None:
    await office.message()
    await office.message(urgent=True)
    await office.message(state=State.SAVED)
    await office.message(state=State.DELETED)
    await office.db.write(lambda connection: mailboxes.add_alias(connection, office.anna, "+491701234567", NOW))
    answer = await office.browser.ask("/api/v1/mailboxes/1001", await office.admin())
    shown: dict[str, Any] = answer.json
    assert shown["counts"] == {"new": 2, "saved": 1, "deleted": 1, "new_urgent": 1, "saved_urgent": 0}
    assert shown["used_s"] == 6.0
    assert shown["aliases"] == ["+491701234567"]
    assert shown["email"] == "anna@example.org"
    assert shown["busy_greeting"] == "default"
    assert (shown["rings"], shown["quota_s"], shown["message_max_s"]) == (4, 6000, 300)


async def test_no_secret_of_a_mailbox_is_told(office: Office) -> None:
    answer = await office.browser.ask("/api/v1/mailboxes/1001", await office.admin())
    names = set(answer.json) | set(answer.json["counts"])
    assert not names & {"id", "company_id", "pin", "pin_hash", "web_password", "device_password", "postbox_id"}


async def test_an_unknown_number_is_404_and_what_is_no_number_too(office: Office) -> None:
    token = await office.admin()
    for number in ("9999", "1001x", "%00", "1001%27--", "+492115551001", "1" * 300):
        answer = await office.browser.ask(f"/api/v1/mailboxes/{number}", token)
        assert (answer.status, answer.json["type"]) == (404, "urn:voicebox:problem:unknown-mailbox"), number


async def test_an_operator_names_the_company_where_there_are_several(office: Office) -> None:
    token = await office.operator()
    answer = await office.browser.ask("/api/v1/mailboxes/1001", token)
    assert answer.status == 422
    assert answer.json["errors"] == [{"field": "company", "code": "required", "detail": "is missing"}]
    one = await office.browser.ask("/api/v1/mailboxes/1001?company=Beispiel%20GmbH", token)
    other = await office.browser.ask("/api/v1/mailboxes/1001?company=Anderswo%20AG", token)
    assert (one.json["name"], other.json["name"]) == ("Anna Beispiel", "Fremde")
    nobody = await office.browser.ask("/api/v1/mailboxes?company=Nirgendwo", token)
    assert (nobody.status, nobody.json["errors"][0]["code"]) == (422, "unknown-company")
