"""Changing the passcode: typed twice, by the rules of `voicebox.passcode` (voicemail.md, rows 1 and 2)."""

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
    access, mailbox = visit.services.access, visit.mailbox
    patience = Patience()
    before: tuple[Sound, ...] = ()
    asking = visit.say("passcode-new", "option-passcode-star")
    try:
        while True:
            new = await _typed(visit, patience, *before, asking)
            if new is None:
                break
            problems = await access.check_pin(mailbox, new)
            if not problems:
                again = await _typed(visit, patience, visit.say("passcode-again"))
                if again is None:
                    break
                if again != new:
                    patience.wrong()
                    before = (visit.say("passcode-mismatch"),)
                    continue
                problems = await access.set_pin(mailbox, new)
            if not problems:
                visit.call.note("passcode", changed=True)
                return visit.say("passcode-changed")
            patience.wrong()
            before = (passcode_refused(visit.language, problems[0]),)
    except GaveUpError:
        pass  # the menu that follows is patient enough
    return visit.say("passcode-not-changed")


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
