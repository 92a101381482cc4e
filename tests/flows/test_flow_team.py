"""Team mailboxes: opened from a member's own, claimed, handled, and never by two at once."""

from dataclasses import replace

import pytest

from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, World, message
from voicebox.distribution import Audience
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Message, State

BERT = replace(ANNA, id=2, number="1002", phone="+492115551002", name="Bert")
SALES = replace(ANNA, id=20, number="2000", phone=None, name="Verkauf", team=True, language=Language.EN)
HELP = replace(ANNA, id=21, number="2100", phone=None, name="Hilfe", team=True)
LEAVE: list[Step] = [press("*"), press("9")]
"""From a team's message to the main menu, and out."""
HEADING = listen_to("heading-first-new")


async def visit(
    *steps: Step,
    language: Language = Language.DE,
    teams: tuple[Mailbox, ...] = (SALES,),
    messages: tuple[Message, ...] = (message("m"),),
    world: World | None = None,
) -> World:
    """Log in from one's own phone, to the main menu."""
    world = world or new_world(language=language, teams=teams, messages=messages)
    world.call.follow(list(steps))
    await world.call.run(portal(world.call, world.services))
    return world


def new_world(
    *,
    language: Language = Language.DE,
    teams: tuple[Mailbox, ...] = (SALES,),
    messages: tuple[Message, ...] = (message("m"),),
) -> World:
    anna = replace(ANNA, auto_login=True, language=language)
    world = World(mailboxes=[anna, BERT, *teams], messages=messages, facts=facts("1001", device="1001"))
    world.teams.teams = list(teams)
    return world


@pytest.mark.parametrize("language", Language)
async def test_a_member_opens_the_teams_mailbox_and_hears_it_in_their_own_language(language: Language) -> None:
    world = await visit(
        listen_to("option-main-5"), press("5"), HEADING, press("5", at_s=1.0), listen_to("m"), *LEAVE, language=language
    )
    at = world.heard.index("team-opened")
    assert world.heard[at : at + 4] == ["team-opened", "digits-20-on", "digits-00", "new-messages-1"]
    assert world.languages == {language}
    assert world.call.notes("team") == [{"mailbox": "2000", "member": "1001"}]
    assert world.inbox.state("m") is State.SAVED


@pytest.mark.parametrize("language", Language)
async def test_whoever_belongs_to_no_team_is_not_offered_one(language: Language) -> None:
    world = await visit(silence(), press("5"), listen_to("menu-invalid"), press("9"), teams=(), language=language)
    assert "option-main-5" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_of_several_teams_one_is_chosen_by_its_extension(language: Language) -> None:
    world = await visit(
        *(press("5"), press("2100#"), HEADING, press("*", at_s=1.0)),
        *(press("5"), press("3000#"), listen_to("team-unknown"), press("5"), press("*"), listen_to("menu-cancelled")),
        *(press("5"), silence(), listen_to("menu-cancelled"), press("9")),
        teams=(SALES, HELP), language=language,
    )  # fmt: skip
    assert world.call.notes("team") == [{"mailbox": "2100", "member": "1001"}]
    assert world.languages == {language}


async def test_an_empty_team_mailbox_leads_back_to_the_main_menu() -> None:
    world = await visit(press("5"), listen_to("menu-main"), press("9"), messages=())
    assert "folder-empty" in world.heard


