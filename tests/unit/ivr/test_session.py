"""A call as flows see it, over a leg and a stream that are ours to move; time is virtual."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.call import KEYS, Clip, Hangup, Pause, Played, RecordEnd, RecordLimits, Sound, TransferEnd
from ivr.media.playback import Playback
from ivr.media.recorder import RecordingHandle, RecordingOutcome
from ivr.media.recording import Ending, Limits
from ivr.media.spoolwriter import SpoolError
from ivr.scripted import facts
from ivr.sdp import Origin
from ivr.sdp import Session as Description
from ivr.session import TYPED_AHEAD_MAX, Session
from prompts.phrases import say
from tests.fakes.virtual_time import run
from tests.fakes.voicemail import ANNA
from voicebox.callrecord import Trace
from voicebox.codec import Codec
from voicebox.i18n import Language
from voicebox.message import Take
from voicebox.outbound import Dial

SYNC_S = 0.05
"""How long our disk takes."""
ONE_S = Clip("one-second")
TWO_S = Clip("two-seconds")
LENGTHS_S = {"one-second": 1.0, "two-seconds": 2.0}
LIMITS = RecordLimits(max_s=60)


class FakeStream:
    """Plays and records in virtual time."""

    def __init__(self) -> None:
        self.on_key: Callable[[str], None] = lambda key: None
        self.on_fault: Callable[[Exception], None] = lambda error: None
        self.recording: RecordingHandle | None = None
        self.limits = Limits(0)
        self.began = 0.0
        self.error: Exception | None = None
        self.unread = ""
        """Keys that lie in the socket."""
        self._loop = asyncio.get_running_loop()

    def catch_up(self) -> None:
        keys, self.unread = self.unread, ""
        for key in keys:
            self.on_key(key)

    def play(self, chunks: list[bytes]) -> Playback:
        done: asyncio.Future[bool] = self._loop.create_future()
        began = self._loop.time()

        def finish(playback: Playback, *, heard: bool) -> None:
            if done.done():
                return
            for _ in range(min(playback.left, round((self._loop.time() - began) / 0.02))):
                playback.frame()
            done.set_result(heard)

        playback = Playback(chunks, 160, b"\xff", done, lambda each: finish(each, heard=False))
        self._loop.call_later(playback.left * 0.02, lambda: finish(playback, heard=True))
        return playback

    def record(self, take_id: str, context: bytes, limits: Limits) -> RecordingHandle:
        assert self.recording is None
        done: asyncio.Future[RecordingOutcome] = self._loop.create_future()
        self.recording, self.limits, self.began = RecordingHandle(take_id, done, self.stop), limits, self._loop.time()
        self._loop.call_later(limits.max_s, self.stop, Ending.MAXIMUM)
        return self.recording

    def stop(self, by: Ending, key: str = "") -> None:
        handle = self.recording
        if handle is None:
            return
        self.recording = None
        handle.over = True
        outcome = RecordingOutcome(by, key, round((self._loop.time() - self.began) * 8000), 8000)

        def synced() -> None:
            if self.error is not None:
                handle.done.set_exception(self.error)
            else:
                handle.done.set_result(outcome)

        self._loop.call_later(SYNC_S, synced)

    def press(self, key: str) -> None:
        self.on_key(key)
        if self.recording is not None and key in self.limits.stop_keys:
            self.stop(Ending.KEY, key)


class FakeLeg:
    def __init__(self) -> None:
        self.stream = FakeStream()
        self.codec = Codec.PCMU
        self.answered = False
        self.over = False
        self.acknowledged = True
        self.byes: list[tuple[str, int]] = []
        self.on_over: Callable[[], None] = lambda: None

    def elapsed_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def answer(self, local: Description, timer: None) -> None:
        self.answered = True
        if not self.acknowledged:
            self.end()
            raise Hangup

    def bye(self, cause: str = "", *, ended_by: str = "us", status: int = 480) -> None:
        self.byes.append((cause, status))
        self.end()

    def end(self) -> None:
        if not self.over:
            self.over = True
            self.on_over()


class FakeSounds:
    """Clips of known lengths; each takes a moment to be made ready."""

    def __init__(self) -> None:
        self.asked: list[Codec] = []
        self.remembered: list[Take] = []
        self.on_ask: Callable[[], None] = lambda: None

    async def encoded(self, sound: Any, codec: Codec) -> list[bytes]:
        self.asked.append(codec)
        await asyncio.sleep(0.001)
        self.on_ask()
        return [bytes(round(LENGTHS_S.get(getattr(sound, "audio_id", ""), 1.0) * 8000))]

    def remember(self, take: Take) -> None:
        self.remembered.append(take)


class Stage:
    def __init__(self) -> None:
        self.leg = FakeLeg()
        self.sounds = FakeSounds()
        self.trace = Trace()
        self.session = Session(
            facts(),
            self.leg,  # type: ignore[arg-type] # the fake has what sessions use
            self.sounds,  # type: ignore[arg-type] # likewise
            self.trace,
            local=Description(Origin(1, 1, "192.0.2.1")),
            timer=None,
            opening_silence_s=0.5,
        )

    def at(self, when_s: float, what: Callable[..., object], *arguments: object) -> None:
        asyncio.get_running_loop().call_at(when_s, what, *arguments)

    def press(self, when_s: float, keys: str) -> None:
        for at, key in enumerate(keys):
            # Timers of the very same moment come in no order.
            self.at(when_s + at / 1_000_000, self.leg.stream.press, key)

    def notes(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.trace.entries if entry["event"] == event]

    @property
    def keys(self) -> str:
        """The keys that the trace shows."""
        return "".join(entry["key"] for entry in self.notes("key"))

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()


Case = Callable[[Stage], Awaitable[None]]


def staged(case: Callable[[Stage], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in virtual time on a stage of its own."""

    def test() -> None:
        async def whole() -> None:
            await case(Stage())

        run(whole())

    test.__name__ = case.__name__
    return test


