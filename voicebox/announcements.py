"""The store of announcements: a company's and each mailbox's own, and who plays them (voicemail.md, row 12).

Subscribers see their own and the company's, and change only their own; an administrator changes the company's. What is
uploaded is mastered in the worker, away from the calls, and is in the audio store before an announcement names it.
Whoever's greeting is changed here is told by mail, as if it had been changed by phone (security.md, row 4).
"""

from dataclasses import dataclass
from typing import Final

from voicebox.announcement import CHOSEN, NAME_MAX, TO_DEFAULT, Announcement, Kind, Master, User, is_name
from voicebox.clock import Clock
from voicebox.errors import Conflict, VoiceboxError
from voicebox.events import Events, OutboxGrew
from voicebox.ids import new_id
from voicebox.mailbox import Mailbox
from voicebox.mastered import keep
from voicebox.notices import tell_owner
from voicebox.storage import announcements, mailboxes, outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import AsyncConnection, Database

COMPANY_MAX: Final = 500
MAILBOX_MAX: Final = 50
"""Announcements of one owner: more than anybody can tell apart, and less than fills a disk (6 MB each at most)."""
_DEFAULT: Final = {kind.plays_in: change for kind, change in TO_DEFAULT.items()}
"""By the field of the mailbox."""


class AnnouncementInUse(VoiceboxError):  # noqa: N818 - reads as what it is where it is caught
    """An announcement is not removed, since mailboxes use it; `users` says which."""

    def __init__(self, users: tuple[User, ...]) -> None:
        super().__init__("used by " + ", ".join(map(str, users)))
        self.users = users


