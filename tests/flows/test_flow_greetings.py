"""The menus of greetings, away, name and forwarding: every key, silence, wrong keys, hanging up, somebody quicker."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from ivr import menu
from ivr.call import Clip
from ivr.flows.portal import portal
from ivr.keymap import Menu
from ivr.script import Step, hang_up, listen_to, lose_rtp, meanwhile, press, quiet, shut_down, silence, speak
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, NOW, World
from voicebox.announcement import Choice, Kind
from voicebox.errors import StoreUnavailable
from voicebox.greeting_file import Fault, GreetingRefused
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.takes import OwnContext

OWN = "own-audio"
BUSY: list[Step] = [press("1"), press("2")]
NO_ANSWER: list[Step] = [press("1"), press("3")]
AWAY: list[Step] = [press("1"), press("4")]
NAME: list[Step] = [press("3")]
FORWARDING: list[Step] = [press("4")]
WAYS: list[tuple[list[Step], Menu, str]] = [
    (list(BUSY), menu.BUSY_GREETING, "menu-greeting-busy"),
    (list(NO_ANSWER), menu.NO_ANSWER_GREETING, "menu-greeting-no-answer"),
    (list(AWAY), menu.AWAY, "menu-away"),
    (list(NAME), menu.NAME, "menu-name"),
    (list(FORWARDING), menu.FORWARDING, "menu-forwarding"),
]
EACH = pytest.mark.parametrize(("way", "shown", "title"), WAYS, ids=[title for _, _, title in WAYS])


@dataclass(frozen=True)
class Case:
    """Something that is recorded by phone."""

    way: list[Step]
    purpose: str
    field: str
    said: str
    asked: str

    @property
    def old(self) -> dict[str, Any]:
        """A mailbox that has one already."""
        return {self.field: OWN}


GREETED = ("own-greeting-recorded", "own-greeting-record")
RECORDINGS = [
    Case([*BUSY, press("1")], "busy", "busy_greeting", *GREETED),
    Case([*NO_ANSWER, press("1")], "no-answer", "no_answer_greeting", *GREETED),
    Case([*AWAY, press("3")], "away", "away_greeting", *GREETED),
    Case([*NO_ANSWER, press("5"), press("1")], "alternative-2", "no_answer_greeting", *GREETED),
    Case([*NAME, press("1")], "name", "name_recording", "name-recorded", "name-record"),
]
EACH_RECORDING = pytest.mark.parametrize("case", RECORDINGS, ids=lambda case: case.purpose)


def world(*steps: Step, language: Language = Language.DE, **values: Any) -> World:
    return World(
        steps,
        mailboxes=[replace(ANNA, auto_login=True, language=language, **values)],
        facts=facts("1001", device="1001"),
        clips={OWN: 4.0},
    )


async def visit(*steps: Step, made: World | None = None, language: Language = Language.DE, **values: Any) -> World:
    made = made or world(*steps, language=language, **values)
    await made.call.run(portal(made.call, made.services))
    assert made.languages <= {anna(made).language}
    return made


def of(field: str) -> dict[str, Any]:
    return {field: OWN}


def alternative(number: int, audio_id: str = OWN) -> dict[Kind, Choice]:
    """An alternative greeting that is there to be chosen."""
    kind = Kind.alternative(number)
    return {kind: Choice(kind, "Urlaub", 1, audio_id, NOW)}


def anna(made: World) -> Mailbox:
    return made.directory.listed[0]


# --- every menu


@EACH
@pytest.mark.parametrize("language", Language)
async def test_a_menu_speaks_of_its_keys(way: list[Step], shown: Menu, title: str, language: Language) -> None:
    made = await visit(*way, silence(), hang_up(), language=language)
    at = made.heard.index(title)
    options = shown.phrase(language).ids
    assert len(options) == len(shown.options)
    assert made.heard[at : at + 1 + len(options)] == [title, *options]
    assert made.languages == {language}


@EACH
@pytest.mark.parametrize("language", Language)
async def test_star_leads_back_and_hash_repeats(way: list[Step], shown: Menu, title: str, language: Language) -> None:
    back = "menu-main" if len(way) == 1 else "menu-mailbox"
    last = shown.phrase(language).ids[-1]
    made = await visit(
        *(*way, listen_to(last), press("#"), listen_to(last), press("*"), listen_to(back), hang_up()),
        language=language,
    )
    first = shown.phrase(language).ids[0]
    assert (made.heard.count(title), made.heard.count(first)) == (1, 2)
    assert made.heard[-1] == back


@EACH
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("step", [silence(), press("0")])
async def test_three_silences_or_wrong_keys_end_the_call(
    way: list[Step], shown: Menu, title: str, language: Language, step: Step
) -> None:
    words = "invalid" if step == press("0") else "no-input"
    made = await visit(*way, step, step, step, language=language)
    assert made.heard[-1] == f"menu-goodbye-{words}"
    assert made.call.over


# --- recording


@EACH_RECORDING
@pytest.mark.parametrize("language", Language)
async def test_a_recording_ended_by_hash_is_kept(case: Case, language: Language) -> None:
    made = await visit(*case.way, speak(3), press("#"), listen_to(case.said), hang_up(), language=language)
    (recording,) = made.call.recordings
    take = recording.result.take
    assert take is not None
    assert made.greetings.kept == [(case.purpose, take.id)]
    assert getattr(anna(made), case.field) == f"kept-{take.id}"
    assert made.call.discarded == [take.id], "what is kept lies in the store"
    assert made.heard[made.heard.index(case.asked) :][:2] == [case.asked, "tone-record"]
    assert OwnContext.from_bytes(recording.context) == OwnContext(
        1, 1, made.call.facts.id, "name" if case.purpose == "name" else "greeting"
    )
    assert recording.limits.stop_keys == "#"
    assert made.space.held == 0


@EACH_RECORDING
@pytest.mark.parametrize("end", [hang_up(), lose_rtp(), shut_down()], ids=["hang-up", "no-rtp", "shutdown"])
@pytest.mark.parametrize("spoken", [True, False])
async def test_a_call_that_ends_in_mid_recording_keeps_the_old_one(case: Case, end: Step, spoken: bool) -> None:
    made = await visit(*case.way, *([speak(3)] if spoken else []), end, **case.old)
    assert getattr(anna(made), case.field) == OWN
    assert made.greetings.kept == []
    assert len(made.call.discarded) == spoken
    assert case.said not in made.heard
    assert made.call.over
    assert made.space.held == 0


@EACH_RECORDING
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (GreetingRefused("x", "y", Fault.KEYPAD), ["own-recording-keypad", "own-recording-unchanged"]),
        (GreetingRefused("x", "y", Fault.EMPTY), ["record-no-speech", "own-recording-unchanged"]),
        (GreetingRefused("x", "y", Fault.UNREADABLE), ["record-failed", "own-recording-unchanged"]),
        (StoreUnavailable("no space left"), ["menu-error-retry"]),
    ],
    ids=lambda value: str(getattr(value, "fault", "")) if isinstance(value, Exception) else "",
)
async def test_a_recording_that_cannot_be_kept_is_told_and_the_old_one_stays(
    case: Case, language: Language, fault: Exception,
    words: list[str],
) -> None:  # fmt: skip
    made = world(*case.way, speak(3), press("#"), listen_to(words[-1]), hang_up(), language=language, **case.old)
    made.greetings.faults = [fault]
    await visit(made=made)
    at = made.heard.index(words[0])
    assert made.heard[at : at + len(words)] == words
    assert getattr(anna(made), case.field) == OWN
    assert len(made.call.discarded) == 1


@pytest.mark.parametrize("language", Language)
@EACH_RECORDING
async def test_silence_at_the_tone_keeps_the_old_one(case: Case, language: Language) -> None:
    made = await visit(
        *case.way, silence(), listen_to("own-recording-unchanged"), hang_up(), **case.old, language=language
    )
    assert "record-no-speech" in made.heard
    assert getattr(anna(made), case.field) == OWN


@pytest.mark.parametrize("language", Language)
@EACH_RECORDING
async def test_silence_after_speech_or_the_maximum_keep_the_recording(case: Case, language: Language) -> None:
    made = await visit(*case.way, speak(3), quiet(20), listen_to(case.said), hang_up(), language=language)
    assert getattr(anna(made), case.field) is not None
    made = await visit(*case.way, speak(1000), listen_to(case.said), hang_up(), language=language)
    assert made.heard[made.heard.index(case.said) - 1] == "record-maximum"
    assert made.call.recordings[0].limits.max_s == (10 if case.purpose == "name" else 180)


@pytest.mark.parametrize("language", Language)
@EACH_RECORDING
async def test_hash_skips_the_words_and_other_keys_do_not(case: Case, language: Language) -> None:
    made = await visit(
        *case.way, press("5##"), speak(2), press("5#"), listen_to(case.said), hang_up(), language=language
    )
    assert getattr(anna(made), case.field) is not None
    assert made.call.recordings[0].result.take is not None


@pytest.mark.parametrize("language", Language)
@EACH_RECORDING
async def test_a_full_disk_is_told_before_the_tone(case: Case, language: Language) -> None:
    made = world(*case.way, listen_to("menu-error-retry"), hang_up(), language=language)
    made.space.room = False
    await visit(made=made)
    assert made.call.recordings == []


# --- two people at once

RECORD: list[Step] = [press("1"), speak(2), press("#")]
CHANGES: list[tuple[str, list[Step], list[Step], dict[str, Any]]] = [
    ("busy record", list(BUSY), [press("1"), speak(2), press("#")], {"busy_greeting": "theirs"}),
    ("busy default", list(BUSY), [press("3")], {"busy_greeting": "theirs"}),
    ("alternative", list(NO_ANSWER), [press("4")], {"no_answer_greeting": "theirs"}),
    ("alternative record", [*NO_ANSWER, press("5")], RECORD, {"no_answer_greeting": "theirs"}),
    ("away", list(AWAY), [press("1")], {"away": True}),
    ("away messages", list(AWAY), [press("5")], {"away_recording": False}),
    ("name", list(NAME), [press("1"), speak(2), press("#")], {"name_recording": "theirs"}),
    ("name removed", list(NAME), [press("3")], {"name_recording": "theirs"}),
    ("forwarding off", list(FORWARDING), [press("2")], {"forward_to": "1003"}),
    ("destination", list(FORWARDING), [press("3"), press("1002#")], {"forward_to": "1003"}),
    ("on", list(FORWARDING), [press("1")], {"forward_always": "1003"}),
    ("deposit", [press("1")], [press("6")], {"enabled": False}),
]


@pytest.mark.parametrize(("way", "change", "theirs"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
@pytest.mark.parametrize("language", Language)
async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    way: list[Step], change: list[Step], theirs: dict[str, Any], language: Language
) -> None:
    made = world(language=language, forward_to="1002", busy_greeting=OWN, name_recording=OWN)
    made.greetings.chosen = alternative(1)

    async def somebody() -> None:
        made.greetings.change(anna(made), **theirs)

    made.call.follow([*way, meanwhile(somebody), *change, listen_to("own-recording-overtaken"), hang_up()])
    await visit(made=made)
    assert {name: getattr(anna(made), name) for name in theirs} == theirs
    assert made.languages == {language}


# --- busy and no answer


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("way", "kind"), [(BUSY, "busy"), (NO_ANSWER, "unavailable")])
@pytest.mark.parametrize("field", ["busy_greeting", "no_answer_greeting"])
async def test_a_greeting_is_heard_as_callers_hear_it(
    way: list[Step], kind: str, field: str, language: Language
) -> None:
    made = await visit(*way, press("2"), listen_to("option-greeting-1"), hang_up(), **of(field), language=language)
    at = made.heard.index("option-greeting-1")
    own = (field == "busy_greeting") == (kind == "busy")
    assert made.heard[at - 2] == (OWN if own else f"greeting-{kind}")


@pytest.mark.parametrize("language", Language)
async def test_the_default_greeting_is_heard_with_the_recorded_name(language: Language) -> None:
    made = await visit(
        *BUSY, press("2"), listen_to("greeting-named-busy"), hang_up(), name_recording=OWN, language=language
    )
    assert made.heard[-3:] == ["greeting-mailbox-of-name", OWN, "greeting-named-busy"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("way", "field"), [(BUSY, "busy_greeting"), (NO_ANSWER, "no_answer_greeting")])
async def test_the_default_is_restored(way: list[Step], field: str, language: Language) -> None:
    made = await visit(
        *way, press("3"), listen_to("own-greeting-default-set"), hang_up(), language=language, **of(field)
    )
    assert getattr(anna(made), field) is None


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_an_alternative_greeting_is_chosen(number: int, language: Language) -> None:
    made = world(
        *NO_ANSWER,
        press(str(number + 3)),
        listen_to(f"own-greeting-alternative-{number}-set"),
        hang_up(),
        language=language,
    )
    made.greetings.chosen = alternative(number)
    await visit(made=made)
    assert anna(made).no_answer_greeting == OWN
    missing = await visit(
        *NO_ANSWER, press(str(number + 3)), listen_to("own-greeting-no-alternative"), hang_up(), language=language
    )
    assert anna(missing).no_answer_greeting is None


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_an_alternative_in_hand_is_recorded_heard_and_plays(number: int, language: Language) -> None:
    key, set_now = str(number + 3), f"own-greeting-alternative-{number}-set"
    title = f"menu-greeting-alternative-{number}"
    made = await visit(
        *(*NO_ANSWER, press(key), listen_to(title), press("2"), listen_to(title)),
        *(press("1"), speak(3), press("#"), listen_to(title), press("2"), listen_to(title), hang_up()),
        language=language,
    )
    missing = ["own-greeting-no-alternative", title]
    at = made.heard.index(missing[0])
    assert made.heard[at : at + 2] == missing
    assert made.heard.count("own-greeting-no-alternative") == 2, "there is none to be heard, either"
    (recording,) = made.call.recordings
    assert recording.result.take is not None
    kept = f"kept-{recording.result.take.id}"
    assert anna(made).no_answer_greeting == kept
    at = made.heard.index("own-greeting-recorded")
    assert made.heard[at : at + 3] == ["own-greeting-recorded", set_now, title]
    at = made.heard.index(kept)
    assert made.heard[at : at + 2] == [kept, title]


@pytest.mark.parametrize("language", Language)
async def test_an_alternative_that_plays_is_recorded_anew_and_plays_on(language: Language) -> None:
    made = world(
        *(*NO_ANSWER, press("4"), press("1"), speak(3), press("#"), listen_to("own-greeting-recorded"), hang_up()),
        language=language,
    )
    made.greetings.chosen = alternative(1)
    await visit(made=made)
    assert [purpose for purpose, _ in made.greetings.kept] == ["alternative-1"]
    assert anna(made).no_answer_greeting == f"kept-{made.greetings.kept[0][1]}"
    assert made.heard.count("own-greeting-alternative-1-set") == 1


@pytest.mark.parametrize("language", Language)
async def test_the_alternative_in_hand_is_heard_whatever_plays(language: Language) -> None:
    made = world(language=language)
    made.greetings.chosen = alternative(1)

    async def somebody() -> None:
        made.greetings.change(anna(made), no_answer_greeting="theirs")

    made.call.follow(
        [
            *(*NO_ANSWER, press("4"), listen_to("menu-greeting-alternative-1"), meanwhile(somebody)),
            *(press("2"), listen_to("menu-greeting-alternative-1"), hang_up()),
        ]
    )
    await visit(made=made)
    assert OWN in made.heard
    made = world(*NO_ANSWER, press("4"), press("2"), listen_to("greeting-unavailable"), hang_up(), language=language)
    made.greetings.chosen = alternative(1, "lost")
    await visit(made=made)
    assert "lost" not in made.heard, "what cannot be read is not played to callers, either"


@pytest.mark.parametrize("language", Language)
async def test_which_alternative_is_in_hand_is_said_again_with_the_keys(language: Language) -> None:
    title, last = "menu-greeting-alternative-3", "option-any-hash"
    again = [step for key in (press("#"), silence(), press("0")) for step in (key, listen_to(last))]
    made = await visit(*NO_ANSWER, press("6"), listen_to(last), *again, hang_up(), language=language)
    assert made.heard.count(title) == 4


@pytest.mark.parametrize("language", Language)
async def test_the_default_takes_the_alternative_out_of_hand(language: Language) -> None:
    made = world(
        *(*NO_ANSWER, press("6"), press("3"), listen_to("menu-greeting-no-answer")),
        *(press("1"), speak(3), press("#"), listen_to("own-greeting-recorded"), hang_up()),
        language=language,
    )
    made.greetings.chosen = alternative(3)
    await visit(made=made)
    assert [purpose for purpose, _ in made.greetings.kept] == ["no-answer"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("456"))
async def test_busy_has_no_alternatives(key: str, language: Language) -> None:
    await visit(*BUSY, press(key), listen_to("menu-invalid"), hang_up(), language=language)


# --- away


@pytest.mark.parametrize("language", Language)
async def test_away_is_switched_on_and_off(language: Language) -> None:
    made = await visit(*AWAY, press("1"), listen_to("away-on"), hang_up(), language=language)
    assert anna(made).away
    made = await visit(*AWAY, press("2"), listen_to("away-off"), hang_up(), language=language, away=True)
    assert not anna(made).away


@pytest.mark.parametrize("language", Language)
async def test_messages_while_away_are_taken_or_not(language: Language) -> None:
    made = await visit(
        *(*AWAY, listen_to("option-away-5"), press("5"), listen_to("away-recording-off")),
        *(listen_to("option-away-5-on"), press("5"), listen_to("away-recording-on"), hang_up()),
        language=language,
    )
    assert anna(made).away_recording


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("values", "heard"),
    [
        ({}, ["greeting-away"]),
        ({"away": True, "away_recording": False}, ["greeting-away-closed"]),
        ({"away_greeting": OWN}, [OWN]),
        ({"name_recording": OWN}, ["greeting-mailbox-of-name", OWN, "greeting-named-away"]),
    ],
)
async def test_the_away_greeting_is_heard(values: dict[str, Any], heard: list[str], language: Language) -> None:
    made = await visit(*AWAY, press("4"), listen_to(heard[-1]), hang_up(), **values, language=language)
    assert made.heard[-len(heard) :] == heard


# --- name


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("key", "name", "said"),
    [
        ("2", OWN, OWN),
        ("2", None, "name-none"),
        ("2", "broken", "menu-error-retry"),
        ("3", OWN, "name-deleted"),
        ("3", None, "name-none"),
    ],
)
async def test_the_name_is_heard_and_deleted(key: str, name: str | None, said: str, language: Language) -> None:
    made = await visit(*NAME, press(key), listen_to(said), hang_up(), language=language, name_recording=name)
    assert made.heard[-1] == said
    assert anna(made).name_recording == (None if key == "3" else name)


@pytest.mark.parametrize("language", Language)
async def test_the_recorded_name_names_the_mailbox_that_is_opened(language: Language) -> None:
    made = await visit(listen_to("menu-main"), hang_up(), name_recording=OWN, language=language)
    at = made.heard.index("login-opened-name")
    assert made.heard[at + 1] == OWN


# --- forwarding

DESTINATION = "+492115559999"


@pytest.mark.parametrize("language", Language)
async def test_forwarding_is_switched_on_and_off(language: Language) -> None:
    made = await visit(
        *FORWARDING, press("1"), listen_to("forwarding-to"), hang_up(), language=language, forward_to=DESTINATION
    )
    assert anna(made).forward_always == DESTINATION
    assert made.heard[-2:] == ["forwarding-on", "forwarding-to"]
    made = await visit(
        *FORWARDING, press("2"), listen_to("forwarding-off"), hang_up(), language=language, forward_always=DESTINATION
    )
    assert (anna(made).forward_always, anna(made).forward_to) == (None, DESTINATION)


@pytest.mark.parametrize("language", Language)
async def test_nothing_is_forwarded_without_a_destination(language: Language) -> None:
    made = await visit(*FORWARDING, press("1"), listen_to("forwarding-none"), hang_up(), language=language)
    assert anna(made).forward_always is None


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("always", [None, "1002"])
async def test_the_destination_is_set(always: str | None, language: Language) -> None:
    last = "forwarding-to" if always else "forwarding-destination"
    made = await visit(
        *(*FORWARDING, press("3"), listen_to("forwarding-number"), press("02115559999#"), listen_to(last), hang_up()),
        language=language,
        forward_always=always,
    )
    assert anna(made).forward_to == DESTINATION
    assert anna(made).forward_always == (DESTINATION if always else None)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("steps", [[press("3"), press("0900123456#")], [press("1")]], ids=["destination", "on"])
async def test_what_the_policy_refuses_is_not_forwarded_to(steps: list[Step], language: Language) -> None:
    made = await visit(
        *FORWARDING, *steps, listen_to("forwarding-not-allowed"), hang_up(), language=language, forward_to="0900"
    )
    assert (anna(made).forward_always, anna(made).forward_to) == (None, "0900")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("typed", [press("*"), press("0211*"), press("#"), silence()])
async def test_a_destination_taken_back_changes_nothing(typed: Step, language: Language) -> None:
    made = await visit(
        *FORWARDING, press("3"), typed, listen_to("menu-cancelled"), hang_up(), forward_to="1002", language=language
    )
    assert anna(made).forward_to == "1002"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ["forwarding-off", "forwarding-none"]),
        ({"forward_to": "1002"}, ["forwarding-off", "forwarding-destination"]),
        ({"forward_always": "1002", "forward_to": "1002"}, ["forwarding-on", "forwarding-to"]),
    ],
)
async def test_the_status_is_told(values: dict[str, Any], said: list[str], language: Language) -> None:
    made = await visit(*FORWARDING, press("4"), listen_to(said[-1]), hang_up(), language=language, **values)
    assert made.heard[-2:] == said


# --- taking messages or not


@pytest.mark.parametrize("language", Language)
async def test_key_6_switches_the_taking_of_messages(language: Language) -> None:
    made = await visit(
        *(press("1"), listen_to("option-mailbox-6"), press("6"), listen_to("mailbox-deposit-off")),
        *(listen_to("option-mailbox-6-on"), press("6"), listen_to("mailbox-deposit-on"), hang_up()),
        language=language,
    )
    assert made.call.notes("deposit") == [{"on": False}, {"on": True}]
    assert anna(made).enabled


# --- hanging up everywhere

WALK: list[Step] = [
    *(press("3"), press("1"), speak(2), press("#"), press("2"), press("3"), press("*")),
    *(press("4"), press("3"), press("1002#"), press("1"), press("4"), press("2"), press("*")),
    *(press("1"), press("2"), press("1"), speak(2), press("#"), press("2"), press("3"), press("*")),
    *(press("3"), press("4"), press("*"), press("4"), press("1"), press("3"), speak(2), press("#"), press("4")),
    *(press("5"), press("2"), press("*"), press("6"), press("*"), press("9")),
]
WALK_OPERATIONS = 42


async def test_the_walk_meets_everything() -> None:
    made = await visit(*WALK)
    assert made.heard[-1] == "menu-goodbye"
    assert made.call.operations == WALK_OPERATIONS


@pytest.mark.parametrize("operation", range(WALK_OPERATIONS))
async def test_hanging_up_anywhere_ends_the_visit(operation: int) -> None:
    made = world(*WALK)
    made.call._hang_up_at = operation
    await visit(made=made)
    assert made.call.over
    assert made.space.held == 0
    kept = {take for _, take in made.greetings.kept}
    assert kept <= set(made.call.discarded), "every take is forgotten once it is kept"


async def test_every_clip_that_is_played_is_a_clip() -> None:
    made = await visit(*BUSY, press("2"), listen_to(OWN), hang_up(), busy_greeting=OWN)
    assert Clip(OWN) in made.call.played
