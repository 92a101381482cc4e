"""Row 21 of security.md: whatever happens to messages, the light tells what is there, and never a negative count."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.fakes.rows import Marks, StandingClock, a_context, a_take, add_company, add_mailbox
from voicebox.deposit import Deposits
from voicebox.events import Events
from voicebox.inbox import Inbox
from voicebox.light import Light, LightState
from voicebox.message import Message
from voicebox.storage import mailboxes
from voicebox.storage.database import Database


@pytest.fixture
async def lite(sqlite_url: str) -> AsyncIterator[Database]:
    async with await Database.open(sqlite_url) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(15))
async def test_security_row_21_the_light_is_the_whole_truth_after_any_history(lite: Database, seed: int) -> None:
    chance, clock, events = random.Random(seed), StandingClock(), Events()
    shown: list[LightState] = []

    async def show(state: LightState) -> None:
        if chance.random() < 0.2:
            raise ConnectionError("the phone is away")
        shown.append(state)

    light = Light(lite, events, clock, show)
    mailbox = await add_mailbox(lite, await add_company(lite))
    deposits, kept = Deposits(lite, events, Marks(), clock), list[Message]()
    for _ in range(80):
        inbox = Inbox(lite, events, clock, mailbox)
        what = chance.choice(("leave", "leave", "heard", "save", "keep_new", "delete", "restore", "all", "mwi", "mode"))
        if what == "leave":
            made = await deposits.accept(a_context(mailbox), a_take(), urgent=chance.random() < 0.3)
            assert made is not None
            kept.append(made)
        elif what == "all":
            await inbox.delete_all()
        elif what in {"mwi", "mode"}:
            changes = (
                {"mwi": not mailbox.mwi}
                if what == "mwi"
                else {"redirect_email": None if mailbox.redirect_email else "a@example.org"}
            )
            before = mailbox
            mailbox = await lite.write(
                lambda connection, before=before, changes=changes: mailboxes.change_mailbox(  # type: ignore[misc]
                    connection, before, changes, clock.now()
                )
            )
        elif kept:
            await getattr(inbox, what)(chance.choice(kept).id)
        clock.advance(1)
        await light.send_due()
    for _ in range(60):  # until every phone that was away has been told
        clock.advance(3600)
        await light.send_due()
    state = await light.state(mailbox.id)
    assert state is not None
    counts = await Inbox(lite, events, clock, mailbox).counts()
    expected = counts.new if mailbox.mwi and mailbox.redirect_email is None else 0
    assert (state.counts.new, state.lit) == (expected, expected > 0)
    assert shown[-1].counts == state.counts, "the last that was shown is how it is"
    for each in shown:
        figures = (each.counts.new, each.counts.saved, each.counts.new_urgent, each.counts.saved_urgent)
        assert min(figures) >= 0
        assert each.counts.new >= each.counts.new_urgent
