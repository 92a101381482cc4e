"""Changing the passcode: typed twice, by the rules of `voicebox.passcode` (voicemail.md, rows 1 and 2)."""

from contextlib import suppress

from ivr.call import Sound
from ivr.flows.asking import GaveUpError, Patience
from ivr.flows.visit import Visit
from prompts.phrases import passcode_refused
from voicebox.passcode import PIN_MAX_DIGITS


async def change_passcode(visit: Visit) -> Sound:
    """Ask for a new passcode and set it; return what to say of it in the menu that follows.

    Silence, `*`, and three refused ones leave the old passcode as it is.

    Raises:
        DatabaseUnavailable: it was not changed.
        Hangup: the call is over.
    """
    before: tuple[Sound, ...] = ()
    patience = Patience()
    while True:
        new = await choose_passcode(visit, *before, patience=patience)
        if new is None:
            return visit.say("passcode-not-changed")
        problems = await visit.services.access.set_pin(visit.mailbox, new)
        if not problems:
            visit.call.note("passcode", changed=True)
            return visit.say("passcode-changed")
        with suppress(GaveUpError):
            patience.wrong()
            before = (passcode_refused(visit.language, problems[0]),)
            continue
        return visit.say("passcode-not-changed")


async def choose_passcode(visit: Visit, *before: Sound, patience: Patience | None = None) -> str | None:
    """Ask for a new passcode twice, until one would be taken; `before` is said first.

    Returns None after silence, `*`, or three refused ones.

    Raises:
        DatabaseUnavailable: nobody knows whether it would be taken.
        Hangup: the call is over.
    """
    patience = patience or Patience()
    asking = visit.say("passcode-new", "option-passcode-star")
    try:
        while True:
            new = await _typed(visit, patience, *before, asking)
            if new is None:
                return None
            problems = await visit.services.access.check_pin(visit.mailbox, new)
            if problems:
                patience.wrong()
                before = (passcode_refused(visit.language, problems[0]),)
                continue
            again = await _typed(visit, patience, visit.say("passcode-again"))
            if again is None or again == new:
                return again
            patience.wrong()
            before = (visit.say("passcode-mismatch"),)
    except GaveUpError:
        return None  # what follows is patient enough


async def _typed(visit: Visit, patience: Patience, *sounds: Sound) -> str | None:
    """Return the digits typed; None after `*`."""
    while True:
        typed = await visit.call.digits(*sounds, most=PIN_MAX_DIGITS + 1, secret=True)
        if typed.endswith("*"):
            return None
        if typed:
            return typed
        patience.silence()
        sounds = (visit.say("login-no-input"), sounds[-1])
