"""The ways of a subscriber into the menus of the mailbox and of its settings; and what each key does there."""

from collections.abc import Callable
from typing import Final

from ivr import menu
from ivr.script import listen_to as hear
from ivr.script import press
from tests.fakes.full_house import NAME, OWN, STRANGER
from tests.fakes.voicemail import World
from tests.flows.way import Answer, Way, says
from tests.flows.ways_of_callers import NUMBERED
from voicebox.mailbox import Mailbox
from voicebox.message import State

MAILBOX: Final = (press("1"),)


def anna(is_so: Callable[[Mailbox], object], *words: str) -> Answer:
    """Return that something is so with Anna's mailbox then."""
    return Answer(words, shows=lambda world: is_so(world.directory.listed[0]))


def kept(new: int, *words: str) -> Answer:
    """Return that so many new messages are there then."""
    return Answer(words, shows=lambda world: [each.state for each in world.inbox.all.values()].count(State.NEW) == new)


PORTAL: Final = (
    Way(
        "main",
        menu.MAIN,
        steps=(hear("option-any-hash"),),
        answers={
            "1": says("menu-mailbox"),
            "3": says("menu-name"),
            "4": says("menu-forwarding"),
            "5": says("team-opened"),
            "6": says("dial-number"),
            "8": says("passcode-new"),
            "9": Answer(("menu-goodbye",), ends=True),
            "*": Answer(("menu-goodbye",), ends=True),
        },
    ),
    Way(
        "mailbox",
        menu.MAILBOX,
        steps=(*MAILBOX, hear("option-any-hash")),
        answers={
            "1": says("heading-first-new"),
            "2": says("menu-greeting-busy"),
            "3": says("menu-greeting-no-answer"),
            "4": says("menu-away"),
            "5": says("menu-compose"),
            "6": anna(lambda mailbox: not mailbox.enabled, "mailbox-deposit-off", "menu-mailbox"),
            "7": says("mailbox-delete-all-question"),
            "8": says("passcode-new"),
            "9": says("deleted-messages-3"),
            "0": says("menu-sent"),
            "*": says("menu-main"),
        },
    ),
    Way(
        "delete all",
        menu.CONFIRM,
        steps=(*MAILBOX, press("7"), hear("option-confirm-star")),
        answers={
            "1": kept(0, "mailbox-all-deleted"),
            "*": kept(3, "menu-cancelled"),
        },
        otherwise=kept(3, "menu-cancelled"),
        unanswered=kept(3, "menu-cancelled"),
    ),
)


def typed(digits: int, *words: str) -> Answer:
    """Return that a digit is part of a passcode, which is ended by `#`; these words follow."""
    return Answer(words, (press("#"),), shows=lambda world: world.call.notes("secret")[-1] == {"count": digits})


def changed(world: World) -> bool:
    return world.access.pins["1001"] == "608315"


NEW_PIN: Final = (press("8"), hear("option-passcode-star"))
ASKED: Final = ("passcode-new", "option-passcode-star")
PASSCODE_AGAIN: Final = says("login-no-input", *ASKED)
NOT_CHANGED: Final = Answer(("passcode-not-changed", "menu-main"), shows=lambda world: not changed(world))
CHANGED: Final = Answer(("passcode-changed", "menu-main"), shows=changed)
PASSCODE: Final = (
    Way(
        "passcode new",
        menu.PASSCODE,
        steps=NEW_PIN,
        spoken=ASKED,
        answers={"#": PASSCODE_AGAIN, "*": NOT_CHANGED},
        otherwise=typed(1, "passcode-again"),
        unanswered=PASSCODE_AGAIN,
    ),
    Way(
        "passcode typed",
        menu.PASSCODE,
        steps=(*NEW_PIN, press("608315")),
        spoken=ASKED,
        answers={"#": says("passcode-again"), "*": NOT_CHANGED},
        otherwise=typed(7, "passcode-again"),
        unanswered=says("passcode-again"),
    ),
    Way(
        "passcode typed again",
        menu.PASSCODE,
        steps=(*NEW_PIN, press("608315#"), hear("passcode-again"), press("608315")),
        spoken=("passcode-again",),
        answers={"#": CHANGED, "*": NOT_CHANGED},
        otherwise=typed(7, "passcode-mismatch", *ASKED),
        unanswered=CHANGED,
    ),
    Way(
        "passcode of the first login",
        menu.PASSCODE,
        steps=(*NUMBERED, press("274913#"), hear("option-passcode-star")),
        spoken=("login-must-change", *ASKED),
        answers={
            "#": PASSCODE_AGAIN,
            "*": Answer(("passcode-not-changed", "menu-goodbye"), ends=True, shows=lambda world: not changed(world)),
        },
        otherwise=typed(1, "passcode-again"),
        unanswered=PASSCODE_AGAIN,
        who=STRANGER,
        first_login=True,
    ),
)

ASKED_TO_RECORD: Final = says("own-greeting-record", "tone-record")
LIKE_ANY_GREETING: Final = {"1": ASKED_TO_RECORD, "*": says("menu-mailbox")}


def chosen(number: int) -> Answer:
    """Return that an alternative greeting is the one for no answer then."""
    return anna(lambda mailbox: mailbox.no_answer_greeting == OWN, f"own-greeting-alternative-{number}-set")


GREETINGS: Final = (
    Way(
        "busy greeting",
        menu.BUSY_GREETING,
        steps=(press("1"), press("2"), hear("option-any-hash")),
        answers={
            **LIKE_ANY_GREETING,
            "2": says("greeting-mailbox-of-name", f"{NAME} from 0 s", "greeting-named-busy"),
            "3": says("own-greeting-default-set"),
        },
    ),
    Way(
        "no-answer greeting",
        menu.NO_ANSWER_GREETING,
        steps=(press("1"), press("3"), hear("option-any-hash")),
        answers={
            **LIKE_ANY_GREETING,
            "2": says("greeting-mailbox-of-name", f"{NAME} from 0 s", "greeting-named-unavailable"),
            "3": says("own-greeting-default-set"),
            "4": chosen(1),
            "5": chosen(2),
            "6": chosen(3),
        },
    ),
    Way(
        "away",
        menu.AWAY,
        steps=(press("1"), press("4"), hear("option-any-hash")),
        answers={
            "1": anna(lambda mailbox: mailbox.away, "away-on"),
            "2": anna(lambda mailbox: not mailbox.away, "away-off"),
            "3": ASKED_TO_RECORD,
            "4": says("greeting-mailbox-of-name", f"{NAME} from 0 s", "greeting-named-away"),
            "5": anna(lambda mailbox: not mailbox.away_recording, "away-recording-off"),
            "*": says("menu-mailbox"),
        },
    ),
    Way(
        "name",
        menu.NAME,
        steps=(press("3"), hear("option-any-hash")),
        answers={
            "1": says("name-record", "tone-record"),
            "2": says(f"{NAME} from 0 s"),
            "3": anna(lambda mailbox: mailbox.name_recording is None, "name-deleted"),
            "*": says("menu-main"),
        },
    ),
    Way(
        "forwarding",
        menu.FORWARDING,
        steps=(press("4"), hear("option-any-hash")),
        answers={
            "1": anna(lambda mailbox: mailbox.forward_always == "1002", "forwarding-on", "forwarding-to"),
            "2": anna(lambda mailbox: mailbox.forward_always is None, "forwarding-off"),
            "3": says("forwarding-number"),
            "4": says("forwarding-off", "forwarding-destination"),
            "*": says("menu-main"),
        },
    ),
)

SUBSCRIBERS: Final = (*PORTAL, *PASSCODE, *GREETINGS)
