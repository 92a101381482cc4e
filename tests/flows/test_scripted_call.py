"""The fake is trusted by every flow's test, so it has tests of its own."""

import pytest

from ivr.call import Call, Clip, Hangup, Pause, RecordEnd, RecordLimits
from ivr.script import (
    hang_up,
    listen_to,
    lose_rtp,
    meanwhile,
    press,
    quiet,
    shut_down,
    silence,
    speak,
)
from ivr.scripted import ScriptedCall, ScriptMismatchError
from prompts.phrases import Phrase
from voicebox.i18n import Language

LIMITS = RecordLimits(max_s=60.0, stop_keys="#*")


def words(*ids: str) -> Phrase:
    return Phrase(Language.EN, ids)


def test_is_a_call() -> None:
    call: Call = ScriptedCall()
    assert call.facts.origin.company_id == 1


async def test_answers_once_after_half_a_second_of_silence() -> None:
    call = ScriptedCall()
    await call.answer()
    await call.answer()
    assert (call.answered, call.now_s) == (True, 0.5)


async def test_a_key_stops_what_is_played_where_it_was_pressed() -> None:
    call = ScriptedCall([press("2", at_s=3.0)], clips={"m": 10.0})
    played = await call.play(words("a"), Clip("m", start_s=4.0, speed=1.5))
    assert (played.key, played.clip_s) == ("2", 7.0)
    assert call.heard == ["a", "m"]
    assert call.now_s == 3.0


async def test_keys_not_asked_for_are_ignored_while_playing() -> None:
    call = ScriptedCall([press("7"), press("#")])
    assert (await call.play(words("a"), keys="#")).key == "#"


async def test_without_keys_what_is_typed_waits_for_the_next_method() -> None:
    call = ScriptedCall([press("12")])
    assert await call.key() == "1"
    await call.play(words("a"), keys="")
    assert await call.key(words("b")) == "2"
    assert call.heard == ["a", "b"]


async def test_keys_typed_ahead_can_be_forgotten() -> None:
    call = ScriptedCall([press("12"), silence()])
    assert await call.key() == "1"
    call.forget_keys()
    assert await call.key() == ""


async def test_a_key_beyond_the_sounds_waits_for_what_comes_next() -> None:
    call = ScriptedCall([press("1", at_s=5.0)])
    assert (await call.play(words("a"))).key == ""
    assert await call.key() == "1"


async def test_silence_is_an_empty_key_after_the_wait() -> None:
    call = ScriptedCall([silence()])
    assert await call.key(words("a"), wait_s=6.0) == ""
    assert call.now_s == 7.0


async def test_nothing_is_typed_before_what_one_listens_to() -> None:
    call = ScriptedCall([listen_to("b"), press("1")])
    assert (await call.play(words("a"))).key == ""
    assert (await call.play(words("b"), words("c"))).key == "1"
    assert call.heard == ["a", "b", "c"]


async def test_digits_end_with_hash_and_leave_the_rest() -> None:
    call = ScriptedCall([press("12#34#")])
    assert [await call.digits(words("a"), most=30), await call.digits(most=30)] == ["12", "34"]


async def test_digits_end_with_star_or_a_silence_and_swallow_what_is_too_much() -> None:
    call = ScriptedCall([press("12*"), press("1234"), silence(), press("9"), silence()])
    assert await call.digits(most=30) == "12*"
    assert await call.digits(most=3) == "123"
    assert await call.digits(most=30) == "9"


async def test_a_secret_is_counted_and_what_follows_its_hash_is_dropped() -> None:
    call = ScriptedCall([press("274913#999999#"), silence()])
    assert await call.digits(most=30, secret=True) == "274913"
    assert await call.digits(most=30, secret=True) == ""
    assert call.notes("secret") == [{"count": 6}, {"count": 0}]
    assert call.notes("key") == []


async def test_hanging_up_raises_from_then_on() -> None:
    call = ScriptedCall([hang_up()])
    for _ in range(2):
        with pytest.raises(Hangup):
            await call.play(words("a"))
    assert call.heard == []


async def test_what_was_typed_before_hanging_up_still_counts() -> None:
    call = ScriptedCall([press("274913#"), hang_up()])
    assert await call.digits(most=30, secret=True) == "274913"
    with pytest.raises(Hangup):
        await call.pause(0.4)


async def test_our_hanging_up_ends_the_call() -> None:
    call = ScriptedCall()
    await call.hang_up("no audio")
    assert call.cause == "no audio"
    with pytest.raises(Hangup):
        await call.pause(1.0)


async def test_hangs_up_at_an_operation() -> None:
    call = ScriptedCall([press("1")], hang_up_at=1)
    await call.answer()
    with pytest.raises(Hangup):
        await call.key()


@pytest.mark.parametrize(
    ("steps", "by", "duration_s"),
    [
        ([speak(5), press("#")], RecordEnd.KEY, 5.0),
        ([speak(5), quiet(2), press("7"), speak(1), press("*")], RecordEnd.KEY, 8.0),
        ([speak(5), quiet(11)], RecordEnd.SILENCE, 5.5),
        ([speak(5), silence()], RecordEnd.SILENCE, 5.5),
        ([silence()], RecordEnd.NO_SPEECH, 0.0),
        ([speak(55), speak(20)], RecordEnd.MAXIMUM, 60.0),
        ([speak(55), silence()], RecordEnd.MAXIMUM, 55.5),
        ([speak(5), hang_up()], RecordEnd.HANGUP, 5.0),
        ([speak(5), lose_rtp()], RecordEnd.NO_RTP, 5.0),
        ([speak(5), shut_down()], RecordEnd.SHUTDOWN, 5.0),
    ],
)
async def test_records_until_something_ends_it(steps: list[object], by: RecordEnd, duration_s: float) -> None:
    call = ScriptedCall(steps)  # type: ignore[arg-type]  # the table above holds steps only
    recorded = await call.record(b"context", LIMITS)
    assert recorded.by is by
    assert (recorded.take.duration_s if recorded.take else 0.0) == duration_s
    assert call.recordings[0].context == b"context"


async def test_a_take_can_be_played_until_it_is_discarded() -> None:
    call = ScriptedCall([speak(5), press("#")])
    recorded = await call.record(b"", LIMITS)
    assert recorded.take
    assert (await call.play(Clip(recorded.take.id), Pause(1.0))).clip_s == 5.0
    await call.discard(recorded.take)
    with pytest.raises(ScriptMismatchError, match="not there"):
        await call.play(Clip(recorded.take.id))


async def test_something_happens_meanwhile() -> None:
    done = []

    async def empty_the_mailbox() -> None:
        done.append(True)

    call = ScriptedCall([meanwhile(empty_the_mailbox), press("1")])
    assert await call.key() == "1"
    assert done


async def test_a_script_that_is_too_short_or_too_long_is_an_error() -> None:
    with pytest.raises(ScriptMismatchError, match="waits for a key"):
        await ScriptedCall().key()
    call = ScriptedCall([press("1")])
    with pytest.raises(ScriptMismatchError, match="ended before"):
        await call.run(call.answer())


async def test_the_trace_tells_what_was_heard_and_typed() -> None:
    call = ScriptedCall([press("5")])
    await call.key(words("a", "b"))
    assert [(entry["event"], entry.get("id"), entry.get("by"), entry.get("key")) for entry in call.trace.entries] == [
        ("key", None, None, "5"),
        ("prompt", "a", None, None),
        ("prompt-end", "a", "key", None),
    ]
