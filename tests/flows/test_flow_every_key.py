"""Every key of every menu is pressed, in every language, and does what the table says; so is every key that is wrong.

The menus come from `ivr.menu`, so a menu that is new fails here until somebody says how a call gets there, and an
option that is new until somebody says what it does.
"""

import itertools
from typing import Any

import pytest

from ivr import menu
from ivr.call import KEYS
from ivr.keymap import Act
from ivr.script import listen_to, press, silence
from tests.fakes.full_house import OPTIONAL
from tests.flows.way import SILENCE, Answer, Way
from tests.flows.ways_of_callers import CALLERS, GREETED, LOGIN
from tests.flows.ways_of_messages import FIRST, MESSAGES, SENDING
from tests.flows.ways_of_subscribers import SUBSCRIBERS
from voicebox.i18n import Language

WAYS = (*CALLERS, *LOGIN, *SUBSCRIBERS, *MESSAGES, *SENDING)
PRESSES = [(way, key, language) for way in WAYS for key in (*KEYS, SILENCE) for language in Language]


async def is_answered(way: Way, key: str, language: Language) -> None:
    """Press a key, or none, and insist on what comes of it."""
    world, before, after = await way.type(key, language)
    options = way.options(language)
    assert before[len(before) - len(options) :] == [*options], "the call stands in the menu"
    expected = [*(way.within or ()), *way.answer(key, language).heard]
    assert after[: len(expected)] == expected
    assert way.answer(key, language).shows(world)
    assert world.languages == {language}
    assert (world.call.cause == "") is way.answer(key, language).ends, "only a goodbye is hung up by us"


def test_every_key_of_every_menu_is_pressed_in_every_language() -> None:
    pressed = {(name, key, language) for way, key, language in PRESSES for name in way.menus}
    table = [shown.name for shown in menu.every_menu()]
    assert pressed == set(itertools.product(table, (*KEYS, SILENCE), Language))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_way_leads_to_menus_of_the_table_and_knows_all_their_keys(way: Way) -> None:
    table = {shown.name: shown for shown in menu.every_menu()}
    options = [option for name in way.menus for option in table[name].options]
    assert list(way.shown.options) == options
    acts = {option.key for option in options if option.act is not Act.REPEAT}
    assert acts == set(way.answers)


@pytest.mark.parametrize(
    ("way", "key", "language"), PRESSES, ids=[f"{way.name}-{key or 'silence'}-{each}" for way, key, each in PRESSES]
)
async def test_a_key_does_what_the_table_says(way: Way, key: str, language: Language) -> None:
    await is_answered(way, key, language)


OWN_MORE = {"steps": (*FIRST, press("9", at_s=5.0), listen_to("option-any-hash"))}
NO_HINT = {"otherwise": Answer((*GREETED[1:-1], "tone-record"))}
DIFFERENT: dict[tuple[str, Act], dict[str, Any]] = {("more", Act.CLAIM): OWN_MORE, ("greeting", Act.TRANSFER): NO_HINT}
"""Menus that are reached, or spoken of, in another way where something is not to be had."""
LACKING = [
    (way.without(option.act, **DIFFERENT.get((way.name, option.act), {})), option.key, language)
    for way in WAYS
    for option in way.shown.options
    for language in Language
    if option.act in OPTIONAL and way.name != "full"  # a full mailbox without a way out listens to no key
]


def test_everything_that_may_be_lacking_is_lacking_somewhere() -> None:
    assert {way.lacking for way, _, _ in LACKING} == OPTIONAL


@pytest.mark.parametrize(
    ("way", "key", "language"), LACKING, ids=[f"{way.name}-{key}-{way.lacking}-{each}" for way, key, each in LACKING]
)
async def test_a_key_for_what_is_not_to_be_had_is_like_any_wrong_one(way: Way, key: str, language: Language) -> None:
    assert way.shown.act(key) is None
    await is_answered(way, key, language)


PATIENT = [way for way in WAYS if way.otherwise is None]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("way", PATIENT, ids=lambda way: way.name)
async def test_three_silences_or_three_wrong_keys_in_a_row_are_enough(way: Way, language: Language) -> None:
    silent, wrong = way.gives_up
    world, _, _ = await way.stand(language, *[silence()] * 3)
    assert world.heard[-1] == silent
    if way.wrong_key is not None:
        world, _, _ = await way.stand(language, *[press(way.wrong_key)] * 3)
        assert world.heard[-1] == wrong
    assert world.call.over
    assert world.languages == {language}
