"""The page of keys for users, made from the table of `ivr.menu`.

python -m ivr.menu_page > docs/users/phone-keys.md
"""

import sys
from collections.abc import Iterator
from typing import Final

from ivr.keymap import Menu
from ivr.menu import CALLER_MENUS, SUBSCRIBER_MENUS
from voicebox.i18n import Language

_WORDS: Final = {
    Language.DE: {
        "title": "Die Tasten am Telefon",
        "caller": "Für Anrufer",
        "subscriber": "Für Teilnehmer",
        "key": "Taste",
        "does": "Was sie tut",
        "rule": "Wo nichts anderes steht, wiederholt `#` die Auswahl und `*` geht zurück. Eine Taste unterbricht die "
        "Ansage, außer bei einer Rückfrage.",
    },
    Language.EN: {
        "title": "The keys on the phone",
        "caller": "For callers",
        "subscriber": "For subscribers",
        "key": "Key",
        "does": "What it does",
        "rule": "Unless a row says otherwise, `#` repeats the options and `*` goes back. A key interrupts the prompt, "
        "except where a confirmation is asked.",
    },
}


def page() -> str:
    """Return the page in Markdown, German first."""
    return "\n".join(
        ["<!-- Made from ivr/menu.py by `python -m ivr.menu_page`; edit the table, not this page. -->", "", *_body()]
    )


def _body() -> Iterator[str]:
    for language in (Language.DE, Language.EN):
        words = _WORDS[language]
        yield from (f"# {words['title']}", "", words["rule"], "")
        for part, menus in (("caller", CALLER_MENUS), ("subscriber", SUBSCRIBER_MENUS)):
            yield from (f"## {words[part]}", "")
            for menu in menus:
                yield from _table(menu, language)


def _table(menu: Menu, language: Language) -> Iterator[str]:
    words = _WORDS[language]
    yield from (f"### {menu.title[language]}", "", f"| {words['key']} | {words['does']} |", "|---|---|")
    for option in menu.options:
        yield f"| `{option.key}` | {option.text[language]} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
