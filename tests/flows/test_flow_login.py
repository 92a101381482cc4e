"""Logging in: who is asked for what, how often, and what is let slip to whom (nothing)."""

from dataclasses import replace

import pytest

from ivr.call import Facts, Line
from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, press, silence
from ivr.scripted import facts
from prompts.phrases import Phrase
from tests.fakes.voicemail import ANNA, BEISPIEL, World
from voicebox.errors import DatabaseUnavailable
from voicebox.i18n import Language

BEN = replace(ANNA, id=2, number="1002", phone="+492115551002", language=Language.EN)
STRANGER = facts("+493099999999", called="8000")
OWN = facts("+492115551001", called="8000")
NUMBER, PIN, PIN_KNOWN = "login-number", "login-pin", "login-pin-known"
OPENED = "login-opened-number"
RIGHT: list[Step] = [press("1001#"), press("274913#")]
WRONG: list[Step] = [press("1001#"), press("111111#")]


EACH_LANGUAGE = pytest.mark.parametrize("language", Language)


def new_world(
    *steps: Step,
    language: Language,
    who: Facts = STRANGER,
    auto: bool = False,
    name_recording: str | None = None,
    hang_up_at: int | None = None,
) -> World:
    """Return a call to a company of one language, Anna's and Ben's."""
    anna = replace(ANNA, auto_login=auto, language=language, name_recording=name_recording)
    world = World(
        steps,
        mailboxes=[anna, replace(BEN, language=language)],
        aliases={"+491701234567": "1001"},
        clips={"name": 1.5},
        facts=who,
        hang_up_at=hang_up_at,
    )
    world.directory.company = replace(BEISPIEL, language=language)
    return world


async def enter(
    *steps: Step,
    language: Language,
    who: Facts = STRANGER,
    leave: bool = True,
    world: World | None = None,
    auto: bool = False,
) -> World:
    """Call the portal, and leave it from the main menu; everything is said in the one language."""
    world = world or new_world(*steps, *([press("9")] if leave else []), language=language, who=who, auto=auto)
    await world.call.run(portal(world.call, world.services))
    assert world.languages == ({language} if world.heard else set())
    return world


# --- who is asked for what


@EACH_LANGUAGE
async def test_a_stranger_is_asked_for_number_and_passcode(language: Language) -> None:
    world = await enter(*RIGHT, language=language)
    assert world.heard[:4] == ["login-welcome", PIN, OPENED, "menu-goodbye"]
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": True, "by": "pin"}]


@EACH_LANGUAGE
async def test_what_is_asked_is_heard_whole(language: Language) -> None:
    world = await enter(
        *(listen_to(NUMBER), press("1001#"), listen_to(PIN), press("274913#"), listen_to("option-main-9")),
        language=language,
    )
    assert world.heard[:4] == ["login-welcome", NUMBER, PIN, OPENED]


@EACH_LANGUAGE
@pytest.mark.parametrize("caller", ["+492115551001", "1001", "+491701234567"], ids=["phone", "extension", "alias"])
async def test_a_known_number_is_asked_for_the_passcode_only(caller: str, language: Language) -> None:
    world = await enter(listen_to(PIN_KNOWN), press("274913#"), who=facts(caller), language=language)
    assert NUMBER not in world.heard
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": True, "by": "pin"}]


@EACH_LANGUAGE
@pytest.mark.parametrize("line", [Line.CLAIMED, Line.TRUNK])
async def test_a_withheld_number_is_asked_for_both(line: Line, language: Language) -> None:
    world = await enter(*RIGHT, who=facts("+492115551001", withheld=True, line=line), auto=True, language=language)
    assert PIN in world.heard


@EACH_LANGUAGE
@pytest.mark.parametrize(
    ("who", "by"),
    [(facts("+492115551001", line=Line.TRUNK), "trunk"), (facts("1001", device="1001"), "device")],
)
@pytest.mark.parametrize("auto", [True, False])
async def test_only_a_verified_line_spares_the_passcode_where_it_is_switched_on(
    who: Facts, by: str, language: Language, *, auto: bool
) -> None:
    world = await enter(*([] if auto else [press("274913#")]), who=who, auto=auto, language=language)
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": True, "by": by if auto else "pin"}]
    assert ("login-welcome" in world.heard) is not auto


@EACH_LANGUAGE
async def test_a_claimed_number_is_asked_for_the_passcode_even_with_automatic_login(language: Language) -> None:
    world = await enter(listen_to(PIN_KNOWN), press("274913#"), who=OWN, auto=True, language=language)
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": True, "by": "pin"}]


@EACH_LANGUAGE
async def test_automatic_login_works_while_the_mailbox_is_locked(language: Language) -> None:
    world = new_world(press("9"), language=language, who=facts("1001", device="1001"), auto=True)
    world.access.locked.add("1001")
    await enter(world=world, language=language)
    assert OPENED in world.heard


