"""A company in which every option of every menu is to be had, or every one but one, in one language throughout."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from ivr.call import Facts, TransferEnd
from ivr.keymap import Act
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, BEISPIEL, NOW, World, message
from voicebox.announcement import Choice, Kind
from voicebox.distribution import Delivery, DistributionList, Result, Sending, Standing
from voicebox.i18n import Language
from voicebox.message import Caller, MessageKind, State

OWN_PHONE: Final = facts("1001", device="1001")
"""Logged in automatically."""
STRANGER: Final = facts("+493099999999", called="8000")
"""Asked for number and passcode."""
CLAIMED: Final = facts("+492115551001", called="8000")
"""Says to be Anna's phone: asked for the passcode only."""
CALLER: Final = replace(facts(), caller_login=True)
"""May press `*` in the greeting."""
BERT: Final = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Bert")
TEAM: Final = replace(ANNA, id=20, number="2000", phone=None, name="Verkauf", team=True)
NAME, OWN = "name-audio", "own-audio"
MESSAGES: Final = tuple(
    message(f"{state}-{n}", minutes_ago=100 - 10 * n, state=state, caller=Caller("1002", "Bert"))
    for state in (State.NEW, State.DELETED)
    for n in (1, 2, 3)
)
"""Three of each, so that something precedes and follows the second one; from a colleague, who can be answered."""
UNHEARD: Final = Standing(copies=1, unheard=1, heard=0, recalled=0)
HEARD: Final = Standing(copies=1, unheard=0, heard=1, recalled=0)
OPTIONAL: Final = frozenset(
    (Act.TRANSFER, Act.LOGIN, Act.TEAM, Act.DIAL, Act.SENT, Act.RECALL, Act.CLAIM, Act.TO_EVERYONE, Act.CALL_BACK)
)
"""What has to be set up or allowed, or to be there."""


def full_house(
    language: Language,
    who: Facts = OWN_PHONE,
    *,
    lacking: Act | None = None,
    full: bool = False,
    first_login: bool = False,
) -> World:
    """Return a call to Anna's company, whose every text is in this language.

    Args:
        language: of the company, of Anna and of everybody else.
        who: is on the line.
        lacking: what is not to be had.
        full: Anna's mailbox takes no more messages.
        first_login: Anna's passcode is a one-time one.
    """
    anna = replace(
        ANNA,
        auto_login=True,
        language=language,
        everyone=lacking is not Act.TO_EVERYONE,
        email="anna@example.org",
        zero_out=None if lacking is Act.TRANSFER else "1002",
        forward_to="1002",
        name_recording=NAME,
    )
    # Nobody answers when connected: the call comes back, and goes on.
    world = World(
        mailboxes=[anna, replace(BERT, language=language), replace(TEAM, language=language)],
        messages=MESSAGES,
        clips={NAME: 1.0, OWN: 4.0},
        facts=replace(who, caller_login=who.caller_login and lacking is not Act.LOGIN),
        transfers=TransferEnd.NO_ANSWER,
    )
    world.directory.company = replace(
        BEISPIEL,
        language=language,
        make_calls=lacking is not Act.DIAL,
        call_back=lacking is not Act.CALL_BACK,
    )
    world.teams.teams = [] if lacking is Act.TEAM else [replace(TEAM, language=language)]
    kinds = (Kind.ALTERNATIVE_1, Kind.ALTERNATIVE_2, Kind.ALTERNATIVE_3)
    world.greetings.chosen = {kind: Choice(kind, "Urlaub", 1, OWN, NOW) for kind in kinds}
    world.distribution.others = 2
    world.distribution.lists = {12: DistributionList(7, 1, 1, 12, "Support", shared=True, members=frozenset({2, 3}))}
    days = {"today": 0, "yesterday": 1, "earlier": 2}
    for name, ago in days.items() if lacking is not Act.SENT else ():
        sending = Sending(name, 1, ANNA.id, MessageKind.COMPOSE, NOW - timedelta(days=ago))
        world.distribution.past.append((sending, [Result("1002", 2, Delivery.SENT, f"copy-{name}")]))
        world.distribution.standings[name] = HEARD if lacking is Act.RECALL else UNHEARD
    if full:
        world.deposits.left_s = 0.0
    if first_login:
        world.access.one_time.add(ANNA.number)
    return world
