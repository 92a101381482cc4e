"""How a scripted call comes to stand in a menu, and what each key does there: the shape of the two tables of ways."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ivr.call import KEYS, Clip, Facts, Pause, Sound
from ivr.flows.caller import leave_message
from ivr.flows.portal import portal
from ivr.keymap import Act, Menu
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence
from prompts.phrases import Phrase
from tests.fakes.full_house import CALLER, OWN_PHONE, full_house
from tests.fakes.voicemail import World
from voicebox.i18n import Language
from voicebox.message import Reason

SILENCE = ""
"""Where a key is meant: none."""


@dataclass(frozen=True)
class Answer:
    """What comes of a key."""

    heard: tuple[str, ...]
    """What is heard first then; see `said`."""
    then: tuple[Step, ...] = ()
    """What the person on the line does before that is heard."""
    ends: bool = False
    """The call is hung up by us after it."""
    shows: Callable[[World], object] = field(default=lambda _: True)
    """Whether it is done, where words alone do not tell."""


def says(*words: str) -> Answer:
    """Return that these words are heard."""
    return Answer(words)


@dataclass(frozen=True)
class Way:
    """A place in a call where a menu's keys work."""

    name: str
    shown: Menu
    steps: tuple[Step, ...]
    """From the beginning of the call up to the last sound before the key is pressed."""
    answers: Mapping[str, Answer]
    """What each key does that the menu offers; where nothing is said of `Act.REPEAT`, the options are heard again."""
    names: tuple[str, ...] = ()
    """The table's names of the menus that are offered here; `shown`'s where empty."""
    spoken: tuple[str, ...] | None = None
    """What is heard last before a key; None: all of the menu's options."""
    within: tuple[str, ...] | None = None
    """The sound in which the key is pressed; None: it is pressed after the last sound."""
    at_s: float = 0.0
    """How far into it."""
    otherwise: Answer | None = None
    """What any other key does; None: it is told to be wrong, and the options are heard again."""
    unanswered: Answer | None = None
    """What silence does; None: it is told, and the options are heard again."""
    who: Facts = OWN_PHONE
    lacking: Act | None = None
    full: bool = False
    first_login: bool = False
    gives_up: tuple[str, str] = ("menu-goodbye-no-input", "menu-goodbye-invalid")
    """The last words after three silences, and after three wrong keys."""

    @property
    def menus(self) -> tuple[str, ...]:
        """The names of the menus that are offered here."""
        return self.names or (self.shown.name,)

    def options(self, language: Language) -> tuple[str, ...]:
        """Return what is heard last before a key."""
        return self.shown.phrase(language).ids if self.spoken is None else self.spoken

    def answer(self, key: str, language: Language) -> Answer:
        """Return what a key, or silence, does here."""
        if key == SILENCE:
            return self.unanswered or Answer(("menu-no-input", *self.options(language)))
        if key in self.answers:
            return self.answers[key]
        if self.shown.act(key) is Act.REPEAT:
            return Answer(self.options(language))
        return self.otherwise or Answer(("menu-invalid", *self.options(language)))

    def without(self, act: Act, **changes: Any) -> "Way":
        """Return the way into the menu where an act is not to be had."""
        answers = {key: answer for key, answer in self.answers.items() if self.shown.act(key) is not act}
        return replace(self, shown=self.shown.without(act), answers=answers, lacking=act, **changes)

    @property
    def wrong_key(self) -> str | None:
        """A key that is told to be wrong here, if there is one."""
        others = (key for key in KEYS if key not in self.shown.keys)
        return next(others, None) if self.otherwise is None else None

    async def stand(self, language: Language, *steps: Step) -> tuple[World, list[str], list[str]]:
        """Go this way and do these steps; return the call, what was heard on the way, and what since."""
        world = full_house(language, self.who, lacking=self.lacking, full=self.full, first_login=self.first_login)
        begun: list[int] = []

        async def stands_there() -> None:
            begun.append(len(world.call.played))

        world.call.follow([*self.steps, meanwhile(stands_there), *steps])
        await world.call.run(self._flow(world))
        (at,) = begun
        return world, said(world.call.played[:at]), said(world.call.played[at:])

    async def type(self, key: str, language: Language) -> tuple[World, list[str], list[str]]:
        """Go this way and press one key, or none, and listen to what comes of it; returns as `stand`."""
        answer = self.answer(key, language)
        if key != SILENCE:
            typed: list[Step] = [press(key, at_s=self.at_s)]
        else:
            typed = [silence()] if self.within is None else []  # what plays goes on by itself
        last = answer.heard[-1].split(" from ")[0]
        leave = [] if answer.ends else [hang_up()]
        return await self.stand(language, *typed, *answer.then, listen_to(last), *leave)

    def _flow(self, world: World) -> Awaitable[None]:
        if self.who is CALLER:
            return leave_message(world.call, world.services, world.directory.listed[0], Reason.NO_ANSWER)
        return portal(world.call, world.services)


def said(sounds: Sequence[Sound]) -> list[str]:
    """Return the ids of utterances in order; a clip as `id from 3 s`, with its speed where that is not the usual."""
    heard: list[str] = []
    for sound in sounds:
        match sound:
            case Phrase(ids=ids):
                heard += ids
            case Clip(audio_id=audio_id, start_s=start_s, speed=speed):
                heard.append(f"{audio_id} from {start_s:g} s" + (f" at {speed:g}" if speed != 1 else ""))
            case Pause():
                pass
    return heard
