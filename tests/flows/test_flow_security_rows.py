"""Rows of security.md by phone: 15 (short and broken recordings), 23 (the envelope's time is the subscriber's own)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.flows.caller import leave_message
from ivr.flows.portal import portal
from ivr.script import hang_up, listen_to, press, speak
from ivr.scripted import facts
from prompts import phrases
from tests.fakes.voicemail import ANNA, World, message
from voicebox.i18n import Language
from voicebox.message import Reason, State


@pytest.mark.parametrize("language", Language)
async def test_security_row_15_hanging_up_under_two_seconds_leaves_no_message(language: Language) -> None:
    for length_s, count in ((0.0, 0), (1.0, 0), (1.9, 0), (2.0, 1)):
        world = World([press("#"), speak(length_s), hang_up()])
        await world.call.run(leave_message(world.call, world.services, replace(ANNA, language=language), Reason.BUSY))
        assert len(world.deposits.accepted) == count


@pytest.mark.parametrize("language", Language)
async def test_security_row_15_a_broken_file_is_announced_and_passed(language: Language) -> None:
    kept = (message("empty", minutes_ago=30), message("whole", minutes_ago=20))
    world = World(
        [press("1"), press("1"), listen_to("whole"), hang_up()],
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        messages=kept,
        clips={"empty": 0.0},
        facts=facts("1001", device="1001"),
    )
    await world.call.run(portal(world.call, world.services))
    heard = world.heard
    assert heard.index("message-not-playable") < heard.index("whole")
    assert world.inbox.state("empty") is State.NEW


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("around", ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"])
async def test_security_row_23_the_envelope_tells_the_subscribers_time_when_the_clocks_change(
    around: str, zone: str, language: Language
) -> None:
    known = ZoneInfo(zone)
    start = datetime.fromisoformat(around).replace(tzinfo=UTC) - timedelta(hours=8)
    for n in range(0, 4 * 26, 5):
        at = start + timedelta(minutes=15 * n)
        now = at + timedelta(hours=25)
        kept = replace(message("m"), received_at=at, interrupted=True)
        world = World(
            [press("1"), press("1"), press("5"), listen_to("envelope-interrupted"), hang_up()],
            mailboxes=[replace(ANNA, auto_login=True, language=language, time_zone=zone)],
            messages=(kept,),
            facts=facts("1001", device="1001"),
        )
        world.clock.time = now
        await world.call.run(portal(world.call, world.services))
        offset, offset_now = known.utcoffset(at.astimezone(known)), known.utcoffset(now.astimezone(known))
        assert offset is not None
        assert offset_now is not None
        # The clock on the wall, by arithmetic: the same words as for that hour in a zone without summer time.
        wall, wall_now = at + offset, now + offset_now
        said = phrases.received(language, wall, UTC, wall_now).ids
        assert [each for each in world.heard if each in said] == list(said)


async def test_security_row_23_the_envelope_tells_the_companys_time_where_the_subscribers_zone_is_not_known() -> None:
    heard = []
    for zone in ("Europe/Berlin", "Mars/Olympus"):
        world = World(
            [press("1"), press("1"), press("5"), listen_to("m"), hang_up()],
            mailboxes=[replace(ANNA, auto_login=True, time_zone=zone)],
            messages=(message("m"),),
            facts=facts("1001", device="1001"),
        )
        await world.call.run(portal(world.call, world.services))
        heard.append(world.heard)
    assert heard[0] == heard[1]
    assert "clock-hour-9" in heard[0]
