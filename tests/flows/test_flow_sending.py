"""Composing, forwarding and replying by phone: every key of their menus, who can be chosen, and what is told after."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.call import KEYS, Recorded, RecordLimits
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, lose_rtp, press, quiet, shut_down, silence, speak
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, World, message
from voicebox.distribution import Audience, Delivery, Dispatch, DistributionList, Refusal
from voicebox.i18n import Language
from voicebox.message import Caller, Message, MessageKind, State
from voicebox.takes import OwnContext

BERT = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Bert", name_recording=None)
CLEO = replace(ANNA, id=3, number="1003", phone="+492115551003", name="Cleo", name_recording="cleo")
SUPPORT = DistributionList(7, 1, 1, 12, "Support-Team", shared=False, members=frozenset({1, 2, 3}))
ALONE = DistributionList(8, 1, 1, 3, "Leer", shared=False, members=frozenset({1}))
RECORDED: list[Step] = [press("1"), speak(5), press("#")]
LEAVE: list[Step] = [press("*"), press("9")]


def new_world(
    *, language: Language = Language.DE, messages: tuple[Message, ...] = (), everyone: bool = False, **options: int
) -> World:
    anna = replace(ANNA, auto_login=True, language=language, everyone=everyone)
    world = World(
        mailboxes=[anna, BERT, CLEO],
        aliases={"+491701234567": "1002"},
        messages=messages,
        clips={"cleo": 1.5},
        facts=facts("1001", device="1001"),
        hang_up_at=options.get("hang_up_at"),
    )
    world.distribution.lists = {12: SUPPORT, 3: ALONE}
    return world


async def go(world: World, *steps: Step) -> World:
    world.call.follow(list(steps))
    await world.call.run(portal(world.call, world.services))
    assert world.languages <= {world.directory.listed[0].language}
    return world


async def compose(*steps: Step, prepare: Callable[[World], None] = lambda _: None, **options: object) -> World:
    """Go to the menu for composing from one's own phone."""
    world = new_world(**options)  # type: ignore[arg-type] # its own options
    prepare(world)
    return await go(world, press("1"), press("5"), *steps)


async def in_message(
    *steps: Step, key: str, given: Message, prepare: Callable[[World], None] = lambda _: None, **options: object
) -> World:
    """Go to a message, and press a key in its further options."""
    world = new_world(messages=(given,), **options)  # type: ignore[arg-type] # its own options
    prepare(world)
    return await go(world, press("1"), press("1"), listen_to(given.id), press("9"), press(key), *steps)


def the_only(world: World) -> Dispatch:
    (sent,) = world.distribution.dispatched
    return sent


def since(world: World, first: str) -> list[str]:
    return world.heard[world.heard.index(first) :]


def from_colleague(name: str = "m", **options: object) -> Message:
    return message(name, caller=Caller("1002", "Bert"), **options)  # type: ignore[arg-type] # its own options


# --- composing


@pytest.mark.parametrize("language", Language)
async def test_a_message_is_composed_and_sent_to_one_person(language: Language) -> None:
    world = await compose(
        *RECORDED, press("3"), press("1002#"), listen_to("option-send-star"), press("#"), listen_to("review-sent"),
        *LEAVE, language=language,
    )  # fmt: skip
    sent = the_only(world)
    assert (sent.kind, sent.sender.number, sent.audience) == (MessageKind.COMPOSE, "1001", Audience(people=(BERT,)))
    assert sent.take is not None
    assert sent.take.duration_s == 5.0
    assert (sent.source, sent.urgent, sent.confidential) == (None, False, False)
    assert sent.call_id == world.call.facts.id
    assert world.call.discarded == []
    assert since(world, "send-recipient")[:3] == ["send-recipient", "digits-10-on", "digits-02"]
    assert "review-sent" in world.heard
    assert world.languages == {language}
    (note,) = world.call.notes("sending")
    assert note == {"id": sent.id, "kind": "compose", "sent": 1, "missed": 0}


