"""Fetching messages: the order, every key while one plays, pauses and after it, and what others do meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr import menu
from ivr.call import Clip
from ivr.flows.portal import portal
from ivr.keymap import Act
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence
from ivr.scripted import facts
from prompts import phrases
from tests.fakes.voicemail import ANNA, NOW, CallClips, World, message
from voicebox.i18n import Language
from voicebox.message import Caller, Message, State

ONE = (message("one", length_s=10.0),)
TWO = (message("one", minutes_ago=20), message("two", minutes_ago=10))
LEAVE: list[Step] = [press("*"), press("*"), press("9")]
"""From a message to the mailbox menu, the main menu, and out."""
NO_MORE = "folder-no-more"


async def fetch(
    *steps: Step,
    messages: tuple[Message, ...] = ONE,
    language: Language = Language.DE,
    clips: dict[str, float] | None = None,
    folder: str = "1",
    hang_up_at: int | None = None,
) -> World:
    """Open the mailbox from one's own phone and go to the messages, or (`folder` 9) to the deleted ones."""
    world = new_world(messages, language=language, clips=clips, hang_up_at=hang_up_at)
    return await go(world, *steps, folder=folder)


def new_world(
    messages: tuple[Message, ...] = ONE,
    *,
    language: Language = Language.DE,
    clips: dict[str, float] | None = None,
    hang_up_at: int | None = None,
) -> World:
    return World(
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        messages=messages,
        clips=clips,
        facts=facts("1001", device="1001"),
        hang_up_at=hang_up_at,
    )


async def go(world: World, *steps: Step, folder: str = "1") -> World:
    world.call.follow([press("1"), press(folder), *steps])
    await world.call.run(portal(world.call, world.services))
    return world


def clips_of(world: World) -> list[Clip]:
    return [sound for sound in world.call.played if isinstance(sound, Clip)]


def since(world: World, first: str) -> list[str]:
    return world.heard[world.heard.index(first) :]


class FixedLength:
    """Says that every recording lasts ten seconds."""

    async def length_s(self, audio_id: str) -> float | None:
        return 10.0

    async def away(self, audio_id: str) -> bool:
        return False


# --- the order


async def test_new_ones_come_first_urgent_ones_before_the_others_then_the_oldest() -> None:
    kept = (
        message("saved-urgent", minutes_ago=90, state=State.SAVED, urgent=True),
        message("saved-old", minutes_ago=99, state=State.SAVED),
        message("new-late", minutes_ago=1),
        message("new-early", minutes_ago=50),
        message("new-urgent-late", minutes_ago=5, urgent=True),
        message("new-urgent-early", minutes_ago=10, urgent=True),
        message("deleted", state=State.DELETED),
    )
    order = [
        *("new-urgent-early", "new-urgent-late", "new-early", "new-late"),
        *("saved-urgent", "saved-old"),
    ]
    steps = [step for name in order for step in (listen_to(name), press("6"))]
    world = await fetch(*steps, listen_to(NO_MORE), hang_up(), messages=kept)
    assert [clip.audio_id for clip in clips_of(world)] == order
    headings = [heard for heard in world.heard if heard.startswith(("heading", "folder"))]
    assert headings == [
        *("heading-first-new-urgent", "heading-next-new-urgent", "heading-next-new", "heading-next-new"),
        *("folder-no-more-new", "heading-first-saved-urgent", "heading-next-saved"),
        NO_MORE,
    ]


@pytest.mark.parametrize("language", Language)
async def test_without_new_messages_the_saved_ones_follow_at_once(language: Language) -> None:
    world = await fetch(*LEAVE, messages=(message("s", state=State.SAVED),), language=language)
    assert since(world, "folder-no-new")[:1] == ["folder-no-new"]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("urgent", "confidential", "mark"),
    [(False, False, ""), (True, False, "-urgent"), (False, True, "-confidential"), (True, True, "-both")],
)
async def test_a_message_is_announced_with_its_marks(
    language: Language, mark: str, *, urgent: bool, confidential: bool
) -> None:
    marked = message("m", urgent=urgent, confidential=confidential)
    world = await fetch(listen_to("m"), *LEAVE, messages=(marked,), language=language)
    assert since(world, f"heading-first-new{mark}")[1] == "m"


