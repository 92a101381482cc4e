"""Row 16 over HTTP: a subscriber names addresses, and each is asked before anything goes there."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from mail.invitation import Invitation
from mail.letter import Letter
from mail.notice import Notice
from mail.outgoing import Outgoing
from tests.unit.webmanager.office import Answer, Office
from voicebox.announcement import Change
from voicebox.confirmation import ASKED_A_DAY
from voicebox.links import Links
from voicebox.pinhash import load_key
from webmanager.api.mailbox_change import MailboxIn

PATH = "/api/v1/mailboxes/1001"
STRANGER = "stranger@example.net"
FIELDS = ("email", "notify_email", "copy_email", "redirect_email")


async def change(office: Office, **wanted: Any) -> Answer:
    return await office.browser.ask(PATH, await office.owner(), method="PATCH", sent=wanted)


async def set_now(office: Office) -> dict[str, str | None]:
    shown = (await office.browser.ask(PATH, await office.owner())).json
    return {name: shown[name] for name in FIELDS}


async def mailed(office: Office) -> list[Letter | Notice | Invitation]:
    """Return the mails that are due, which go out with this."""
    links = Links(load_key(office.parts.config.data_dir), office.browser.address)
    outgoing = Outgoing(office.db, office.parts.events, office.clock, links=links)
    found = []
    for entry in await outgoing.claim(50):
        letter = await outgoing.letter(entry)
        assert letter is not None
        found.append(letter)
        await outgoing.delivered(entry, letter)
    return found


async def links_mailed(office: Office) -> dict[str, str]:
    """Return the links of the mails that ask, by address."""
    return {letter.to: letter.url for letter in await mailed(office) if isinstance(letter, Invitation)}


async def told(office: Office) -> list[tuple[str, Change | None, str]]:
    """Return to whom which change was told."""
    return [(letter.to, letter.change, letter.detail) for letter in await mailed(office) if isinstance(letter, Notice)]


@pytest.mark.parametrize("field", FIELDS)
async def test_row_16_an_address_that_a_subscriber_names_waits_until_it_has_confirmed(
    office: Office, field: str
) -> None:
    with capture_logs() as log:
        answer = await change(office, **{field: STRANGER})
    assert (answer.status, answer.json[field], answer.json["unconfirmed"]) == (200, STRANGER, [STRANGER])
    (told,) = [each for each in log if each["event"] == "addresses_changed"]
    assert told["which"] == [field]
    assert STRANGER not in repr(log)
    url = (await links_mailed(office))[STRANGER]
    confirmed = await office.browser.ask(url.removeprefix(office.browser.address), method="POST")
    assert confirmed.status == 200
    shown = await office.browser.ask(PATH, await office.owner())
    assert (shown.json[field], shown.json["unconfirmed"]) == (STRANGER, [])


async def test_what_is_left_out_stays_and_null_takes_away(office: Office) -> None:
    await change(office, notify_email=STRANGER, copy_email="copies@example.net")
    before = await set_now(office)
    assert (await change(office)).status == 200
    assert await set_now(office) == before
    answer = await change(office, notify_email=None)
    assert answer.status == 200
    assert await set_now(office) == before | {"notify_email": None}
    assert set(await links_mailed(office)) == {STRANGER, "copies@example.net"}


async def test_security_row_4_the_owner_is_told_where_mails_went_until_now(office: Office) -> None:
    own = (await set_now(office))["email"]
    assert own is not None
    await change(office, email="thief@example.net", redirect_email="thief@example.net")
    assert await told(office) == [(own, Change.ADDRESS, "thief@example.net")] * 2
    await change(office, email="thief@example.net", redirect_email=None)
    assert await told(office) == [], "who has not confirmed is told nothing"


async def test_the_owner_is_told_of_an_address_taken_away(office: Office) -> None:
    own = (await set_now(office))["email"]
    await change(office, email=None)
    assert await told(office) == [(own, Change.ADDRESS_REMOVED, own)]


async def test_unconfirmed_are_addresses_of_the_mailbox_as_it_names_them(office: Office) -> None:
    await change(office, notify_email=STRANGER)
    answer = await change(office, notify_email=None, copy_email=STRANGER.upper())
    assert answer.json["unconfirmed"] == [STRANGER.upper()]
    answer = await change(office, copy_email=None)
    assert answer.json["unconfirmed"] == []


def test_a_program_that_fills_in_defaults_takes_nothing_away() -> None:
    described = MailboxIn.model_json_schema()["properties"]
    assert set(described) == set(FIELDS)
    assert not any("default" in each for each in described.values())


async def test_an_address_the_mailbox_has_already_is_not_asked(office: Office) -> None:
    own = (await set_now(office))["email"]
    assert own is not None
    answer = await change(office, copy_email=own.upper())
    assert (answer.status, answer.json["unconfirmed"]) == (200, [])
    assert await links_mailed(office) == {}


async def test_nothing_is_changed_where_anything_is_no_address(office: Office) -> None:
    before = await set_now(office)
    answer = await change(office, notify_email=STRANGER, copy_email="not an address", redirect_email="")
    assert answer.status == 422
    assert [(each["field"], each["code"]) for each in answer.json["errors"]] == [
        ("copy_email", "email-address"),
        ("redirect_email", "email-address"),
    ]
    assert await set_now(office) == before
    assert await links_mailed(office) == {}


@pytest.mark.parametrize(
    ("sent", "field", "code"),
    [
        ({"rings": 4}, "rings", "unknown-field"),
        ({"email": 7}, "email", "invalid"),
        ({"email": "a" * 255}, "email", "too-long"),
        ([], "body", "json"),
    ],
)
async def test_what_cannot_be_changed_is_named(office: Office, sent: Any, field: str, code: str) -> None:
    answer = await office.browser.ask(PATH, await office.owner(), method="PATCH", sent=sent)
    assert answer.status == 422
    assert [(each["field"], each["code"]) for each in answer.json["errors"]] == [(field, code)]


async def test_a_mailbox_has_no_more_than_ten_strangers_asked_a_day_and_then_changes_nothing(office: Office) -> None:
    for n in range(ASKED_A_DAY - 1):
        assert (await change(office, copy_email=f"stranger{n}@example.net")).status == 200
    before = await set_now(office)
    answer = await change(office, notify_email="tenth@example.net", redirect_email="eleventh@example.net")
    assert (answer.status, answer.json["type"]) == (429, "urn:voicebox:problem:too-many-confirmations")
    assert [each["field"] for each in answer.json["errors"]] == ["redirect_email"]
    assert await set_now(office) == before
    assert len(await links_mailed(office)) == ASKED_A_DAY - 1, "what was asked beside it was undone with it"
    assert (await change(office, notify_email="tenth@example.net")).status == 200


async def test_another_mailboxs_token_changes_nothing(office: Office) -> None:
    before = await set_now(office)
    sent = {"email": STRANGER}
    ben = await office.browser.ask(PATH, await office.owner(office.ben), method="PATCH", sent=sent)
    assert ben.status == 403
    # The same extension in another company is that company's own.
    foreign = await office.browser.ask(PATH, await office.owner(office.foreign), method="PATCH", sent=sent)
    assert (foreign.status, foreign.json["unconfirmed"]) == (200, [STRANGER])
    assert await set_now(office) == before
