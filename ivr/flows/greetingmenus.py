"""The menus of the greetings: for busy, for no answer with its alternatives, and extended away (phone-menus.md).

Who chooses an alternative has it in hand from then on: recording and listening are for it, until the default is
restored or the menu is left. So one that does not exist yet is recorded by phone, too.
"""

from typing import Final

from ivr import menu
from ivr.call import Sound
from ivr.flows.asking import choose
from ivr.flows.greeting import greeting_for, greeting_of
from ivr.flows.ownrecording import GREETING, record_own
from ivr.flows.visit import Visit
from ivr.keymap import Act
from prompts.phrases import Variant
from voicebox.announcement import Kind
from voicebox.mailbox import Mailbox

ALTERNATIVES: Final = {Act.ALTERNATIVE_1: 1, Act.ALTERNATIVE_2: 2, Act.ALTERNATIVE_3: 3}


async def busy_greeting(visit: Visit) -> None:
    """Offer what can be done with the greeting for busy; raises as `choose`."""
    await _GreetingMenu(visit, Kind.BUSY).run()


async def no_answer_greeting(visit: Visit) -> None:
    """Offer what can be done with the greeting for no answer; raises as `choose`."""
    await _GreetingMenu(visit, Kind.NO_ANSWER).run()


async def extended_away(visit: Visit) -> None:
    """Offer what can be done with extended away; raises as `choose`."""
    await _AwayMenu(visit, Kind.AWAY).run()


class _GreetingMenu:
    """One greeting in the subscriber's hands."""

    def __init__(self, visit: Visit, kind: Kind) -> None:
        self._visit = visit
        self._kind = kind
        self._number = 0
        """Of the alternative in hand; 0 = none is."""
        self._mailbox = visit.mailbox

    @property
    def _in_hand(self) -> Kind:
        return Kind.alternative(self._number) if self._number else self._kind

    async def run(self) -> None:
        """Offer the menu until the subscriber goes back."""
        visit = self._visit
        self._mailbox = await visit.services.greetings.present(visit.mailbox)
        shown = menu.BUSY_GREETING if self._kind is Kind.BUSY else menu.NO_ANSWER_GREETING
        before: tuple[Sound, ...] = ()
        while True:
            title = f"menu-greeting-{self._in_hand}"
            # Repeated with the keys, where an alternative is in hand: they do not say which greeting they are for.
            spoken = visit.say(title, *shown.phrase(visit.language).ids) if self._number else None
            if spoken is None:
                before = (*before, visit.say(title))
            match await choose(visit.call, shown, visit.language, *before, spoken=spoken):
                case Act.RECORD:
                    before = await self.record()
                case Act.LISTEN:
                    before = await self.listen()
                case Act.USE_DEFAULT:
                    self._number = 0
                    change = await visit.services.greetings.use_default(self._mailbox, self._kind)
                    before = await self.changed(change, "own-greeting-default-set")
                case Act.ALTERNATIVE_1 | Act.ALTERNATIVE_2 | Act.ALTERNATIVE_3 as act:
                    self._number = ALTERNATIVES[act]
                    before = await self._choose()
                case _:
                    return

    async def record(self) -> tuple[Sound, ...]:
        """Record the greeting; return what to say of it."""
        greetings, kind = self._visit.services.greetings, self._in_hand
        after, said = await record_own(self._visit, GREETING, lambda take: greetings.record(self._mailbox, kind, take))
        self._mailbox = after or await greetings.present(self._mailbox)
        if after is not None and self._number:
            return (*said, self._visit.say(f"own-greeting-{kind}-set"))  # that is what it was asked for
        return said

    async def listen(self) -> tuple[Sound, ...]:
        """Return the greeting as callers hear it now, or would hear the alternative in hand."""
        services = self._visit.services
        if not self._number:
            return await greeting_for(services, self._mailbox, self._kind)
        audio_id = await self._alternative()
        if audio_id is None:
            return (self._visit.say("own-greeting-no-alternative"),)
        return await greeting_of(services, self._mailbox, self._kind, audio_id)

    async def changed(self, after: Mailbox | None, said: str) -> tuple[Sound, ...]:
        """Go on with a changed mailbox; None is one that somebody else has changed meanwhile."""
        if after is None:
            self._mailbox = await self._visit.services.greetings.present(self._mailbox)
            return (self._visit.say("own-recording-overtaken"),)
        self._mailbox = after
        return (self._visit.say(said),)

    async def _choose(self) -> tuple[Sound, ...]:
        """Have the alternative in hand play, if it exists; return what to say of it."""
        if await self._alternative() is None:
            return (self._visit.say("own-greeting-no-alternative"),)
        change = await self._visit.services.greetings.choose_alternative(self._mailbox, self._number)
        return await self.changed(change, f"own-greeting-{self._in_hand}-set")

    async def _alternative(self) -> str | None:
        """Return the audio of the alternative in hand; None where there is none yet."""
        choice = (await self._visit.services.greetings.choices(self._mailbox)).get(self._in_hand)
        return choice.audio_id if choice else None


class _AwayMenu(_GreetingMenu):
    """Extended away in the subscriber's hands."""

    async def run(self) -> None:
        """Offer the menu until the subscriber goes back."""
        visit, greetings = self._visit, self._visit.services.greetings
        self._mailbox = await greetings.present(visit.mailbox)
        before: tuple[Sound, ...] = ()
        while True:
            variants = {} if self._mailbox.away_recording else {"5": Variant.ON}
            match await choose(
                visit.call, menu.AWAY, visit.language, *before, visit.say("menu-away"), variants=variants
            ):
                case Act.ON | Act.OFF as act:
                    on = act is Act.ON
                    change = await greetings.set_away(self._mailbox, on=on)
                    before = await self.changed(change, "away-on" if on else "away-off")
                case Act.RECORD:
                    before = await self.record()
                case Act.LISTEN:
                    before = await self.listen()
                case Act.DEPOSIT:
                    on = not self._mailbox.away_recording
                    change = await greetings.set_away_recording(self._mailbox, on=on)
                    before = await self.changed(change, f"away-recording-{'on' if on else 'off'}")
                case _:
                    return
