"""One message: every key while it plays, in a pause and after it; and its envelope."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr import menu
from ivr.keymap import Act
from ivr.script import Step, hang_up, listen_to, press, silence
from prompts import phrases
from tests.fakes.voicemail import NOW, message
from tests.flows.fetching import HEADING, LEAVE, NO_MORE, TWO, clips_of, fetch, go, new_world, positions, since
from voicebox.i18n import Language
from voicebox.message import Caller, State

# --- while it plays


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("key", "at_s", "start_s"),
    [("1", 5.0, 2.0), ("1", 2.0, 0.0), ("3", 5.0, 8.0), ("4", 5.0, 0.0)],
)
async def test_skips_go_three_seconds_and_never_beyond_the_ends(
    key: str, at_s: float, start_s: float, language: Language
) -> None:
    world = await fetch(HEADING, press(key, at_s=at_s), listen_to("one"), *LEAVE, language=language)
    assert positions(world) == [0.0, start_s]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("key", "at_s"), [("3", 7.0), ("3", 9.0), ("6", 1.0)])
async def test_winding_to_the_end_leads_to_what_follows_it(key: str, at_s: float, language: Language) -> None:
    world = await fetch(HEADING, press(key, at_s=at_s), listen_to("message-end"), *LEAVE, language=language)
    assert positions(world) == [0.0]
    assert "option-message-hash" in world.heard


@pytest.mark.parametrize("language", Language)
async def test_the_speed_goes_round(language: Language) -> None:
    world = await fetch(HEADING, *[press("0", at_s=1.0)] * 5, listen_to("one"), *LEAVE, language=language)
    assert [clip.speed for clip in clips_of(world)] == [1.0, 1.25, 1.5, 2.0, 0.75, 1.0]
    assert [said for said in world.heard if said.startswith("speed")] == [
        *("speed-125", "speed-150", "speed-200", "speed-75", "speed-100")
    ]


@pytest.mark.parametrize("language", Language)
async def test_another_speed_goes_on_where_it_was_and_positions_count_in_the_recording(language: Language) -> None:
    world = await fetch(
        HEADING,
        press("0", at_s=2.0),
        listen_to("speed-125"),
        press("2", at_s=4.0),
        press("2"),
        listen_to("one"),
        *LEAVE,
        language=language,
    )
    assert positions(world) == [0.0, 2.0, 7.0]


@pytest.mark.parametrize("language", Language)
async def test_the_speed_stays_for_the_next_message(language: Language) -> None:
    world = await fetch(
        press("0"), listen_to("one"), press("6"), listen_to("two"), *LEAVE, messages=TWO, language=language
    )
    assert [clip.speed for clip in clips_of(world)] == [1.25, 1.25]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("0123456789*#"))
async def test_a_key_in_the_heading_acts_before_the_message_begins(key: str, language: Language) -> None:
    follow: dict[str, list[Step]] = {
        "2": [press("2"), listen_to("one"), *LEAVE],
        "6": LEAVE,
        "7": LEAVE,
        "9": [press("*"), listen_to("one"), *LEAVE],
        "*": LEAVE[1:],
        "#": LEAVE[1:],
    }
    world = await fetch(press(key), *follow.get(key, [listen_to("one"), *LEAVE]), language=language)
    assert all(start_s in {0.0, 3.0} for start_s in positions(world))
    assert world.heard[-1] == "menu-goodbye"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", ["8"])
async def test_keys_without_a_meaning_do_not_disturb_the_message(key: str, language: Language) -> None:
    world = await fetch(HEADING, press(key, at_s=3.0), listen_to("one"), *LEAVE, language=language)
    assert positions(world) == [0.0]


# --- pause


@pytest.mark.parametrize("language", Language)
async def test_a_pause_and_on_from_there(language: Language) -> None:
    world = await fetch(HEADING, press("2", at_s=4.0), press("2"), listen_to("one"), *LEAVE, language=language)
    assert positions(world) == [0.0, 4.0]
    assert world.inbox.state("one") is State.SAVED


@pytest.mark.parametrize("language", Language)
async def test_a_pause_reminds_and_then_ends_the_call(language: Language) -> None:
    world = await fetch(HEADING, press("2", at_s=4.0), silence(), silence(), silence(), language=language)
    assert world.heard.count("option-playing-2-resume") == 3
    assert world.heard[-1] == "menu-goodbye-no-input"
    assert 180 < world.call.now_s < 220
    assert world.inbox.state("one") is State.NEW


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("key", "start_s"), [("1", 2.0), ("3", 8.0), ("4", 0.0), ("0", 5.0)])
async def test_skips_work_in_a_pause_and_end_it(key: str, start_s: float, language: Language) -> None:
    world = await fetch(HEADING, press("2", at_s=5.0), press(key), listen_to("one"), *LEAVE, language=language)
    assert positions(world) == [0.0, start_s]


@pytest.mark.parametrize("language", Language)
async def test_the_envelope_in_a_pause_leaves_it_paused(language: Language) -> None:
    world = await fetch(
        HEADING,
        press("2", at_s=5.0),
        press("5"),
        listen_to("option-playing-2-resume"),
        press("2"),
        listen_to("one"),
        *LEAVE,
        language=language,
    )
    assert "day-today" in world.heard
    assert positions(world) == [0.0, 5.0]


@pytest.mark.parametrize("language", Language)
async def test_more_in_a_pause_leads_back_to_it(language: Language) -> None:
    world = await fetch(
        HEADING, press("2", at_s=5.0), press("9"), press("*"), press("2"), listen_to("one"), *LEAVE, language=language
    )
    assert positions(world) == [0.0, 5.0]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("#7*6"))
async def test_a_pause_can_be_left_by_every_other_key(key: str, language: Language) -> None:
    follow = {"#": LEAVE[1:], "7": LEAVE, "*": LEAVE[1:], "6": LEAVE}
    world = await fetch(HEADING, press("2", at_s=5.0), press(key), *follow[key], language=language)
    assert world.heard[-1] == "menu-goodbye"


@pytest.mark.parametrize("language", Language)
async def test_a_wrong_key_in_a_pause_is_told(language: Language) -> None:
    world = await fetch(
        HEADING,
        press("2", at_s=5.0),
        press("8"),
        listen_to("menu-invalid"),
        press("2"),
        listen_to("one"),
        *LEAVE,
        language=language,
    )
    assert positions(world) == [0.0, 5.0]


# --- after it


@pytest.mark.parametrize("language", Language)
async def test_after_a_message_its_keys_are_offered(language: Language) -> None:
    options = menu.AFTERWARDS.without(Act.CALL_BACK).phrase(language).ids
    world = await fetch(listen_to(options[-1]), *LEAVE, language=language)
    assert since(world, "message-end")[1 : 1 + len(options)] == [*options]


@pytest.mark.parametrize("language", Language)
async def test_two_plays_it_again_from_the_start(language: Language) -> None:
    world = await fetch(listen_to("one"), press("2"), listen_to("one"), *LEAVE, language=language)
    assert positions(world) == [0.0, 0.0]


@pytest.mark.parametrize("language", Language)
async def test_four_and_six_go_to_and_fro(language: Language) -> None:
    world = await fetch(
        *(listen_to("one"), press("6"), listen_to("two"), press("4"), listen_to("one"), press("6"), listen_to("two")),
        *LEAVE,
        messages=TWO,
        language=language,
    )
    assert [clip.audio_id for clip in clips_of(world)] == ["one", "two", "one", "two"]
    assert [said for said in world.heard if said.startswith("heading")] == [
        *("heading-first-new", "heading-next-new", "heading-previous-saved", "heading-next-saved"),
    ]


@pytest.mark.parametrize("language", Language)
async def test_nothing_precedes_the_first_one(language: Language) -> None:
    world = await fetch(
        listen_to("one"),
        press("4"),
        listen_to("folder-no-previous"),
        press("2"),
        listen_to("one"),
        *LEAVE,
        language=language,
    )
    assert len(clips_of(world)) == 2


@pytest.mark.parametrize("language", Language)
async def test_six_after_the_last_one_leads_back_to_the_menu(language: Language) -> None:
    world = await fetch(listen_to("one"), press("6"), listen_to("menu-mailbox"), hang_up(), language=language)
    assert since(world, NO_MORE) == [NO_MORE, "menu-mailbox"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("1380"))
async def test_keys_of_a_playing_message_are_wrong_after_it(key: str, language: Language) -> None:
    world = await fetch(listen_to("one"), press(key), listen_to("menu-invalid"), *LEAVE, language=language)
    assert "menu-invalid" in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([silence(), silence(), silence()], "menu-goodbye-no-input"),
        ([press("1"), press("3"), press("8")], "menu-goodbye-invalid"),
    ],
)
async def test_three_silences_or_wrong_keys_after_it_end_the_call(
    steps: list[Step], words: str, language: Language
) -> None:
    world = await fetch(listen_to("one"), *steps, language=language)
    assert world.heard[-1] == words
    assert world.inbox.state("one") is State.SAVED


# --- the envelope


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("where", ["while", "after"])
async def test_the_envelope_is_said_and_it_goes_on(where: str, language: Language) -> None:
    steps: list[Step] = [HEADING, press("5", at_s=4.0)] if where == "while" else [listen_to("one"), press("5")]
    world = await fetch(*steps, listen_to("seconds-10"), *LEAVE, language=language)
    said = since(world, "day-today")
    clock = phrases.clock_time(language, NOW - timedelta(minutes=60), ZoneInfo("Europe/Berlin"))
    assert said[1 : 1 + len(clock.ids)] == [*clock.ids]
    assert "caller-number" in said
    assert said.index("envelope-length") < said.index("seconds-10")
    if where == "while":
        assert positions(world) == [0.0, 4.0]


@pytest.mark.parametrize("language", Language)
async def test_the_envelope_is_in_the_subscribers_own_zone(language: Language) -> None:
    world = new_world((message("one", minutes_ago=9 * 60),), language=language)
    world.clock.time = world.clock.time.replace(hour=23, minute=30)
    await go(world, press("5"), listen_to("one"), *LEAVE)
    clock = phrases.clock_time(language, datetime(2026, 11, 22, 1, 30, tzinfo=UTC), UTC)
    assert since(world, "day-yesterday")[1 : 1 + len(clock.ids)] == [*clock.ids]


@pytest.mark.parametrize("language", Language)
async def test_a_withheld_number_is_never_said(language: Language) -> None:
    hidden = message("one", caller=Caller("+492115550000", "Anna", withheld=True))
    world = await fetch(press("5"), listen_to("seconds-10"), *LEAVE, messages=(hidden,), language=language)
    said = since(world, "day-today")
    assert "caller-withheld" in said
    assert not [heard for heard in said if heard.startswith("digits")]


@pytest.mark.parametrize("language", Language)
async def test_an_unknown_caller_and_a_colleague_are_said(language: Language) -> None:
    unknown = message("one", minutes_ago=20, caller=Caller(None))
    colleague = message("two", minutes_ago=10, caller=Caller("1002"))
    world = await fetch(
        *(press("5"), listen_to("one"), press("6"), press("5"), listen_to("two"), *LEAVE),
        messages=(unknown, colleague),
        language=language,
    )
    assert "caller-unknown" in world.heard
    assert since(world, "caller-extension")[1:3] == ["digits-10-on", "digits-02"]


@pytest.mark.parametrize("language", Language)
async def test_marks_and_an_interruption_are_said(language: Language) -> None:
    marked = message("one", urgent=True, confidential=True, interrupted=True)
    world = await fetch(press("5"), listen_to("envelope-interrupted"), *LEAVE, messages=(marked,), language=language)
    assert since(world, "envelope-urgent-confidential")[:2] == ["envelope-urgent-confidential", "envelope-interrupted"]