# --- heard, saved, deleted, kept


async def test_heard_to_its_end_it_is_saved() -> None:
    world = await fetch(listen_to("one"), hang_up())
    assert world.inbox.state("one") is State.SAVED


async def test_not_heard_to_its_end_it_stays_new() -> None:
    world = await fetch(press("2", at_s=9.9), hang_up())
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize(
    "steps",
    [
        [press("6", at_s=1.0)],
        [press("6", at_s=1.0), press("6")],
        [press("*", at_s=1.0)],
        [press("3", at_s=9.0)],
    ],
    ids=["to the end", "next", "back", "wound to the end"],
)
async def test_skipping_it_leaves_it_new(steps: list[Step]) -> None:
    world = await fetch(listen_to("heading-first-new"), *steps, hang_up())
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("heard", [True, False], ids=["after", "while playing"])
async def test_hash_saves_and_goes_on(language: Language, *, heard: bool) -> None:
    first: list[Step] = [listen_to("one")] if heard else [listen_to("heading-first-new")]
    world = await fetch(
        *first, press("#"), listen_to("message-saved"), listen_to("two"), *LEAVE, messages=TWO, language=language
    )
    assert since(world, "message-saved")[:3] == ["message-saved", "heading-next-new", "two"]
    assert world.inbox.state("one") is State.SAVED


