"""The light tells how long after a change it was sent: the figure an operator watches (a second is promised)."""

import asyncio

from tests.fakes.rows import StandingClock, one_mailbox
from voicebox.events import Events, MailboxChanged
from voicebox.light import Light, LightState
from voicebox.storage.database import Database


async def test_the_time_from_change_to_light_is_told_once_per_change(db: Database) -> None:
    mailbox = await one_mailbox(db)
    events, told, took = Events(), asyncio.Event(), list[float]()

    async def show(state: LightState) -> None:
        assert state.mailbox.id == mailbox.id

    def note(seconds: float) -> None:
        took.append(seconds)
        told.set()

    light = Light(db, events, StandingClock(), show)
    light.on_told = note
    async with asyncio.TaskGroup() as group:
        running = group.create_task(light.run())
        await asyncio.sleep(0)
        events.publish(MailboxChanged(mailbox.company_id, mailbox.id))
        async with asyncio.timeout(20):
            await told.wait()
        running.cancel()
    assert len(took) == 1
    assert 0 < took[0] < 20


async def test_a_light_that_reached_nobody_is_not_counted(db: Database) -> None:
    mailbox = await one_mailbox(db)
    events, tried, took = Events(), asyncio.Event(), list[float]()

    async def show(state: LightState) -> None:
        tried.set()
        raise ConnectionError(state.mailbox.number)

    light = Light(db, events, StandingClock(), show)
    light.on_told = took.append
    async with asyncio.TaskGroup() as group:
        running = group.create_task(light.run())
        await asyncio.sleep(0)
        events.publish(MailboxChanged(mailbox.company_id, mailbox.id))
        async with asyncio.timeout(20):
            await tried.wait()
        running.cancel()
    assert took == []