async def test_the_recording_is_one_of_ones_own_that_no_crash_makes_a_message() -> None:
    world = await compose(*RECORDED, press("*"), press("1"), *LEAVE)
    (recording,) = world.call.recordings
    own = OwnContext.from_bytes(recording.context)
    assert own == OwnContext(1, 1, world.call.facts.id, "comment")
    assert recording.limits.stop_keys == "#*"
    assert world.space.held == 0


@pytest.mark.parametrize("number", ["1002#", "02115551002#", "00492115551002#", "01701234567#"])
async def test_a_person_is_found_by_extension_number_or_alias(number: str) -> None:
    world = await compose(*RECORDED, press("3"), press(number), press("#"), *LEAVE)
    assert the_only(world).audience == Audience(people=(BERT,))


async def test_a_recipient_with_a_recorded_name_is_said_by_it() -> None:
    world = await compose(*RECORDED, press("3"), press("1003#"), listen_to("cleo"), press("#"), *LEAVE)
    assert the_only(world).audience == Audience(people=(CLEO,))


@pytest.mark.parametrize("language", Language)
async def test_row_19_a_lists_number_and_its_count_are_said_before_it_is_confirmed(language: Language) -> None:
    world = await compose(*RECORDED, press("5"), press("12#"), listen_to("option-send-hash"), press("#"),
                          listen_to("recipients-3"), *LEAVE, language=language)  # fmt: skip
    said = since(world, "send-list")
    assert said[:3] == ["send-list", "number-12", "recipients-2"]  # two: who sends gets no copy
    assert the_only(world).audience == Audience(lists=(7,))
    assert since(world, "review-sent")[:3] == ["review-sent", "send-reached", "recipients-3"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("recording", "said"),
    [("support", ["number-12", "support", "recipients-2"]), ("lost", ["number-12", "recipients-2"])],
)
async def test_row_19_the_recorded_description_and_the_count_are_said_before_it_is_confirmed(
    recording: str, said: list[str], language: Language
) -> None:
    def prepare(world: World) -> None:
        world.call.clips["support"] = 1.2
        world.distribution.lists = {12: replace(SUPPORT, recording=recording)}

    world = await compose(
        *RECORDED, press("5"), press("12#"), listen_to("recipients-2"), press("*"), press("*"),
        listen_to("option-discard-star"), press("1"), *LEAVE, prepare=prepare, language=language,
    )  # fmt: skip
    told = since(world, "send-list")
    assert told[1 : 1 + len(said)] == said
    assert world.distribution.dispatched == []


@pytest.mark.parametrize("language", Language)
async def test_star_at_the_confirmation_sends_nothing_and_keeps_the_recording(language: Language) -> None:
    world = await compose(
        *RECORDED, press("5"), press("12#"), press("*"), listen_to("menu-cancelled"), press("2"),
        listen_to(f"{1:032x}"), press("*"), press("1"), *LEAVE, language=language,
    )  # fmt: skip
    assert world.distribution.dispatched == []
    assert world.call.discarded == [f"{1:032x}"]


@pytest.mark.parametrize("language", Language)
async def test_everyone_can_be_sent_to_with_the_right_only(language: Language) -> None:
    def many(world: World) -> None:
        world.distribution.others = 21

    world = await compose(
        *RECORDED, press("4"), listen_to("number-21"), press("#"), *LEAVE,
        everyone=True, prepare=many, language=language,
    )  # fmt: skip
    assert the_only(world).audience == Audience(everyone=True)
    assert since(world, "send-everyone")[:3] == ["send-everyone", "recipients-many", "number-21"]
    without = await compose(
        *RECORDED, press("4"), listen_to("option-compose-7"), hang_up(), prepare=many, language=language
    )
    assert without.distribution.dispatched == []
    assert "menu-invalid" in without.heard
    assert "option-compose-4" not in without.heard
    offered = await compose(*RECORDED, listen_to("option-compose-4"), hang_up(), everyone=True, language=language)
    assert offered.distribution.dispatched == []