# --- answering and ending


@staged
async def test_after_the_ack_half_a_second_of_silence_passes(stage: Stage) -> None:
    await stage.session.answer()
    assert stage.leg.answered
    assert stage.now == pytest.approx(0.5)
    await stage.session.answer()
    assert stage.now == pytest.approx(0.5)


@staged
async def test_a_call_that_is_never_acknowledged_is_a_hang_up(stage: Stage) -> None:
    stage.leg.acknowledged = False
    with pytest.raises(Hangup):
        await stage.session.answer()


@staged
async def test_hanging_up_says_why_and_everything_after_it_is_a_hang_up(stage: Stage) -> None:
    await stage.session.hang_up("no RTP")
    await stage.session.hang_up()
    assert stage.leg.byes == [('SIP ;cause=200 ;text="voicebox: no RTP"', 480)]
    for method in (stage.session.answer, stage.session.play, stage.session.key):
        with pytest.raises(Hangup):
            await method()
    with pytest.raises(Hangup):
        await stage.session.digits(most=4)
    with pytest.raises(Hangup):
        await stage.session.pause(1.0)
    assert await stage.session.record(b"", LIMITS) == (await stage.session.record(b"", LIMITS))
    assert stage.notes("record") == []


@staged
async def test_a_fault_of_the_media_ends_the_call(stage: Stage) -> None:
    stage.at(0.5, stage.leg.stream.on_fault, OSError("gone"))
    with pytest.raises(Hangup):
        await stage.session.play(ONE_S)
    assert stage.leg.byes == [('SIP ;cause=200 ;text="voicebox: media failed"', 480)]
    assert [entry["by"] for entry in stage.notes("prompt-end")] == ["hangup"]


@pytest.mark.parametrize("work", ["play", "pause", "key", "digits"])
def test_a_hang_up_wakes_whoever_waits(work: str) -> None:
    async def case() -> None:
        stage = Stage()
        stage.at(0.3, stage.leg.end)
        waits: dict[str, Callable[[], Awaitable[object]]] = {
            "play": lambda: stage.session.play(Pause(5.0)),
            "pause": lambda: stage.session.pause(5.0),
            "key": stage.session.key,
            "digits": lambda: stage.session.digits(most=4),
        }
        with pytest.raises(Hangup):
            await waits[work]()
        assert stage.now == pytest.approx(0.3)

    run(case())


