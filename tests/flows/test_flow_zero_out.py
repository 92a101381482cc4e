"""`0`: from the greeting, the recording, the review and a full mailbox to whom the subscriber named (row 17)."""

from dataclasses import replace

import pytest

from ivr.call import TransferEnd
from ivr.flows.caller import leave_message
from ivr.script import Step, hang_up, press, quiet, ring, silence, speak
from ivr.scripted import Dialled
from tests.fakes.voicemail import ANNA, World
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Reason
from voicebox.outbound import Refusal

NUMBER = "+492115559999"
OPEN = replace(ANNA, zero_out=NUMBER)
OPEN_SPEAKING = {language: replace(OPEN, language=language) for language in Language}
GREETING = ["greeting-unavailable", "greeting-zero"]
TONE = "tone-record"
CONNECTED = ring(TransferEnd.CONNECTED)
FAILURES = [TransferEnd.BUSY, TransferEnd.NO_ANSWER, TransferEnd.FAILED]


async def leave(world: World, mailbox: Mailbox = OPEN, reason: Reason = Reason.NO_ANSWER) -> World:
    await world.call.run(leave_message(world.call, world.services, mailbox, reason))
    assert world.languages <= {mailbox.language}
    return world


def outcomes(world: World) -> list[str]:
    return [entry["result"] for entry in world.call.notes("transfer")]


# --- during the greeting


@pytest.mark.parametrize("language", Language)
async def test_zero_in_the_greeting_connects_and_leaves_no_message(language: Language) -> None:
    world = await leave(World([press("0"), CONNECTED]), OPEN_SPEAKING[language])
    assert world.heard == ["greeting-unavailable", "transfer-connecting"]
    assert world.languages == {language}
    assert world.call.dialled == [Dialled(NUMBER, "1001", diverted=True)]
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "connected"}]
    assert world.outcalls.permits[0].told == ["answered", "end"]
    assert world.deposits.accepted == []
    assert world.call.over


@pytest.mark.parametrize("language", Language)
async def test_zero_is_told_after_a_default_greeting_only(language: Language) -> None:
    world = await leave(World([speak(5), hang_up()]), OPEN_SPEAKING[language])
    assert world.heard == [*GREETING, TONE]
    own = World([speak(5), hang_up()], clips={"own": 3.0})
    await leave(own, replace(OPEN_SPEAKING[language], no_answer_greeting="own"))
    assert own.heard == ["own", TONE]


@pytest.mark.parametrize("language", Language)
async def test_zero_works_in_an_own_greeting_too(language: Language) -> None:
    world = World([press("0", at_s=1.0), CONNECTED], clips={"own": 30.0})
    await leave(world, replace(OPEN_SPEAKING[language], no_answer_greeting="own"))
    assert world.heard == ["own", "transfer-connecting"]


@pytest.mark.parametrize("end", [TransferEnd.REFERRED, TransferEnd.LIMIT])
async def test_whoever_was_reached_is_the_end_of_the_call(end: TransferEnd) -> None:
    world = await leave(World([press("0"), ring(end)]))
    assert outcomes(world) == [end.value]
    assert world.call.over
    assert TONE not in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("end", FAILURES)
async def test_nobody_there_leads_back_to_the_tone(end: TransferEnd, language: Language) -> None:
    world = await leave(World([press("0"), ring(end), speak(5), press("#"), press("1")]), OPEN_SPEAKING[language])
    assert world.heard == [
        "greeting-unavailable",
        "transfer-connecting",
        "transfer-failed",
        TONE,
        "review-recorded",
        "review-sent-goodbye",
    ]
    assert outcomes(world) == [end.value]
    assert len(world.deposits.accepted) == 1
    assert world.outcalls.permits[0].told == ["end"]


async def test_hanging_up_while_it_rings_is_traced_and_ends_the_permit() -> None:
    world = await leave(World([press("0"), ring(TransferEnd.NO_ANSWER, hang_up=True)]))
    assert outcomes(world) == ["given-up"]
    assert world.outcalls.permits[0].told == ["end"]
    assert world.deposits.accepted == []


async def test_hanging_up_after_a_talk_counts_it() -> None:
    world = await leave(World([press("0"), ring(TransferEnd.CONNECTED, hang_up=True)]))
    assert outcomes(world) == ["connected"]
    assert world.outcalls.permits[0].told == ["answered", "end"]


