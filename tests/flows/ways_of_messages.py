"""The ways of a subscriber to messages, and to sending them; and what each key does there."""

from typing import Final

from ivr import menu
from ivr.script import Step, press, speak
from ivr.script import listen_to as hear
from tests.flows.way import Answer, Way, says
from tests.flows.ways_of_callers import ASKED_TO_DISCARD, TAKE, goes_on, recorded
from voicebox.message import State

FIRST: Final = (press("1"), press("1"), hear("heading-first-new"))
"""To where the first new message plays."""
RECORDED: Final[tuple[Step, ...]] = (press("1"), speak(5), press("#"))
COMPOSED: Final = (press("1"), press("5"), *RECORDED)


def message(name: str, state: State, *words: str) -> Answer:
    """Return that a message is in this state then."""
    return Answer(words, shows=lambda world: world.inbox.state(name) is state)


def sent(*words: str, copies: int) -> Answer:
    """Return that so much is sent then."""
    return Answer(words, shows=lambda world: len(world.distribution.dispatched) == copies)


DIALS: Final = Answer(("transfer-connecting",), shows=lambda world: world.outcalls.asked == [("1001", "1002")])
PLAYS: Final = "new-1"
AFTER_SECOND: Final = (*FIRST[:2], press("6"), press("6"), hear("new-2"), hear("option-any-star"))
MESSAGES: Final = (
    Way(
        "message playing",
        menu.WHILE_PLAYING,
        names=("message", "playing"),
        steps=FIRST,
        spoken=("heading-first-new",),
        within=(f"{PLAYS} from 0 s",),
        at_s=5.0,
        answers={
            "#": message(PLAYS, State.SAVED, "message-saved", "heading-next-new"),
            "7": message(PLAYS, State.DELETED, "message-deleted"),
            "5": says("day-today"),
            "9": says("option-more-1"),
            "*": message(PLAYS, State.NEW, "menu-mailbox"),
            "1": says(f"{PLAYS} from 2 s"),
            "2": says("message-paused", "option-playing-2-resume"),
            "3": says(f"{PLAYS} from 8 s"),
            "4": says(f"{PLAYS} from 0 s"),
            "6": message(PLAYS, State.NEW, "message-end"),
            "0": says("speed-125", f"{PLAYS} from 5 s at 1.25"),
        },
        otherwise=message(PLAYS, State.SAVED, "message-end"),
        unanswered=message(PLAYS, State.SAVED, "message-end"),
    ),
    Way(
        "message paused",
        menu.WHILE_PLAYING,
        names=("message", "playing"),
        steps=(*FIRST, press("2", at_s=5.0), hear("option-playing-2-resume")),
        spoken=("message-paused", "option-playing-2-resume"),
        answers={
            "#": message(PLAYS, State.SAVED, "message-saved", "heading-next-new"),
            "7": message(PLAYS, State.DELETED, "message-deleted"),
            "5": says("day-today"),
            "9": says("option-more-1"),
            "*": message(PLAYS, State.NEW, "menu-mailbox"),
            "1": says(f"{PLAYS} from 2 s"),
            "2": says(f"{PLAYS} from 5 s"),
            "3": says(f"{PLAYS} from 8 s"),
            "4": says(f"{PLAYS} from 0 s"),
            "6": message(PLAYS, State.NEW, "message-end"),
            "0": says("speed-125", f"{PLAYS} from 5 s at 1.25"),
        },
    ),
    Way(
        "after a message",
        menu.AFTERWARDS,
        names=("message", "after"),
        steps=AFTER_SECOND,
        answers={
            "#": message("new-2", State.SAVED, "message-saved", "heading-next-new", "new-3 from 0 s"),
            "7": message("new-2", State.DELETED, "message-deleted"),
            "5": says("day-today"),
            "9": says("option-more-1"),
            "*": says("menu-mailbox"),
            "2": says("new-2 from 0 s"),
            "4": says("heading-previous-new", "new-1 from 0 s"),
            "6": says("heading-next-new", "new-3 from 0 s"),
            "8": DIALS,
        },
    ),
    Way(
        "more",
        menu.MORE,
        steps=(press("5"), hear("heading-first-new"), press("9", at_s=5.0), hear("option-any-hash")),
        answers={
            "1": says("menu-reply", "send-recipient"),
            "2": says("menu-forward"),
            "3": message(PLAYS, State.NEW, "message-kept-new"),
            "4": Answer(("message-mailed",), shows=lambda world: world.copies.mailed == [PLAYS]),
            "5": Answer(("message-handled",), shows=lambda world: world.inbox.all[PLAYS].handled_by == 1),
            "6": Answer(("message-claimed",), shows=lambda world: world.inbox.all[PLAYS].claimed_by == 1),
            "*": says(f"{PLAYS} from 5 s"),
        },
    ),
    Way(
        "deleted",
        menu.DELETED,
        steps=(press("1"), press("9"), press("6"), hear("option-any-star")),
        answers={
            "2": says("deleted-2 from 0 s"),
            "7": message("deleted-2", State.SAVED, "message-restored"),
            "5": says("day-today"),
            "4": says("heading-previous-deleted"),
            "6": says("heading-next-deleted"),
            "#": says("heading-next-deleted"),
            "*": says("menu-mailbox"),
        },
    ),
    Way(
        "deleted playing",
        menu.WHILE_PLAYING,
        names=("message", "playing"),
        steps=(press("1"), press("9"), hear("option-any-star"), press("2")),
        spoken=("option-any-star",),
        within=("deleted-1 from 0 s",),
        at_s=5.0,
        answers={
            "#": message("deleted-1", State.DELETED, "heading-next-deleted"),
            "7": message("deleted-1", State.SAVED, "message-restored"),
            "5": says("day-today"),
            "9": says("deleted-1 from 5 s", "message-end"),  # there is no more of a deleted one: it plays on
            "*": says("menu-mailbox"),
            "1": says("deleted-1 from 2 s"),
            "2": says("message-paused", "option-playing-2-resume"),
            "3": says("deleted-1 from 8 s"),
            "4": says("deleted-1 from 0 s"),
            "6": says("message-end"),
            "0": says("speed-125", "deleted-1 from 5 s at 1.25"),
        },
        otherwise=message("deleted-1", State.DELETED, "message-end"),
        unanswered=message("deleted-1", State.DELETED, "message-end"),
    ),
    Way(
        "sent",
        menu.SENT,
        steps=(press("1"), press("0"), press("6"), hear("option-any-star")),
        answers={
            "7": says("sent-recall-question", "option-confirm-1", "option-confirm-star"),
            "6": says("weekday-4"),
            "#": says("weekday-4"),
            "4": says("day-today"),
            "5": says("day-yesterday"),
            "*": says("menu-mailbox"),
        },
    ),
    Way(
        "take back",
        menu.CONFIRM,
        steps=(press("1"), press("0"), press("7"), hear("option-confirm-star")),
        answers={
            "1": Answer(("sent-recalled",), shows=lambda world: world.distribution.standings["today"].recalled == 1),
            "*": says("menu-cancelled"),
        },
        otherwise=says("menu-cancelled"),
        unanswered=says("menu-cancelled"),
    ),
)

