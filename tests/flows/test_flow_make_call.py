"""Key 6 of the main menu: calling any number that the outbound policy allows, where the company wants it."""

from dataclasses import replace

import pytest

from ivr.call import TransferEnd
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, press, ring, silence
from ivr.scripted import Dialled, facts
from tests.fakes.voicemail import ANNA, BEISPIEL, World
from voicebox.i18n import Language
from voicebox.outbound import Refusal

NUMBER = "030123456"


def new_world(*, make_calls: bool = True, language: Language = Language.DE) -> World:
    world = World(mailboxes=[replace(ANNA, auto_login=True, language=language)], facts=facts("1001", device="1001"))
    world.directory.company = replace(BEISPIEL, make_calls=make_calls)
    return world


async def visit(world: World, *steps: Step) -> World:
    """Call the portal from one's own phone, to the main menu."""
    world.call.follow(list(steps))
    await world.call.run(portal(world.call, world.services))
    return world


@pytest.mark.parametrize("language", Language)
async def test_a_subscriber_calls_a_number_and_is_back_in_the_main_menu_after_it(language: Language) -> None:
    world = await visit(
        new_world(language=language),
        *(listen_to("option-main-6"), press("6"), listen_to("dial-number"), press(f"{NUMBER}#")),
        *(ring(TransferEnd.CONNECTED), listen_to("menu-main"), press("9")),
    )
    assert world.call.dialled == [Dialled(NUMBER, "1001", diverted=False)]
    assert world.outcalls.asked == [("1001", NUMBER)]
    assert world.outcalls.permits[0].told == ["answered", "end"]
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "connected"}]
    assert world.heard[world.heard.index("dial-number") + 1] == "transfer-connecting"
    assert world.heard[-1] == "menu-goodbye"
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("end", [TransferEnd.BUSY, TransferEnd.NO_ANSWER, TransferEnd.FAILED])
async def test_nobody_there_leads_back_to_the_main_menu(end: TransferEnd, language: Language) -> None:
    world = new_world(language=language)
    await visit(world, press("6"), press(f"{NUMBER}#"), ring(end), listen_to("menu-main"), press("9"))
    at = world.heard.index("transfer-connecting")
    assert world.heard[at + 1 : at + 3] == ["message-callback-failed", "menu-main"]
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("why", Refusal)
async def test_security_row_3_what_the_policy_refuses_is_not_dialled(why: Refusal, language: Language) -> None:
    world = new_world(language=language)
    world.outcalls.refused[NUMBER] = why
    said = "dial-not-now" if why in {Refusal.TOO_MANY_CALLS, Refusal.BUDGET_SPENT} else "dial-not-allowed"
    await visit(world, press("6"), press(f"{NUMBER}#"), listen_to(said), press("9"))
    assert world.call.dialled == []
    assert "transfer-connecting" not in world.heard
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "refused", "why": why.value}]
    assert world.languages == {language}


async def test_while_the_database_is_away_nothing_is_dialled() -> None:
    world = new_world()
    world.outcalls.gone = True
    await visit(world, press("6"), press(f"{NUMBER}#"), listen_to("dial-not-now"), press("9"))
    assert world.call.dialled == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("typed", [silence(), press("*"), press("030*"), press("#")], ids=["silence", "*", "030*", "#"])
async def test_no_number_calls_nobody(typed: Step, language: Language) -> None:
    world = new_world(language=language)
    await visit(world, press("6"), typed, listen_to("menu-cancelled"), press("9"))
    assert world.outcalls.asked == []
    assert world.heard[-1] == "menu-goodbye"


@pytest.mark.parametrize("language", Language)
async def test_security_row_3_the_key_is_a_wrong_one_where_the_company_has_not_switched_it_on(
    language: Language,
) -> None:
    world = new_world(make_calls=False, language=language)
    await visit(world, press("6"), listen_to("menu-invalid"), press("9"))
    assert "option-main-6" not in world.heard
    assert world.outcalls.asked == []


async def test_hanging_up_while_talking_counts_the_call() -> None:
    world = await visit(new_world(), press("6"), press(f"{NUMBER}#"), ring(TransferEnd.CONNECTED, hang_up=True))
    assert world.outcalls.permits[0].told == ["answered", "end"]


async def test_hanging_up_while_typing_calls_nobody() -> None:
    world = await visit(new_world(), press("6"), press("030"), hang_up())
    assert world.outcalls.asked == []