@pytest.mark.parametrize("language", Language)
async def test_after_three_failures_zero_does_nothing_more(language: Language) -> None:
    failed = ring(TransferEnd.BUSY)
    steps: list[Step] = [*(step for _ in range(3) for step in (press("0"), failed)), press("0"), speak(5), hang_up()]
    world = await leave(World(steps), OPEN_SPEAKING[language])
    assert outcomes(world) == ["busy"] * 3
    assert world.heard[-2:] == ["transfer-failed", TONE]
    assert world.call.recordings[0].limits.stop_keys == "#*"
    assert len(world.deposits.accepted) == 1


# --- what the policy refuses


@pytest.mark.parametrize("why", Refusal)
async def test_what_the_policy_refuses_is_not_dialled_and_the_caller_may_speak(why: Refusal) -> None:
    world = World([press("0"), speak(5), hang_up()])
    world.outcalls.refused[NUMBER] = why
    await leave(world)
    assert world.heard == ["greeting-unavailable", "transfer-failed", TONE]
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "refused", "why": why.value}]
    assert world.call.dialled == []
    assert len(world.deposits.accepted) == 1


async def test_without_the_database_nothing_is_dialled_and_a_message_can_be_left() -> None:
    world = World([press("0"), speak(5), hang_up()])
    world.outcalls.gone = True
    await leave(world)
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "refused", "why": "database"}]
    assert world.call.dialled == []
    assert len(world.deposits.accepted) == 1


# --- while recording


@pytest.mark.parametrize("language", Language)
async def test_zero_while_recording_sends_first_and_then_connects(language: Language) -> None:
    world = await leave(World([speak(5), press("0"), CONNECTED]), OPEN_SPEAKING[language])
    assert world.heard == [*GREETING, TONE, "transfer-saved-connecting"]
    assert world.languages == {language}
    (message,) = world.deposits.accepted
    events = [entry["event"] for entry in world.call.trace.entries if entry["event"] in {"message", "transfer"}]
    assert events == ["message", "transfer"]
    assert message.duration_s == 5.0
    assert world.call.over


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("end", FAILURES)
async def test_row_17_nobody_there_after_a_message_leads_back_to_the_tone(end: TransferEnd, language: Language) -> None:
    steps: list[Step] = [speak(5), press("0"), ring(end), speak(7), hang_up()]
    world = await leave(World(steps), OPEN_SPEAKING[language])
    assert world.heard[-3:] == ["transfer-saved-connecting", "transfer-failed-another", TONE]
    assert world.languages == {language}
    assert [message.duration_s for message in world.deposits.accepted] == [5.0, 7.0]
    assert world.space.held == 0


async def test_who_says_nothing_more_after_nobody_was_there_hears_goodbye() -> None:
    world = await leave(World([speak(5), press("0"), ring(TransferEnd.BUSY), quiet(10)]))
    assert world.heard[-3:] == ["transfer-failed-another", TONE, "menu-goodbye"]
    assert len(world.deposits.accepted) == 1
    assert world.call.over


async def test_after_three_who_are_not_there_zero_does_nothing_more() -> None:
    rounds = [step for end in FAILURES[:1] * 3 for step in (speak(5), press("0"), ring(end))]
    world = await leave(World([*rounds, speak(5), press("0"), hang_up()]))
    assert len(world.call.dialled) == 3
    assert len(world.deposits.accepted) == 4


async def test_a_mailbox_that_is_full_by_then_takes_no_other_message() -> None:
    world = World([speak(5), press("0"), ring(TransferEnd.BUSY)])
    world.deposits.left_s = 6.0
    await leave(world)
    assert world.heard[-2:] == ["transfer-saved-connecting", "transfer-failed-goodbye"]
    assert len(world.deposits.accepted) == 1


async def test_security_row_13_zero_after_recording_then_hang_up_keeps_the_message() -> None:
    ways: list[list[Step]] = [[speak(5), press("0")], [speak(5), press("#"), press("0")]]
    for steps in ways:
        world = await leave(World([*steps, ring(TransferEnd.NO_ANSWER, hang_up=True)]))
        assert len(world.deposits.accepted) == 1
        assert world.call.discarded == []


@pytest.mark.parametrize("language", Language)
async def test_too_short_a_recording_is_no_message_but_zero_connects(language: Language) -> None:
    world = await leave(World([speak(1), press("0"), CONNECTED]), OPEN_SPEAKING[language])
    assert world.heard == [*GREETING, TONE, "transfer-connecting"]
    assert world.deposits.accepted == []
    assert len(world.call.discarded) == 1


@pytest.mark.parametrize("language", Language)
async def test_too_short_and_nobody_there_leads_back_to_the_tone(language: Language) -> None:
    world = await leave(
        World([speak(1), press("0"), ring(TransferEnd.BUSY), speak(5), hang_up()]), OPEN_SPEAKING[language]
    )
    assert world.heard[-3:] == ["transfer-connecting", "transfer-failed", TONE]
    assert len(world.deposits.accepted) == 1