# --- playing and keys


@staged
async def test_a_key_stops_the_sound_at_once_and_is_traced_when_it_was_pressed(stage: Stage) -> None:
    stage.press(0.5, "5")
    played = await stage.session.play(TWO_S, ONE_S)
    assert played.key == "5"
    assert played.clip_s == pytest.approx(0.5, abs=0.03)
    assert stage.now == pytest.approx(0.5)
    assert stage.notes("prompt-end") == [{"t": 0.5, "event": "prompt-end", "id": "clip:two-seconds", "by": "key"}]
    assert stage.notes("key") == [{"t": 0.5, "event": "key", "key": "5"}]


@staged
async def test_other_keys_are_ignored_and_those_typed_ahead_count(stage: Stage) -> None:
    stage.press(0.1, "57#")
    await stage.session.pause(0.2)
    assert (await stage.session.play(ONE_S, keys="#")).key == "#"
    stage.press(stage.now + 0.1, "57")
    assert (await stage.session.play(ONE_S, keys="#")).key == ""
    assert await stage.session.key(wait_s=1.0) == ""


@staged
async def test_what_must_be_heard_to_its_end_leaves_keys_for_later(stage: Stage) -> None:
    stage.press(0.1, "12")
    assert await stage.session.play(ONE_S, keys="") == Played("", 1.0)
    assert [await stage.session.key(ONE_S), await stage.session.key(ONE_S)] == ["1", "2"]
    assert len(stage.notes("prompt")) == 1


@staged
async def test_speed_and_start_count_in_the_position(stage: Stage) -> None:
    stage.press(0.5, "1")
    played = await stage.session.play(Clip("two-seconds", start_s=10.0, speed=1.5))
    assert played.clip_s == pytest.approx(10.75, abs=0.05)


@staged
async def test_a_codec_that_changes_while_a_clip_is_made_ready_is_taken(stage: Stage) -> None:
    def change() -> None:
        stage.leg.codec = Codec.PCMA

    stage.sounds.on_ask = change
    await stage.session.play(ONE_S)
    assert stage.sounds.asked == [Codec.PCMU, Codec.PCMA]
    assert len(stage.notes("prompt")) == 1


@staged
async def test_a_phrase_is_traced_by_its_title(stage: Stage) -> None:
    await stage.session.play(say(Language.DE, "menu-goodbye"))
    assert [entry["id"] for entry in stage.notes("prompt")] == ["menu-goodbye"]


@staged
async def test_a_key_that_sticks_is_kept_up_to_a_bound_and_the_first_ones_stay(stage: Stage) -> None:
    stage.press(0.1, "1" + "9" * 200)
    await stage.session.pause(0.2)
    assert await stage.session.key() == "1"
    assert len(stage.session._typed) == TYPED_AHEAD_MAX - 1
    stage.session.forget_keys()
    assert await stage.session.key(wait_s=0.1) == ""


@staged
async def test_a_key_that_came_in_time_but_was_read_late_counts(stage: Stage) -> None:
    stage.at(2.9, setattr, stage.leg.stream, "unread", "1234")
    assert await stage.session.key(wait_s=3.0) == "1"
    assert stage.now == pytest.approx(3.0)
    assert await stage.session.digits(most=4) == "234"


@staged
async def test_a_key_by_info_that_is_read_as_the_time_ends_counts(stage: Stage) -> None:
    def on_its_way(turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(on_its_way, turns - 1)
        else:
            stage.leg.stream.press("5")

    stage.at(3.0, on_its_way, 4)
    assert await stage.session.key(wait_s=3.0) == "5"


@staged
async def test_a_menu_waits_and_any_key_of_a_phone_is_returned_but_no_other(stage: Stage) -> None:
    stage.press(0.5, "A")
    stage.press(1.5, "9")
    assert await stage.session.key(ONE_S, keys="12", wait_s=3.0) == "9"
    assert stage.now == pytest.approx(1.5)
    began = stage.now
    assert await stage.session.key(wait_s=3.0) == ""
    assert stage.now == pytest.approx(began + 3.0)


# --- digits


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("1001#", "1001"), ("10*", "10*"), ("*", "*"), ("#", ""), ("1001", "1001"), ("123456789#", "12345678")],
)
def test_digits_end_with_hash_star_or_silence(typed: str, expected: str) -> None:
    async def case() -> None:
        stage = Stage()
        for at, key in enumerate(typed):
            stage.press(0.5 + at, key)
        assert await stage.session.digits(TWO_S, most=8) == expected
        assert stage.keys == typed

    run(case())


