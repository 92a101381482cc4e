"""Key 0 of the mailbox menu: what was sent to others, and taking back what nobody has heard (row 20)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.call import Clip
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence, speak
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, NOW, World
from voicebox.distribution import Delivery, Result, Sending, Standing
from voicebox.i18n import Language
from voicebox.message import MessageKind

BERT = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Bert")
CLEO = replace(ANNA, id=3, number="1003", phone="+492115551003", name="Cleo", name_recording="cleo")
YES: list[Step] = [listen_to("option-confirm-star"), press("1")]
LEAVE: list[Step] = [press("*"), press("*"), press("9")]
"""From a sent message to the main menu, and out."""


def a_sending(name: str, minutes_ago: float = 60.0) -> Sending:
    return Sending(name, 1, ANNA.id, MessageKind.COMPOSE, NOW - timedelta(minutes=minutes_ago))


def sent_to(*keys: int, outcome: Delivery = Delivery.SENT) -> list[Result]:
    return [Result(f"{1000 + key}", key, outcome, f"copy-{key}") for key in keys]


def new_world(
    *past: tuple[Sending, list[Result], Standing], language: Language = Language.DE, hang_up_at: int | None = None
) -> World:
    world = World(
        mailboxes=[replace(ANNA, auto_login=True, language=language), BERT, CLEO],
        clips={"cleo": 1.5},
        facts=facts("1001", device="1001"),
        hang_up_at=hang_up_at,
    )
    world.distribution.past = [(sending, results) for sending, results, _ in past]
    world.distribution.standings = {sending.id: standing for sending, _, standing in past}
    return world


async def visit(world: World, *steps: Step) -> World:
    world.call.follow([press("1"), press("0"), *steps])
    await world.call.run(portal(world.call, world.services))
    assert world.languages <= {world.directory.listed[0].language}
    return world


def said(world: World) -> list[str]:
    """Return what was said from the title of the sent messages on."""
    return world.heard[world.heard.index("menu-sent") :]


UNHEARD = Standing(copies=1, unheard=1, heard=0, recalled=0)
HEARD = Standing(copies=1, unheard=0, heard=1, recalled=0)
ONE = (a_sending("a"), sent_to(2), UNHEARD)


@pytest.mark.parametrize("language", Language)
async def test_row_20_a_sent_message_tells_when_to_whom_and_that_nobody_has_heard_it(language: Language) -> None:
    world = await visit(new_world(ONE, language=language), listen_to("option-any-star"), *LEAVE)
    heard = said(world)
    assert heard[:2] == ["menu-sent", "day-today"]
    assert heard[heard.index("send-recipient") :][:7] == [
        *("send-recipient", "digits-10-on", "digits-02", "sent-unheard"),
        *("option-sent-7", "option-sent-6", "option-sent-4"),
    ]
    assert world.languages == {language}
    assert world.heard[-1] == "menu-goodbye"


@pytest.mark.parametrize("language", Language)
async def test_the_only_recipient_is_told_by_the_recorded_name(language: Language) -> None:
    world = await visit(new_world((a_sending("a"), sent_to(3), HEARD), language=language), silence(), *LEAVE)
    heard = said(world)
    assert heard[heard.index("send-recipient") + 1] == "cleo"
    assert heard[heard.index("cleo") + 1] == "sent-heard"


async def test_a_recipient_whose_mailbox_has_gone_is_told_by_the_number() -> None:
    gone = [replace(sent_to(9)[0], mailbox_id=None)]
    world = await visit(new_world((a_sending("a"), gone, HEARD)), silence(), *LEAVE)
    heard = said(world)
    assert heard[heard.index("send-recipient") :][1:3] == ["digits-10-on", "digits-09"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(3, 3, 0, 0), ["sent-unheard"]),
        (Standing(3, 2, 1, 0), ["sent-unheard-by", "recipients-2"]),
        (Standing(3, 0, 3, 0), ["sent-heard"]),
        (Standing(3, 0, 1, 0), ["sent-too-late"]),
        (Standing(0, 0, 0, 3), ["sent-recalled"]),
    ],
)
async def test_row_20_it_is_told_how_the_copies_stand(standing: Standing, words: list[str], language: Language) -> None:
    world = new_world((a_sending("a"), sent_to(2, 3, 4), standing), language=language)
    await visit(world, silence(), *LEAVE)
    heard = said(world)
    at = heard.index("recipients-3")
    assert heard[at + 1 : at + 1 + len(words)] == words
    assert ("option-sent-7" in heard) == bool(standing.unheard)
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_row_20_what_was_taken_back_from_some_is_told_apart(language: Language) -> None:
    world = new_world((a_sending("a"), sent_to(2, 3, 4), Standing(1, 0, 1, 2)), language=language)
    await visit(world, silence(), *LEAVE)
    heard = said(world)
    at = heard.index("recipients-1")
    assert heard[at : at + 4] == ["recipients-1", "sent-heard", "sent-recalled-from", "recipients-2"]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_row_20_what_nobody_has_heard_is_taken_back_after_a_confirmation(language: Language) -> None:
    world = await visit(new_world(ONE, language=language), press("7"), *YES, listen_to("sent-recalled"), *LEAVE)
    assert world.distribution.standings["a"] == Standing(0, 0, 0, 1)
    assert world.call.notes("recall") == [{"id": "a", "copies": 1}]
    assert "option-sent-7" not in world.heard[world.heard.index("sent-recalled") :]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_row_20_where_some_have_heard_it_the_others_are_counted(language: Language) -> None:
    world = new_world((a_sending("a"), sent_to(2, 3, 4), Standing(3, 2, 1, 0)), language=language)
    await visit(world, press("7"), *YES, listen_to("sent-recalled-from"), press("5"), *LEAVE)
    at = world.heard.index("sent-recalled-from")
    assert world.heard[at + 1] == "recipients-2"
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("answer", [press("*"), press("2"), silence(), press("#")], ids=["*", "2", "silence", "#"])
async def test_whatever_is_no_confirmation_takes_nothing_back(answer: Step, language: Language) -> None:
    world = await visit(
        new_world(ONE, language=language),
        press("7"),
        listen_to("option-confirm-star"),
        answer,
        listen_to("menu-cancelled"),
        *LEAVE,
    )
    assert world.distribution.standings["a"] == UNHEARD
    assert world.call.notes("recall") == []


@pytest.mark.parametrize("language", Language)
async def test_what_is_heard_while_the_question_is_asked_stays(language: Language) -> None:
    world = new_world(ONE, language=language)

    async def hear() -> None:
        world.distribution.standings["a"] = HEARD

    await visit(world, press("7"), listen_to("option-confirm-star"), meanwhile(hear), press("1"), *LEAVE)
    assert world.heard[world.heard.index("sent-recall-question") :].count("sent-too-late") == 1
    assert world.call.notes("recall") == [{"id": "a", "copies": 0}]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_the_latest_comes_first_and_the_keys_lead_back_and_forth(language: Language) -> None:
    world = new_world(ONE, (a_sending("b", 24 * 60), sent_to(2, 3), HEARD), language=language)
    await visit(
        world,
        *(
            listen_to("day-today"),
            press("4"),
            listen_to("folder-no-previous"),
            press("6"),
            listen_to("day-yesterday"),
            press("5"),
        ),
        *(listen_to("day-yesterday"), press("4"), listen_to("day-today"), press("#"), listen_to("day-yesterday")),
        *(press("#"), listen_to("folder-no-more"), press("*"), press("9")),
    )
    assert [each for each in world.heard if each.startswith("day-")] == [
        *("day-today", "day-yesterday", "day-yesterday", "day-today", "day-yesterday")
    ]
    assert world.heard[world.heard.index("folder-no-more") + 1] == "menu-mailbox"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", list("123890"))
async def test_other_keys_are_wrong_ones(key: str, language: Language) -> None:
    world = await visit(new_world(ONE, language=language), press(key), listen_to("menu-invalid"), *LEAVE)
    assert world.distribution.standings["a"] == UNHEARD


@pytest.mark.parametrize("language", Language)
async def test_what_reached_nobody_is_no_sent_message(language: Language) -> None:
    world = new_world((a_sending("a"), sent_to(2, outcome=Delivery.FULL), Standing(0, 0, 0, 0)), language=language)
    await visit(world, listen_to("menu-invalid"), press("*"), press("9"))
    assert "option-mailbox-0" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_who_has_sent_nothing_is_not_offered_the_key(language: Language) -> None:
    world = await visit(new_world(language=language), listen_to("menu-invalid"), press("*"), press("9"))
    assert "option-mailbox-0" not in world.heard


async def test_the_key_is_offered_once_something_is_sent_in_this_call() -> None:
    world = new_world()

    async def send() -> None:
        world.distribution.past.append(ONE[:2])

    recorded: list[Step] = [press("1"), press("5"), press("1"), speak(5), press("#"), press("3"), press("1002#")]
    sent: list[Step] = [meanwhile(send), press("#"), listen_to("option-mailbox-0"), press("*"), press("9")]
    world.call.follow([*recorded, *sent])
    await world.call.run(portal(world.call, world.services))
    assert "option-mailbox-0" in world.heard


@pytest.mark.parametrize("at", range(2, 30, 3))
async def test_hanging_up_anywhere_takes_nothing_back_by_itself(at: int) -> None:
    world = new_world(ONE, hang_up_at=at)
    await visit(world, press("7"), listen_to("option-confirm-star"), hang_up())
    assert world.distribution.standings["a"] == UNHEARD


async def test_a_recorded_name_is_played_as_it_is() -> None:
    world = await visit(new_world((a_sending("a"), sent_to(3), HEARD)), silence(), *LEAVE)
    assert any(isinstance(sound, Clip) and sound.audio_id == "cleo" for sound in world.call.played)