@pytest.mark.parametrize("language", Language)
async def test_a_message_is_claimed_and_the_envelope_says_so(language: Language) -> None:
    world = await visit(
        *(press("5"), HEADING, press("9", at_s=1.0), listen_to("option-more-6"), press("6")),
        *(listen_to("message-claimed"), press("5", at_s=1.0), listen_to("message-claimed"), *LEAVE),
        language=language,
    )  # fmt: skip
    assert world.inbox.all["m"].claimed_by == ANNA.id
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("before", "key", "said"),
    [
        ({"claimed_by": 2}, "6", "message-already-claimed"),
        ({"claimed_by": 1}, "6", "message-claimed"),
        ({"handled_by": 2}, "6", "message-already-handled"),
        ({"handled_by": 2}, "5", "message-already-handled"),
        ({"claimed_by": 2}, "5", "message-handled"),
        ({}, "5", "message-handled"),
    ],
)
async def test_what_somebody_has_taken_or_done_is_told(
    language: Language, before: dict[str, int], key: str, said: str
) -> None:
    given = replace(message("m"), **before)  # type: ignore[arg-type] # its own fields
    world = await visit(press("5"), HEADING, press("9", at_s=1.0), press(key), listen_to(said), *LEAVE,
                        messages=(given,), language=language)  # fmt: skip
    assert world.languages == {language}


@pytest.mark.parametrize("language", Language)
async def test_the_envelope_names_a_colleague_who_claimed_or_handled(language: Language) -> None:
    given = replace(message("m"), claimed_by=2, handled_by=2)
    world = await visit(press("5"), HEADING, press("5", at_s=1.0), listen_to("m"), *LEAVE,
                        messages=(given,), language=language)  # fmt: skip
    for stem in ("claimed", "handled"):
        at = world.heard.index(f"envelope-{stem}-extension")
        assert world.heard[at : at + 3] == [f"envelope-{stem}-extension", "digits-10-on", "digits-02"]


async def test_a_copy_by_mail_goes_to_the_member_on_the_line() -> None:
    world = new_world()
    world.directory.listed[0] = replace(world.directory.listed[0], email="anna@example.org")
    await visit(
        press("5"), HEADING, press("9", at_s=1.0), press("4"), listen_to("message-mailed"), hang_up(), world=world
    )
    assert world.copies.mailed == ["m"]


@pytest.mark.parametrize("key", "56")
async def test_a_message_that_a_colleague_deleted_meanwhile_is_gone(key: str) -> None:
    world = new_world()
    await visit(
        *(press("5"), HEADING, press("9", at_s=1.0), meanwhile(lambda: world.inbox.delete("m")), press(key)),
        *(listen_to("message-gone"), press("9")),
        world=world,
    )  # fmt: skip
    assert world.inbox.all["m"].claimed_by is None


async def test_a_message_that_is_gone_for_good_is_too() -> None:
    world = new_world()

    async def purge() -> None:
        world.inbox.purge("m")

    await visit(press("5"), HEADING, press("9", at_s=1.0), meanwhile(purge), press("6"), listen_to("message-gone"),
                press("9"), world=world)  # fmt: skip
    assert world.inbox.all == {}


@pytest.mark.parametrize("language", Language)
async def test_ones_own_messages_are_marked_handled_but_not_claimed(language: Language) -> None:
    world = await visit(
        *(press("1"), press("1"), HEADING, press("9", at_s=1.0), press("6"), listen_to("menu-invalid"), press("5")),
        *(listen_to("message-handled"), press("5", at_s=1.0), listen_to("message-handled"), press("*"), *LEAVE),
        teams=(), language=language,
    )  # fmt: skip
    assert "option-more-6" not in world.heard
    assert (world.inbox.all["m"].handled_by, world.inbox.all["m"].claimed_by) == (ANNA.id, None)


async def test_a_team_message_is_forwarded_in_the_members_own_name() -> None:
    world = await visit(
        *(press("5"), HEADING, press("9", at_s=1.0), press("2"), press("3"), press("1002#"), press("#")),
        *(listen_to("m"), *LEAVE),
    )  # fmt: skip
    (sent,) = world.distribution.dispatched
    assert (sent.sender.number, sent.audience) == ("1001", Audience(people=(BERT,)))


async def test_hanging_up_in_a_teams_mailbox_leaves_what_was_not_heard_new() -> None:
    world = await visit(press("5"), HEADING, hang_up())
    assert world.inbox.state("m") is State.NEW