async def test_everyone_is_nobody_in_a_company_of_one() -> None:
    world = await compose(*RECORDED, press("4"), listen_to("send-failed"), hang_up(), everyone=True)
    assert world.distribution.dispatched == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["3", "1009#"], "send-unknown-number"),
        (["3", "#"], "menu-cancelled"),
        (["3", "10*"], "menu-cancelled"),
        (["5", "4#"], "send-unknown-list"),
        (["5", "3#"], "send-empty-list"),
        (["5", "*"], "menu-cancelled"),
    ],
)
async def test_who_cannot_be_chosen_is_told_and_the_recording_stays(
    language: Language, keys: list[str], said: str
) -> None:
    steps = [press(each) for each in keys]
    world = await compose(
        *RECORDED, *steps, listen_to(said), press("3"), press("1002#"), press("#"), *LEAVE, language=language
    )
    assert the_only(world).take is not None
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_silence_where_a_number_is_asked_for_cancels(language: Language) -> None:
    for key in "35":
        world = await compose(
            *RECORDED, press(key), silence(), listen_to("menu-cancelled"), hang_up(), language=language
        )
        assert world.distribution.dispatched == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", "35")
async def test_nothing_is_sent_before_something_is_recorded(language: Language, key: str) -> None:
    world = await compose(
        press(key), listen_to("send-nothing-recorded"), press("2"), listen_to("send-nothing-recorded"), press("*"),
        *LEAVE, language=language,
    )  # fmt: skip
    assert world.distribution.dispatched == []


@pytest.mark.parametrize("language", Language)
async def test_marks_are_set_and_taken_away_again(language: Language) -> None:
    world = await compose(
        *RECORDED,
        *(press("6"), listen_to("option-any-6-off"), press("7"), listen_to("option-any-7-off")),
        *(press("6"), listen_to("review-urgent-off"), press("3"), press("1002#"), press("#"), *LEAVE),
        language=language,
    )
    sent = the_only(world)
    assert (sent.urgent, sent.confidential) == (False, True)
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_recording_again_replaces_the_recording_by_a_usable_one_only(language: Language) -> None:
    world = await compose(
        *RECORDED, press("1"), speak(1), press("#"), listen_to("review-kept-previous"),
        press("1"), quiet(20), listen_to("record-no-speech"),
        press("1"), speak(4), press("*"), listen_to("review-recorded"), press("3"), press("1002#"), press("#"), *LEAVE,
        language=language,
    )  # fmt: skip
    take = the_only(world).take
    assert take is not None
    assert take.duration_s == 4.0
    assert f"{1:032x}" in world.call.discarded
    assert take.id not in world.call.discarded


@pytest.mark.parametrize("language", Language)
async def test_the_longest_message_is_said_to_be_so(language: Language) -> None:
    world = await compose(press("1"), speak(9999), listen_to("record-maximum"), press("3"), press("1002#"), press("#"),
                          *LEAVE, language=language)  # fmt: skip
    take = the_only(world).take
    assert take is not None
    assert take.duration_s == ANNA.message_max_s


@pytest.mark.parametrize("language", Language)
async def test_leaving_throws_a_recording_away_only_after_a_confirmation(language: Language) -> None:
    world = await compose(
        *RECORDED, press("*"), silence(), listen_to("review-kept"), press("*"), press("1"), *LEAVE, language=language
    )
    assert world.call.discarded == [f"{1:032x}"]
    nothing = await compose(press("*"), *LEAVE, language=language)
    assert "review-discard-question" not in nothing.heard


@pytest.mark.parametrize("steps", [[hang_up()], [press("3"), hang_up()], [press("3"), press("1002#"), hang_up()]])
async def test_hanging_up_before_it_is_sent_throws_the_recording_away(steps: list[Step]) -> None:
    world = await compose(*RECORDED, *steps)
    assert world.distribution.dispatched == []
    assert world.call.discarded == [f"{1:032x}"]


async def test_hanging_up_while_recording_throws_it_away() -> None:
    for end in (hang_up(), lose_rtp(), shut_down()):
        world = await compose(press("1"), speak(5), end)
        assert world.call.discarded == [f"{1:032x}"]
        assert world.space.held == 0
        assert world.call.over


