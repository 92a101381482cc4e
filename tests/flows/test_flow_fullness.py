"""Row 21: a subscriber hears at the login that the mailbox is full, or almost so; and what could not be mailed."""

from dataclasses import replace

import pytest

from ivr.flows.portal import portal
from ivr.script import hang_up, listen_to, press
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, World, message
from voicebox.i18n import Language


def world(language: Language, left_s: float, *kept: str) -> World:
    made = World(
        [listen_to("menu-main"), press("9")],
        mailboxes=[replace(ANNA, auto_login=True, language=language, quota_s=6000)],
        facts=facts("1001", device="1001"),
    )
    made.deposits.left_s = left_s
    return made


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        (6000.0, None),
        (600.0, None),
        (599.9, "folder-almost-full"),
        (2.0, "folder-almost-full"),
        (1.9, "folder-full"),
        (0.0, "folder-full"),
    ],
)
async def test_row_21_a_full_mailbox_is_told_to_its_owner_at_the_login(
    language: Language, left_s: float, said: str | None
) -> None:
    visit = world(language, left_s)
    await visit.call.run(portal(visit.call, visit.services))
    assert [each for each in visit.heard if "full" in each] == ([said] if said else [])
    assert visit.languages == {language}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("warning", ["mail-refused", "confidential", "audio-lost", "unconfirmed"])
async def test_row_13_a_message_that_could_not_be_mailed_says_so(language: Language, warning: str) -> None:
    kept = (replace(message("m"), warning=warning), message("n", minutes_ago=30))
    visit = World(
        [press("1"), press("1"), listen_to("m"), press("#"), listen_to("n"), hang_up()],
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        messages=kept,
        facts=facts("1001", device="1001"),
    )
    await visit.call.run(portal(visit.call, visit.services))
    heard = visit.heard
    assert heard.count("message-not-mailed") == 1
    assert heard.index("heading-first-new") < heard.index("message-not-mailed") < heard.index("m")
    assert visit.languages == {language}
