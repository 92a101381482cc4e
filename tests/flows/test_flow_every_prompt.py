"""Everything the flows can say exists in both languages: by count, by date, by length, and by walking at random.

`World` insists on the catalogue for every phrase that is played; these tests see to it that every kind is played.
"""

import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta

import pytest

from ivr import menu
from ivr.call import KEYS, TransferEnd
from ivr.flows.caller import leave_message
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, press, silence, speak
from ivr.scripted import facts
from prompts.catalogue import known
from tests.fakes.voicemail import ANNA, BEISPIEL, NOW, FakeDirectory, World, message
from voicebox.distribution import Delivery, DistributionList, Result, Sending, Standing
from voicebox.i18n import Language
from voicebox.message import Caller, Counts, Message, MessageKind, Reason, State

COUNTS = (0, 1, 2, 20, 21, 101)
KEPT = tuple(
    replace(
        message(f"{state}-{n}", minutes_ago=n * 300.0, state=state, urgent=n % 2 == 0, confidential=n % 3 == 0),
        warning="mail-refused" if n == 1 else None,
    )
    for state in State
    for n in range(1, 4)
)


def portal_world(
    language: Language,
    messages: tuple[Message, ...] = (),
    hang_up_at: int | None = None,
    email: str | None = None,
    transfers: TransferEnd | None = None,
) -> World:
    return World(
        mailboxes=[replace(ANNA, auto_login=True, language=language, email=email)],
        messages=messages,
        facts=facts("1001", device="1001"),
        hang_up_at=hang_up_at,
        transfers=transfers,
    )


def counting(counts: Counts) -> Callable[[], Coroutine[None, None, Counts]]:
    async def answer() -> Counts:
        return counts

    return answer


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("new", COUNTS)
async def test_every_count_of_messages_can_be_said(language: Language, new: int) -> None:
    for urgent in COUNTS:
        for saved in COUNTS:
            world = portal_world(language)
            world.inbox.counts = counting(Counts(new, saved, min(new, urgent), 0))  # type: ignore[method-assign]
            world.call.follow([listen_to("menu-main"), press("9")])
            await world.call.run(portal(world.call, world.services))
            assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("count", COUNTS)
async def test_every_count_of_deleted_messages_can_be_said(language: Language, count: int) -> None:
    kept = tuple(message(f"m{n:03}", state=State.DELETED) for n in range(count))
    world = portal_world(language, kept)
    last = "heading-first-deleted" if count else "folder-no-deleted"
    world.call.follow([press("1"), press("9"), listen_to(last), hang_up()])
    await world.call.run(portal(world.call, world.services))
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("caller", [Caller(None), Caller("1002"), Caller("+4930123456"), Caller("+12125550100")])
async def test_every_envelope_can_be_said(language: Language, caller: Caller) -> None:
    for minutes_ago in (0.5, 61, 24 * 60, *(1440 * days + 17 for days in (2, 6, 7, 100, 400, 2000))):
        for length_s in (2, 59.6, 60, 61, 600):
            kept = message(
                "m", minutes_ago=minutes_ago, length_s=length_s, caller=caller, urgent=True, interrupted=True
            )
            world = portal_world(language, (kept,))
            world.call.follow([press("1"), press("1"), press("5"), listen_to("envelope-interrupted"), hang_up()])
            await world.call.run(portal(world.call, world.services))
            assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("count", [count for count in COUNTS if count])
