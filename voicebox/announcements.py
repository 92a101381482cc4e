"""The store of announcements: a company's and each mailbox's own (voicemail.md, row 12).

Subscribers see their own and the company's, and change only their own; an administrator changes the company's.
"""

from dataclasses import dataclass
from typing import Final

from voicebox.announcement import NAME_MAX, Announcement, Change, Kind, Master, User
from voicebox.clock import Clock
from voicebox.errors import VoiceboxError
from voicebox.events import Events, OutboxGrew
from voicebox.ids import new_id
from voicebox.mailbox import Mailbox
from voicebox.notices import tell_owner
from voicebox.storage import announcements, audio, mailboxes, outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import AsyncConnection, Database

_DEFAULT: Final = {
    "busy_greeting": Change.BUSY_DEFAULT,
    "no_answer_greeting": Change.NO_ANSWER_DEFAULT,
    "away_greeting": Change.AWAY_DEFAULT,
}


class AnnouncementInUse(VoiceboxError):  # noqa: N818 - reads as what it is where it is caught
    """An announcement is not removed, since mailboxes use it; `users` says which."""

    def __init__(self, users: tuple[User, ...]) -> None:
        super().__init__("used by " + ", ".join(f"{user.number} ({user.kind})" for user in users))
        self.users = users


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose announcements: a company's (no mailbox), or a mailbox's own."""

    company_id: int
    mailbox: Mailbox | None = None

    @property
    def mailbox_id(self) -> int | None:
        """The mailbox's key; None is the company."""
        return self.mailbox.id if self.mailbox is not None else None


class Announcements:
    """The announcements of every company."""

    def __init__(self, db: Database, store: AudioStore, master: Master, *, events: Events, clock: Clock) -> None:
        self._db = db
        self._store = store
        self._master = master
        self._events = events
        self._clock = clock

    async def visible(self, scope: Scope) -> list[Announcement]:
        """List what can be chosen, by name: the company's, and the mailbox's own."""
        async with self._db.read() as connection:
            return await announcements.visible(connection, scope.company_id, scope.mailbox_id)

    async def add(self, scope: Scope, name: str, data: bytes) -> Announcement:
        """Keep an uploaded file under a name.

        Raises:
            GreetingRefused: it cannot be played to callers.
            ValueError: the name is empty or too long.
            Conflict: there is one of that name.
            DatabaseUnavailable, StoreUnavailable: it was not kept.
        """
        if not 0 < len(name) <= NAME_MAX:
            raise ValueError(f"a name has 1 to {NAME_MAX} characters")
        made = await self._master(data)
        audio_id, now = new_id(), self._clock.now()
        key = await self._store.put(scope.company_id, audio_id, made.flac, now)

        async def work(connection: AsyncConnection) -> Announcement:
            await audio.add(
                connection,
                audio_id=audio_id,
                company_id=scope.company_id,
                samples=made.samples,
                rate_hz=made.rate_hz,
                now=now,
                blob_key=key,
                size_bytes=len(made.flac),
                peaks=made.peaks,
            )
            return await announcements.add(
                connection,
                company_id=scope.company_id,
                mailbox_id=scope.mailbox_id,
                name=name,
                audio_id=audio_id,
                now=now,
            )

        return await self._db.write(work)

    async def remove(self, scope: Scope, announcement_id: int, *, replace_by_default: bool = False) -> bool:
        """Remove an announcement of this very scope; False if it has none of that id.

        Args:
            scope: whose it must be: nobody removes what belongs to others.
            announcement_id: which.
            replace_by_default: whoever plays it plays the default greeting from then on, and is told so by mail.

        Raises:
            AnnouncementInUse: it is used, and is not to be replaced.
            DatabaseUnavailable: nothing was changed.
        """
        now = self._clock.now()
        notice_id = new_id()

        async def work(connection: AsyncConnection) -> tuple[bool, bool]:
            found = await announcements.get(connection, announcement_id)
            if found is None or (found.company_id, found.mailbox_id) != (scope.company_id, scope.mailbox_id):
                return False, False
            used_by = await announcements.users(connection, found.id)
            if used_by and not replace_by_default:
                raise AnnouncementInUse(tuple(used_by))
            told = False
            for field, keys in (
                await announcements.play_instead(connection, found.company_id, found.audio_id, None, now)
            ).items():
                for key in keys:
                    owner = await mailboxes.by_id(connection, key)
                    if owner is not None:
                        told |= await tell_owner(
                            connection, owner, _DEFAULT[field], now, notice_id=f"{notice_id}:{field}:{key}"
                        )
            return await announcements.remove(connection, found.id), told

        removed, told = await self._db.write(work)
        if told:
            self._events.publish(OutboxGrew(outbox.Kind.MAIL_CHANGED))
        return removed

    async def choose(self, owner: Mailbox, kind: Kind, announcement_id: int) -> bool:
        """Give a mailbox an announcement to choose for a kind of greeting; False if it cannot see one of that id."""
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> bool:
            found = await announcements.get(connection, announcement_id)
            if found is None or found.company_id != owner.company_id or found.mailbox_id not in {None, owner.id}:
                return False
            await announcements.choose(connection, owner, kind, found.name, found.id, now=now)
            return True

        return await self._db.write(work)
