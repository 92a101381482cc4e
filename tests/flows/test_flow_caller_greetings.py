"""What callers hear before the tone: away, names, the notice, `*` for the portal (voicemail.md, rows 11 and 21)."""

from dataclasses import replace
from typing import Any

import pytest

from ivr.call import TransferEnd
from ivr.flows.caller import leave_message
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, press, ring, speak
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, BEISPIEL, World, message
from voicebox.i18n import Language
from voicebox.message import Caller, Reason

OWN, NAME = "own-audio", "name-audio"
REASONS = [(Reason.BUSY, "busy"), (Reason.NO_ANSWER, "unavailable"), (Reason.UNREACHABLE, "unavailable")]
LEAVE: list[Step] = [speak(5), hang_up()]


async def leave(*steps: Step, world: World | None = None, reason: Reason = Reason.NO_ANSWER, **values: Any) -> World:
    world = world or World(steps, clips={OWN: 4.0, NAME: 1.0, "empty": 0.0})
    await world.call.run(leave_message(world.call, world.services, replace(ANNA, **values), reason))
    assert world.languages <= {values.get("language", ANNA.language)}
    return world


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("reason", "kind"), REASONS)
async def test_row_11_the_default_greeting_names_the_owner_who_recorded_a_name(
    reason: Reason, kind: str, language: Language
) -> None:
    world = await leave(*LEAVE, reason=reason, name_recording=NAME, language=language)
    assert world.heard[:4] == ["greeting-mailbox-of-name", NAME, f"greeting-named-{kind}", "tone-record"]
    assert {"id": f"greeting-{kind}"} in world.call.notes("prompt")
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", [None, "missing", "empty"])
@pytest.mark.parametrize("own", [None, "missing", "empty"])
async def test_row_11_what_is_missing_or_broken_falls_back_to_the_default_greeting(
    name: str | None, own: str | None, language: Language
) -> None:
    world = await leave(*LEAVE, reason=Reason.BUSY, name_recording=name, busy_greeting=own, language=language)
    assert world.heard[:2] == ["greeting-busy", "tone-record"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("values", "heard"),
    [
        ({}, ["greeting-away"]),
        ({"away_greeting": OWN}, [OWN]),
        ({"away_greeting": "missing"}, ["greeting-away"]),
        ({"name_recording": NAME}, ["greeting-mailbox-of-name", NAME, "greeting-named-away"]),
    ],
)
async def test_row_11_away_with_recording(values: dict[str, Any], heard: list[str], language: Language) -> None:
    for reason, _ in REASONS:
        world = await leave(*LEAVE, reason=reason, away=True, busy_greeting=OWN, language=language, **values)
        assert world.heard == [*heard, "tone-record"]
        assert len(world.deposits.accepted) == 1


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("values", "heard"),
    [
        ({}, ["greeting-away-closed"]),
        ({"away_greeting": OWN}, [OWN, "menu-goodbye"]),
        ({"name_recording": NAME}, ["greeting-mailbox-of-name", NAME, "greeting-named-away-closed"]),
    ],
)
async def test_row_11_away_without_recording_says_so_and_hangs_up(
    values: dict[str, Any], heard: list[str], language: Language
) -> None:
    world = await leave(away=True, away_recording=False, record_notice=True, language=language, **values)
    assert world.heard == heard
    assert world.call.over
    assert world.call.recordings == []
    assert world.space.held == 0


@pytest.mark.parametrize("language", Language)
async def test_away_without_recording_still_leads_to_whom_zero_leads(language: Language) -> None:
    world = await leave(
        press("0"), ring(TransferEnd.NO_ANSWER), away=True, away_recording=False, zero_out="1009", language=language
    )
    assert world.outcalls.asked == [("1001", "1009")]
    assert world.heard == ["greeting-away-closed", "transfer-connecting", "transfer-failed-goodbye"]
    ignored = await leave(press("0"), away=True, away_recording=False, language=language)
    assert ignored.outcalls.asked == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("values", "after"),
    [({}, "greeting-unavailable"), ({"no_answer_greeting": OWN}, OWN), ({"away": True}, "greeting-away")],
)
async def test_row_21_the_recording_notice_goes_before_the_greeting(
    values: dict[str, Any], after: str, language: Language
) -> None:
    world = await leave(*LEAVE, record_notice=True, language=language, **values)
    assert world.heard == ["greeting-record-notice", after, "tone-record"]