@pytest.mark.parametrize("language", Language)
async def test_three_silences_or_wrong_keys_end_the_call_and_throw_it_away(language: Language) -> None:
    for steps, goodbye in (
        ([silence()] * 3, "menu-goodbye-no-input"),
        ([press("9"), press("8"), press("9")], "menu-goodbye-invalid"),
        ([press("3"), press("1002#"), *[silence()] * 3], "menu-goodbye-no-input"),
    ):
        world = await compose(*RECORDED, *steps, language=language)
        assert world.heard[-1] == goodbye
        assert world.call.discarded == [f"{1:032x}"]


@pytest.mark.parametrize("language", Language)
async def test_hash_repeats_the_menu(language: Language) -> None:
    world = await compose(press("#"), listen_to("option-any-hash"), press("*"), *LEAVE, language=language)
    assert world.heard.count("option-compose-1") >= 1


@pytest.mark.parametrize("language", Language)
async def test_without_space_on_the_disk_nothing_is_recorded(language: Language) -> None:
    def full(world: World) -> None:
        world.space.room = False

    world = await compose(press("1"), listen_to("record-failed"), press("*"), *LEAVE, prepare=full, language=language)
    assert world.call.recordings == []


# --- what is told of it


def becoming(**outcomes: Delivery) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.distribution.outcomes = {{"bert": 2, "cleo": 3, "anna": 1}[name]: each for name, each in outcomes.items()}

    return prepare


@pytest.mark.parametrize("language", Language)
async def test_row_20_who_sends_to_a_list_hears_how_many_got_it_and_how_many_not(language: Language) -> None:
    world = await compose(
        *RECORDED, press("5"), press("12#"), press("#"), listen_to("send-recipient-full"), *LEAVE,
        prepare=becoming(cleo=Delivery.FULL), language=language,
    )  # fmt: skip
    assert since(world, "send-partly")[:8] == [
        *("send-partly", "send-reached", "recipients-2", "send-missed", "recipients-1"),
        *("send-recipient", "cleo", "send-recipient-full"),
    ]


@pytest.mark.parametrize("language", Language)
async def test_row_20_each_who_missed_it_is_told_with_the_reason_ten_at_most(language: Language) -> None:
    def prepare(world: World) -> None:
        world.distribution.lists = {12: replace(SUPPORT, members=frozenset(range(2, 16)))}
        world.distribution.outcomes = {
            2: Delivery.OFF,
            3: Delivery.FULL,
            **dict.fromkeys(range(4, 15), Delivery.UNKNOWN),
        }

    world = await compose(
        *RECORDED, press("5"), press("12#"), press("#"), listen_to("digits-11"), *LEAVE,
        prepare=prepare, language=language,
    )  # fmt: skip
    told = since(world, "send-missed")
    assert told[:9] == [
        *("send-missed", "recipients-13", "send-recipient", "digits-10-on", "digits-02", "send-recipient-off"),
        *("send-recipient", "cleo", "send-recipient-full"),
    ]
    assert told.count("send-recipient") == 10
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("outcome", "said"),
    [(Delivery.FULL, "send-recipient-full"), (Delivery.OFF, "send-recipient-off"),
     (Delivery.UNKNOWN, "send-unknown-number")],
)  # fmt: skip
async def test_why_one_person_did_not_get_it_is_said_and_it_can_be_sent_to_another(
    language: Language, outcome: Delivery, said: str
) -> None:
    world = await compose(
        *RECORDED, press("3"), press("1002#"), press("#"), listen_to(said), press("3"), press("1003#"), press("#"),
        *LEAVE, prepare=becoming(bert=outcome), language=language,
    )  # fmt: skip
    first, second = world.distribution.dispatched
    assert first.take == second.take is not None
    assert first.id != second.id
    assert world.call.discarded == []


