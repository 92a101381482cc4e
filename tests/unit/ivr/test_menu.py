"""The key map: no key twice, everything spoken exists in both languages, and the page is the table."""

from collections import Counter
from pathlib import Path

import pytest

from ivr import menu
from ivr.call import KEYS
from ivr.keymap import Act, Menu
from ivr.menu_page import page
from prompts import catalogue
from prompts.phrases import Variant
from voicebox.i18n import Language

ROOT = Path(__file__).parents[3]
MENUS = list(menu.every_menu())


def test_the_page_of_keys_is_the_table() -> None:
    assert (ROOT / "docs/users/phone-keys.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("shown", [*MENUS, menu.WHILE_PLAYING, menu.AFTERWARDS], ids=lambda m: m.name)
def test_a_key_does_one_thing(shown: Menu) -> None:
    counts = Counter(option.key for option in shown.options)
    assert set(counts.values()) == {1}
    assert set(counts) <= set(KEYS)


@pytest.mark.parametrize("shown", MENUS, ids=lambda m: m.name)
@pytest.mark.parametrize("language", Language)
def test_every_key_has_its_words_in_both_languages(shown: Menu, language: Language) -> None:
    assert shown.title[language]
    assert all(option.text[language] for option in shown.options)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("shown", "variants"),
    [
        (menu.REVIEW, {}),
        (menu.REVIEW, {"4": Variant.OFF, "5": Variant.OFF}),
        (menu.DISCARD, {}),
        (menu.CONFIRM, {}),
        (menu.MAIN, {}),
        (menu.MAILBOX, {}),
        (menu.AFTERWARDS, {}),
        (menu.DELETED, {}),
        (menu.MORE, {}),
        (menu.BUSY_GREETING, {}),
        (menu.NO_ANSWER_GREETING, {}),
        (menu.AWAY, {}),
        (menu.AWAY, {"5": Variant.ON}),
        (menu.NAME, {}),
        (menu.FORWARDING, {}),
        (menu.MORE.without(Act.CLAIM), {}),
        (menu.COMPOSE, {}),
        (menu.COMPOSE, {"6": Variant.OFF, "7": Variant.OFF}),
        (menu.FORWARD.without(Act.TO_EVERYONE), {"6": Variant.OFF, "7": Variant.OFF}),
        (menu.REPLY, {"6": Variant.OFF, "7": Variant.OFF}),
        (menu.SEND, {}),
        (menu.SENT, {}),
        (menu.SENT.without(Act.RECALL), {}),
    ],
)
def test_a_menu_speaks_of_what_it_has_and_nothing_else(
    shown: Menu, variants: dict[str, Variant], language: Language
) -> None:
    said = shown.phrase(language, variants)
    assert len(said.ids) == sum(option.spoken for option in shown.options)
    assert all(catalogue.known(language, utterance_id) for utterance_id in said.ids)
    assert said.title == f"menu-{shown.name}"


def test_what_a_mailbox_has_not_set_up_is_not_offered() -> None:
    assert menu.REVIEW.act("0") is Act.TRANSFER
    without = menu.REVIEW.without(Act.TRANSFER)
    assert without.act("0") is None
    assert without.keys == "12345*#"
    assert "option-review-0" not in without.phrase(Language.DE).ids


def test_a_key_says_what_it_does() -> None:
    assert menu.REVIEW.act("1") is Act.SEND
    assert menu.WHILE_PLAYING.act("6") is Act.END
    assert menu.AFTERWARDS.act("6") is Act.NEXT


def test_a_menu_that_says_nothing_cannot_be_spoken() -> None:
    with pytest.raises(ValueError, match="no phrases"):
        menu.GREETING.phrase(Language.DE)