async def test_hash_after_the_last_one_leads_back_to_the_menu() -> None:
    world = await fetch(listen_to("one"), press("#"), listen_to("menu-mailbox"), hang_up())
    assert since(world, "message-saved") == ["message-saved", NO_MORE, "menu-mailbox"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("heard", [True, False], ids=["after", "while playing"])
async def test_seven_deletes_and_seven_again_restores(language: Language, *, heard: bool) -> None:
    first: list[Step] = [listen_to("one")] if heard else [listen_to("heading-first-new")]
    world = await fetch(*first, press("7"), listen_to("message-deleted"), hang_up(), language=language)
    assert world.inbox.state("one") is State.DELETED
    world = await fetch(
        *(*first, press("7"), listen_to("message-deleted")),
        *(press("7"), listen_to("message-restored"), hang_up()),
        language=language,
    )
    assert world.inbox.state("one") is (State.SAVED if heard else State.NEW)


@pytest.mark.parametrize("language", Language)
async def test_a_deleted_message_offers_to_be_restored(language: Language) -> None:
    options = menu.DELETED.phrase(language).ids
    world = await fetch(press("7"), listen_to(options[-1]), *LEAVE, language=language)
    assert since(world, "message-deleted")[1 : 1 + len(options)] == [*options]


@pytest.mark.parametrize("key", list("#6"))
async def test_going_on_from_a_deleted_message_leaves_it_deleted(key: str) -> None:
    world = await fetch(press("7"), press(key), listen_to("two"), *LEAVE, messages=TWO)
    assert world.inbox.state("one") is State.DELETED
    assert "message-saved" not in world.heard


@pytest.mark.parametrize("key", list("9180"))
async def test_a_deleted_message_has_no_more(key: str) -> None:
    world = await fetch(press("7"), press(key), listen_to("menu-invalid"), *LEAVE)
    assert "menu-more" not in world.heard


async def test_a_deleted_message_can_be_heard_and_restored_while_it_plays() -> None:
    world = await fetch(press("7"), press("2"), press("9", at_s=2.0), press("7", at_s=4.0), *LEAVE)
    assert [clip.start_s for clip in clips_of(world)] == [0.0, 2.0]
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("heard", [True, False], ids=["after", "while playing"])
async def test_it_can_be_kept_as_new(*, heard: bool) -> None:
    first: list[Step] = [listen_to("one")] if heard else [listen_to("heading-first-new")]
    world = await fetch(*first, press("9"), press("3"), listen_to("message-kept-new"), hang_up())
    assert world.inbox.state("one") is State.NEW


async def test_hearing_it_again_does_not_undo_that() -> None:
    world = await fetch(listen_to("one"), press("9"), press("3"), press("2"), listen_to("one"), *LEAVE)
    assert world.inbox.state("one") is State.NEW


async def test_what_a_colleague_deleted_meanwhile_is_not_said_to_be_kept() -> None:
    world = new_world(ONE)
    gone = meanwhile(lambda: world.inbox.delete("one"))
    await go(world, listen_to("one"), press("9"), gone, press("3"), listen_to("message-gone"), hang_up())
    assert "message-kept-new" not in world.heard


async def test_saving_it_does() -> None:
    world = await fetch(listen_to("one"), press("9"), press("3"), press("#"), hang_up())
    assert world.inbox.state("one") is State.SAVED


async def test_a_saved_message_can_be_made_new_again() -> None:
    world = await fetch(
        press("9"), press("3"), listen_to("message-kept-new"), hang_up(), messages=(message("s", state=State.SAVED),)
    )
    assert world.inbox.state("s") is State.NEW


@pytest.mark.parametrize("language", Language)
async def test_more_offers_what_there_is(language: Language) -> None:
    world = await fetch(press("9"), silence(), press("*"), *LEAVE, language=language)
    said = [heard for heard in world.heard if heard.startswith("option-more")]
    assert said == [f"option-more-{key}" for key in ("1", "2", "3", "4", "5", "star")]


async def test_going_back_from_more_plays_on_where_it_was() -> None:
    world = await fetch(listen_to("heading-first-new"), press("9", at_s=4.0), press("*"), listen_to("one"), *LEAVE)
    assert [clip.start_s for clip in clips_of(world)] == [0.0, 4.0]


async def test_nobody_takes_care_of_a_message_of_their_own_mailbox() -> None:
    world = await fetch(press("9"), press("6"), listen_to("menu-invalid"), press("*"), *LEAVE)
    assert "menu-invalid" in world.heard


# --- while it plays


def positions(world: World) -> list[float]:
    return [round(clip.start_s, 3) for clip in clips_of(world)]


HEADING = listen_to("heading-first-new")


@pytest.mark.parametrize(
    ("key", "at_s", "start_s"),
    [("1", 5.0, 2.0), ("1", 2.0, 0.0), ("3", 5.0, 8.0), ("4", 5.0, 0.0)],
)
async def test_skips_go_three_seconds_and_never_beyond_the_ends(key: str, at_s: float, start_s: float) -> None:
    world = await fetch(HEADING, press(key, at_s=at_s), listen_to("one"), *LEAVE)
    assert positions(world) == [0.0, start_s]


@pytest.mark.parametrize(("key", "at_s"), [("3", 7.0), ("3", 9.0), ("6", 1.0)])
async def test_winding_to_the_end_leads_to_what_follows_it(key: str, at_s: float) -> None:
    world = await fetch(HEADING, press(key, at_s=at_s), listen_to("message-end"), *LEAVE)
    assert positions(world) == [0.0]
    assert "option-message-hash" in world.heard


async def test_the_speed_goes_round() -> None:
    world = await fetch(HEADING, *[press("0", at_s=1.0)] * 5, listen_to("one"), *LEAVE)
    assert [clip.speed for clip in clips_of(world)] == [1.0, 1.25, 1.5, 2.0, 0.75, 1.0]
    assert [said for said in world.heard if said.startswith("speed")] == [
        *("speed-125", "speed-150", "speed-200", "speed-75", "speed-100")
    ]


async def test_another_speed_goes_on_where_it_was_and_positions_count_in_the_recording() -> None:
    world = await fetch(
        HEADING,
        press("0", at_s=2.0),
        listen_to("speed-125"),
        press("2", at_s=4.0),
        press("2"),
        listen_to("one"),
        *LEAVE,
    )
    assert positions(world) == [0.0, 2.0, 7.0]


async def test_the_speed_stays_for_the_next_message() -> None:
    world = await fetch(press("0"), listen_to("one"), press("6"), listen_to("two"), *LEAVE, messages=TWO)
    assert [clip.speed for clip in clips_of(world)] == [1.25, 1.25]


@pytest.mark.parametrize("key", list("0123456789*#"))
async def test_a_key_in_the_heading_acts_before_the_message_begins(key: str) -> None:
    follow: dict[str, list[Step]] = {
        "2": [press("2"), listen_to("one"), *LEAVE],
        "6": LEAVE,
        "7": LEAVE,
        "9": [press("*"), listen_to("one"), *LEAVE],
        "*": LEAVE[1:],
        "#": LEAVE[1:],
    }
    world = await fetch(press(key), *follow.get(key, [listen_to("one"), *LEAVE]))
    assert all(start_s in {0.0, 3.0} for start_s in positions(world))
    assert world.heard[-1] == "menu-goodbye"


@pytest.mark.parametrize("key", ["8"])
async def test_keys_without_a_meaning_do_not_disturb_the_message(key: str) -> None:
    world = await fetch(HEADING, press(key, at_s=3.0), listen_to("one"), *LEAVE)
    assert positions(world) == [0.0]


# --- pause


@pytest.mark.parametrize("language", Language)
async def test_a_pause_and_on_from_there(language: Language) -> None:
    world = await fetch(HEADING, press("2", at_s=4.0), press("2"), listen_to("one"), *LEAVE, language=language)
    assert positions(world) == [0.0, 4.0]
    assert world.inbox.state("one") is State.SAVED


async def test_a_pause_reminds_and_then_ends_the_call() -> None:
    world = await fetch(HEADING, press("2", at_s=4.0), silence(), silence(), silence())
    assert world.heard.count("option-playing-2-resume") == 3
    assert world.heard[-1] == "menu-goodbye-no-input"
    assert 180 < world.call.now_s < 220
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize(("key", "start_s"), [("1", 2.0), ("3", 8.0), ("4", 0.0), ("0", 5.0)])
async def test_skips_work_in_a_pause_and_end_it(key: str, start_s: float) -> None:
    world = await fetch(HEADING, press("2", at_s=5.0), press(key), listen_to("one"), *LEAVE)
    assert positions(world) == [0.0, start_s]


async def test_the_envelope_in_a_pause_leaves_it_paused() -> None:
    world = await fetch(
        HEADING,
        press("2", at_s=5.0),
        press("5"),
        listen_to("option-playing-2-resume"),
        press("2"),
        listen_to("one"),
        *LEAVE,
    )
    assert "day-today" in world.heard
    assert positions(world) == [0.0, 5.0]


async def test_more_in_a_pause_leads_back_to_it() -> None:
    world = await fetch(HEADING, press("2", at_s=5.0), press("9"), press("*"), press("2"), listen_to("one"), *LEAVE)
    assert positions(world) == [0.0, 5.0]


@pytest.mark.parametrize("key", list("#7*6"))
async def test_a_pause_can_be_left_by_every_other_key(key: str) -> None:
    follow = {"#": LEAVE[1:], "7": LEAVE, "*": LEAVE[1:], "6": LEAVE}
    world = await fetch(HEADING, press("2", at_s=5.0), press(key), *follow[key])
    assert world.heard[-1] == "menu-goodbye"


async def test_a_wrong_key_in_a_pause_is_told() -> None:
    world = await fetch(
        HEADING, press("2", at_s=5.0), press("8"), listen_to("menu-invalid"), press("2"), listen_to("one"), *LEAVE
    )
    assert positions(world) == [0.0, 5.0]


# --- after it


@pytest.mark.parametrize("language", Language)
async def test_after_a_message_its_keys_are_offered(language: Language) -> None:
    options = menu.AFTERWARDS.without(Act.CALL_BACK).phrase(language).ids
    world = await fetch(listen_to(options[-1]), *LEAVE, language=language)
    assert since(world, "message-end")[1 : 1 + len(options)] == [*options]


async def test_two_plays_it_again_from_the_start() -> None:
    world = await fetch(listen_to("one"), press("2"), listen_to("one"), *LEAVE)
    assert positions(world) == [0.0, 0.0]


async def test_four_and_six_go_to_and_fro() -> None:
    world = await fetch(
        *(listen_to("one"), press("6"), listen_to("two"), press("4"), listen_to("one"), press("6"), listen_to("two")),
        *LEAVE,
        messages=TWO,
    )
    assert [clip.audio_id for clip in clips_of(world)] == ["one", "two", "one", "two"]
    assert [said for said in world.heard if said.startswith("heading")] == [
        *("heading-first-new", "heading-next-new", "heading-previous-saved", "heading-next-saved"),
    ]


async def test_nothing_precedes_the_first_one() -> None:
    world = await fetch(
        listen_to("one"), press("4"), listen_to("folder-no-previous"), press("2"), listen_to("one"), *LEAVE
    )
    assert len(clips_of(world)) == 2


async def test_six_after_the_last_one_leads_back_to_the_menu() -> None:
    world = await fetch(listen_to("one"), press("6"), listen_to("menu-mailbox"), hang_up())
    assert since(world, NO_MORE) == [NO_MORE, "menu-mailbox"]


@pytest.mark.parametrize("key", list("1380"))
async def test_keys_of_a_playing_message_are_wrong_after_it(key: str) -> None:
    world = await fetch(listen_to("one"), press(key), listen_to("menu-invalid"), *LEAVE)
    assert "menu-invalid" in world.heard


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([silence(), silence(), silence()], "menu-goodbye-no-input"),
        ([press("1"), press("3"), press("8")], "menu-goodbye-invalid"),
    ],
)
async def test_three_silences_or_wrong_keys_after_it_end_the_call(steps: list[Step], words: str) -> None:
    world = await fetch(listen_to("one"), *steps)
    assert world.heard[-1] == words
    assert world.inbox.state("one") is State.SAVED


