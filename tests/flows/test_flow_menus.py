"""The portal's menus: every key, silence, wrong keys, hanging up; deleting all; the new passcode."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr import menu
from ivr.flows.portal import portal
from ivr.keymap import Act
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, NOW, World, message
from voicebox.i18n import Language
from voicebox.message import Message, State
from voicebox.passcode import PinProblem

GOODBYE = "menu-goodbye"


async def visit(
    *steps: Step,
    messages: tuple[Message, ...] = (),
    language: Language = Language.DE,
    world: World | None = None,
    hang_up_at: int | None = None,
) -> World:
    """Call the portal from one's own phone, logged in automatically."""
    world = world or World(
        steps,
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        messages=messages,
        facts=facts("1001", device="1001"),
        hang_up_at=hang_up_at,
    )
    await world.call.run(portal(world.call, world.services))
    assert world.languages <= {world.directory.listed[0].language}
    return world


# --- main menu


@pytest.mark.parametrize("language", Language)
async def test_the_main_menu_speaks_of_what_there_is(language: Language) -> None:
    world = await visit(silence(), press("9"), language=language)
    at = world.heard.index("menu-main")
    assert world.heard[at : at + 7] == [
        "menu-main",
        "option-main-1",
        "option-main-3",
        "option-main-4",
        "option-main-8",
        "option-main-9",
        "option-any-hash",
    ]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("9*"))
async def test_the_main_menu_is_left_with_a_goodbye(key: str, language: Language) -> None:
    world = await visit(press(key), language=language)
    assert world.heard[-1] == GOODBYE
    assert world.call.over
    assert world.call.cause == ""


@pytest.mark.parametrize("language", Language)
async def test_hash_repeats_the_main_menu(language: Language) -> None:
    last = menu.MAIN.phrase(language).ids[-1]
    world = await visit(listen_to(last), press("#"), listen_to(last), press("9"), language=language)
    assert world.heard.count("option-main-1") == 2


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("02567"))
async def test_keys_without_a_meaning_are_told(key: str, language: Language) -> None:
    world = await visit(press(key), listen_to("menu-invalid"), press("9"), language=language)
    assert "menu-invalid" in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([silence(), silence(), silence()], "menu-goodbye-no-input"),
        ([press("0"), press("0"), press("0")], "menu-goodbye-invalid"),
        ([silence(), press("0"), silence(), press("0"), silence()], "menu-goodbye-no-input"),
    ],
)
@pytest.mark.parametrize("before", [[], [press("1")]], ids=["main", "mailbox"])
async def test_three_silences_or_three_wrong_keys_end_the_call(
    before: list[Step], steps: list[Step], words: str, language: Language
) -> None:
    world = await visit(*before, *steps, language=language)
    assert world.heard[-1] == words
    assert world.languages == {language}
    assert world.call.over


@pytest.mark.parametrize("language", Language)
async def test_success_clears_both_counts(language: Language) -> None:
    twice: list[Step] = [silence(), silence(), press("0"), press("0")]
    world = await visit(
        *twice, press("1"), *twice, press("*"), *twice, press("#"), *twice, press("9"), language=language
    )
    assert world.heard[-1] == GOODBYE


# --- voice mailbox menu


@pytest.mark.parametrize("language", Language)
async def test_the_mailbox_menu_speaks_of_what_there_is(language: Language) -> None:
    world = await visit(press("1"), silence(), press("*"), press("9"), language=language)
    at = world.heard.index("menu-mailbox")
    options = menu.MAILBOX.without(Act.SENT).phrase(language).ids
    assert world.heard[at : at + 1 + len(options)] == ["menu-mailbox", *options]
    assert len(options) == 11


@pytest.mark.parametrize("language", Language)
async def test_a_key_for_what_there_is_not_is_a_wrong_one(language: Language) -> None:
    world = await visit(press("1"), press("0"), listen_to("menu-invalid"), press("*"), press("9"), language=language)
    assert "menu-invalid" in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((0, 0, 0), ["folder-empty"]),
        ((1, 0, 0), ["new-messages-1"]),
        ((2, 1, 1), ["new-messages-2", "urgent-messages-1", "saved-messages-1"]),
        ((0, 0, 2), ["new-messages-0", "saved-messages-2"]),
    ],
)
async def test_new_urgent_and_saved_messages_are_counted(
    counts: tuple[int, int, int], said: list[str], language: Language
) -> None:
    new, urgent, saved = counts
    kept = [
        *(message(f"n{n}", urgent=n < urgent) for n in range(new)),
        *(message(f"s{n}", state=State.SAVED) for n in range(saved)),
        message("gone", state=State.DELETED),
    ]
    world = await visit(listen_to("option-main-1"), press("9"), messages=tuple(kept), language=language)
    at = world.heard.index("menu-main")
    assert world.heard[at - len(said) : at] == said


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", ["1", "7"])
async def test_an_empty_mailbox_is_told(key: str, language: Language) -> None:
    world = await visit(press("1"), press(key), listen_to("folder-empty"), hang_up(), language=language)
    assert world.heard[-1] == "folder-empty"


@pytest.mark.parametrize("language", Language)
async def test_no_deleted_messages_are_told(language: Language) -> None:
    world = await visit(press("1"), press("9"), listen_to("folder-no-deleted"), hang_up(), language=language)
    assert world.heard[-1] == "folder-no-deleted"