async def test_a_message_that_cannot_be_saved_is_never_left_behind_for_a_transfer() -> None:
    world = World([speak(5), press("0")])
    world.deposits.broken = True
    with pytest.raises(OSError, match="no space"):
        await leave(world)
    assert world.call.dialled == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("steps", [[speak(5), press("0"), quiet(10)], [speak(5), press("#"), press("0"), quiet(10)]])
async def test_a_refusal_after_the_message_says_that_it_was_sent(steps: list[Step], language: Language) -> None:
    world = World(steps)
    world.outcalls.refused[NUMBER] = Refusal.BUDGET_SPENT
    await leave(world, OPEN_SPEAKING[language])
    assert world.heard[-4:] == ["review-sent", "transfer-failed-another", TONE, "menu-goodbye"]
    assert len(world.deposits.accepted) == 1


# --- in the review


@pytest.mark.parametrize("language", Language)
async def test_zero_in_the_review_sends_with_its_marks_and_connects(language: Language) -> None:
    world = await leave(World([speak(5), press("#"), press("4"), press("0"), CONNECTED]), OPEN_SPEAKING[language])
    assert world.deposits.accepted[0].urgent
    assert world.heard[-1] == "transfer-saved-connecting"
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_the_review_speaks_of_zero_where_it_is_set_up_only(language: Language) -> None:
    for mailbox, told in ((OPEN_SPEAKING[language], True), (replace(ANNA, language=language), False)):
        world = await leave(World([speak(5), press("#"), silence(), silence(), silence()]), mailbox)
        assert ("option-review-0" in world.heard) is told


@pytest.mark.parametrize("language", Language)
async def test_zero_without_a_number_is_a_wrong_key_in_the_review(language: Language) -> None:
    world = await leave(World([speak(5), press("#"), press("0"), press("1")]), replace(ANNA, language=language))
    assert "menu-invalid" in world.heard
    assert world.call.dialled == []


async def test_zero_before_and_during_recording_again_sends_what_is_there() -> None:
    before = await leave(World([speak(5), press("#"), press("3"), press("0"), CONNECTED]))
    assert [message.duration_s for message in before.deposits.accepted] == [5.0]
    during = await leave(World([speak(5), press("#"), press("3"), speak(7), press("0"), CONNECTED]))
    assert [message.duration_s for message in during.deposits.accepted] == [7.0]
    short = await leave(World([speak(5), press("#"), press("3"), speak(1), press("0"), CONNECTED]))
    assert [message.duration_s for message in short.deposits.accepted] == [5.0]
    assert outcomes(before) == outcomes(during) == outcomes(short) == ["connected"]


# --- a full mailbox


def full(steps: list[Step]) -> World:
    world = World(steps)
    world.deposits.left_s = 1.5
    return world


@pytest.mark.parametrize("language", Language)
async def test_a_full_mailbox_offers_zero(language: Language) -> None:
    world = await leave(full([press("0", at_s=1.5), CONNECTED]), OPEN_SPEAKING[language])
    assert world.heard == ["full-mailbox", "greeting-zero", "transfer-connecting"]
    assert world.languages == {language}
    assert outcomes(world) == ["connected"]


@pytest.mark.parametrize("language", Language)
async def test_a_full_mailbox_says_goodbye_to_who_does_not_want_to_go_on(language: Language) -> None:
    assert (await leave(full([]), OPEN_SPEAKING[language])).heard == ["full-mailbox", "greeting-zero", "full-goodbye"]
    assert (await leave(full([press("5")]), OPEN_SPEAKING[language])).heard == [
        "full-mailbox",
        "greeting-zero",
        "full-goodbye",
    ]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("end", FAILURES)
async def test_nobody_there_behind_a_full_mailbox_is_goodbye(end: TransferEnd, language: Language) -> None:
    world = await leave(full([press("0"), ring(end)]), OPEN_SPEAKING[language])
    assert world.heard[-2:] == ["transfer-connecting", "transfer-failed-goodbye"]
    assert world.call.recordings == []


@pytest.mark.parametrize("language", Language)
async def test_a_full_mailbox_does_not_offer_what_the_policy_refuses(language: Language) -> None:
    world = full([])
    world.outcalls.refused[NUMBER] = Refusal.NOT_ALLOWED
    await leave(world, OPEN_SPEAKING[language])
    assert world.heard == ["full-mailbox", "full-goodbye"]