# --- the envelope


@pytest.mark.parametrize("where", ["while", "after"])
async def test_the_envelope_is_said_and_it_goes_on(where: str) -> None:
    steps: list[Step] = [HEADING, press("5", at_s=4.0)] if where == "while" else [listen_to("one"), press("5")]
    world = await fetch(*steps, listen_to("seconds-10"), *LEAVE)
    said = since(world, "day-today")
    clock = phrases.clock_time(Language.DE, NOW - timedelta(minutes=60), ZoneInfo("Europe/Berlin"))
    assert said[1 : 1 + len(clock.ids)] == [*clock.ids]
    assert "caller-number" in said
    assert said.index("envelope-length") < said.index("seconds-10")
    if where == "while":
        assert positions(world) == [0.0, 4.0]


async def test_the_envelope_is_in_the_subscribers_own_zone() -> None:
    world = new_world((message("one", minutes_ago=9 * 60),))
    world.clock.time = world.clock.time.replace(hour=23, minute=30)
    await go(world, press("5"), listen_to("one"), *LEAVE)
    clock = phrases.clock_time(Language.DE, datetime(2026, 11, 22, 1, 30, tzinfo=UTC), UTC)
    assert since(world, "day-yesterday")[1 : 1 + len(clock.ids)] == [*clock.ids]


