"""A message with comments: they are played before it, and every key works over all of it as over one recording."""

from dataclasses import replace

import pytest

from ivr.call import Clip
from ivr.flows.portal import portal
from ivr.flows.reel import Reel
from ivr.script import Step, hang_up, listen_to, press
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, CallClips, World, message
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Message, MessageKind, State

BERT = replace(ANNA, id=2, number="1002", phone=None, name="Bert")
CLEO = replace(ANNA, id=3, number="1003", phone=None, name="Cleo", name_recording="cleo")
FORWARDED = replace(message("own", length_s=15.0), kind=MessageKind.FORWARD, sender_id=2, comments=("new", "old"))
CLIPS = {"new": 3.0, "old": 2.0, "own": 10.0, "cleo": 1.5}
LEAVE: list[Step] = [press("*"), press("*"), press("9")]


async def fetch(
    *steps: Step,
    given: Message = FORWARDED,
    clips: dict[str, float] | None = None,
    language: Language = Language.DE,
    people: tuple[Mailbox, ...] = (BERT, CLEO),
) -> World:
    """Open the mailbox from one's own phone and go to the message."""
    world = World(
        mailboxes=[replace(ANNA, auto_login=True, language=language), *people],
        messages=(given,),
        facts=facts("1001", device="1001"),
    )
    world.call.clips = dict(CLIPS if clips is None else clips)
    world.call.follow([press("1"), press("1"), *steps])
    await world.call.run(portal(world.call, world.services))
    return world


def clips_of(world: World) -> list[tuple[str, float]]:
    return [(each.audio_id, round(each.start_s, 3)) for each in world.call.played if isinstance(each, Clip)]


HEADING = listen_to("heading-first-new")


async def test_the_newest_comment_is_played_first_and_the_message_last() -> None:
    world = await fetch(HEADING, listen_to("own"), *LEAVE)
    assert clips_of(world) == [("new", 0.0), ("old", 0.0), ("own", 0.0)]
    assert world.inbox.state("own") is State.SAVED


async def test_hanging_up_in_the_message_after_its_comments_leaves_it_new() -> None:
    world = await fetch(HEADING, listen_to("old"), hang_up())
    assert world.inbox.state("own") is State.NEW


@pytest.mark.parametrize(
    ("at_s", "stopped_in", "keys", "then"),
    [
        (1.0, "new", "3", ("old", 1.0)),  # from 1 s on to 4 s: into the next part
        (2.0, "new", "1", ("new", 0.0)),
        (1.0, "old", "1", ("new", 1.0)),  # from 4 s back to 1 s: into the part before
        (1.0, "old", "3", ("own", 2.0)),
        (2.0, "own", "1", ("old", 1.0)),
        (4.0, "own", "4", ("new", 0.0)),
        (1.0, "old", "22", ("old", 1.0)),  # paused and resumed
    ],
)
async def test_skipping_and_pausing_work_over_the_seams(
    at_s: float, stopped_in: str, keys: str, then: tuple[str, float]
) -> None:
    order = list(CLIPS)
    before = [HEADING, *(listen_to(each) for each in order[: order.index(stopped_in)])]
    world = await fetch(*before, press(keys[0], at_s=at_s), *(press(key) for key in keys[1:]), listen_to("own"), *LEAVE)
    stopped = order.index(stopped_in)
    assert clips_of(world)[stopped + 1] == then


async def test_the_end_is_the_end_of_all_of_it() -> None:
    world = await fetch(HEADING, press("6", at_s=1.0), listen_to("message-end"), press("2"), listen_to("own"), *LEAVE)
    assert clips_of(world)[1:] == [("new", 0.0), ("old", 0.0), ("own", 0.0)]