async def test_every_count_of_recipients_can_be_said(language: Language, count: int) -> None:
    for missed in (0, count // 2, count):
        world = portal_world(language)
        world.directory = FakeDirectory([replace(ANNA, auto_login=True, language=language, everyone=True)])
        world.services = replace(world.services, directory=world.directory)
        world.distribution.others = count
        world.distribution.outcomes = {100 + n: Delivery.FULL for n in range(missed)}
        last = "send-missed" if missed else "send-reached"
        record: list[Step] = [press("1"), press("5"), press("1"), speak(5), press("#")]
        world.call.follow([*record, press("4"), press("#"), listen_to(last), hang_up()])
        await world.call.run(portal(world.call, world.services))
        assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("number", range(1, 16))
async def test_every_number_of_a_list_can_be_said(language: Language, number: int) -> None:
    world = portal_world(language)
    world.distribution.lists = {number: DistributionList(1, 1, 1, number, "Team", shared=True, members=frozenset({2}))}
    record: list[Step] = [press("1"), press("5"), press("1"), speak(5), press("#")]
    world.call.follow([*record, press("5"), press(f"{number}#"), listen_to(f"number-{number}"), hang_up()])
    await world.call.run(portal(world.call, world.services))
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_every_hour_and_minute_can_be_said(language: Language) -> None:
    for minute in range(0, 1440, 7):
        kept = replace(message("m"), received_at=NOW - timedelta(minutes=minute), interrupted=True)
        world = portal_world(language, (kept,))
        world.call.follow([press("1"), press("1"), press("5"), listen_to("envelope-interrupted"), hang_up()])
        await world.call.run(portal(world.call, world.services))


def test_every_menu_is_spoken_in_both_languages() -> None:
    spoken = [*(shown for shown in menu.every_menu() if shown.spoken_as and shown.keys), menu.AFTERWARDS]
    assert len(spoken) >= 9
    for language in Language:
        for shown in spoken:
            assert all(known(language, utterance_id) for utterance_id in shown.phrase(language).ids)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("seed", range(60))
async def test_whatever_a_subscriber_presses_the_portal_answers(seed: int, language: Language) -> None:
    chance = random.Random(seed)
    world = portal_world(
        language,
        KEPT,
        hang_up_at=120,
        email=chance.choice((None, "anna@example.org")),
        transfers=chance.choice(list(TransferEnd)),
    )
    world.directory.company = replace(BEISPIEL, make_calls=seed % 3 == 0, call_back=seed % 5 == 0)
    if seed % 4 == 0:
        sending = Sending("a", 1, ANNA.id, MessageKind.COMPOSE, NOW)
        world.distribution.past = [(sending, [Result("1002", 2, Delivery.SENT, "copy")])]
        world.distribution.standings = {"a": Standing(copies=1, unheard=1, heard=0, recalled=0)}
    world.deposits.left_s = chance.choice((6000.0, 100.0, 0.0))
    world.teams.teams = [replace(ANNA, id=9, number="2000", team=True)] if seed % 2 else []
    # Keys that lead out are rare, or every walk would be short.
    keys = KEYS.replace("*", "").replace("9", "") * 3 + "*9"
    steps: list[Step] = [
        silence() if chance.random() < 0.15 else press(chance.choice(keys), at_s=chance.choice((0.0, 1.5, 4.0)))
        for _ in range(400)
    ]
    first = (
        [press("5")]
        if seed % 2
        else [press("6")]
        if seed % 3 == 0
        else [press("1"), press("0" if seed % 4 == 0 else "1")]
    )
    world.call.follow([*first, *steps])
    await world.call.run(portal(world.call, world.services))
    assert world.languages == {language}
    assert world.call.over
    assert len(world.inbox.all) == len(KEPT)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("way", ["3", "4", "12", "13", "14"], ids=["name", "forwarding", "busy", "no-answer", "away"])
@pytest.mark.parametrize("seed", range(20))
async def test_whatever_a_subscriber_presses_the_menus_of_greetings_answer(
    seed: int, way: str, language: Language
) -> None:
    chance = random.Random(seed)
    world = portal_world(language, hang_up_at=chance.randrange(20, 80))
    # Nobody speaks here, so that every key that is pressed meets a menu sooner or later.
    steps: list[Step] = [silence() if chance.random() < 0.1 else press(chance.choice("1234567#")) for _ in range(400)]
    world.call.follow([press(key) for key in way] + [press("#")] + steps)
    await world.call.run(portal(world.call, world.services))
    assert world.languages == {language}
    assert world.call.over
    assert world.space.held == 0


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("seed", range(60))
async def test_whatever_a_caller_presses_who_may_go_on_one_message_at_most_is_left(
    seed: int, language: Language
) -> None:
    chance = random.Random(seed)
    end = chance.choice(list(TransferEnd))
    world = World(hang_up_at=chance.randrange(4, 60), transfers=end)
    steps: list[Step] = [silence() if chance.random() < 0.15 else press(chance.choice(KEYS)) for _ in range(400)]
    world.call.follow([*chance.choice(([], [press("0")])), press("#"), speak(5), press(chance.choice("#0")), *steps])
    mailbox = replace(ANNA, language=language, zero_out="1002")
    await world.call.run(leave_message(world.call, world.services, mailbox, Reason.BUSY))
    assert world.languages == {language}
    assert world.call.over
    assert len(world.deposits.accepted) <= 1
    assert all(permit.told[-1] == "end" for permit in world.outcalls.permits)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("seed", range(60))
async def test_whatever_a_caller_presses_one_message_at_most_is_left(seed: int, language: Language) -> None:
    chance = random.Random(seed)
    world = World(hang_up_at=chance.randrange(4, 60))
    steps: list[Step] = [silence() if chance.random() < 0.15 else press(chance.choice(KEYS)) for _ in range(400)]
    world.call.follow([press("#"), speak(5), press("#"), *steps])
    mailbox = replace(ANNA, language=language)
    await world.call.run(leave_message(world.call, world.services, mailbox, Reason.BUSY))
    assert world.languages == {language}
    assert world.call.over
    assert len(world.deposits.accepted) == (0 if world.call.discarded else 1)
