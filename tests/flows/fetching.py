"""Opening a mailbox by a scripted call from one's own phone, and going to its messages."""

from dataclasses import replace

from ivr.call import Clip
from ivr.flows.portal import portal
from ivr.script import Step, listen_to, press
from ivr.scripted import facts
from tests.fakes.voicemail import ANNA, World, message
from voicebox.i18n import Language
from voicebox.message import Message

ONE = (message("one", length_s=10.0),)
TWO = (message("one", minutes_ago=20), message("two", minutes_ago=10))
LEAVE: list[Step] = [press("*"), press("*"), press("9")]
"""From a message to the mailbox menu, the main menu, and out."""
NO_MORE = "folder-no-more"
HEADING = listen_to("heading-first-new")


async def fetch(
    *steps: Step,
    messages: tuple[Message, ...] = ONE,
    language: Language = Language.DE,
    clips: dict[str, float] | None = None,
    folder: str = "1",
    hang_up_at: int | None = None,
) -> World:
    """Open the mailbox from one's own phone and go to the messages, or (`folder` 9) to the deleted ones."""
    world = new_world(messages, language=language, clips=clips, hang_up_at=hang_up_at)
    return await go(world, *steps, folder=folder)


def new_world(
    messages: tuple[Message, ...] = ONE,
    *,
    language: Language = Language.DE,
    clips: dict[str, float] | None = None,
    hang_up_at: int | None = None,
) -> World:
    return World(
        mailboxes=[replace(ANNA, auto_login=True, language=language)],
        messages=messages,
        clips=clips,
        facts=facts("1001", device="1001"),
        hang_up_at=hang_up_at,
    )


async def go(world: World, *steps: Step, folder: str = "1") -> World:
    world.call.follow([press("1"), press(folder), *steps])
    await world.call.run(portal(world.call, world.services))
    assert world.languages <= {world.directory.listed[0].language}
    return world


def clips_of(world: World) -> list[Clip]:
    return [sound for sound in world.call.played if isinstance(sound, Clip)]


def since(world: World, first: str) -> list[str]:
    return world.heard[world.heard.index(first) :]


def positions(world: World) -> list[float]:
    return [round(clip.start_s, 3) for clip in clips_of(world)]