async def test_a_withheld_number_is_never_said() -> None:
    hidden = message("one", caller=Caller("+492115550000", "Anna", withheld=True))
    world = await fetch(press("5"), listen_to("seconds-10"), *LEAVE, messages=(hidden,))
    said = since(world, "day-today")
    assert "caller-withheld" in said
    assert not [heard for heard in said if heard.startswith("digits")]


async def test_an_unknown_caller_and_a_colleague_are_said() -> None:
    unknown = message("one", minutes_ago=20, caller=Caller(None))
    colleague = message("two", minutes_ago=10, caller=Caller("1002"))
    world = await fetch(
        *(press("5"), listen_to("one"), press("6"), press("5"), listen_to("two"), *LEAVE), messages=(unknown, colleague)
    )
    assert "caller-unknown" in world.heard
    assert since(world, "caller-extension")[1:3] == ["digits-10-on", "digits-02"]


async def test_marks_and_an_interruption_are_said() -> None:
    marked = message("one", urgent=True, confidential=True, interrupted=True)
    world = await fetch(press("5"), listen_to("envelope-interrupted"), *LEAVE, messages=(marked,))
    assert since(world, "envelope-urgent-confidential")[:2] == ["envelope-urgent-confidential", "envelope-interrupted"]


# --- what others do meanwhile


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("how", ["purged", "deleted"])
async def test_a_message_that_somebody_else_removed_is_announced_and_passed(how: str, language: Language) -> None:
    world = new_world((*TWO, message("three", minutes_ago=5)), language=language)

    async def remove() -> None:
        if how == "purged":
            world.inbox.purge("two")
        else:
            await world.inbox.delete("two")

    await go(world, listen_to("one"), meanwhile(remove), press("6"), listen_to("three"), *LEAVE)
    assert since(world, "message-gone")[:3] == ["message-gone", "heading-next-new", "three"]