@staged
async def test_nothing_typed_is_nothing(stage: Stage) -> None:
    assert await stage.session.digits(most=4, first_s=10.0) == ""
    assert stage.now == pytest.approx(10.0)


@staged
async def test_a_passcode_never_shows_however_it_was_typed(stage: Stage) -> None:
    # All in one go, while the first prompt still plays: the number, the passcode, and a second one behind it.
    stage.press(0.2, "1001#274913#999999#")
    assert await stage.session.digits(ONE_S, most=8) == "1001"
    assert await stage.session.digits(ONE_S, most=31, secret=True) == "274913"
    stage.press(stage.now + 0.2, "27")
    stage.press(stage.now + 1.0, "49*")
    assert await stage.session.digits(ONE_S, most=31, secret=True) == "2749*"
    assert await stage.session.key(wait_s=1.0) == ""
    assert stage.keys == "1001#"
    assert [entry["count"] for entry in stage.notes("secret")] == [6, 5]


@staged
async def test_a_passcode_cut_off_by_a_hang_up_never_shows(stage: Stage) -> None:
    stage.press(0.2, "2749")
    stage.at(0.5, stage.leg.end)
    with pytest.raises(Hangup):
        await stage.session.digits(ONE_S, most=31, secret=True)
    assert stage.keys == ""


# --- recording


@staged
async def test_a_recording_ends_by_its_key_and_is_a_take(stage: Stage) -> None:
    stage.press(1.0, "5")
    stage.press(2.0, "#")
    recorded = await stage.session.record(b"context", LIMITS)
    assert (recorded.by, recorded.key) == (RecordEnd.KEY, "#")
    assert recorded.take is not None
    assert recorded.take.duration_s == pytest.approx(2.0)
    assert stage.sounds.remembered == [recorded.take]
    assert stage.keys == "#"
    begin, end = stage.notes("record")
    assert (begin["state"], end["state"], end["by"], end["duration_s"]) == ("begin", "end", "key", 2.0)


@staged
async def test_a_key_typed_while_the_disk_is_still_writing_is_not_lost(stage: Stage) -> None:
    stage.press(2.0, "#")
    stage.press(2.0 + SYNC_S / 2, "1")
    await stage.session.record(b"", LIMITS)
    assert await stage.session.key(wait_s=1.0) == "1"


@staged
async def test_hanging_up_ends_the_recording_which_still_returns(stage: Stage) -> None:
    stage.at(3.0, stage.leg.end)
    recorded = await stage.session.record(b"", LIMITS)
    assert recorded.by is RecordEnd.HANGUP
    assert recorded.take is not None
    with pytest.raises(Hangup):
        await stage.session.play(ONE_S)


@staged
async def test_a_disk_that_refuses_is_noted_and_raised(stage: Stage) -> None:
    stage.leg.stream.error = SpoolError("full")
    stage.press(2.0, "#")
    with pytest.raises(SpoolError):
        await stage.session.record(b"", LIMITS)
    assert [entry.get("by") for entry in stage.notes("record")] == [None, "failed"]
    # The call can go on: to say sorry.
    await stage.session.play(ONE_S)


@pytest.mark.parametrize(("when_s", "by", "byes"), [(1.0, RecordEnd.SHUTDOWN, 0), (2.0 + SYNC_S / 2, RecordEnd.KEY, 1)])
def test_a_server_that_stops_ends_the_recording_or_else_the_call(when_s: float, by: RecordEnd, byes: int) -> None:
    async def case() -> None:
        stage = Stage()
        stage.press(2.0, "#")
        stage.at(when_s, stage.session.end, RecordEnd.SHUTDOWN)
        recorded = await stage.session.record(b"", LIMITS)
        assert recorded.by is by
        assert recorded.take is not None
        assert len(stage.leg.byes) == byes

    run(case())