@EACH_LANGUAGE
@pytest.mark.parametrize("star", ["*", "27*"])
async def test_star_means_not_my_phone(star: str, language: Language) -> None:
    world = new_world(press(star), press("1002#"), press("608315#"), press("9"), language=language, who=OWN)
    world.access.pins["1002"] = "608315"
    await enter(world=world, language=language)
    assert world.access.attempts == [("1002", "1002", "number:+492115551001")]
    assert world.heard[:3] == ["login-welcome", NUMBER, PIN]


@EACH_LANGUAGE
@pytest.mark.parametrize("typed", ["1001", "02115551001", "5551001", "00492115551001", "01701234567"])
async def test_the_number_may_be_the_extension_the_full_number_or_an_alias(typed: str, language: Language) -> None:
    world = await enter(press(f"{typed}#"), press("274913#"), language=language)
    assert world.call.notes("login")[0]["ok"]


# --- wrong answers


@EACH_LANGUAGE
async def test_three_tries_a_call(language: Language) -> None:
    world = await enter(*WRONG, *WRONG, *WRONG, leave=False, language=language)
    assert world.heard.count("login-wrong") == 2
    assert world.heard[-1] == "login-wrong-goodbye"
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": False, "by": "pin"}] * 3
    assert world.call.cause == ""


@EACH_LANGUAGE
async def test_the_third_try_may_be_right(language: Language) -> None:
    world = await enter(*WRONG, *WRONG, *RIGHT, language=language)
    assert OPENED in world.heard


@EACH_LANGUAGE
async def test_tries_are_counted_over_both_ways_in(language: Language) -> None:
    world = await enter(press("111111#"), press("111111#"), press("*"), *WRONG, who=OWN, leave=False, language=language)
    assert len(world.access.attempts) == 3
    assert world.heard[-1] == "login-wrong-goodbye"


@EACH_LANGUAGE
async def test_a_number_that_nobody_has_sounds_like_one_with_a_wrong_passcode(language: Language) -> None:
    known = await enter(*WRONG, *WRONG, *WRONG, leave=False, language=language)
    unknown = await enter(
        *(press("7777#"), press("111111#"), press("999999999#"), press("111111#"), press("0#"), press("111111#")),
        leave=False,
        language=language,
    )
    assert unknown.heard == known.heard
    assert unknown.call.now_s == known.call.now_s
    assert unknown.call.notes("login") == [{"mailbox": None, "ok": False, "by": "pin"}] * 3
    tried = [typed for _, typed, _ in unknown.access.attempts]
    assert tried[0] == "7777"
    assert len(set(tried)) == 3


@EACH_LANGUAGE
async def test_security_row_7_a_number_that_nobody_has_is_one_number_in_every_spelling(language: Language) -> None:
    spelled = ("02115559999", "00492115559999", "5559999")
    world = await enter(
        *(step for each in spelled for step in (press(f"{each}#"), press("111111#"))), leave=False, language=language
    )
    assert {typed for _, typed, _ in world.access.attempts} == {"+492115559999"}


@EACH_LANGUAGE
async def test_the_answer_comes_400_ms_after_the_hash(language: Language) -> None:
    world = await enter(*RIGHT, language=language)
    secret, login = (
        next(entry["t"] for entry in world.call.trace.entries if entry["event"] == event)
        for event in ("secret", "login")
    )
    assert round(login - secret, 3) == 0.4


@EACH_LANGUAGE
async def test_a_locked_mailbox_is_told_and_the_call_ends(language: Language) -> None:
    world = new_world(*RIGHT, language=language)
    world.access.locked.add("1001")
    await enter(world=world, language=language)
    assert world.heard[-1] == "login-locked"
    assert world.call.notes("locked") == [{}]
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": False, "by": "pin"}]
    assert world.call.over


@EACH_LANGUAGE
async def test_a_thousand_digits_are_one_try(language: Language) -> None:
    burst = "".join(f"{pin}#" for pin in range(100000, 100150))
    assert len(burst) > 1000
    world = await enter(press("1001#"), press(burst), silence(), silence(), silence(), leave=False, language=language)
    assert len(world.access.attempts) == 1


@EACH_LANGUAGE
async def test_a_thousand_digits_without_hash_are_one_try(language: Language) -> None:
    world = await enter(
        press("1001#"), press("274913" * 170), silence(), *[silence()] * 3, leave=False, language=language
    )
    assert world.access.attempts == [("1001", "1001", "number:+493099999999")]
    assert world.call.notes("login") == [{"mailbox": "1001", "ok": False, "by": "pin"}]


@EACH_LANGUAGE
async def test_what_was_typed_before_the_answer_is_forgotten(language: Language) -> None:
    world = await enter(
        press("1001#"),
        press("274913#9999"),
        press("1"),
        listen_to("option-mailbox-1"),
        hang_up(),
        leave=False,
        language=language,
    )
    assert "menu-mailbox" in world.heard


