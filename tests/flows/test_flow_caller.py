"""Leaving a message: every way through the greeting, the recording and the review."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr import menu
from ivr.call import Clip, RecordEnd
from ivr.flows.caller import leave_message
from ivr.keymap import Act
from ivr.media.spoolwriter import SpoolError
from ivr.script import Step, hang_up, listen_to, lose_rtp, press, quiet, shut_down, silence, speak
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, NOW, FakeSpace, World
from voicebox.deposit import DepositContext
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Reason, Take

GREETING = "greeting-unavailable"
TONE = "tone-record"
SENT = "review-sent-goodbye"
RECORDED: list[Step] = [speak(5), press("#")]
ANNA_SPEAKING = {language: replace(ANNA, language=language) for language in Language}


async def leave(world: World, mailbox: Mailbox = ANNA, reason: Reason = Reason.NO_ANSWER) -> World:
    await world.call.run(leave_message(world.call, world.services, mailbox, reason))
    assert world.languages <= {mailbox.language}
    return world


# --- the greeting


@pytest.mark.parametrize("language", Language)
async def test_a_message_is_left_from_the_greeting_to_sent(language: Language) -> None:
    world = await leave(World([speak(5), press("#"), press("1")]), ANNA_SPEAKING[language])
    assert world.heard == [GREETING, TONE, "review-recorded", SENT]
    assert world.languages == {language}
    (message,) = world.deposits.accepted
    assert (message.duration_s, message.urgent, message.confidential) == (5.0, False, False)
    assert world.call.notes("message") == [{"id": message.id}]
    assert world.call.answered
    assert world.call.cause == ""


@pytest.mark.parametrize(
    ("reason", "greeting"),
    [
        (Reason.BUSY, "greeting-busy"),
        (Reason.NO_ANSWER, GREETING),
        (Reason.UNCONDITIONAL, GREETING),
        (Reason.UNREACHABLE, GREETING),
        (Reason.UNAVAILABLE, GREETING),
    ],
)
async def test_the_reason_chooses_the_greeting(reason: Reason, greeting: str) -> None:
    world = await leave(World([speak(5), hang_up()]), reason=reason)
    assert world.heard == [greeting, TONE]
    assert world.deposits.accepted[0].reason is reason


@pytest.mark.parametrize(
    ("reason", "own"), [(Reason.BUSY, "own-busy"), (Reason.NO_ANSWER, "own-away"), (Reason.UNCONDITIONAL, "own-away")]
)
async def test_the_owners_greeting_goes_before_the_default_one(reason: Reason, own: str) -> None:
    mailbox = replace(ANNA, busy_greeting="own-busy", no_answer_greeting="own-away")
    world = World([speak(5), hang_up()], clips={"own-busy": 4.0, "own-away": 6.0})
    await leave(world, mailbox, reason)
    assert world.heard == [own, TONE]


@pytest.mark.parametrize("clips", [{}, {"own": 0.0}], ids=["missing", "empty"])
async def test_a_missing_greeting_falls_back_to_the_default_one(clips: dict[str, float]) -> None:
    world = await leave(World([speak(5), hang_up()], clips=clips), replace(ANNA, no_answer_greeting="own"))
    assert world.heard == [GREETING, TONE]


async def test_away_outranks_every_other_greeting() -> None:
    mailbox = replace(ANNA, away=True, busy_greeting="own-busy")
    world = await leave(World([speak(5), hang_up()], clips={"own-busy": 4.0}), mailbox, Reason.BUSY)
    assert world.heard == ["greeting-away", TONE]


@pytest.mark.parametrize("language", Language)
async def test_hash_skips_the_greeting(language: Language) -> None:
    world = World([press("#", at_s=0.25), speak(5), hang_up()], clips={"own": 30.0})
    await leave(world, replace(ANNA_SPEAKING[language], no_answer_greeting="own"))
    assert world.heard == ["own", TONE]
    assert world.call.notes("prompt-end")[0] == {"id": "clip:own", "by": "key"}
    assert world.call.now_s < 10


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("0123456789*"))
async def test_other_keys_are_ignored_during_the_greeting(key: str, language: Language) -> None:
    world = await leave(World([press(key), speak(5), hang_up()]), ANNA_SPEAKING[language])
    assert world.heard == [GREETING, TONE]
    assert world.call.notes("prompt-end")[0] == {"id": GREETING, "by": "end"}
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
async def test_an_impatient_second_hash_does_not_end_the_recording(language: Language) -> None:
    world = await leave(World([press("##"), speak(5), hang_up()]), ANNA_SPEAKING[language])
    assert world.call.recordings[0].result.by is RecordEnd.HANGUP
    assert len(world.deposits.accepted) == 1


# --- a mailbox that takes nothing


@pytest.mark.parametrize("language", Language)
async def test_a_full_mailbox_is_told_before_the_greeting(language: Language) -> None:
    world = World()
    world.deposits.left_s = 1.5
    await leave(world, ANNA_SPEAKING[language])
    assert world.heard == ["full-mailbox", "full-goodbye"]
    assert world.call.notes("refused") == [{"why": "full"}]
    assert world.call.recordings == []
    assert world.call.over


async def test_a_full_disk_is_refused_politely() -> None:
    world = World()
    world.space.room = False
    await leave(world)
    assert world.heard == ["refused-storage"]
    assert world.call.notes("refused") == [{"why": "storage"}]


@pytest.mark.parametrize("steps", [[speak(5), press("#"), press("1")], [speak(5), hang_up()], [speak(1), hang_up()]])
async def test_space_on_the_disk_is_held_for_the_call_and_given_back(steps: list[Step]) -> None:
    world = World(steps)
    held: list[int] = []
    reserve = world.space.reserve

    async def watched(length_s: float) -> FakeSpace | None:
        found = await reserve(length_s)
        held.append(world.space.held)
        return found

    world.space.reserve = watched  # type: ignore[method-assign]
    await leave(world)
    assert held == [1]
    assert world.space.held == 0


@pytest.mark.parametrize(("left_s", "max_s"), [(6000.0, 300.0), (42.0, 42.0)])
async def test_a_message_is_as_long_as_the_mailbox_allows(left_s: float, max_s: float) -> None:
    world = World([speak(5), hang_up()])
    world.deposits.left_s = left_s
    await leave(world)
    limits = world.call.recordings[0].limits
    assert limits.max_s == max_s
    assert limits.stop_keys == "#*"
    assert (limits.silence_s, limits.no_speech_s, limits.keep_tail_s, limits.warn_s) == (10.0, 10.0, 0.5, 10.0)


# --- the recording


async def test_the_spool_knows_whose_message_it_holds_before_it_is_spoken() -> None:
    world = await leave(World([speak(5), hang_up()], facts=facts("+493012345678")), reason=Reason.BUSY)
    context = DepositContext.from_bytes(world.call.recordings[0].context)
    assert context == world.deposits.contexts[0]
    assert (context.company_id, context.mailbox_id, context.call_id) == (1, 1, world.call.facts.id)
    assert (context.caller.number, context.reason) == ("+493012345678", Reason.BUSY)
    assert (context.received_at, context.replaces) == (NOW, None)


async def test_a_withheld_number_stays_withheld() -> None:
    world = await leave(World([speak(5), hang_up()], facts=facts(withheld=True)))
    assert world.deposits.accepted[0].caller.withheld
    assert world.deposits.accepted[0].caller.number is None


async def test_hanging_up_sends_what_is_there() -> None:
    world = await leave(World([speak(5), hang_up()]))
    assert world.heard == [GREETING, TONE]
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize(("seconds", "messages"), [(1.9, 0), (2.0, 1)])
async def test_two_seconds_are_a_message(seconds: float, messages: int) -> None:
    world = await leave(World([speak(seconds), hang_up()]))
    assert len(world.deposits.accepted) == messages
    assert len(world.call.discarded) == 1 - messages


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("#*"))
async def test_a_stop_key_opens_the_review_and_deletes_nothing(key: str, language: Language) -> None:
    world = await leave(World([speak(5), press(key), hang_up()]), ANNA_SPEAKING[language])
    assert world.call.discarded == []
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
async def test_other_keys_do_not_end_the_recording(language: Language) -> None:
    world = await leave(World([speak(2), press("0123456789"), speak(3), hang_up()]), ANNA_SPEAKING[language])
    assert world.deposits.accepted[0].duration_s == 5.0


@pytest.mark.parametrize("language", Language)
async def test_silence_after_speech_opens_the_review(language: Language) -> None:
    world = await leave(World([speak(5), silence(), press("1")]), ANNA_SPEAKING[language])
    assert world.heard == [GREETING, TONE, "review-recorded", SENT]
    assert world.deposits.accepted[0].duration_s == 5.5


@pytest.mark.parametrize("language", Language)
async def test_the_maximum_is_told_before_the_review(language: Language) -> None:
    world = await leave(World([speak(400), press("1")]), replace(ANNA_SPEAKING[language], message_max_s=60))
    assert world.heard == [GREETING, TONE, "record-maximum", SENT]
    assert world.deposits.accepted[0].duration_s == 60.0


@pytest.mark.parametrize("language", Language)
async def test_no_speech_at_all_is_no_message(language: Language) -> None:
    world = await leave(World([silence()]), ANNA_SPEAKING[language])
    assert world.heard == [GREETING, TONE, "record-no-speech-goodbye"]
    assert world.deposits.accepted == []
    assert world.call.over


@pytest.mark.parametrize(
    ("break_off", "cause"), [(lose_rtp, "no RTP"), (shut_down, "shutting down")], ids=["no-rtp", "shutdown"]
)
@pytest.mark.parametrize(("seconds", "messages"), [(5.0, 1), (1.0, 0)])
async def test_a_call_that_breaks_off_is_saved_and_ended(
    break_off: Callable[[], Step], cause: str, seconds: float, messages: int
) -> None:
    world = await leave(World([speak(seconds), break_off()]))
    assert world.heard == [GREETING, TONE]
    assert len(world.deposits.accepted) == messages
    assert world.call.cause == cause


@pytest.mark.parametrize("language", Language)
async def test_a_short_recording_can_be_repeated(language: Language) -> None:
    world = await leave(World([speak(1), press("#"), speak(5), press("#"), press("1")]), ANNA_SPEAKING[language])
    assert world.heard == [GREETING, TONE, "record-too-short", "record-again", TONE, "review-recorded", SENT]
    assert world.call.discarded == [f"{1:032x}"]
    assert [message.id for message in world.deposits.accepted] == [f"{2:032x}"]


@pytest.mark.parametrize("language", Language)
async def test_stopping_before_a_word_counts_as_too_short(language: Language) -> None:
    world = await leave(World([press("#"), quiet(1), press("#"), speak(5), hang_up()]), ANNA_SPEAKING[language])
    assert world.heard == [GREETING, TONE, "record-too-short", "record-again", TONE]
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
async def test_three_short_recordings_end_the_call(language: Language) -> None:
    world = await leave(
        World([speak(1), press("#"), speak(1), press("#"), speak(1), press("#")]), ANNA_SPEAKING[language]
    )
    assert world.heard[-1] == "record-too-short-goodbye"
    assert len(world.call.recordings) == len(world.call.discarded) == 3
    assert world.deposits.accepted == []


# --- the review


async def review(*steps: Step, mailbox: Mailbox = ANNA) -> World:
    world = await leave(World([*RECORDED, *steps]), mailbox)
    assert world.heard[:2] == [GREETING, TONE]
    return world


@pytest.mark.parametrize("language", Language)
async def test_the_review_is_spoken_whole(language: Language) -> None:
    world = await review(silence(), press("1"), mailbox=ANNA_SPEAKING[language])
    options = menu.REVIEW.without(Act.TRANSFER).phrase(language).ids
    assert world.heard[2:-2] == ["review-recorded", *options]
    assert len(options) == 7


@pytest.mark.parametrize("language", Language)
async def test_listening_plays_the_recording_then_the_options_again(language: Language) -> None:
    world = await review(press("2"), listen_to(f"{1:032x}"), press("1"), mailbox=ANNA_SPEAKING[language])
    assert Clip(f"{1:032x}") in world.call.played
    assert world.heard[-2:] == ["option-review-1", SENT]


@pytest.mark.parametrize("language", Language)
async def test_listening_can_be_cut_short_by_any_option(language: Language) -> None:
    world = await review(press("2"), press("1", at_s=2.0), mailbox=ANNA_SPEAKING[language])
    assert world.heard[-2:] == [f"{1:032x}", SENT]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("keys", "urgent", "confidential"),
    [("4", True, False), ("44", False, False), ("5", False, True), ("55", False, False), ("45", True, True)],
)
async def test_marks_are_set_and_taken_back(keys: str, language: Language, *, urgent: bool, confidential: bool) -> None:
    world = await review(*(press(key) for key in keys), press("1"), mailbox=ANNA_SPEAKING[language])
    (message,) = world.deposits.accepted
    assert (message.urgent, message.confidential) == (urgent, confidential)


@pytest.mark.parametrize("language", Language)
async def test_a_mark_is_told_and_its_option_then_takes_it_back(language: Language) -> None:
    world = await review(
        *(press("4"), press("5"), silence()),
        *(press("4"), listen_to("review-urgent-off"), press("5"), listen_to("review-confidential-off")),
        hang_up(),
        mailbox=ANNA_SPEAKING[language],
    )
    said = world.heard
    assert said.index("review-urgent-on") < said.index("review-confidential-on")
    assert {"option-review-4-off", "option-review-5-off"} < set(said)
    assert said.index("review-urgent-off") < said.index("review-confidential-off")
    assert not world.deposits.accepted[0].urgent


@pytest.mark.parametrize("language", Language)
async def test_recording_again_replaces_the_take_only_once_it_is_accepted(language: Language) -> None:
    world = await review(press("3"), speak(7), press("#"), press("1"), mailbox=ANNA_SPEAKING[language])
    assert [message.duration_s for message in world.deposits.accepted] == [7.0]
    context = DepositContext.from_bytes(world.call.recordings[1].context)
    assert context.replaces == f"{1:032x}"
    assert world.call.discarded == []
    """The deposit discards what it replaces."""


@pytest.mark.parametrize("language", Language)
async def test_recording_again_and_again_leaves_only_the_last(language: Language) -> None:
    world = await review(
        press("3"), speak(6), press("#"), press("3"), speak(7), press("#"), press("1"), mailbox=ANNA_SPEAKING[language]
    )
    assert [message.duration_s for message in world.deposits.accepted] == [7.0]
    assert world.call.discarded == [f"{1:032x}"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([speak(1), press("#")], "record-too-short"),
        ([quiet(1), press("#")], "record-too-short"),
        ([silence()], "record-no-speech"),
    ],
)
async def test_a_failed_second_recording_keeps_the_first(steps: list[Step], said: str, language: Language) -> None:
    world = await review(
        press("3"), *steps, listen_to("review-kept-previous"), press("1"), mailbox=ANNA_SPEAKING[language]
    )
    assert world.heard.index(said) < world.heard.index("review-kept-previous")
    assert [message.id for message in world.deposits.accepted] == [f"{1:032x}"]


@pytest.mark.parametrize(("seconds", "kept"), [(5.0, 2), (1.0, 1)])
@pytest.mark.parametrize("end", [hang_up, lose_rtp, shut_down])
async def test_breaking_off_in_the_second_recording_sends_what_is_there(
    end: Callable[[], Step], seconds: float, kept: int
) -> None:
    world = await review(press("3"), speak(seconds), end())
    assert [message.id for message in world.deposits.accepted] == [f"{kept:032x}"]
    assert SENT not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_the_maximum_of_a_second_recording_is_told(language: Language) -> None:
    world = await review(
        press("3"), speak(1000), listen_to("review-recorded"), press("1"), mailbox=ANNA_SPEAKING[language]
    )
    assert "record-maximum" in world.heard


async def test_marks_survive_another_recording() -> None:
    world = await review(press("4"), press("3"), speak(5), press("#"), press("1"))
    assert world.deposits.accepted[0].urgent


@pytest.mark.parametrize("language", Language)
async def test_discarding_asks_first(language: Language) -> None:
    world = await review(press("*"), press("1"), mailbox=ANNA_SPEAKING[language])
    assert world.heard[-4:] == [
        "review-discard-question",
        "option-discard-1",
        "option-discard-star",
        "review-discarded-goodbye",
    ]
    assert world.call.discarded == [f"{1:032x}"]
    assert world.deposits.accepted == []


@pytest.mark.parametrize("language", Language)
async def test_a_discard_cannot_be_confirmed_ahead(language: Language) -> None:
    world = await review(press("*1"), silence(), press("1"), mailbox=ANNA_SPEAKING[language])
    assert "review-kept" in world.heard
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("answer", [press("*"), press("7"), press("2"), press("#"), silence()])
async def test_whatever_is_not_a_confirmation_keeps_the_message(answer: Step, language: Language) -> None:
    world = await review(press("*"), answer, listen_to("review-kept"), press("1"), mailbox=ANNA_SPEAKING[language])
    assert len(world.deposits.accepted) == 1
    assert world.call.discarded == []


async def test_discarding_forgets_every_take() -> None:
    world = await review(press("3"), speak(5), press("#"), press("*"), press("1"))
    assert world.call.discarded == [f"{1:032x}", f"{2:032x}"]


async def test_discarding_forgets_every_take_though_the_disk_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([*RECORDED, press("3"), speak(5), press("#"), press("*"), press("1")])
    forgotten: list[str] = []

    async def refuses(take: Take) -> None:
        forgotten.append(take.id)
        raise SpoolError("disk")

    monkeypatch.setattr(world.call, "discard", refuses)
    with pytest.raises(SpoolError):
        await leave(world)
    assert forgotten == [f"{1:032x}", f"{2:032x}"], "a mark that the disk refuses is kept, and written later"
    assert world.deposits.accepted == []


@pytest.mark.parametrize("language", Language)
async def test_hash_repeats_the_review(language: Language) -> None:
    world = await review(press("#"), press("#"), press("#"), press("#"), press("1"), mailbox=ANNA_SPEAKING[language])
    assert world.heard.count("option-review-1") == 4
    assert "menu-invalid" not in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("06789"))
async def test_a_wrong_key_is_told_and_the_review_goes_on(key: str, language: Language) -> None:
    world = await review(press(key), press("1"), mailbox=ANNA_SPEAKING[language])
    assert world.heard[-2:] == ["menu-invalid", SENT]


@pytest.mark.parametrize("language", Language)
async def test_three_silences_send(language: Language) -> None:
    world = await review(silence(), silence(), silence(), mailbox=ANNA_SPEAKING[language])
    assert world.heard.count("menu-no-input") == 2
    assert world.heard[-1] == SENT
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
async def test_three_wrong_keys_send(language: Language) -> None:
    world = await review(press("7"), press("8"), press("9"), mailbox=ANNA_SPEAKING[language])
    assert world.heard[-1] == SENT
    assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
async def test_silences_and_wrong_keys_are_counted_apart_and_cleared_by_success(language: Language) -> None:
    world = await review(
        *(silence(), press("7"), silence(), press("7")),
        press("4"),
        *(silence(), press("7"), silence(), press("7")),
        press("1"),
        mailbox=ANNA_SPEAKING[language],
    )
    assert world.deposits.accepted[0].urgent
    assert world.heard[-1] == SENT


async def test_nobody_is_told_sent_before_it_is() -> None:
    world = World([*RECORDED, press("1")])
    world.deposits.broken = True
    with pytest.raises(OSError, match="no space"):
        await leave(world)
    assert SENT not in world.heard
    assert world.heard[-1] == "menu-error"
    assert world.call.over


# --- hanging up everywhere

WALK: list[Step] = [
    *(press("#"), speak(5), press("#")),
    *(press("2"), press("4"), press("5"), press("#"), press("7"), silence()),
    *(press("3"), speak(6), press("#")),
    *(press("*"), press("*")),
    *(press("3"), speak(1), press("#")),
    press("1"),
]
WALK_OPERATIONS = 23


async def test_the_walk_meets_everything() -> None:
    world = await leave(World(WALK))
    assert world.heard[-1] == SENT
    assert world.call.operations == WALK_OPERATIONS


@pytest.mark.parametrize("operation", range(WALK_OPERATIONS))
async def test_hanging_up_anywhere_never_loses_and_never_doubles_a_message(operation: int) -> None:
    world = await leave(World(WALK, hang_up_at=operation))
    recorded = [recording.result.take for recording in world.call.recordings]
    usable = [take for take in recorded if take and take.duration_s >= 2]
    assert [message.id for message in world.deposits.accepted] == ([usable[-1].id] if usable else [])
    assert len(world.call.notes("message")) == len(world.deposits.accepted)


async def test_quiet_within_a_message_does_not_end_it() -> None:
    world = await leave(World([speak(5), quiet(9), speak(1), hang_up()]))
    assert world.deposits.accepted[0].duration_s == 15.0


async def test_a_fault_of_ours_in_the_review_still_sends_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([speak(5), press("#")])

    async def fails(*_: object, **__: object) -> str:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(world.call, "key", fails)
    with pytest.raises(LookupError):
        await leave(world)
    assert [message.duration_s for message in world.deposits.accepted] == [5.0]
    assert world.heard[-1] == "menu-error"
