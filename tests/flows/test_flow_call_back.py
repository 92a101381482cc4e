"""Key 8 after a message: the subscriber calls back who left it, and comes back to the message."""

from dataclasses import replace

import pytest

from ivr.call import TransferEnd
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, press, ring
from ivr.scripted import Dialled, facts
from tests.fakes.voicemail import ANNA, BEISPIEL, World, message
from voicebox.i18n import Language
from voicebox.message import Caller
from voicebox.outbound import Refusal

NUMBER = "+492115550000"
LISTENED: list[Step] = [press("1"), press("1"), listen_to("message-end")]


def world_of(
    steps: list[Step],
    *,
    caller: Caller | None = None,
    call_back: bool = True,
    language: Language = Language.DE,
) -> World:
    world = World(
        [*LISTENED, *steps],
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        messages=[message("m", caller=caller or Caller(NUMBER))],
        facts=facts("1001", device="1001"),
    )
    world.directory.company = replace(BEISPIEL, call_back=call_back)
    return world


async def visit(world: World) -> World:
    await world.call.run(portal(world.call, world.services))
    assert world.languages <= {world.directory.listed[0].language}
    return world


@pytest.mark.parametrize("language", Language)
async def test_who_left_a_message_is_called_back_in_the_mailboxs_name(language: Language) -> None:
    world = await visit(world_of([press("8"), ring(TransferEnd.CONNECTED), press("7"), hang_up()], language=language))
    assert world.call.dialled == [Dialled(NUMBER, "1001", diverted=False)]
    assert world.outcalls.asked == [("1001", NUMBER)]
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "connected"}]
    assert world.outcalls.permits[0].told == ["answered", "end"]
    # Back at the message: 7 deletes it.
    assert world.inbox.state("m").value == "deleted"
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("end", [TransferEnd.BUSY, TransferEnd.NO_ANSWER, TransferEnd.FAILED])
async def test_nobody_there_leads_back_to_the_message(end: TransferEnd, language: Language) -> None:
    world = await visit(
        world_of([press("8"), ring(end), listen_to("message-callback-failed"), hang_up()], language=language)
    )
    assert world.heard[world.heard.index("transfer-connecting") + 1] == "message-callback-failed"
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("why", Refusal)
async def test_what_the_policy_refuses_cannot_be_called_back(why: Refusal, language: Language) -> None:
    passing = why in {Refusal.TOO_MANY_CALLS, Refusal.BUDGET_SPENT}
    world = world_of(
        [press("8"), listen_to("dial-not-now" if passing else "message-no-callback"), hang_up()], language=language
    )
    world.outcalls.refused[NUMBER] = why
    await visit(world)
    assert world.call.dialled == []
    assert "transfer-connecting" not in world.heard


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("caller", "call_back"),
    [
        (Caller(NUMBER), False),
        (Caller(None, withheld=True), True),
        (Caller(NUMBER, withheld=True), True),
        (Caller(None), True),
    ],
    ids=["company-does-not-allow-it", "withheld", "withheld-though-known", "no-number"],
)
async def test_the_key_is_neither_offered_nor_taken_otherwise(
    caller: Caller, language: Language, *, call_back: bool
) -> None:
    world = world_of(
        [press("8"), listen_to("menu-invalid"), hang_up()], caller=caller, call_back=call_back, language=language
    )
    await visit(world)
    assert world.outcalls.asked == []
    assert "option-after-8" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_the_key_is_spoken_where_it_works(language: Language) -> None:
    world = await visit(world_of([listen_to("option-after-8"), hang_up()], language=language))
    assert "option-after-8" in world.heard


async def test_hanging_up_while_talking_ends_the_call_and_counts_it() -> None:
    world = await visit(world_of([press("8"), ring(TransferEnd.CONNECTED, hang_up=True)]))
    assert world.call.notes("transfer") == [{"to": NUMBER, "result": "connected"}]
    assert world.outcalls.permits[0].told == ["answered", "end"]