@staged
async def test_a_server_that_stops_ends_a_call_that_does_not_record(stage: Stage) -> None:
    stage.at(0.5, stage.session.end, RecordEnd.SHUTDOWN)
    with pytest.raises(Hangup):
        await stage.session.play(ONE_S)
    assert stage.leg.byes == [('SIP ;cause=200 ;text="voicebox: shutting down"', 503)]


# --- whatever comes, in whatever order


SOUNDS: tuple[tuple[Sound, ...], ...] = ((), (ONE_S,), (Pause(0.3), TWO_S), (say(Language.EN, "menu-goodbye"),))


async def _take_part(session: Session, step: str, sounds: tuple[Sound, ...]) -> None:
    match step:
        case "play-all":
            await session.play(*sounds, keys="")
        case "play-any":
            await session.play(*sounds)
        case "play-some":
            await session.play(*sounds, keys="#0")
        case "key":
            await session.key(*sounds, wait_s=1.5)
        case "digits":
            await session.digits(*sounds, most=99, first_s=2.0, between_s=1.0)
        case "secret":
            await session.digits(*sounds, most=99, first_s=2.0, between_s=1.0, secret=True)
        case "pause":
            await session.pause(0.7)
        case "record":
            await session.record(b"", RecordLimits(max_s=2.0, stop_keys="#"))


KEEPING = ("play-all", "play-any", "key", "digits", "pause")
"""What takes every key, or leaves it for later."""
EVERYTHING = (*KEEPING, "play-some", "secret", "record")
PRESSES = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(KEYS)), max_size=30)


def _played_through(
    steps: list[tuple[str, int]], presses: list[tuple[int, str]], hang_up_at: int | None
) -> tuple[Stage, str, bool]:
    pressed: list[str] = []

    async def case() -> tuple[Stage, bool]:
        stage = Stage()

        def press(key: str) -> None:
            pressed.append(key)
            stage.leg.stream.press(key)

        for when, key in presses:
            stage.at(when / 20, press, key)
        if hang_up_at is not None:
            stage.at(hang_up_at / 20, stage.leg.end)
        try:
            for step, sounds in steps:
                await _take_part(stage.session, step, SOUNDS[sounds])
        except Hangup:
            return stage, True
        return stage, False

    stage, cut_off = run(case())
    return stage, "".join(pressed), cut_off


STEPS = st.integers(0, len(SOUNDS) - 1)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(EVERYTHING), STEPS), max_size=8), PRESSES, st.none() | st.integers(0, 200))
def test_no_order_of_events_ever_hangs_or_raises_but_a_hang_up(
    steps: list[tuple[str, int]], presses: list[tuple[int, str]], hang_up_at: int | None
) -> None:
    stage, _, cut_off = _played_through(steps, presses, hang_up_at)
    assert not cut_off or stage.leg.over
    begun = [entry for entry in stage.trace.entries if entry["event"] == "prompt"]
    assert len(begun) == len(stage.notes("prompt-end"))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(KEEPING), STEPS), max_size=8), PRESSES)
def test_no_key_is_ever_lost_or_taken_twice(steps: list[tuple[str, int]], presses: list[tuple[int, str]]) -> None:
    stage, pressed, _ = _played_through(steps, presses, None)
    left = "".join(press.key for press in stage.session._typed)
    assert stage.keys + left == pressed


# --- connecting to others


@staged
async def test_without_a_switchboard_nobody_is_reached(stage: Stage) -> None:
    end = await stage.session.transfer(Dial("1002"), ANNA, diverted=True, answered=lambda: None, lease_s=lambda: None)
    assert end is TransferEnd.FAILED


@staged
async def test_nobody_is_rung_for_a_call_that_is_over(stage: Stage) -> None:
    stage.leg.end()
    with pytest.raises(Hangup):
        await stage.session.transfer(Dial("1002"), ANNA, diverted=True, answered=lambda: None, lease_s=lambda: None)
