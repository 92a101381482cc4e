"""Asking the person on the line: menus, confirmations, and what happens when nobody answers sensibly.

Three silences or three wrong keys in a row, counted apart and cleared by success, end the asking with `GaveUpError`
(phone-menus.md, "Timing"); what that means is up to the flow: a caller's recording is sent, a subscriber hears goodbye.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from ivr.call import MENU_SILENCE_S, Call, Hangup, Sound
from ivr.keymap import Act, Menu
from prompts.phrases import Phrase, Variant, say
from voicebox.i18n import Language

TRIES: Final = 3
"""Silences, or wrong keys, in a row."""
NUMBER_MOST: Final = 20
"""Digits of an international number with its prefix, and some."""


class GaveUpError(Exception):
    """Nobody answered sensibly. Raised here, caught where a flow ends."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__("silence" if silent else "wrong keys")
        self.silent = silent
        """Whether nothing was typed, rather than something wrong."""

    def goodbye(self, language: Language) -> Phrase:
        """Return the parting words that tell what was missing."""
        return say(language, "menu-goodbye-no-input" if self.silent else "menu-goodbye-invalid")


class Patience:
    """Silences and wrong keys so far, for one question."""

    def __init__(self) -> None:
        self._silences = 0
        self._wrong = 0

    def silence(self) -> None:
        """Count a silence.

        Raises:
            GaveUpError: it was the third in a row.
        """
        self._silences += 1
        if self._silences == TRIES:
            raise GaveUpError(silent=True)

    def wrong(self) -> None:
        """Count a wrong key.

        Raises:
            GaveUpError: it was the third in a row.
        """
        self._wrong += 1
        if self._wrong == TRIES:
            raise GaveUpError(silent=False)

    def success(self) -> None:
        """Start counting anew."""
        self._silences = self._wrong = 0


async def choose(
    call: Call,
    menu: Menu,
    language: Language,
    *before: Sound,
    variants: Mapping[str, Variant] | None = None,
    spoken: Phrase | None = None,
    wait_s: float = MENU_SILENCE_S,
) -> Act:
    """Speak a menu until one of its keys is pressed; return what the key does, never `Act.REPEAT`.

    `before` is said first, once. `spoken` replaces the menu's own options, which `variants` changes.

    Raises:
        GaveUpError: three silences or three wrong keys in a row.
        Hangup: the call is over.
    """
    patience = Patience()
    options = spoken or menu.phrase(language, variants)
    while True:
        key = await call.key(*before, options, keys=menu.keys, wait_s=wait_s)
        match menu.act(key):
            case None if key:
                patience.wrong()
                before = (say(language, "menu-invalid"),)
            case None:
                patience.silence()
                before = (say(language, "menu-no-input"),)
            case Act.REPEAT:
                patience.success()
                before = ()
            case act:
                return act


async def ask_number(call: Call, question: Phrase, most: int = NUMBER_MOST) -> str | None:
    """Ask for a number, ended by `#`; None where nothing was typed, or `*` took it back.

    Raises:
        Hangup: the call is over.
    """
    typed = await call.digits(question, most=most)
    return None if not typed or typed.endswith("*") else typed


async def confirm(call: Call, question: Phrase, menu: Menu) -> bool:
    """Ask for a confirmation by a fresh key, typed after the whole question was heard; anything else means no.

    Raises:
        Hangup: the call is over.
    """
    call.forget_keys()
    await call.play(question, menu.phrase(question.language), keys="")
    call.forget_keys()
    return menu.act(await call.key(keys=menu.keys)) is Act.CONFIRM


async def tell(call: Call, *sounds: Sound) -> None:
    """Say something to its end; keys typed meanwhile are kept for what follows."""
    await call.play(*sounds, keys="")


async def part(call: Call, *words: Sound) -> None:
    """Say the last words and hang up."""
    await tell(call, *words)
    await call.hang_up()


@asynccontextmanager
async def apologising(call: Call, language: Language) -> AsyncIterator[None]:
    """Tell whoever is on the line when something of ours breaks, instead of leaving them in silence; then raise it."""
    try:
        yield
    except (Hangup, GaveUpError):
        raise
    except Exception:  # whatever it is, the engine logs it; the caller must not wait for words that never come
        with suppress(Hangup):
            await part(call, say(language, "menu-error"))
        raise