async def test_the_speed_holds_for_what_follows() -> None:
    world = await fetch(HEADING, press("0", at_s=1.0), listen_to("own"), *LEAVE)
    clips = [each for each in world.call.played if isinstance(each, Clip)]
    assert [(each.audio_id, each.start_s, each.speed) for each in clips] == [
        *(("new", 0.0, 1.0), ("new", 1.0, 1.25), ("old", 0.0, 1.25), ("own", 0.0, 1.25))
    ]


async def test_a_comment_that_cannot_be_played_is_left_out() -> None:
    world = await fetch(HEADING, listen_to("own"), *LEAVE, clips={"old": 2.0, "own": 10.0})
    assert clips_of(world) == [("old", 0.0), ("own", 0.0)]


@pytest.mark.parametrize("away", ["new", "own"])
async def test_a_message_of_which_a_part_is_away_does_not_count_as_heard(away: str) -> None:
    world = World(
        mailboxes=[replace(ANNA, auto_login=True), BERT, CLEO],
        messages=(FORWARDED,),
        facts=facts("1001", device="1001"),
        clips=CLIPS,
    )
    world.services = replace(world.services, clips=CallClips(world.call, away))
    world.call.follow([press("1"), press("1"), listen_to("message-not-playable"), *LEAVE[1:]])
    await world.call.run(portal(world.call, world.services))
    assert clips_of(world) == []
    assert world.call.notes("away") == [{"message": "own"}]
    assert world.inbox.state("own") is State.NEW


@pytest.mark.parametrize("language", Language)
async def test_a_message_whose_own_recording_is_broken_is_announced_and_passed(language: Language) -> None:
    world = await fetch(
        listen_to("message-not-playable"), *LEAVE[1:], clips={"new": 3.0, "old": 2.0}, language=language
    )
    assert clips_of(world) == []
    assert world.inbox.state("own") is State.NEW


async def test_a_reel_counts_its_positions_over_all_its_parts() -> None:
    reel = await Reel.of(FORWARDED, CallClips(World(clips=CLIPS).call))
    assert reel is not None
    assert reel.length_s == 15.0
    for at_s, expected in (
        (0.0, [("new", 0.0), ("old", 0.0), ("own", 0.0)]),
        (3.0, [("old", 0.0), ("own", 0.0)]),
        (4.5, [("old", 1.5), ("own", 0.0)]),
        (14.0, [("own", 9.0)]),
        (15.0, [("own", 10.0)]),
    ):
        assert [(clip.audio_id, clip.start_s) for _, clip in reel.from_(at_s, 1.0)] == expected


# --- the envelope


@pytest.mark.parametrize("language", Language)
async def test_the_envelope_names_the_caller_and_who_forwarded_it(language: Language) -> None:
    world = await fetch(HEADING, press("5", at_s=0.5), listen_to("digits-02"), *LEAVE, language=language)
    said = world.heard[world.heard.index("caller-number") :]
    assert "envelope-length" in said
    assert said[said.index("envelope-forwarded-extension") :][:3] == [
        *("envelope-forwarded-extension", "digits-10-on", "digits-02")
    ]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_who_has_recorded_a_name_is_named_by_it(language: Language) -> None:
    given = replace(FORWARDED, sender_id=3)
    world = await fetch(HEADING, press("5", at_s=0.5), listen_to("cleo"), *LEAVE, given=given, language=language)
    assert "envelope-forwarded-name" in world.heard


async def test_a_withheld_caller_stays_so_when_a_message_is_forwarded() -> None:
    given = replace(FORWARDED, caller=Caller("+492115550000", withheld=True))
    world = await fetch(HEADING, press("5", at_s=0.5), listen_to("digits-02"), *LEAVE, given=given)
    assert "caller-withheld" in world.heard
    assert "digits-5" not in " ".join(world.heard)


async def test_a_forwarder_whose_mailbox_is_gone_is_not_named() -> None:
    world = await fetch(HEADING, press("5", at_s=0.5), listen_to("own"), *LEAVE, people=())
    assert "envelope-forwarded-extension" not in world.heard