@pytest.mark.parametrize("language", Language)
async def test_a_list_that_nobody_of_could_get_it_is_a_failure(language: Language) -> None:
    world = await compose(
        *RECORDED, press("5"), press("12#"), press("#"), listen_to("send-missed"), press("*"), press("1"), *LEAVE,
        prepare=becoming(bert=Delivery.OFF, cleo=Delivery.FULL, anna=Delivery.OFF), language=language,
    )  # fmt: skip
    assert since(world, "send-failed")[:3] == ["send-failed", "send-missed", "recipients-3"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refusal.EMPTY, "send-empty-list"),
        (Refusal.NOT_ALLOWED, "menu-not-allowed"),
        (Refusal.GONE, "message-gone"),
        (Refusal.UNKNOWN_LIST, "send-unknown-list"),
        (Refusal.NOTHING, "send-nothing-recorded"),
    ],
)
async def test_a_refusal_is_told_and_the_recording_stays(language: Language, refusal: Refusal, said: str) -> None:
    def refuse(world: World) -> None:
        world.distribution.refusal = refusal

    world = await compose(
        *RECORDED, press("5"), press("12#"), press("#"), listen_to(said), press("*"), press("1"), *LEAVE,
        prepare=refuse, language=language,
    )  # fmt: skip
    assert world.call.discarded == [f"{1:032x}"]


async def test_what_may_have_been_sent_is_not_thrown_away() -> None:
    """The database may go away while it commits: then a row refers to the recording, and recovery will see to it."""
    world = new_world()
    world.distribution.gone = True
    again: list[Step] = [press("3"), press("1002#"), press("#")]
    await go(world, press("1"), press("5"), *RECORDED, *again, listen_to("send-failed"), hang_up())
    assert world.call.discarded == []


async def test_a_database_that_is_away_keeps_the_recording_and_trying_again_is_the_same_sending() -> None:
    def away(world: World) -> None:
        world.distribution.gone = True

    tried: list[str] = []
    world = new_world()
    away(world)
    send = world.distribution.send

    async def note(dispatch: Dispatch) -> object:
        tried.append(dispatch.id)
        world.distribution.gone = len(tried) < 2
        return await send(dispatch)

    world.distribution.send = note  # type: ignore[method-assign,assignment] # the test's own
    again: list[Step] = [press("3"), press("1002#"), press("#")]
    await go(world, press("1"), press("5"), *RECORDED, *again, listen_to("send-failed"), *again, *LEAVE)
    assert tried[0] == tried[1]
    assert world.call.discarded == []


# --- forwarding


@pytest.mark.parametrize("language", Language)
async def test_a_message_is_forwarded_with_a_comment(language: Language) -> None:
    given = message("m", urgent=True)
    world = await in_message(
        *(press("1"), speak(1), press("#"), listen_to("send-comment-recorded"), press("2"), listen_to(f"{1:032x}")),
        *(press("5"), press("12#"), press("#"), listen_to("review-sent"), press("*"), *LEAVE),
        key="2", given=given, language=language,
    )  # fmt: skip
    sent = the_only(world)
    assert (sent.kind, sent.audience) == (MessageKind.FORWARD, Audience(lists=(7,)))
    assert sent.source is not None
    assert sent.source.id == "m"
    assert sent.take is not None
    assert sent.take.duration_s == 1.0  # a comment may be short
    assert (sent.urgent, sent.confidential) == (True, False)
    assert "option-forward-1" in world.heard
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_a_message_is_forwarded_without_a_comment(language: Language) -> None:
    world = await in_message(
        press("3"), press("1002#"), press("#"), press("*"), *LEAVE, key="2", given=message("m"), language=language
    )
    assert the_only(world).take is None
    assert world.inbox.state("m") is State.SAVED


@pytest.mark.parametrize("language", Language)
async def test_a_confidential_message_cannot_be_made_less_so(language: Language) -> None:
    world = await in_message(
        *(press("7"), listen_to("review-confidential-on"), press("7"), listen_to("review-confidential-on")),
        *(press("3"), press("1002#"), press("#"), press("*"), *LEAVE),
        key="2", given=message("m", confidential=True), language=language,
    )  # fmt: skip
    assert the_only(world).confidential
    assert "option-any-7-off" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_going_back_from_forwarding_goes_on_with_the_message(language: Language) -> None:
    world = await in_message(press("*"), listen_to("menu-cancelled"), press("2"), listen_to("m"), press("*"), *LEAVE,
                             key="2", given=message("m"), language=language)  # fmt: skip
    assert world.distribution.dispatched == []


