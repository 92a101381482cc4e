"""The demo from beginning to end: sets the stage, plays the story, and cleans up whatever happens."""

import asyncio
import io
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from voicebox.demo.company import example
from voicebox.demo.faults import DemoError
from voicebox.demo.lamp import lamps
from voicebox.demo.letters import letterbox
from voicebox.demo.live import LiveStage
from voicebox.demo.service import Service, remove_folder
from voicebox.demo.stage import Plain, Stage
from voicebox.demo.story import Story
from voicebox.demo.wording import Words, words
from voicebox.i18n import Language

WIDTH_LEAST: Final = 80
"""Columns the live view needs; a narrower terminal gets plain lines."""


async def demonstrate(language: Language, *, once: bool, plain: bool) -> bool:
    """Play the demo; returns whether all of it went well. SIGINT, SIGTERM and SIGHUP end it in order."""
    texts = words(language)
    console = Console(highlight=False)
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if me is not None:
            loop.add_signal_handler(number, me.cancel)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without “ must not end the demo
    if plain or not console.is_terminal or console.width < WIDTH_LEAST:
        return await play(Plain(texts.failed, texts.log), texts, language, once=once)
    with LiveStage(console, texts.failed, texts.log) as stage:
        return await play(stage, texts, language, once=once)


async def play(stage: Stage, texts: Words, language: Language, *, once: bool) -> bool:
    """Play the demo on a stage; returns whether all of it went well."""
    folder = Path(tempfile.mkdtemp(prefix="voicebox-demo-"))
    company = example(language)
    told = False
    try:
        async with lamps() as lights, letterbox() as box:
            service = Service(folder, usual_ports=not once, lamp_port=lights.port, smtp_port=box.port, company=company)
            story = Story(stage, texts, company, service=service, lamps=lights, letterbox=box)
            try:
                await story.set_up()
                async with service.serving() as ready:
                    story.listening(ready)
                    await story.leave_message(ready)
                    await story.look()
                    await story.fetch_message(ready)
                    story.hand_over(ready, staying=not once)
                    told = True
                    if not once:
                        await story.watch()
            except DemoError as error:
                stage.fail(str(error), service.log_lines())
                return False
    except asyncio.CancelledError:
        if told:
            stage.end()
        else:
            stage.fail(texts.interrupted, [])
        return told
    finally:
        remove_folder(folder)
    return True
