"""Fetching messages: the order, what becomes of each, broken and deleted ones, and what others do meanwhile."""

from dataclasses import replace

import pytest

from ivr import menu
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence
from tests.fakes.voicemail import CallClips, message
from tests.flows.fetching import HEADING, LEAVE, NO_MORE, ONE, TWO, clips_of, fetch, go, new_world, since
from voicebox.i18n import Language
from voicebox.message import State


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


@pytest.mark.parametrize("language", Language)
async def test_heard_to_its_end_it_is_saved(language: Language) -> None:
    world = await fetch(listen_to("one"), hang_up(), language=language)
    assert world.inbox.state("one") is State.SAVED


@pytest.mark.parametrize("language", Language)
async def test_not_heard_to_its_end_it_stays_new(language: Language) -> None:
    world = await fetch(press("2", at_s=9.9), hang_up(), language=language)
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("language", Language)
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
async def test_skipping_it_leaves_it_new(steps: list[Step], language: Language) -> None:
    world = await fetch(listen_to("heading-first-new"), *steps, hang_up(), language=language)
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


@pytest.mark.parametrize("language", Language)
async def test_hash_after_the_last_one_leads_back_to_the_menu(language: Language) -> None:
    world = await fetch(listen_to("one"), press("#"), listen_to("menu-mailbox"), hang_up(), language=language)
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


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("#6"))
async def test_going_on_from_a_deleted_message_leaves_it_deleted(key: str, language: Language) -> None:
    world = await fetch(press("7"), press(key), listen_to("two"), *LEAVE, messages=TWO, language=language)
    assert world.inbox.state("one") is State.DELETED
    assert "message-saved" not in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("9180"))
async def test_a_deleted_message_has_no_more(key: str, language: Language) -> None:
    world = await fetch(press("7"), press(key), listen_to("menu-invalid"), *LEAVE, language=language)
    assert "menu-more" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_a_deleted_message_can_be_heard_and_restored_while_it_plays(language: Language) -> None:
    world = await fetch(press("7"), press("2"), press("9", at_s=2.0), press("7", at_s=4.0), *LEAVE, language=language)
    assert [clip.start_s for clip in clips_of(world)] == [0.0, 2.0]
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("heard", [True, False], ids=["after", "while playing"])
async def test_it_can_be_kept_as_new(language: Language, *, heard: bool) -> None:
    first: list[Step] = [listen_to("one")] if heard else [listen_to("heading-first-new")]
    world = await fetch(*first, press("9"), press("3"), listen_to("message-kept-new"), hang_up(), language=language)
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("language", Language)
async def test_hearing_it_again_does_not_undo_that(language: Language) -> None:
    world = await fetch(
        listen_to("one"), press("9"), press("3"), press("2"), listen_to("one"), *LEAVE, language=language
    )
    assert world.inbox.state("one") is State.NEW


async def test_what_a_colleague_deleted_meanwhile_is_not_said_to_be_kept() -> None:
    world = new_world(ONE)
    gone = meanwhile(lambda: world.inbox.delete("one"))
    await go(world, listen_to("one"), press("9"), gone, press("3"), listen_to("message-gone"), hang_up())
    assert "message-kept-new" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_saving_it_does(language: Language) -> None:
    world = await fetch(listen_to("one"), press("9"), press("3"), press("#"), hang_up(), language=language)
    assert world.inbox.state("one") is State.SAVED


@pytest.mark.parametrize("language", Language)
async def test_a_saved_message_can_be_made_new_again(language: Language) -> None:
    world = await fetch(
        press("9"),
        press("3"),
        listen_to("message-kept-new"),
        hang_up(),
        messages=(message("s", state=State.SAVED),),
        language=language,
    )
    assert world.inbox.state("s") is State.NEW


@pytest.mark.parametrize("language", Language)
async def test_more_offers_what_there_is(language: Language) -> None:
    world = await fetch(press("9"), silence(), press("*"), *LEAVE, language=language)
    said = [heard for heard in world.heard if heard.startswith("option-more")]
    assert said == [f"option-more-{key}" for key in ("1", "2", "3", "4", "5", "star")]


@pytest.mark.parametrize("language", Language)
async def test_going_back_from_more_plays_on_where_it_was(language: Language) -> None:
    world = await fetch(
        listen_to("heading-first-new"), press("9", at_s=4.0), press("*"), listen_to("one"), *LEAVE, language=language
    )
    assert [clip.start_s for clip in clips_of(world)] == [0.0, 4.0]


@pytest.mark.parametrize("language", Language)
async def test_nobody_takes_care_of_a_message_of_their_own_mailbox(language: Language) -> None:
    world = await fetch(press("9"), press("6"), listen_to("menu-invalid"), press("*"), *LEAVE, language=language)
    assert "menu-invalid" in world.heard


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


@pytest.mark.parametrize("language", Language)
async def test_going_back_to_what_was_deleted_here_offers_to_restore_it(language: Language) -> None:
    world = await fetch(
        *(listen_to("one"), press("7"), press("6"), listen_to("two"), press("4")),
        *(listen_to("option-deleted-7"), press("7"), listen_to("message-restored"), *LEAVE),
        messages=TWO,
        language=language,
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


@pytest.mark.parametrize("language", Language)
async def test_deleted_messages_play_when_asked(language: Language) -> None:
    world = await fetch(
        *(press("2"), listen_to("one"), press("6"), press("2"), listen_to("two"), press("#"), hang_up()),
        messages=OLD,
        folder="9",
        language=language,
    )
    assert [clip.audio_id for clip in clips_of(world)] == ["one", "two"]
    assert world.inbox.state("one") is State.DELETED


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("#6"))
async def test_the_next_and_the_previous_deleted_message(key: str, language: Language) -> None:
    world = await fetch(
        *(press(key), listen_to("heading-next-deleted"), press("4"), listen_to("heading-previous-deleted"), *LEAVE),
        messages=OLD,
        folder="9",
        language=language,
    )
    assert world.heard[-1] == "menu-goodbye"


@pytest.mark.parametrize("language", Language)
async def test_the_envelope_of_a_deleted_message(language: Language) -> None:
    world = await fetch(press("5"), listen_to("seconds-10"), *LEAVE, messages=OLD, folder="9", language=language)
    assert "day-today" in world.heard


@pytest.mark.parametrize("language", Language)
async def test_a_restored_message_can_be_deleted_again(language: Language) -> None:
    world = await fetch(
        press("7"), press("7"), listen_to("message-deleted"), hang_up(), messages=OLD, folder="9", language=language
    )
    assert world.inbox.state("one") is State.DELETED


@pytest.mark.parametrize("language", Language)
async def test_a_purged_one_is_announced_and_passed(language: Language) -> None:
    world = new_world(OLD, language=language)

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