@pytest.mark.parametrize("key", list("#7"))
async def test_a_message_that_goes_while_it_plays_is_announced_too(key: str) -> None:
    world = new_world(TWO)

    async def remove() -> None:
        world.inbox.purge("one")

    await go(world, HEADING, meanwhile(remove), press(key, at_s=3.0), listen_to("two"), *LEAVE)
    assert since(world, "message-gone")[:3] == ["message-gone", "heading-next-new", "two"]


async def test_one_that_goes_while_it_is_heard_can_still_be_left() -> None:
    world = new_world(TWO)

    async def remove() -> None:
        world.inbox.purge("one")

    await go(world, HEADING, meanwhile(remove), listen_to("one"), press("6"), listen_to("two"), *LEAVE)
    assert "two" in world.heard


async def test_saving_what_somebody_saved_already_is_no_error() -> None:
    world = new_world(TWO)

    async def save() -> None:
        await world.inbox.save("one")

    await go(world, HEADING, meanwhile(save), press("#", at_s=3.0), listen_to("message-saved"), *LEAVE)
    assert "message-gone" not in world.heard


async def test_saving_what_somebody_deleted_says_so() -> None:
    world = new_world(TWO)

    async def delete() -> None:
        await world.inbox.delete("one")

    await go(world, HEADING, meanwhile(delete), press("#", at_s=3.0), listen_to("two"), *LEAVE)
    assert "message-gone" in world.heard
    assert world.inbox.state("one") is State.DELETED


async def test_a_message_that_arrives_meanwhile_does_not_shift_the_others() -> None:
    world = new_world(TWO)

    async def arrive() -> None:
        world.inbox.all["urgent"] = message("urgent", minutes_ago=30, urgent=True)

    await go(world, listen_to("one"), meanwhile(arrive), press("6"), listen_to("two"), press("6"), hang_up())
    assert [clip.audio_id for clip in clips_of(world)] == ["one", "two"]


async def test_going_back_to_what_was_deleted_here_offers_to_restore_it() -> None:
    world = await fetch(
        *(listen_to("one"), press("7"), press("6"), listen_to("two"), press("4")),
        *(listen_to("option-deleted-7"), press("7"), listen_to("message-restored"), *LEAVE),
        messages=TWO,
    )
    assert "heading-previous-deleted" in world.heard
    assert world.inbox.state("one") is State.SAVED


# --- broken audio


@pytest.mark.parametrize("language", Language)
async def test_a_broken_recording_is_announced_and_passed(language: Language) -> None:
    world = new_world(TWO, language=language)
    del world.call.clips["one"]
    await go(world, listen_to("two"), *LEAVE)
    assert since(world, "heading-first-new")[:4] == [
        "heading-first-new",
        "message-not-playable",
        "heading-next-new",
        "two",
    ]
    assert world.call.notes("broken") == [{"message": "one"}]
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("language", Language)
async def test_a_recording_that_is_away_is_announced_passed_and_stays_new(language: Language) -> None:
    world = new_world(TWO, language=language)
    world.services = replace(world.services, clips=CallClips(world.call, "one"))
    await go(world, listen_to("two"), *LEAVE)
    assert since(world, "heading-first-new")[1:4] == ["message-not-playable", "heading-next-new", "two"]
    assert world.call.notes("away") == [{"message": "one"}]
    assert world.call.notes("broken") == []
    assert world.inbox.state("one") is State.NEW


async def test_going_back_passes_it_the_other_way() -> None:
    world = new_world((*TWO, message("three", minutes_ago=5)))
    del world.call.clips["two"]
    await go(world, listen_to("one"), press("6"), listen_to("three"), press("4"), listen_to("one"), *LEAVE)
    assert [clip.audio_id for clip in clips_of(world)] == ["one", "three", "one"]


async def test_going_back_to_a_broken_first_one_comes_back() -> None:
    world = new_world(TWO)
    del world.call.clips["one"]
    await go(world, listen_to("two"), press("4"), listen_to("two"), *LEAVE)
    assert [clip.audio_id for clip in clips_of(world)] == ["two", "two"]