class TooManyAnnouncements(VoiceboxError):  # noqa: N818 - likewise
    """Their owner has `most` of them already."""

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most} announcements already; delete one first")
        self.most = most


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose announcements: a company's (no mailbox), or a mailbox's own."""

    company_id: int
    mailbox_id: int | None = None

    @property
    def most(self) -> int:
        """How many there may be."""
        return COMPANY_MAX if self.mailbox_id is None else MAILBOX_MAX


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
            ValueError: the name is empty, too long, or cannot be shown.
            Conflict: there is one of that name.
            TooManyAnnouncements: their owner has as many as there may be.
            DatabaseUnavailable, StoreUnavailable: it was not kept; the store's disk may be almost full.
        """
        if not is_name(name):
            raise ValueError(f"a name has 1 to {NAME_MAX} characters, all of which can be shown")
        async with self._db.read() as connection:
            # Decoding takes seconds: not for what cannot be kept.
            await self._check(connection, scope, name)
        await self._store.check_room()
        made = await self._master(data)
        now = self._clock.now()
        audio_id = await keep(self._db, self._store, scope.company_id, made, now)

        async def work(connection: AsyncConnection) -> Announcement:
            await self._check(connection, scope, name)  # again: somebody may have been quicker
            return await announcements.add(
                connection,
                company_id=scope.company_id,
                mailbox_id=scope.mailbox_id,
                name=name,
                audio_id=audio_id,
                now=now,
            )

        return await self._db.write(work)

    @staticmethod
    async def _check(connection: AsyncConnection, scope: Scope, name: str) -> None:
        """Raise what keeps an announcement from being added; on PostgreSQL, two nodes at once may exceed the number."""
        if await announcements.is_taken(connection, scope.company_id, scope.mailbox_id, name):
            raise Conflict("name", name)
        if await announcements.count(connection, scope.company_id, scope.mailbox_id) >= scope.most:
            raise TooManyAnnouncements(scope.most)

    async def remove(
        self, scope: Scope, announcement_id: int, *, replace_by_default: bool = False
    ) -> tuple[User, ...] | None:
        """Remove an announcement of this very scope; return who used it, or None if it has none of that id.

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

        async def work(connection: AsyncConnection) -> tuple[tuple[User, ...] | None, bool]:
            found = await announcements.held(connection, announcement_id)
            if found is None or (found.company_id, found.mailbox_id) != (scope.company_id, scope.mailbox_id):
                return None, False
            used_by = tuple(await announcements.users(connection, found.id))
            if used_by and not replace_by_default:
                raise AnnouncementInUse(used_by)
            told = False
            changed = await announcements.play_instead(connection, found.id, found.audio_id, None, now)
            for field, keys in changed.items():
                for key in keys:
                    owner = await mailboxes.by_id(connection, key)
                    if owner is not None:
                        told |= await tell_owner(
                            connection, owner, _DEFAULT[field], now, notice_id=f"{notice_id}:{field}:{key}"
                        )
            await announcements.remove(connection, found.id)
            return used_by, told

        used_by, told = await self._db.write(work)
        self._mail(told=told)
        return used_by

    async def choose(self, owner: Mailbox, kind: Kind, announcement_id: int) -> bool:
        """Give a mailbox an announcement for a kind of greeting, to be played from now on; its owner is told.

        An alternative plays once it is chosen by phone; in the place of one that plays now, it plays at once.

        Returns:
            False if the mailbox cannot see an announcement of that id.

        Raises:
            DatabaseUnavailable: nothing was changed.
        """
        now, notice_id = self._clock.now(), new_id()

        async def work(connection: AsyncConnection) -> tuple[bool, bool]:
            found = await announcements.held(connection, announcement_id)
            if found is None or found.company_id != owner.company_id or found.mailbox_id not in {None, owner.id}:
                return False, False
            before = await _standing(connection, owner, kind)
            if before is None:
                return False, False
            await announcements.choose(connection, owner, kind, found.name, found.id, now=now)
            if before.choice == found.id and (before.field is None or before.plays == found.audio_id):
                return True, False  # nobody need be told
            if before.field is not None:
                await announcements.play(connection, owner.id, before.field, found.audio_id, now)
            return True, await tell_owner(
                connection, before.mailbox, CHOSEN[kind], now, notice_id=notice_id, detail=found.name
            )

        done, told = await self._db.write(work)
        self._mail(told=told)
        return done

    async def use_default(self, owner: Mailbox, kind: Kind) -> None:
        """Take back what was chosen for a kind of greeting: the default plays instead, and the owner is told.

        An alternative is not there any more to be chosen by phone.

        Raises:
            DatabaseUnavailable: nothing was changed.
        """
        now, notice_id = self._clock.now(), new_id()

        async def work(connection: AsyncConnection) -> bool:
            before = await _standing(connection, owner, kind)
            if before is None:
                return False
            await announcements.forget(connection, owner, kind)
            if before.field is None or before.plays is None:
                return False
            await announcements.play(connection, owner.id, before.field, None, now)
            return await tell_owner(connection, before.mailbox, _DEFAULT[before.field], now, notice_id=notice_id)

        self._mail(told=await self._db.write(work))

    def _mail(self, *, told: bool) -> None:
        if told:
            self._events.publish(OutboxGrew(outbox.Kind.MAIL_CHANGED))


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a mailbox has for a kind of greeting."""

    mailbox: Mailbox
    choice: int | None
    """The announcement's key."""
    field: str | None
    """Where it plays; None is an alternative that does not play now."""
    plays: str | None
    """The recording that plays there; None is the default greeting."""


async def _standing(connection: AsyncConnection, owner: Mailbox, kind: Kind) -> _Standing | None:
    """Return what a mailbox has for a kind of greeting; None if the mailbox is gone."""
    present = await mailboxes.by_id(connection, owner.id)
    if present is None:
        return None
    choices = await announcements.choices(connection, owner.id)
    choice = choices.get(kind)
    field = kind.plays_in
    if field is None and choice is not None and choice.audio_id == present.no_answer_greeting is not None:
        separate = choices.get(Kind.NO_ANSWER)
        # What was chosen for no answer itself plays on, whatever becomes of an alternative that is the same.
        field = None if separate is not None and separate.audio_id == choice.audio_id else "no_answer_greeting"
    return _Standing(
        mailbox=present,
        choice=choice.announcement_id if choice is not None else None,
        field=field,
        plays=getattr(present, field) if field is not None else None,
    )