@EACH_LANGUAGE
async def test_an_empty_passcode_is_no_try_and_no_way_in(language: Language) -> None:
    world = new_world(press("1001#"), press("#"), press("#"), press("#"), language=language)
    world.access.pins = {"1001": ""}
    await enter(world=world, language=language)
    assert world.access.attempts == []
    assert world.heard[-1] == "menu-goodbye-no-input"


# --- silence, going back, leaving


@EACH_LANGUAGE
@pytest.mark.parametrize(
    "steps",
    [
        [silence(), silence(), silence()],
        [press("1001#"), silence(), silence(), silence()],
        [press("#"), press("#"), press("#")],
    ],
)
async def test_three_silences_end_the_login(steps: list[Step], language: Language) -> None:
    world = await enter(*steps, leave=False, language=language)
    assert world.heard.count("login-no-input") == 2
    assert world.heard[-1] == "menu-goodbye-no-input"
    assert world.call.over


@EACH_LANGUAGE
async def test_a_number_clears_the_silences(language: Language) -> None:
    world = await enter(silence(), silence(), press("1001#"), silence(), silence(), press("274913#"), language=language)
    assert OPENED in world.heard


@EACH_LANGUAGE
async def test_star_takes_back_a_number(language: Language) -> None:
    world = await enter(press("77*"), *RIGHT, language=language)
    assert world.access.attempts[0][1] == "1001"


@EACH_LANGUAGE
async def test_star_alone_leaves(language: Language) -> None:
    world = await enter(press("*"), leave=False, language=language)
    assert world.heard[-1] == "menu-goodbye"
    assert world.call.over


@EACH_LANGUAGE
async def test_star_at_the_passcode_goes_back_to_the_number(language: Language) -> None:
    world = await enter(press("1002#"), press("*"), *RIGHT, language=language)
    assert [number for number, _, _ in world.access.attempts] == ["1001"]


@EACH_LANGUAGE
async def test_going_to_and_fro_comes_to_an_end(language: Language) -> None:
    world = await enter(*(press("12*"), press("12*"), press("12*")), leave=False, language=language)
    assert world.heard[-1] == "menu-goodbye-invalid"


# --- what is said and kept


@EACH_LANGUAGE
async def test_the_companys_language_until_the_mailbox_is_known(language: Language) -> None:
    (other,) = set(Language) - {language}
    steps: list[Step] = [listen_to(NUMBER), press("1002#"), press("608315#"), press("9")]
    world = World(steps, mailboxes=[replace(BEN, language=other)], facts=STRANGER)
    world.directory.company = replace(BEISPIEL, language=language)
    world.access.pins = {"1002": "608315"}
    await world.call.run(portal(world.call, world.services))
    spoken = [sound for sound in world.call.played if isinstance(sound, Phrase)]
    assert {sound.title for sound in spoken if sound.language is language} == {"login-welcome", NUMBER, PIN}
    assert {sound.language for sound in spoken[3:]} == {other}


@EACH_LANGUAGE
async def test_the_mailbox_is_named_and_its_messages_are_counted(language: Language) -> None:
    world = await enter(*RIGHT, listen_to("option-main-1"), language=language)
    at = world.heard.index(OPENED)
    assert world.heard[at : at + 4] == [OPENED, "digits-10-on", "digits-01", "folder-empty"]


@EACH_LANGUAGE
async def test_the_owners_recorded_name_opens_the_mailbox(language: Language) -> None:
    world = new_world(*RIGHT, listen_to("name"), press("9"), language=language, name_recording="name")
    await enter(world=world, language=language)
    assert world.heard[-4:] == ["login-opened-name", "name", "folder-empty", "menu-goodbye"]


@EACH_LANGUAGE
async def test_no_passcode_is_in_the_trace(language: Language) -> None:
    world = await enter(*WRONG, *RIGHT, language=language)
    assert "274913" not in str(world.call.trace.entries)
    assert [note["count"] for note in world.call.notes("secret")] == [6, 6]
    keys = "".join(note["key"] for note in world.call.notes("key"))
    assert keys == "1001#1001#9"


@EACH_LANGUAGE
async def test_a_database_that_is_away_is_apologised_for(language: Language) -> None:
    world = new_world(*RIGHT, language=language)
    world.access.gone = True
    with pytest.raises(DatabaseUnavailable):
        await enter(world=world, language=language)
    assert world.heard[-1] == "menu-error"
    assert world.languages == {language}
    assert world.call.over


async def test_a_company_that_is_gone_is_an_error() -> None:
    world = World(facts=facts(company_id=99))
    with pytest.raises(LookupError, match="99"):
        await enter(world=world, language=Language.DE)


@EACH_LANGUAGE
@pytest.mark.parametrize("operation", range(8))
async def test_hanging_up_anywhere_ends_the_login(operation: int, language: Language) -> None:
    world = new_world(*WRONG, *RIGHT, press("9"), language=language, hang_up_at=operation)
    await enter(world=world, language=language)
    assert world.call.over
    assert world.call.cause is None