async def test_a_mailbox_of_broken_recordings_traps_nobody() -> None:
    world = new_world(TWO)
    world.call.clips.clear()
    await go(world, listen_to("menu-mailbox"), hang_up())
    assert world.heard.count("message-not-playable") == 2
    assert since(world, NO_MORE) == [NO_MORE, "menu-mailbox"]


async def test_an_empty_recording_is_passed_too() -> None:
    world = new_world(TWO, clips={"one": 0.0})
    await go(world, listen_to("two"), *LEAVE)
    assert "message-not-playable" in world.heard
    assert world.inbox.state("one") is State.NEW


async def test_a_recording_that_breaks_before_it_plays_was_not_heard() -> None:
    world = new_world(clips={"one": 0.0})
    world.services = replace(world.services, clips=FixedLength())
    await go(world, listen_to("message-not-playable"), *LEAVE)
    assert world.inbox.state("one") is State.NEW


# --- deleted messages

OLD = (message("one", minutes_ago=20, state=State.DELETED), message("two", minutes_ago=10, state=State.DELETED))


@pytest.mark.parametrize("language", Language)
async def test_deleted_messages_are_counted_and_can_be_restored(language: Language) -> None:
    world = await fetch(
        *(listen_to("heading-first-deleted"), press("7"), listen_to("message-restored"), *LEAVE),
        messages=OLD,
        language=language,
        folder="9",
    )
    assert since(world, "deleted-messages-2")[:2] == ["deleted-messages-2", "heading-first-deleted"]
    assert world.inbox.state("one") is State.SAVED


async def test_deleted_messages_play_when_asked() -> None:
    world = await fetch(
        *(press("2"), listen_to("one"), press("6"), press("2"), listen_to("two"), press("#"), hang_up()),
        messages=OLD,
        folder="9",
    )
    assert [clip.audio_id for clip in clips_of(world)] == ["one", "two"]
    assert world.inbox.state("one") is State.DELETED


@pytest.mark.parametrize("key", list("#6"))
async def test_the_next_and_the_previous_deleted_message(key: str) -> None:
    world = await fetch(
        *(press(key), listen_to("heading-next-deleted"), press("4"), listen_to("heading-previous-deleted"), *LEAVE),
        messages=OLD,
        folder="9",
    )
    assert world.heard[-1] == "menu-goodbye"


async def test_the_envelope_of_a_deleted_message() -> None:
    world = await fetch(press("5"), listen_to("seconds-10"), *LEAVE, messages=OLD, folder="9")
    assert "day-today" in world.heard


async def test_a_restored_message_can_be_deleted_again() -> None:
    world = await fetch(press("7"), press("7"), listen_to("message-deleted"), hang_up(), messages=OLD, folder="9")
    assert world.inbox.state("one") is State.DELETED


async def test_a_purged_one_is_announced_and_passed() -> None:
    world = new_world(OLD)

    async def purge() -> None:
        world.inbox.purge("two")

    await go(world, meanwhile(purge), press("6"), listen_to("menu-mailbox"), hang_up(), folder="9")
    assert since(world, "message-gone") == ["message-gone", NO_MORE, "menu-mailbox"]


# --- hanging up everywhere

WALK: list[Step] = [
    *(HEADING, press("1", at_s=5.0), press("2", at_s=1.0), press("5"), press("2"), press("0", at_s=1.0)),
    *(listen_to("one"), press("7"), press("7"), press("9"), press("3"), press("5"), press("#")),
    *(press("9", at_s=2.0), press("*"), press("6", at_s=1.0), press("4"), press("6"), press("6"), *LEAVE),
]
WALK_OPERATIONS = 29


async def test_the_walk_meets_everything() -> None:
    world = await fetch(*WALK, messages=TWO)
    assert world.heard[-1] == "menu-goodbye"
    assert world.call.operations == WALK_OPERATIONS


@pytest.mark.parametrize("operation", range(WALK_OPERATIONS))
async def test_hanging_up_anywhere_loses_no_message(operation: int) -> None:
    world = await fetch(*WALK, messages=TWO, hang_up_at=operation)
    assert world.call.over
    assert set(world.inbox.all) == {"one", "two"}
    assert world.inbox.state("two") is State.NEW
