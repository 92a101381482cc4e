"""More, key 4: a copy of the message by mail, once per press, with words where there is no address."""

from dataclasses import replace

import pytest

from ivr.flows.portal import portal
from ivr.script import Step, hang_up, listen_to, press, silence
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, World, message
from voicebox.errors import DatabaseUnavailable
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Message

OWNER = replace(ANNA, auto_login=True, email="anna@example.org")
ONE = message("one", length_s=10.0)


async def more(*steps: Step, language: Language = Language.DE, owner: Mailbox = OWNER, kept: Message = ONE) -> World:
    """Open the mailbox, go to its message, and choose More while it plays."""
    world = World(
        [press("1"), press("1"), press("9", at_s=6.0), *steps],
        mailboxes=[replace(owner, language=language)],
        messages=(kept,),
        facts=facts("1001", device="1001"),
    )
    await world.call.run(portal(world.call, world.services))
    assert world.languages == {language}
    return world


@pytest.mark.parametrize("language", Language)
async def test_four_mails_a_copy_and_goes_on_where_it_was(language: Language) -> None:
    world = await more(press("4"), listen_to("one"), listen_to("message-end"), hang_up(), language=language)
    assert world.copies.mailed == ["one"]
    heard = world.heard
    at = heard.index("message-mailed")
    assert heard[at + 1] == "one", "playing goes on"


@pytest.mark.parametrize("language", Language)
async def test_each_press_is_one_mail(language: Language) -> None:
    world = await more(press("4"), press("9"), press("4"), press("9"), press("4"), hang_up(), language=language)
    assert world.copies.mailed == ["one"] * 3


@pytest.mark.parametrize("language", Language)
async def test_without_an_address_it_is_refused_in_words(language: Language) -> None:
    owner = replace(OWNER, email=None)
    world = await more(press("4"), listen_to("message-no-address"), hang_up(), language=language, owner=owner)
    assert world.copies.mailed == []
    assert "message-mailed" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_a_confidential_one_is_mailed_as_a_link_and_that_is_said(language: Language) -> None:
    kept = replace(ONE, confidential=True)
    world = await more(press("4"), listen_to("message-mailed-link"), hang_up(), language=language, kept=kept)
    assert world.copies.mailed == ["one"]
    assert "message-mailed" not in world.heard


@pytest.mark.parametrize("language", Language)
async def test_silence_and_wrong_keys_in_more_mail_nothing(language: Language) -> None:
    world = await more(press("0"), silence(), press("7"), silence(), silence(), language=language)
    assert world.copies.mailed == []
    assert world.heard[-1] == "menu-goodbye-no-input"


async def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(
        [press("1"), press("1"), press("9"), press("4"), listen_to("menu-error")],
        mailboxes=[OWNER],
        messages=(ONE,),
        facts=facts("1001", device="1001"),
    )

    async def away(mailbox: Mailbox, message: Message) -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(world.copies, "mail", away)
    with pytest.raises(DatabaseUnavailable):
        await world.call.run(portal(world.call, world.services))
    assert "message-mailed" not in world.heard
