"""What the web side is made of, as the composition root hands it over."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from voicebox.announcements import Announcements
from voicebox.clock import Clock
from voicebox.config import Config
from voicebox.directory import Directory
from voicebox.events import Events
from voicebox.library import AudioLibrary
from voicebox.metrics import Metrics
from voicebox.storage.database import Database

Check = Callable[[], Awaitable[None]]
"""Raises, with a reason fit for an operator, while its part does not work."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class WebParts:
    """What the web side is made of."""

    config: Config
    db: Database
    directory: Directory
    library: AudioLibrary
    announcements: Announcements
    events: Events
    clock: Clock
    metrics: Metrics
    checks: Mapping[str, Check]
    """What `/readyz` asks, by name."""
    collect: Callable[[], None] = _nothing
    """Brings the figures that are kept elsewhere into `metrics`; called before they are read."""


PARTS: Final = web.AppKey("parts", WebParts)