# --- deleting all

THREE = (message("new"), message("saved", state=State.SAVED), message("old", state=State.DELETED))


@pytest.mark.parametrize("language", Language)
async def test_all_messages_are_deleted_after_a_confirmation(language: Language) -> None:
    world = await visit(
        *(press("1"), press("7"), press("1"), listen_to("mailbox-all-deleted")),
        hang_up(),
        messages=THREE,
        language=language,
    )
    at = world.heard.index("mailbox-delete-all-question")
    assert world.heard[at : at + 4] == [
        "mailbox-delete-all-question",
        "option-confirm-1",
        "option-confirm-star",
        "mailbox-all-deleted",
    ]
    assert {kept.state for kept in world.inbox.all.values()} == {State.DELETED}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("answer", [press("*"), press("7"), press("#"), silence()])
async def test_anything_but_a_yes_deletes_nothing(answer: Step, language: Language) -> None:
    world = await visit(
        press("1"), press("7"), answer, listen_to("menu-cancelled"), hang_up(), messages=THREE, language=language
    )
    assert world.inbox.state("new") is State.NEW


@pytest.mark.parametrize("language", Language)
async def test_deleting_all_cannot_be_confirmed_ahead(language: Language) -> None:
    world = await visit(
        press("1"), press("71"), silence(), listen_to("menu-cancelled"), hang_up(), messages=THREE, language=language
    )
    assert world.inbox.state("new") is State.NEW


async def test_a_message_that_comes_while_the_question_is_asked_stays() -> None:
    world = World(
        [],
        mailboxes=[replace(ANNA, auto_login=True)],
        messages=THREE,
        facts=facts("1001", device="1001"),
    )

    async def arrive() -> None:
        world.clock.time = NOW + timedelta(seconds=5)
        world.inbox.all["late"] = replace(message("late"), received_at=world.clock.now())

    world.call.follow([press("1"), press("7"), meanwhile(arrive), press("1"), hang_up()])
    await visit(world=world)
    assert world.inbox.state("late") is State.NEW
    assert world.inbox.state("new") is State.DELETED


# --- a new passcode


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("way", [[press("8")], [press("1"), press("8")]], ids=["main", "mailbox"])
async def test_the_passcode_is_changed_when_typed_twice(way: list[Step], language: Language) -> None:
    world = await visit(
        *way,
        *(listen_to("passcode-new"), press("608315#"), listen_to("passcode-again"), press("608315#")),
        *(listen_to("passcode-changed"), hang_up()),
        language=language,
    )
    assert world.access.pins["1001"] == "608315"
    assert world.call.notes("secret") == [{"count": 6}, {"count": 6}]
    assert "608315" not in str(world.call.trace.entries)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "steps",
    [
        [press("*")],
        [press("6083*")],
        [press("608315#"), press("*")],
        [silence(), silence(), silence()],
        [press("608315#"), silence(), silence(), silence()],
        [press("608315#"), press("608316#")] * 3,
    ],
)
async def test_an_unfinished_change_leaves_the_old_passcode(steps: list[Step], language: Language) -> None:
    world = await visit(press("8"), *steps, listen_to("passcode-not-changed"), press("9"), language=language)
    assert world.access.pins["1001"] == "274913"
    assert world.heard[-1] == GOODBYE


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("problem", PinProblem)
async def test_a_refused_passcode_is_refused_with_its_reason(problem: PinProblem, language: Language) -> None:
    world = World(
        [
            *(press("8"), press("123456#"), listen_to(f"passcode-refused-{problem}")),
            *(press("608315#"), press("608315#"), press("9")),
        ],
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        facts=facts("1001", device="1001"),
    )
    world.access.refusals = [[problem]]
    await visit(world=world)
    assert world.access.pins["1001"] == "608315"


@pytest.mark.parametrize("language", Language)
async def test_a_mistyped_repetition_starts_over(language: Language) -> None:
    world = await visit(
        *(press("8"), press("608315#"), press("608316#"), listen_to("passcode-mismatch")),
        *(press("608315#"), press("608315#"), press("9")),
        language=language,
    )
    assert world.access.pins["1001"] == "608315"


@pytest.mark.parametrize("language", Language)
async def test_what_is_typed_behind_the_hash_is_not_the_repetition(language: Language) -> None:
    world = await visit(press("8"), press("608315#608315#"), press("608315#"), press("9"), language=language)
    assert world.access.pins["1001"] == "608315"


# --- hanging up everywhere

WALK: list[Step] = [
    *(press("#"), silence(), press("0"), press("8"), press("608315#"), press("608315#"), press("1")),
    *(press("9"), press("7"), press("*"), press("7"), press("1"), press("1"), press("*"), press("9")),
]
WALK_OPERATIONS = 18


async def test_the_walk_meets_everything() -> None:
    world = await visit(*WALK, messages=THREE)
    assert world.heard[-1] == GOODBYE
    assert world.call.operations == WALK_OPERATIONS


@pytest.mark.parametrize("operation", range(WALK_OPERATIONS))
async def test_hanging_up_anywhere_ends_the_visit(operation: int) -> None:
    world = await visit(*WALK, messages=THREE, hang_up_at=operation)
    assert world.call.over
    assert world.call.cause is None