SHEET: Final = {
    "1": says("record-again", "tone-record"),
    "2": says(f"{TAKE} from 0 s"),
    "6": says("review-urgent-on"),
    "7": says("review-confidential-on"),
    "*": says(*ASKED_TO_DISCARD),
}
TO_WHOM: Final = {
    "3": says("send-to-number"),
    "4": says("send-everyone", "recipients-2", "option-send-hash"),
    "5": says("send-to-list"),
}
SENDING: Final = (
    Way("compose", menu.COMPOSE, steps=(*COMPOSED, hear("option-any-hash")), answers={**SHEET, **TO_WHOM}),
    Way(
        "forward",
        menu.FORWARD,
        steps=(*FIRST, press("9"), press("2"), *RECORDED, hear("option-any-hash")),
        answers={**SHEET, **TO_WHOM},
    ),
    Way(
        "reply",
        menu.REPLY,
        steps=(*FIRST, press("9"), press("1"), *RECORDED, hear("option-any-hash")),
        answers={**SHEET, "3": sent("review-sent", copies=1)},
    ),
    Way(
        "dictation",
        menu.DICTATION,
        steps=COMPOSED[:-1],
        spoken=("record-again", "tone-record"),
        answers={"#": recorded(5.0), "*": recorded(5.0)},
        otherwise=goes_on(5.0),
        unanswered=recorded(5.5),
    ),
    Way(
        "send",
        menu.SEND,
        steps=(*COMPOSED, press("3"), press("1002#"), hear("option-send-star")),
        answers={"#": sent("review-sent", copies=1), "*": sent("menu-cancelled", copies=0)},
    ),
    Way(
        "discard what was composed",
        menu.DISCARD,
        steps=(*COMPOSED, press("*"), hear("option-discard-star")),
        answers={
            "1": Answer(("menu-cancelled", "menu-mailbox"), shows=lambda world: world.call.discarded == [TAKE]),
            "*": says("review-kept", "option-compose-1"),
        },
        otherwise=says("review-kept", "option-compose-1"),
        unanswered=says("review-kept", "option-compose-1"),
    ),
)
