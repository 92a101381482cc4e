"""`voicebox demo`: a whole voicebox on loopback, with a real call, a mail, and a message fetched by phone."""

import asyncio
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from voicebox.cli.exits import Exit, fail
from voicebox.i18n import Language

NEEDED: Final = {"pyVoIP": "pyvoip", "aiosmtpd": "aiosmtpd"}
"""Modules of the extra `demo`, and their packages."""

OnceOption = Annotated[bool, typer.Option("--once", help="End after the story, instead of serving until Ctrl-C.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Plain lines, also in a terminal.")]
LanguageOption = Annotated[
    Language | None,
    typer.Option("--language", help="Of the screen, the company and its voices; default: the locale's."),
]


def demo_command(*, once: OnceOption = False, plain: PlainOption = False, language: LanguageOption = None) -> None:
    """Try everything in a minute: a caller leaves a message, the mail arrives, the subscriber fetches it by phone."""
    from voicebox.demo.wording import usual_language, words

    chosen = language or usual_language()
    for module, package in NEEDED.items():
        # Looked for, not imported: pyVoIP is the phone's own business.
        if find_spec(module) is None:
            fail(Exit.FAILED, words(chosen).missing.format(package=package))
    from voicebox.demo.run import demonstrate

    if not asyncio.run(demonstrate(chosen, once=once, plain=plain)):
        raise typer.Exit(Exit.FAILED)
