"""The first login: a one-time passcode opens the mailbox only to be replaced, and the name to be recorded (row 2).

Both or neither: the new passcode holds once the name is there, too. Who hangs up before is asked again the next time,
by the same one-time passcode.
"""

from dataclasses import replace
from typing import Final

from ivr.call import Sound
from ivr.flows.asking import part, tell
from ivr.flows.namemenu import record_name
from ivr.flows.passcode import choose_passcode
from ivr.flows.visit import Visit
from prompts.phrases import passcode_refused

ATTEMPTS: Final = 3
"""At the name, and at a passcode that is refused only when it is set."""


async def first_login(visit: Visit) -> Visit | None:
    """Have passcode and name set; return the visit as it goes on, or None where the call has been ended instead.

    Raises:
        DatabaseUnavailable: nothing was set, or the name only.
        Hangup: the call is over.
    """
    visit.call.note("first-login")
    before: tuple[Sound, ...] = (visit.say("login-must-change"),)
    for _ in range(ATTEMPTS):
        passcode = await choose_passcode(visit, *before)
        if passcode is None:
            break
        named = await _named(visit)
        if named is None:
            break
        visit = named
        problems = await visit.services.access.set_pin(visit.mailbox, passcode)
        if not problems:
            visit.call.note("passcode", changed=True)
            await tell(visit.call, visit.say("passcode-changed"))
            return visit
        before = (passcode_refused(visit.language, problems[0]),)
    await part(visit.call, visit.say("passcode-not-changed", "menu-goodbye"))
    return None


async def _named(visit: Visit) -> Visit | None:
    """Return the visit once the owner's name is there, recorded now or earlier; None after too many attempts."""
    name = visit.mailbox.name_recording
    if name is not None and await visit.services.clips.length_s(name):
        return visit
    before: tuple[Sound, ...] = (visit.say("login-must-record-name"),)
    for _ in range(ATTEMPTS):
        after, before = await record_name(visit, visit.mailbox, *before)
        if after is not None:
            await tell(visit.call, *before)
            return replace(visit, mailbox=after)
    await tell(visit.call, *before)
    return None
