"""Copies that subscribers ask for by phone: to whom, and one mail for each press."""

from dataclasses import replace
from typing import Any

import pytest

from mail.letter import Purpose
from mail.outgoing import Outgoing
from tests.fakes.rows import Marks, StandingClock, a_context, a_take, one_mailbox
from tests.fakes.voicemail import ANNA
from voicebox.copies import Copies, CopyOutcome, own_address
from voicebox.deposit import Deposits
from voicebox.events import Event, Events, OutboxGrew
from voicebox.storage import mailboxes
from voicebox.storage.database import Database
from voicebox.storage.outbox import Kind

EVERY = {
    "email": "own@example.org",
    "notify_email": "told@example.org",
    "redirect_email": "all@example.org",
    "copy_email": "archive@example.org",
}


@pytest.mark.parametrize(
    ("without", "to"),
    [
        ([], "own@example.org"),
        (["email"], "told@example.org"),
        (["email", "notify_email"], "all@example.org"),
        (["email", "notify_email", "redirect_email"], None),
    ],
)
def test_it_goes_to_the_subscriber_and_never_to_an_archive(without: list[str], to: str | None) -> None:
    values: dict[str, Any] = EVERY | dict.fromkeys(without)
    assert own_address(replace(ANNA, **values)) == to


async def test_each_press_is_a_mail_of_its_own(db: Database) -> None:
    clock, events = StandingClock(), Events()
    told: list[Event] = []
    events.subscribe(told.append)
    anna = await one_mailbox(db, email="own@example.org")
    made = await Deposits(db, events, Marks(), clock).accept(a_context(anna), a_take())
    assert made is not None
    copies, outgoing = Copies(db, events, clock), Outgoing(db, events, clock)
    assert await copies.mail(anna, made) is CopyOutcome.QUEUED
    assert await copies.mail(anna, replace(made, confidential=True)) is CopyOutcome.QUEUED_LINK
    assert OutboxGrew(Kind.MAIL_REQUEST) in told
    first, second = await outgoing.claim(10)
    letters = [await outgoing.letter(entry) for entry in (first, second)]
    assert [letter is not None and (letter.purpose, letter.to) for letter in letters] == [
        (Purpose.REQUEST, "own@example.org")
    ] * 2
    assert first.key != second.key


async def test_the_address_is_the_one_that_is_set_now(db: Database) -> None:
    clock, events = StandingClock(), Events()
    before = await one_mailbox(db, email="own@example.org")
    made = await Deposits(db, events, Marks(), clock).accept(a_context(before), a_take())
    assert made is not None
    await db.write(lambda connection: mailboxes.change_mailbox(connection, before, {"email": None}, clock.now()))
    assert await Copies(db, events, clock).mail(before, made) is CopyOutcome.NO_ADDRESS
    assert await Outgoing(db, events, clock).claim(10) == []
