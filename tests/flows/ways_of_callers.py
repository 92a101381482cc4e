"""The ways of a caller, and of whoever logs in, into the menus; and what each key does there."""

from typing import Final

from ivr import menu
from ivr.script import listen_to as hear
from ivr.script import press, speak
from tests.fakes.full_house import CALLER, CLAIMED, NAME, STRANGER
from tests.fakes.voicemail import World
from tests.flows.way import Answer, Way

TAKE: Final = f"{1:032x}"
GREETED: Final = ("greeting-mailbox-of-name", f"{NAME} from 0 s", "greeting-named-unavailable", "greeting-zero")
REVIEWED: Final = (speak(5), press("#"), hear("option-any-hash"))
ASKED_TO_DISCARD: Final = ("review-discard-question", "option-discard-1", "option-discard-star")


def recorded(length_s: float) -> Answer:
    """Return that the recording has ended so long, and that the review follows."""

    def shows(world: World) -> bool:
        take = world.call.recordings[-1].result.take
        return take is not None and take.duration_s == length_s

    return Answer(("review-recorded",), shows=shows)


def goes_on(length_s: float) -> Answer:
    """Return that the recording goes on: a second more is spoken, and only `#` ends it."""
    return Answer(("review-recorded",), then=(speak(1), press("#")), shows=recorded(length_s + 1).shows)


def connected(*words: str, messages: int = 0) -> Answer:
    """Return that the caller is connected to whom Anna has named, after leaving so many messages."""

    def shows(world: World) -> bool:
        return world.outcalls.asked == [("1001", "1002")] and len(world.deposits.accepted) == messages

    return Answer(words, shows=shows)


def left(*, messages: int) -> Answer:
    """Return that the call is over and so many messages are there."""
    words = "review-sent-goodbye" if messages else "review-discarded-goodbye"
    return Answer((words,), ends=True, shows=lambda world: len(world.deposits.accepted) == messages)


CALLERS: Final = (
    Way(
        "greeting",
        menu.GREETING,
        steps=(),
        spoken=(),
        within=GREETED[:1],
        answers={
            "#": Answer(("tone-record",)),
            "0": connected("transfer-connecting"),
            "*": Answer(("login-welcome", "login-number")),
        },
        otherwise=Answer((*GREETED[1:], "tone-record")),
        unanswered=Answer((*GREETED[1:], "tone-record")),
        who=CALLER,
    ),
    Way(
        "full",
        menu.FULL,
        steps=(),
        spoken=(),
        within=("full-mailbox", "greeting-zero"),
        answers={"0": connected("transfer-connecting")},
        otherwise=Answer(("full-goodbye",), ends=True),
        unanswered=Answer(("full-goodbye",), ends=True),
        who=CALLER,
        full=True,
    ),
    Way(
        "recording",
        menu.RECORDING,
        steps=(speak(5),),
        spoken=("tone-record",),
        answers={
            "#": recorded(5.0),
            "*": recorded(5.0),
            "0": connected("transfer-saved-connecting", messages=1),
        },
        otherwise=goes_on(5.0),
        unanswered=recorded(5.5),
        who=CALLER,
    ),
    Way(
        "review",
        menu.REVIEW,
        steps=REVIEWED,
        answers={
            "1": left(messages=1),
            "2": Answer((f"{TAKE} from 0 s", "option-review-1")),
            "3": Answer(("record-again", "tone-record")),
            "4": Answer(("review-urgent-on",), shows=lambda world: world.deposits.accepted[0].urgent),
            "5": Answer(("review-confidential-on",), shows=lambda world: world.deposits.accepted[0].confidential),
            "0": connected("transfer-saved-connecting", messages=1),
            "*": Answer(ASKED_TO_DISCARD),
        },
        who=CALLER,
        gives_up=("review-sent-goodbye", "review-sent-goodbye"),
    ),
    Way(
        "discard",
        menu.DISCARD,
        steps=(*REVIEWED, press("*"), hear("option-discard-star")),
        answers={"1": left(messages=0), "*": Answer(("review-kept", "option-review-1"))},
        otherwise=Answer(("review-kept", "option-review-1")),
        unanswered=Answer(("review-kept", "option-review-1")),
        who=CALLER,
    ),
)


def tried(digits: int) -> Answer:
    """Return that a digit is part of the number, which is ended by `#`; whoever has it has another passcode."""
    return Answer(
        ("login-pin", "login-wrong", "login-number"),
        then=(press("#"), hear("login-pin"), press("111111#")),
        shows=lambda world: len(world.access.attempts[0][1]) == digits,
    )


def counted(digits: int) -> Answer:
    """Return that a digit is part of a passcode, which is ended by `#`, and wrong."""
    return Answer(
        ("login-wrong",), then=(press("#"),), shows=lambda world: world.call.notes("secret")[-1] == {"count": digits}
    )


NUMBER_AGAIN: Final = Answer(("login-no-input", "login-number"))
PIN_AGAIN: Final = Answer(("login-no-input", "login-pin"))
NUMBERED: Final = (hear("login-number"), press("1001#"), hear("login-pin"))
OPENED: Final = Answer(("login-opened-name", f"{NAME} from 0 s"))
LOGIN: Final = (
    Way(
        "number",
        menu.LOGIN_NUMBER,
        steps=(hear("login-number"),),
        spoken=("login-welcome", "login-number"),
        answers={"#": NUMBER_AGAIN, "*": Answer(("menu-goodbye",), ends=True)},
        otherwise=tried(1),
        unanswered=NUMBER_AGAIN,
        who=STRANGER,
    ),
    Way(
        "number begun",
        menu.LOGIN_NUMBER,
        steps=(hear("login-number"), press("1001")),
        spoken=("login-welcome", "login-number"),
        answers={"#": Answer(("login-pin",)), "*": Answer(("login-number",))},
        otherwise=tried(5),
        unanswered=Answer(("login-pin",)),
        who=STRANGER,
    ),
    Way(
        "passcode",
        menu.LOGIN_PIN,
        steps=NUMBERED,
        spoken=("login-number", "login-pin"),
        answers={"#": PIN_AGAIN, "*": Answer(("login-number",))},
        otherwise=counted(1),
        unanswered=PIN_AGAIN,
        who=STRANGER,
    ),
    Way(
        "passcode begun",
        menu.LOGIN_PIN,
        steps=(*NUMBERED, press("274913")),
        spoken=("login-number", "login-pin"),
        answers={"#": OPENED, "*": Answer(("login-number",))},
        otherwise=counted(7),
        unanswered=OPENED,
        who=STRANGER,
    ),
    Way(
        "passcode of a known phone",
        menu.LOGIN_PIN,
        steps=(hear("login-pin-known"),),
        spoken=("login-welcome", "login-pin-known"),
        answers={"#": Answer(("login-no-input", "login-pin-known")), "*": Answer(("login-number",))},
        otherwise=counted(1),
        unanswered=Answer(("login-no-input", "login-pin-known")),
        who=CLAIMED,
    ),
)