async def test_hanging_up_in_a_comment_leaves_the_message_as_it_was() -> None:
    world = await in_message(press("1"), speak(5), hang_up(), key="2", given=message("m"))
    assert world.call.discarded == [f"{1:032x}"]
    assert world.inbox.state("m") is State.SAVED


# --- replying


@pytest.mark.parametrize("language", Language)
async def test_a_reply_goes_to_the_colleague_who_left_the_message(language: Language) -> None:
    world = await in_message(
        *(listen_to("option-reply-1"), press("3"), listen_to("send-nothing-recorded"), *RECORDED),
        *(press("6"), press("2"), listen_to(f"{1:032x}")),
        *(press("3"), listen_to("review-sent"), press("*"), *LEAVE),
        key="1", given=from_colleague(), language=language,
    )  # fmt: skip
    sent = the_only(world)
    assert (sent.kind, sent.audience, sent.urgent) == (MessageKind.REPLY, Audience(people=(BERT,)), True)
    assert sent.source is None
    assert since(world, "menu-reply")[:2] == ["menu-reply", "send-recipient"]
    assert world.languages == {language}


@pytest.mark.parametrize("number", ["1002", "+492115551002", "+491701234567"])
async def test_the_colleague_is_known_by_any_number(number: str) -> None:
    given = message("m", caller=Caller(number))
    world = await in_message(*RECORDED, press("3"), press("*"), *LEAVE, key="1", given=given)
    assert the_only(world).audience == Audience(people=(BERT,))


async def test_a_reply_to_a_forwarded_message_goes_to_who_forwarded_it() -> None:
    given = replace(message("m"), kind=MessageKind.FORWARD, sender_id=3)
    world = await in_message(*RECORDED, press("3"), press("*"), *LEAVE, key="1", given=given)
    assert the_only(world).audience == Audience(people=(CLEO,))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("caller", [Caller("+4930123456"), Caller(None), Caller("1002", withheld=True)])
async def test_whoever_has_no_mailbox_here_or_withheld_the_number_gets_no_reply(
    language: Language, caller: Caller
) -> None:
    world = await in_message(listen_to("send-no-reply"), press("*"), *LEAVE, key="1",
                             given=message("m", caller=caller), language=language)  # fmt: skip
    assert world.call.recordings == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", ["4", "5"])
async def test_a_reply_has_no_other_recipients(key: str, language: Language) -> None:
    world = await in_message(*RECORDED, press(key), listen_to("menu-invalid"), hang_up(), key="1",
                             given=from_colleague(), everyone=True, language=language)  # fmt: skip
    assert world.distribution.dispatched == []


# --- whatever is pressed


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("seed", range(30))
async def test_whatever_is_pressed_what_is_not_sent_is_thrown_away(seed: int, language: Language) -> None:
    chance = random.Random(seed)
    world = new_world(language=language, messages=(from_colleague(),), everyone=True, hang_up_at=90)
    world.distribution.others = 2
    record = world.call.record

    async def speaking(context: bytes, limits: RecordLimits) -> Recorded:
        """Say something whenever it is recorded, sometimes too little."""
        world.call._steps[:0] = [speak(chance.choice((0.2, 1.0, 5.0))), press("#")]
        return await record(context, limits)

    world.call.record = speaking  # type: ignore[method-assign] # the test's own
    keys = ("1002#", "1003#", "12#", "3#", *KEYS, *"1357")
    steps = [silence() if chance.random() < 0.1 else press(chance.choice(keys)) for _ in range(300)]
    world.call.follow([press("1"), chance.choice([press("5"), press("191"), press("192")]), *steps])
    await world.call.run(portal(world.call, world.services))
    assert world.languages == {language}
    sent = {dispatch.take.id for dispatch in world.distribution.dispatched if dispatch.take}
    made = {recording.result.take.id for recording in world.call.recordings if recording.result.take}
    assert made - sent <= set(world.call.discarded)
    assert not sent & set(world.call.discarded)
