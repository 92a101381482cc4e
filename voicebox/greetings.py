"""What callers of a mailbox hear: own greetings, alternatives, away, the owner's name (voicemail.md, rows 11 and 12).

A recording made by phone is mastered in the worker and kept before anything refers to it; then one transaction names it
as an announcement, chooses it, has the mailbox play it and has the owner told. Only after that the subscriber hears
that it is kept. A crash before leaves the old greeting, and audio that nobody names, which ageing sweeps up.

What plays stands in the mailbox's row. Every change is compared with what its maker saw: None is returned where
somebody else was quicker, and nothing was changed.
"""

from datetime import datetime
from typing import Any, Final

from voicebox.announcement import TO_DEFAULT, Change, Choice, Kind, Master
from voicebox.clock import Clock
from voicebox.errors import RecordingBroken, RecordingElsewhere
from voicebox.events import Events
from voicebox.greeting_file import Fault, GreetingRefused
from voicebox.i18n import Language
from voicebox.library import Assemble
from voicebox.mailbox import Mailbox
from voicebox.mastered import keep
from voicebox.message import Take
from voicebox.notices import change_and_tell
from voicebox.storage import announcements, mailboxes
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.swaps import swap

__all__ = ["Greetings"]

_NAMES: Final = {
    Language.DE: {
        Kind.BUSY: "Besetzt",
        Kind.NO_ANSWER: "Keine Antwort",
        Kind.ALTERNATIVE_1: "Alternative 1",
        Kind.ALTERNATIVE_2: "Alternative 2",
        Kind.ALTERNATIVE_3: "Alternative 3",
        Kind.AWAY: "Längere Abwesenheit",
    },
    Language.EN: {
        Kind.BUSY: "Busy",
        Kind.NO_ANSWER: "No answer",
        Kind.ALTERNATIVE_1: "Alternative 1",
        Kind.ALTERNATIVE_2: "Alternative 2",
        Kind.ALTERNATIVE_3: "Alternative 3",
        Kind.AWAY: "Extended away",
    },
}
"""What a greeting recorded by phone is called in the list of announcements: there is nobody to type a name."""
_RECORDED: Final = {
    Kind.BUSY: Change.BUSY_RECORDED,
    Kind.NO_ANSWER: Change.NO_ANSWER_RECORDED,
    Kind.AWAY: Change.AWAY_RECORDED,
}


class Greetings:
    """The greetings of every mailbox."""

    def __init__(
        self, db: Database, store: AudioStore, assemble: Assemble, master: Master, *, events: Events, clock: Clock
    ) -> None:
        self._db = db
        self._store = store
        self._assemble = assemble
        self._master = master
        self._events = events
        self._clock = clock

    async def present(self, mailbox: Mailbox) -> Mailbox:
        """Return a mailbox as it is now, to be changed; as it was if it is gone."""
        async with self._db.read() as connection:
            return await mailboxes.by_id(connection, mailbox.id) or mailbox

    async def choices(self, mailbox: Mailbox) -> dict[Kind, Choice]:
        """Return what a mailbox has to choose from, by kind."""
        async with self._db.read() as connection:
            return await announcements.choices(connection, mailbox.id)

    async def record(self, seen: Mailbox, kind: Kind, take: Take) -> Mailbox | None:
        """Keep a recording for a kind of greeting, and have it play; an alternative plays when nobody answers.

        Raises:
            GreetingRefused: it cannot be played to callers; the old greeting stays.
            DatabaseUnavailable, StoreUnavailable: likewise.
        """
        now = self._clock.now()
        audio_id = await self._kept(seen, take, now)
        name = _NAMES[seen.language][kind]

        async def work(connection: AsyncConnection) -> Mailbox | None:
            announced, before = await announcements.put_own(connection, seen, name, audio_id, now)
            await announcements.choose(connection, seen, kind, name, announced.id, now=now)
            # First, so that what the swap compares with is what the maker saw.
            after = await swap(connection, seen, {kind.plays_in or "no_answer_greeting": audio_id}, now)
            if after is not None and kind.plays_in is None:
                await announcements.forget(connection, seen, Kind.NO_ANSWER)  # the alternative plays in its place
            if after is not None and before is not None:
                await announcements.play_instead(connection, announced.id, before, audio_id, now)
                after = await mailboxes.by_id(connection, seen.id)
            return after

        change = _RECORDED.get(kind, Change.ALTERNATIVE_RECORDED)
        return await change_and_tell(self._db, self._events, work, change, now, detail=name)

    async def use_default(self, seen: Mailbox, kind: Kind) -> Mailbox | None:
        """Have the default greeting play; the own one stays in the list. An alternative has no default."""
        if kind.plays_in is None:
            raise ValueError(f"{kind} has no default")
        return await self._set(seen, {kind.plays_in: None}, TO_DEFAULT[kind], forgotten=kind)

    async def choose_alternative(self, seen: Mailbox, number: int) -> Mailbox | None:
        """Have an alternative greeting, 1 to 3, play when nobody answers; None also where there is none."""
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Mailbox | None:
            choice = (await announcements.choices(connection, seen.id)).get(Kind.alternative(number))
            if choice is None or choice.audio_id is None:
                return None
            after = await swap(connection, seen, {"no_answer_greeting": choice.audio_id}, now)
            if after is not None:
                await announcements.forget(connection, seen, Kind.NO_ANSWER)  # the alternative plays in its place
            return after

        change = Change.NO_ANSWER_ALTERNATIVE
        return await change_and_tell(self._db, self._events, work, change, now, detail=str(number))

    async def set_away(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        """Switch extended away."""
        return await self._set(seen, {"away": on}, Change.AWAY_ON if on else Change.AWAY_OFF)

    async def set_away_recording(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        """Let callers leave messages while away, or not."""
        return await self._set(seen, {"away_recording": on}, None)

    async def record_name(self, seen: Mailbox, take: Take) -> Mailbox | None:
        """Keep a recording of the owner's name; raises as `record`."""
        now = self._clock.now()
        audio_id = await self._kept(seen, take, now)

        async def work(connection: AsyncConnection) -> Mailbox | None:
            return await swap(connection, seen, {"name_recording": audio_id}, now)

        return await change_and_tell(self._db, self._events, work, Change.NAME_RECORDED, now)

    async def remove_name(self, seen: Mailbox) -> Mailbox | None:
        """Have callers hear no name any more."""
        return await self._set(seen, {"name_recording": None}, Change.NAME_REMOVED)

    async def _set(
        self, seen: Mailbox, changes: dict[str, Any], change: Change | None, *, forgotten: Kind | None = None
    ) -> Mailbox | None:
        if all(getattr(seen, name) == value for name, value in changes.items()):
            change = None  # nobody need be told; the swap still finds out whether somebody else was quicker
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Mailbox | None:
            after = await swap(connection, seen, changes, now)
            if after is not None and forgotten is not None:
                await announcements.forget(connection, seen, forgotten)
            return after

        return await change_and_tell(self._db, self._events, work, change, now)

    async def _kept(self, owner: Mailbox, take: Take, now: datetime) -> str:
        """Master a take and keep it, before anything names it; return its audio's id. Raises as `record`."""
        try:
            whole = await self._assemble(take.id, take.samples)
        except (RecordingBroken, RecordingElsewhere) as broken:  # never elsewhere: it was made in this call
            raise GreetingRefused("cannot be read", "Record it again.", Fault.UNREADABLE) from broken
        made = await self._master(whole.flac, spoken=True)
        return await keep(self._db, self._store, owner.company_id, made, now)