@pytest.mark.parametrize("language", Language)
async def test_a_key_skips_the_whole_of_a_greeting_in_parts(language: Language) -> None:
    for at_s in (0.5, 1.5, 2.5, 3.5):
        world = await leave(
            *(press("5", at_s=at_s), press("#", at_s=at_s), *LEAVE),
            record_notice=True,
            name_recording=NAME,
            language=language,
        )
        assert world.heard[-1] == "tone-record"
        assert "greeting-named-unavailable" not in world.heard or at_s > 3


# --- `*` for the portal


def caller(*steps: Step, language: Language, allowed: bool = False, device: str | None = None) -> World:
    who = replace(facts("1002" if device else "+493012345678", device=device), caller_login=allowed)
    world = World(steps, facts=who, mailboxes=[replace(ANNA, language=language)])
    world.directory.company = replace(BEISPIEL, language=language)
    return world


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("at_s", [0.0, 0.5])
async def test_security_row_3_star_does_nothing_for_callers_from_outside(at_s: float, language: Language) -> None:
    world = await leave(world=caller(press("*", at_s=at_s), *LEAVE, language=language), language=language)
    assert world.heard == ["greeting-unavailable", "tone-record"]
    assert world.languages == {language}
    closed = caller(press("*", at_s=at_s), language=language)
    await leave(world=closed, away=True, away_recording=False, language=language)
    assert closed.heard == ["greeting-away-closed"]
    assert closed.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("values", [{}, {"away": True, "away_recording": False}])
async def test_security_row_3_star_leads_to_the_portal_where_the_company_allows_it(
    values: dict[str, Any], language: Language
) -> None:
    steps: list[Step] = [press("*"), press("1001#"), press("274913#"), listen_to("menu-main"), press("9")]
    world = await leave(world=caller(*steps, allowed=True, language=language), language=language, **values)
    assert world.heard[1:3] == ["login-welcome", "login-pin"]
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": True, "by": "pin"}]
    assert world.languages == {language}
    assert world.space.held == 0, "no message will be left"


@pytest.mark.parametrize("language", Language)
async def test_star_leads_a_phone_of_the_house_to_the_portal(language: Language) -> None:
    world = caller(press("*"), listen_to("login-number"), hang_up(), device="1002", language=language)
    await leave(world=world, language=language)
    assert world.call.recordings == []
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_star_after_too_short_a_recording_is_no_login(language: Language) -> None:
    steps: list[Step] = [speak(1), press("#"), press("*"), speak(5), hang_up()]
    world = await leave(world=caller(*steps, allowed=True, language=language), language=language)
    assert "login-welcome" not in world.heard
    assert len(world.deposits.accepted) == 1
    assert world.languages == {language}


# --- colleagues by name


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("who", "named"),
    [
        (Caller("1002"), True),
        (Caller("+492115551002"), True),
        (Caller("1002", withheld=True), False),
        (Caller("1003"), False),
        (Caller("+4930123456"), False),
        (Caller(None), False),
    ],
)
async def test_a_colleague_is_named_in_the_envelope(who: Caller, named: bool, language: Language) -> None:
    ben = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Ben", name_recording=NAME)
    carla = replace(ANNA, id=3, number="1003", phone=None, name="Carla", name_recording="broken")
    world = World(
        [press("1"), press("1"), press("5"), listen_to("envelope-length"), hang_up()],
        mailboxes=[replace(ANNA, auto_login=True, language=language), ben, carla],
        messages=[message("m", caller=who)],
        clips={NAME: 1.0},
        facts=facts("1001", device="1001"),
    )
    await world.call.run(portal(world.call, world.services))
    assert (NAME in world.heard) is named
    if named:
        at = world.heard.index(NAME)
        assert world.heard[at - 1 : at + 2] == ["caller-name", NAME, "envelope-length"]
    assert world.languages == {language}
